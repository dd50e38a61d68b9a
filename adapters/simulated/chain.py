"""The chain: a block every two seconds, its gas price, and two pools traded by strangers and by slow arbitrageurs.

Each swap is the exact answer of the pool's own maths, so that a reader who folds the events keeps an exact pool.
"""

from collections.abc import Iterator

from adapters.simulated.draws import Draws
from adapters.simulated.listing import CHAIN, FEES
from adapters.simulated.paths import Paths
from adapters.simulated.pool import Pool
from adapters.simulated.scenario import ETH, LAST_MS, spell_at, ts_ns
from bus.events import Event, GasPrice

BLOCK_MS = 2_000
SEEN_MS = (150, 450)  #: after the block's time
FIRST_BLOCK = 5_000_000
BLOCKS_PER_GAS_PRICE = 7
CALM_GAS_WEI = 600_000_000
STEP_WEI = 10_000_000


def chain_events(seed: int, paths: Paths) -> Iterator[Event]:
    """Births and mints at the start, then block by block."""
    draws = Draws(seed, "chain")
    prices = paths.price[ETH.name]
    pools = [Pool(seed, fee_pips, tick_spacing, prices[0]) for fee_pips, tick_spacing in FEES]
    for pool in pools:
        yield from pool.birth(FIRST_BLOCK, ts_ns(0))
    gas = 1.0
    for number, ms in enumerate(range(BLOCK_MS, LAST_MS - BLOCK_MS, BLOCK_MS), start=1):
        second = ms // 1_000
        spell = spell_at(second)
        seen_ns = ts_ns(ms + draws.whole(*SEEN_MS))
        gas += (1.0 - gas) * 0.02 + 0.03 * draws.bell()
        gas = min(2.0, max(0.6, gas))
        if number % BLOCKS_PER_GAS_PRICE == 1:
            wei = CALM_GAS_WEI * gas * (spell.gas if spell else 1.0)
            yield GasPrice(
                ts_ns=seen_ns,
                chain=CHAIN,
                gas_price_wei=int(wei) // STEP_WEI * STEP_WEI,
                native_usd=round(prices[second], 2),
            )
        index = 0
        for pool in pools:
            for event in pool.block(FIRST_BLOCK + number, index, seen_ns, prices[second], spell):
                yield event
                index += 1
