"""Microseconds per Whirlpool quote, warm and cold: `python -m tests.bench.solana_whirlpool`."""

from collections.abc import Callable

from bus.clock import stopwatch_ns
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_ticks import TICK_ARRAY_SIZE, sqrt_price_at_tick

SPACING = 64
NOW_S = 1_770_000_000
CROSSINGS = (0, 1, 5, 20)
WARM_CALLS, COLD_CALLS, REPEATS = 20_000, 500, 5
SIZE = SPACING * TICK_ARRAY_SIZE
ORACLE = WhirlpoolOracle(
    0, 30, 600, 5_000, 4_000, 350_000, SPACING, SPACING, NOW_S - 10, NOW_S - 10, 30_000, 0, 60_000
)  # fmt: skip


def pool(oracle: WhirlpoolOracle | None = None) -> WhirlpoolPool:
    """A pool with 40 initialised ticks on each side of its price."""
    ticks = {number * SPACING: 10**9 if number < 0 else -(10**9) for number in range(-40, 41) if number}
    arrays = {
        start: tuple((tick, net) for tick, net in ticks.items() if start <= tick < start + SIZE)
        for start in range(-3 * SIZE, 4 * SIZE, SIZE)
    }
    tier = SPACING if oracle is None else 1_024
    return WhirlpoolPool(
        WhirlpoolState(SPACING, tier, 3_000, 1_300, 10**12, sqrt_price_at_tick(5) + 12_345, 5), arrays, oracle
    )


def microseconds(call: Callable[[], object], calls: int) -> float:
    """The best of a few rounds."""
    best = float("inf")
    for _ in range(REPEATS):
        began = stopwatch_ns()
        for _ in range(calls):
            call()
        best = min(best, (stopwatch_ns() - began) / calls / 1e3)
    return best


def amount_for(of: WhirlpoolPool, crossings: int, *, is_input: bool) -> int:
    """An amount whose swap down the scale ends in the middle of a step, `crossings` initialised ticks away."""
    table, crossed = of.table(True, NOW_S), 0
    for number, step in table.all_steps():
        if crossed == crossings and step.sqrt_price != step.sqrt_price_end:
            sums = table.ins if is_input else table.outs
            return (sums[number] + sums[number + 1]) // 2
        crossed += step.liquidity != step.liquidity_end
    raise ValueError(f"the pool has fewer than {crossings} ticks")


def main() -> None:
    """Print one line per number of ticks crossed."""
    for title, oracle in (("fixed fee", None), ("adaptive fee", ORACLE)):
        warm = pool(oracle)
        for crossings in CROSSINGS:
            amount = amount_for(warm, crossings, is_input=True)
            wanted = amount_for(warm, crossings, is_input=False)
            in_us = microseconds(lambda: warm.quote_in(True, amount, NOW_S), WARM_CALLS)  # noqa: B023
            out_us = microseconds(lambda: warm.quote_out(True, wanted, NOW_S), WARM_CALLS)  # noqa: B023
            print(f"{title}, warm, {crossings:2} ticks crossed: in {in_us:5.2f} us, out {out_us:5.2f} us")
        amount, state, arrays = amount_for(warm, 5, is_input=True), warm.state, warm.arrays
        cold_us = microseconds(lambda: WhirlpoolPool(state, arrays, oracle).quote_in(True, amount, NOW_S), COLD_CALLS)  # noqa: B023
        print(f"{title}, cold,  5 ticks crossed: in {cold_us:5.2f} us")


if __name__ == "__main__":
    main()
