"""The simulated pools tell exactly what the pool maths says."""

from itertools import pairwise

from bus.bus import Bus
from bus.events import Alert, Event, GasPrice, InstrumentListed, LiquidityChanged, PoolState, PoolSwap
from kernel.amm.v3 import swap_exact_in
from kernel.market import Market, pool_price
from kernel.pools import Pools

POOLS = ("uniswap_v3.simulated:USDC/WETH-500", "uniswap_v3.simulated:USDC/WETH-3000")


def _folds() -> tuple[Bus, Market, Pools, list[Alert]]:
    bus, market, alerts = Bus(), Market(), []
    pools = Pools(market)
    market.attach(bus)
    pools.attach(bus)
    bus.subscribe(Alert, alerts.append)
    return bus, market, pools, alerts


def test_a_reader_of_the_events_keeps_whole_exact_pools(events: list[Event]):
    bus, _, pools, alerts = _folds()
    bus.feed([each for each in events if isinstance(each, InstrumentListed | PoolState | PoolSwap | LiquidityChanged)])
    assert not alerts and not pools.quarantined
    for name in POOLS:
        pool = pools.get(name)
        assert pool is not None and pool.known_low is None and pool.known_high is None
        assert len(pool.ticks) >= 12


def test_each_swap_is_the_exact_answer_of_the_pool_before_it(events: list[Event]):
    bus, _, pools, _ = _folds()
    checked = 0
    for event in events:
        if isinstance(event, PoolSwap):
            pool = pools.get(event.instrument)
            assert pool is not None
            is_usdc_in = event.amount0 > 0
            quote = swap_exact_in(
                pool, is_usdc_in, event.amount0 if is_usdc_in else event.amount1, event.sqrt_price_x96
            )
            out = event.amount1 if is_usdc_in else event.amount0
            assert (-out, quote.sqrt_price_x96_after, quote.tick_after, quote.liquidity_after) == (
                quote.amount_out,
                event.sqrt_price_x96,
                event.tick,
                event.liquidity,
            )
            checked += 1
        if isinstance(event, InstrumentListed | PoolState | PoolSwap | LiquidityChanged):
            bus.feed([event])
    assert checked > 3_000


def test_blocks_and_logs_are_numbered_upwards(events: list[Event]):
    places = [(each.block, each.log_index) for each in events if isinstance(each, PoolSwap)]
    assert places == sorted(set(places))


def test_pools_follow_the_spot_price_and_now_and_then_lag(events: list[Event]):
    _, market, _, _ = _folds()
    bus = Bus()
    market.attach(bus)
    gaps_bps = []
    for event in events:
        bus.feed([event])
        if isinstance(event, PoolSwap) and event.instrument == POOLS[0]:
            known = market.price("simulated:ETHUSDC")
            if known is not None:
                own = pool_price(event.sqrt_price_x96, market.instruments[event.instrument])
                gaps_bps.append(abs(own / known[0] - 1) * 10_000)
    gaps_bps.sort()
    assert gaps_bps[len(gaps_bps) // 2] < 8
    assert 20 < gaps_bps[len(gaps_bps) * 99 // 100] < 100
    assert gaps_bps[-1] < 250


def test_the_gas_price_is_told_at_least_every_fifteen_seconds(events: list[Event]):
    told = [each for each in events if isinstance(each, GasPrice)]
    assert all(each.native_usd > 0 and each.gas_price_wei > 0 for each in told)
    assert max(other.ts_ns - one.ts_ns for one, other in pairwise(told)) <= 15 * 10**9
