"""Cycles of pools: microseconds to the best size and to screen what an update touches. Prints; gates nothing.

Run: `python -m tests.bench.solana_cycles`. Two kinds of ratio: against Brent's search over the same exact quotes in
the same run, and against figures of degenbot 0.5.0 that were measured on another machine state (two shared cores,
Python 3.12.1, 2026-11), so only their order of magnitude counts. Theirs are public methods over V2 and V3 pools with
16 or 18 decimals; ours are whole answers too: walk, exact quotes, polish.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from kernel.amm.cycle_index import CycleIndex
from kernel.amm.cycle_size import best_cycle_size
from kernel.amm.cycle_walk import Hop
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool
from kernel.amm.v3_pool import V3Depth
from kernel.amm.v3_ticks import Q96, tick_at_sqrt_ratio
from tests.bench.bounded_brent import bounded_brent
from tests.kernel.amm.sizing_pools import ConstantProduct, FixedPriceBins
from tests.kernel.amm.v3_pools import pool_of

BAR_OPTIMUM_US = 100.0
BAR_SCREEN_P99_US = 300.0
ROUNDS, REPEATS = 300, 5
SOL, USDC = 10**9, 10**6
Answer = TypeVar("Answer")
POOLS, UPDATES = 500, 5_000
AMOUNT_IN_MAX = 10_000 * SOL
#: us of degenbot 0.5.0, from its cheapest to its dearest case
DEGENBOT_US = {
    "V2-V2": (157, 170),
    "V2-CL": (1045, 2755),
    "CL-CL": (1949, 4718),
    "V2-V2-V2": (234, 293),
    "V2-CL-V2": (880, 1304),
}


def product(price: float, fee_pips: int = 3000) -> ConstantProduct:
    """10,000 SOL, or as many of another first token, at `price` raw b for one raw a."""
    return ConstantProduct(10_000 * SOL, int(10_000 * SOL * price), fee_pips)


def ticked(price: float, fee_pips: int = 500, spacing: int = 10, positions: int = 60) -> V3Depth:
    """Nested positions around the price, two initialised ticks each."""
    sqrt_price_x96 = int(price**0.5 * Q96)
    tick = tick_at_sqrt_ratio(sqrt_price_x96)
    centre, liquidity = tick // spacing * spacing, int(1_000 * SOL * price**0.5)
    ranges = [(centre - spacing * 3 * n, centre + spacing * 3 * n, liquidity) for n in range(1, positions + 1)]
    return V3Depth(pool_of(ranges, sqrt_price_x96=sqrt_price_x96, tick=tick, fee_pips=fee_pips, tick_spacing=spacing))


def binned(price: float, step_bps: float = 10, count: int = 60) -> FixedPriceBins:
    """Bins of 100 SOL on either side, the fee growing a little with each."""
    sides = []
    for start, most in ((price, 100 * SOL * price), (1 / price, 100 * SOL)):
        rates = [start * (1 - step_bps / 10_000) ** n for n in range(count)]
        sides.append([(int(rate * 10**15), 10**15, int(most), 1000 + 20 * n) for n, rate in enumerate(rates)])
    return FixedPriceBins(*sides)


def micros(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """The answer, and CPU us a call: the best of a few series of warm calls."""
    answer = work()
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        best = min(best, time.process_time() - began)
    return answer, best / ROUNDS * 1e6


def brent_gain(hops: tuple[Hop, ...], bound: int) -> int:
    """The gain that Brent's search over exact quotes ends with, to a hundred-thousandth of its bound."""

    def gain_of(size: float) -> float:
        amount = amount_in = max(1, int(size))
        try:
            for pool, is_a_to_b in hops:
                amount = pool.quote_in(is_a_to_b, amount, 0).amount_out
        except PoolRefused:
            return -size
        return float(amount - amount_in)

    return int(bounded_brent(gain_of, 1.0, float(bound), bound / 10**5)[1])


def cases() -> list[tuple[str, str, tuple[Hop, ...]]]:
    """(kind, what, hops), each starting and ending with SOL."""
    low, high = 0.150, 0.153  # USDC has 6 decimals, SOL 9
    usdt = ConstantProduct(3_000_000 * USDC, 3_000_000 * USDC, 100)
    return [
        ("V2-V2", "2 % apart", (Hop(product(high), True), Hop(product(low), False))),
        ("V2-CL", "2 % apart", (Hop(product(high), True), Hop(ticked(low), False))),
        ("CL-CL", "0.6 % apart", (Hop(ticked(0.1509), True), Hop(ticked(low), False))),
        ("CL-CL", "2 % apart", (Hop(ticked(high), True), Hop(ticked(low), False))),
        ("CL-CL", "6 % apart", (Hop(ticked(0.159), True), Hop(ticked(low), False))),
        ("bins-bins", "2 % apart", (Hop(binned(high), True), Hop(binned(low), False))),
        ("CL-bins", "2 % apart", (Hop(ticked(high), True), Hop(binned(low), False))),
        ("V2-V2-V2", "2 % apart", (Hop(product(high), True), Hop(usdt, True), Hop(product(low), False))),
        ("V2-CL-V2", "2 % apart", (Hop(product(high), True), Hop(ticked_usdt(), True), Hop(product(low), False))),
        ("CL-CL-CL", "2 % apart", (Hop(ticked(high), True), Hop(ticked_usdt(), True), Hop(ticked(low), False))),
        ("V2-V2", "nothing to gain", (Hop(product(low), True), Hop(product(low), False))),
        ("CL-CL", "nothing to gain", (Hop(ticked(low), True), Hop(ticked(low), False))),
    ]


def ticked_usdt() -> V3Depth:
    """USDC and USDT at 1, fee 1 bps."""
    ranges = [(-n, n, 10**15) for n in range(1, 40)]
    return V3Depth(pool_of(ranges, sqrt_price_x96=Q96, tick=0, fee_pips=100, tick_spacing=1))


def cold(hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """The same states without their tables."""
    return tuple(
        Hop(V3Depth(hop.pool.state) if isinstance(hop.pool, V3Depth) else hop.pool, hop.is_a_to_b) for hop in hops
    )


def print_optimum() -> None:
    """Time to the best size, gain against Brent's."""
    print(f"{'best size, us':<30}{'warm':>8}{'cold':>8}{'Brent':>9}{'x':>6}{'degenbot':>13}{'x':>10}  gain / Brent's")
    for kind, what, hops in cases():
        found, warm = micros(lambda hops=hops: best_cycle_size(hops, amount_in_max=AMOUNT_IN_MAX, now_s=0))
        _, fresh = micros(lambda hops=hops: best_cycle_size(cold(hops), amount_in_max=AMOUNT_IN_MAX, now_s=0))
        # Kind to Brent: a bound near the answer, which nobody knows beforehand, keeps it short and within the depth.
        bound = 4 * found.amount_in if found else 100 * SOL
        brents, brent = micros(lambda hops=hops, bound=bound: brent_gain(hops, bound))
        theirs = DEGENBOT_US.get(kind) if found else (8, 13)
        ratio = f"{theirs[0] / warm:.0f}-{theirs[1] / warm:.0f}" if theirs else ""
        gains = f"{found.gain / brents:.9f}" if found else "none"
        print(
            f"{kind + ', ' + what:<30}{warm:8.1f}{fresh:8.1f}{brent:9.1f}{brent / warm:6.1f}"
            f"{'-'.join(map(str, theirs or ())):>13}{ratio:>10}  {gains}"
        )
    print(f"bar: two pools, warm, {BAR_OPTIMUM_US:.0f} us")


def world(chance: random.Random) -> list[tuple[str, str, str, float]]:
    """(pool, token, token, fair price of raw units): SOL with the majors and with many small tokens."""
    worth = {"SOL": 1.0, "USDC": 1 / 0.15, "USDT": 1 / 0.15}
    pairs = [("SOL", "USDC")] * 12 + [("SOL", "USDT")] * 5 + [("USDC", "USDT")] * 5
    while len(pairs) < POOLS:
        token = f"T{len(worth):03}"
        worth[token] = 10 ** chance.uniform(-4, 1)
        pairs += [("SOL", token)] * chance.choice([1, 1, 2, 3, 5]) + [(token, "USDC")] * chance.choice([0, 0, 1])
    return [(f"pool{at:03}", a, b, worth[a] / worth[b]) for at, (a, b) in enumerate(pairs[:POOLS])]


def print_screening() -> None:
    """Time from a pool's new state to the cycles that earn, both calls of `rate` included."""
    chance = random.Random(7)
    listed = world(chance)
    began = time.perf_counter()
    index = CycleIndex([(name, a, b) for name, a, b, _ in listed], ["SOL"])
    built_ms = (time.perf_counter() - began) * 1e3
    taken_us, hits = [], 0
    builders = [chance.choice([product, ticked, ticked, binned]) for _ in listed]
    for turn in range(-POOLS, UPDATES):
        at = turn if turn < 0 else chance.randrange(POOLS)
        name, _, _, fair = listed[at]
        pool: Pool = builders[at](fair * chance.gauss(1, 0.002))
        before = time.process_time_ns()
        found = index.update(name, pool.rate(True, 0), pool.rate(False, 0), margin_bps=15)
        if turn >= 0:
            taken_us.append((time.process_time_ns() - before) / 1e3)
            hits += len(found)
    taken_us.sort()
    _, screen_us = micros(lambda: index.screen(margin_bps=15))
    busiest = max(index.touched_by(name) for name, *_ in listed)
    print(
        f"\n{len(listed)} pools, {len(index.cycles)} cycles, built in {built_ms:.0f} ms; busiest pool {busiest} cycles"
    )
    print(
        f"re-screen, rate() included: p50 {taken_us[UPDATES // 2]:.1f} us, p99 {taken_us[UPDATES * 99 // 100]:.1f} us"
    )
    print(f"all cycles screened once: {screen_us:.0f} us")
    print(f"{hits / UPDATES:.1f} cycles above the margin an update; bar: p99 {BAR_SCREEN_P99_US:.0f} us")


if __name__ == "__main__":
    print_optimum()
    print_screening()
