"""How long Raydium quotes take: `python -m tests.bench.solana_raydium`. Gates nothing."""

import time
from collections.abc import Callable

from bus.pool_parts.constant_product import RaydiumAmmV4State, RaydiumCpmmConfig, RaydiumCpmmState
from bus.pool_parts.raydium_clmm import RaydiumDynamicFee
from kernel.amm.raydium_amm_v4 import RaydiumAmmV4Pool
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from tests.bench.measure import REPEATS, Row
from tests.kernel.amm.raydium_pools import NOW_S, clmm_pool

CALLS = 20_000
COLD_CALLS = 500
BAR_PRODUCT_US, BAR_WARM_US, BAR_COLD_US = 1.0, 5.0, 60.0
DYNAMIC = RaydiumDynamicFee(10, 600, 5_000, 1_000, 400_000, 0, 50_000, 50_000, NOW_S)


def us_per_call(call: Callable[[], object], calls: int) -> float:
    """The best of a few rounds, in time of this process."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - began) / calls * 1e6)
    return best


def stacked(**changes: object) -> RaydiumClmmPool:
    """A hundred positions of growing width: a tick to cross every 10 on either side."""
    positions = [(-10 * width, 10 * width, 10**11) for width in range(1, 101)]
    return clmm_pool(positions, tick=3, **changes)  # type: ignore[arg-type]


def amount_across(pool: RaydiumClmmPool, steps: int) -> int:
    """An input that ends in the middle of the step after that many whole ones."""
    ladder = pool._ladder(True, True, NOW_S)
    while len(ladder.steps) <= steps and ladder.extend():
        pass
    return (ladder.spent[steps] + ladder.gates[steps]) // 2


def clmm_rows() -> list[Row]:
    """Warm quotes after 0, 5 and 50 whole steps, and a cold one after 5, of each kind of pool."""
    rows = []
    kinds = {
        "plain": stacked(),
        "dynamic fee": stacked(dynamic_fee=DYNAMIC),
        "orders": stacked(orders=[(-10 * at, 10**6, 10**6) for at in range(1, 101)]),
    }
    for kind, pool in kinds.items():
        for steps in (0, 5, 50):
            amount = amount_across(pool, steps)
            value = us_per_call(lambda pool=pool, amount=amount: pool.quote_in(True, amount, NOW_S), CALLS)  # type: ignore[misc]
            rows.append(_row(f"CLMM {kind}, warm, {steps} steps", value, BAR_WARM_US))
        amount = amount_across(pool, 5)

        def cold(pool: RaydiumClmmPool = pool, amount: int = amount) -> object:
            fresh = RaydiumClmmPool(pool.state, pool.config, pool.arrays, pool.extension)
            return fresh.quote_in(True, amount, NOW_S)

        rows.append(_row(f"CLMM {kind}, cold, 5 steps", us_per_call(cold, COLD_CALLS), BAR_COLD_US))
    out = amount_across(kinds["plain"], 5) // 2
    value = us_per_call(lambda: kinds["plain"].quote_out(True, out, NOW_S), CALLS)
    rows.append(_row("CLMM plain, warm, exact output", value, BAR_WARM_US))
    return rows


def product_rows() -> list[Row]:
    """Constant product in both directions of asking."""
    reserves = (10**12, 3 * 10**13)
    cpmm = RaydiumCpmmPool(
        RaydiumCpmmState(0, 0, 0, True, 0, 0), RaydiumCpmmConfig(2_500, 120_000, 40_000, 500), reserves
    )
    v4 = RaydiumAmmV4Pool(RaydiumAmmV4State(6, 0, 25, 10_000, 0, 0), reserves)
    return [
        _row("CPMM, exact input", us_per_call(lambda: cpmm.quote_in(True, 10**8, NOW_S), CALLS), BAR_PRODUCT_US),
        _row("CPMM, exact output", us_per_call(lambda: cpmm.quote_out(True, 10**8, NOW_S), CALLS), BAR_PRODUCT_US),
        _row("AMM v4, exact input", us_per_call(lambda: v4.quote_in(True, 10**8, NOW_S), CALLS), BAR_PRODUCT_US),
        _row("AMM v4, exact output", us_per_call(lambda: v4.quote_out(True, 10**8, NOW_S), CALLS), BAR_PRODUCT_US),
    ]


def _row(name: str, value: float, bar_us: float) -> Row:
    return Row(name=name, value=value, unit="us", against=f"bar {bar_us:g}", ratio=bar_us / value)


def raydium_rows() -> list[Row]:
    """All of the above."""
    return [*product_rows(), *clmm_rows()]


if __name__ == "__main__":
    for row in raydium_rows():
        print(f"{row.name:40} {row.value:8.2f} {row.unit} {row.ratio:8.2f}x against {row.against}")
