"""Microseconds per DLMM quote by bins crossed: `python -m tests.bench.solana_dlmm`. Prints, is no gate."""

import gc
from collections.abc import Callable
from time import perf_counter

from bus.pool_parts.dlmm import BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmFarArrays, DlmmPair
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.dlmm_price import price_q64

CROSSINGS = (0, 1, 5, 20, 60)
REPEATS, ROUNDS = 2_000, 7
COLD_REPEATS = 200
NOW_S, UPDATED_S = 1_780_000_000, 1_779_999_990
HELD = 1_000_000_000


def builder() -> DlmmBuilder:
    """A pair with every bin filled, limit orders in every third, and a fee that moves."""
    found = DlmmBuilder()
    found.add(
        DlmmPair(
            active_id=35,
            bin_step_bps=10,
            base_factor=10_000,
            base_fee_power=0,
            variable_fee_control=40_000,
            filter_period_s=30,
            decay_period_s=600,
            reduction_bps=5_000,
            volatility_max=350_000,
            protocol_share_bps=1_000,
            has_limit_orders=True,
            takes_fee_in_y=False,
            volatility=20_000,
            volatility_reference=10_000,
            index_reference=36,
            updated_s=UPDATED_S,
            is_enabled=True,
            opens_at_s=0,
            is_x_2022=False,
            is_y_2022=False,
            arrays=(-1, 0, 1),
        )
    )
    found.add(DlmmFarArrays(()))
    for index in (-1, 0, 1):
        ids = range(index * BINS_PER_ARRAY, (index + 1) * BINS_PER_ARRAY)
        found.add(DlmmBinArray(index, tuple(_bin(bin_id) for bin_id in ids)))
    return found


def pool() -> DlmmPool:
    """A pool whose tables are not made yet."""
    found = builder().pool()
    assert found is not None
    return DlmmPool(found.pair, found.arrays, far=())


def amount_crossing(state: DlmmPool, crossings: int) -> int:
    """An input of X that ends halfway through the bin after so many."""
    ladder = state.ladder(True, NOW_S)
    while len(ladder.steps) <= crossings:
        ladder.extend()
    return (ladder.gross_in[crossings] + ladder.gross_in[crossings + 1]) // 2


def _bin(bin_id: int) -> DlmmBin:
    x, y = (HELD, 0) if bin_id > 35 else (0, HELD)
    orders = HELD // 7 if bin_id % 3 == 0 else 0
    return DlmmBin(bin_id, x, y, 0, orders, bin_id > 35)


def best_us(call: Callable[[], object], repeats: int) -> float:
    """Microseconds per call, the best of a few rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(repeats):
            call()
        rounds.append((perf_counter() - start) / repeats * 1e6)
    return min(rounds)


def main() -> None:
    """Print a table."""
    gc.disable()
    warm = pool()
    print(f"{'bins crossed':>12} {'warm in us':>11} {'warm out us':>12} {'cold in us':>11} {'after us':>9}")
    for crossings in CROSSINGS:
        amount = amount_crossing(warm, crossings)
        wanted = warm.quote_in(True, amount, NOW_S).amount_out

        def cold(amount: int = amount) -> object:
            return DlmmPool(warm.pair, warm.arrays, far=()).quote_in(True, amount, NOW_S)

        row = (
            best_us(lambda amount=amount: warm.quote_in(True, amount, NOW_S), REPEATS),
            best_us(lambda wanted=wanted: warm.quote_out(True, wanted, NOW_S), REPEATS),
            best_us(cold, COLD_REPEATS),
            best_us(lambda amount=amount: warm.after(True, amount, NOW_S), COLD_REPEATS),
        )
        print(f"{crossings:>12} {row[0]:>11.2f} {row[1]:>12.2f} {row[2]:>11.1f} {row[3]:>9.1f}")

    def fresh_prices() -> object:
        price_q64.cache_clear()
        return DlmmPool(warm.pair, warm.arrays, far=()).quote_in(True, amount_crossing(warm, 5), NOW_S)

    print(f"cold and no price known, 5 crossed: {best_us(fresh_prices, COLD_REPEATS):.1f} us")


if __name__ == "__main__":
    main()
