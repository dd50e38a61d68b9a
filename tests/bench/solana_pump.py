"""How long quotes of pump.fun curves, PumpSwap and LaunchLab take, warm: `python -m tests.bench.solana_pump`."""

import timeit
from collections.abc import Callable

from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.pump_swap import PumpSwapState
from kernel.amm.launchlab import LaunchLab
from kernel.amm.launchlab_start import launchlab_start
from kernel.amm.pump_swap import PumpSwap
from tests.kernel.amm.pump_pools import FEES, SWAP_TERMS, fresh_curve

CALLS, REPEATS = 200_000, 5


def micros(call: Callable[[], object]) -> float:
    """The best of a few runs, microseconds a call."""
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def launchlab_pool(kind: int) -> LaunchLab:
    """Half of its coins sold."""
    start = launchlab_start(kind, supply=10**15, base_sell=793_100_000_000_000, fund_raising=85 * 10**9)
    state = LaunchLabState(0, 10**15, start.total_base_sell, start.virtual_base, start.virtual_quote, 0, 0, 85 * 10**9)
    pool = LaunchLab(state, LaunchLabTerms(kind, 2_500), LaunchLabPlatform(10_000, 0))
    return pool.after(False, pool.quote_out(False, start.total_base_sell // 2, 0).amount_in, 0)[1]


def main() -> None:
    """Prints a table; gates nothing."""
    _, curve = fresh_curve().after(False, 10**10, 0)
    swap = PumpSwap(PumpSwapState(10**9, True, True, False, 0, 0), SWAP_TERMS, FEES, 2 * 10**14, 85 * 10**9, 10**15)
    pools = {"bonding curve": curve, "PumpSwap": swap}
    pools |= {f"LaunchLab, {name}": launchlab_pool(kind) for kind, name in enumerate(("product", "fixed", "linear"))}
    print(f"{'us a call, warm':28}{'buy in':>9}{'buy out':>9}{'sell in':>9}{'sell out':>9}{'after':>9}")
    for name, pool in pools.items():
        calls = (
            lambda pool=pool: pool.quote_in(False, 123_456_789, 0),
            lambda pool=pool: pool.quote_out(False, 1_234_567_890, 0),
            lambda pool=pool: pool.quote_in(True, 1_234_567_890, 0),
            lambda pool=pool: pool.quote_out(True, 1_234_567, 0),
            lambda pool=pool: pool.after(False, 123_456_789, 0),
        )
        print(f"{name:28}" + "".join(f"{micros(each):9.2f}" for each in calls))


if __name__ == "__main__":
    main()
