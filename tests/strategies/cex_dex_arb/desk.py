"""A desk for tests of cex_dex_arb: events in, intents out, and a slow second opinion on prices."""

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bus.bus import STAGE_STRATEGY, Bus
from bus.clock import NS_PER_MINUTE, NS_PER_MS
from bus.events import (
    Bar,
    Fill,
    Filled,
    GasPrice,
    InstrumentListed,
    Landed,
    OrderApproved,
    OrderDenied,
    PoolState,
    Quote,
)
from bus.events.base import Event
from bus.intents import Hedge, Intent, Opportunity, PlaceOrder, Swap
from kernel.amm.v3_ticks import Q96, tick_at_sqrt_ratio
from kernel.market import Market
from kernel.pools import Pools
from kernel.strategy import convert_settings
from strategies.cex_dex_arb import CexDexArb, CexDexArbSettings

POOL = "uniswap_v3.polygon:USDC/WETH-500"
DEAR_POOL = "uniswap_v3.polygon:USDC/WETH-3000"
CEX = "binance:ETHUSDT"
PERP = "binance_usdm:ETHUSDT"
START_NS = 1_700_000_000_000_000_000
LIQUIDITY = 50 * 10**18  #: about a million USD within 10 bps of 2000 USD
PRICE = 2000.0


def listed_pool(name: str = POOL, **changes: Any) -> InstrumentListed:
    fields: dict[str, Any] = {
        "ts_ns": START_NS, "instrument": name, "venue": name.partition(":")[0], "kind": "pool", "base": "WETH",
        "quote": "USDC", "underlying": "ETH", "base_decimals": 18, "quote_decimals": 6, "base_is_token0": False,
        "fee_pips": 500, "tick_spacing": 10, "chain": "polygon",
    }  # fmt: skip
    return InstrumentListed(**(fields | changes))


def listed_cex(name: str = CEX, **changes: Any) -> InstrumentListed:
    fields: dict[str, Any] = {
        "ts_ns": START_NS, "instrument": name, "venue": name.partition(":")[0],
        "kind": "perp" if "usdm" in name else "spot", "base": "ETH", "quote": "USDT", "underlying": "ETH",
        "tick_size": "0.01", "lot_size": "0.0001", "min_notional_usd": "5",
    }  # fmt: skip
    return InstrumentListed(**(fields | changes))


def sqrt_price(price: float, *, base_is_token0: bool = False) -> int:
    """Q64.96 root of raw token1 per raw token0 for so many USDC (6) per WETH (18)."""
    ratio = price * 10.0**-12 if base_is_token0 else 10.0**12 / price
    return int(math.sqrt(ratio) * Q96)


def pool_state(
    ts_ns: int, price: float, *, pool: str = POOL, liquidity: int = LIQUIDITY, base_is_token0: bool = False,
    is_sampled: bool = False,
) -> PoolState:  # fmt: skip
    root = sqrt_price(price, base_is_token0=base_is_token0)
    return PoolState(
        ts_ns=ts_ns, instrument=pool, block=1, log_index=0, sqrt_price_x96=root, tick=tick_at_sqrt_ratio(root),
        liquidity=liquidity, is_sampled=is_sampled,
    )  # fmt: skip


def quote(ts_ns: int, mid: float, *, cex: str = CEX, half_bps: float = 0.5, qty: float = 100.0) -> Quote:
    half = mid * half_bps / 10_000
    bid, ask = round(mid - half, 2), round(mid + half, 2)
    return Quote(ts_ns=ts_ns, instrument=cex, venue_ts_ns=ts_ns, bid=bid, ask=ask, bid_qty=qty, ask_qty=qty)


def bar(ts_ns: int, close: float, *, cex: str = CEX, volume: float = 500.0, minutes: int = 1) -> Bar:
    return Bar(
        ts_ns=ts_ns, instrument=cex, open_ts_ns=ts_ns - minutes * NS_PER_MINUTE, close_ts_ns=ts_ns, open=close,
        high=close, low=close, close=close, volume=volume,
    )  # fmt: skip


def gas(ts_ns: int, *, chain: str = "polygon", gwei: float = 50.0, native_usd: float = 0.7) -> GasPrice:
    return GasPrice(ts_ns=ts_ns, chain=chain, gas_price_wei=int(gwei * 10**9), native_usd=native_usd)


class Desk:
    """A strategy on a bus with market and pools, without gate and venues: those are played by the test."""

    def __init__(self, listings: Iterable[InstrumentListed] | None = None, **settings: Any) -> None:
        self.bus = Bus()
        self.market = Market()
        self.pools = Pools(self.market)
        self.market.attach(self.bus)
        self.pools.attach(self.bus)
        self.strategy = CexDexArb(convert_settings(CexDexArbSettings, settings), self.market)
        self.strategy.pools = self.pools
        self.outputs: list[Intent] = []
        self.bus.sink = lambda _, output: self.outputs.extend(output)
        for kind in self.strategy.wants:
            self.bus.subscribe(kind, self.strategy.on_event, STAGE_STRATEGY)
        self.now_ns = START_NS
        self.feed(*(listings or (listed_cex(), listed_pool())), gas(START_NS))

    def feed(self, *events: Event) -> list[Intent]:
        """What the strategy yields on these events."""
        self.outputs = []
        self.bus.feed(events)
        return self.outputs

    def warm(
        self, price: float = PRICE, *, gap_bps: float = 0.0, minutes: int = 70, liquidity: int = LIQUIDITY
    ) -> None:
        """So many calm minutes with a constant gap between pool and CEX."""
        for _ in range(minutes):
            self.now_ns += NS_PER_MINUTE
            at = self.now_ns
            assert not trades(
                self.feed(
                    gas(at), quote(at, price), pool_state(at, price * (1 + gap_bps / 10_000), liquidity=liquidity)
                )
            )

    def tick(self, cex: float, pool: float, *, liquidity: int = LIQUIDITY, seconds: float = 15.0) -> list[Intent]:
        """Both legs some time later: the CEX first, then the pool; what the strategy yields."""
        self.now_ns += int(seconds * 1000) * NS_PER_MS
        at = self.now_ns
        return self.feed(gas(at), quote(at, cex), pool_state(at, pool, liquidity=liquidity))

    @property
    def why_not(self) -> dict[str, int]:
        return self.strategy.funnel.why_not

    # the kernel's part ------------------------------------------------------------------------------------------

    def deny(self, intent: Hedge | Swap, reason: str = "budget") -> list[Intent]:
        return self.feed(
            OrderDenied(
                ts_ns=self.now_ns, strategy="cex_dex_arb", cause_seq=1, index=0, reason=reason, scope="strategy",
                limit="0", asked="1", opportunity=intent.opportunity, notional_usd=Decimal(1),
            )
        )  # fmt: skip

    def approve(self, intent: Hedge | Swap, name: str = "g") -> list[OrderApproved]:
        legs = intent.legs if isinstance(intent, Hedge) else (intent,)
        orders = [
            OrderApproved(
                ts_ns=self.now_ns, strategy="cex_dex_arb", order_id=f"{name}.{number}", cause_seq=1, intent=leg,
                group=name if isinstance(intent, Hedge) else "",
            )
            for number, leg in enumerate(legs)
        ]  # fmt: skip
        assert self.feed(*orders) == []
        return orders

    def fill(self, order: OrderApproved, qty: Decimal, price: Decimal, *, instrument: str = "", side: str = "") -> None:
        intent = order.intent
        is_order = isinstance(intent, PlaceOrder)
        self.feed(
            Fill(
                ts_ns=self.now_ns, strategy="cex_dex_arb", order_id=order.order_id, simulated=True,
                instrument=instrument or (intent.instrument if is_order else intent.route[0].pool),
                side=side or (intent.side if is_order else intent.base_side), qty=qty, price=price,
                fill_id=f"{order.order_id}#{instrument}",
            )
        )  # fmt: skip

    def end(self, order: OrderApproved, kind: type = Filled, **fields: Any) -> list[Intent]:
        if kind is Landed:
            fields = {"tx": "t", "block": 1} | fields
        return self.feed(
            kind(ts_ns=self.now_ns, strategy="cex_dex_arb", order_id=order.order_id, simulated=True, **fields)
        )


def trades(outputs: Iterable[Intent]) -> list[Hedge | Swap | PlaceOrder]:
    return [each for each in outputs if isinstance(each, Hedge | Swap | PlaceOrder)]


def notes(outputs: Iterable[Intent]) -> list[Opportunity]:
    return [each for each in outputs if isinstance(each, Opportunity)]


def slow_pool_out(state: PoolState, listing: InstrumentListed, amount_in: int, is_zero_for_one: bool) -> Fraction:
    """Raw output of a swap in a pool of constant liquidity, from x*y = L^2 in exact fractions, unrounded."""
    net = Fraction(amount_in) * (1_000_000 - listing.fee_pips) / 1_000_000
    root = Fraction(state.sqrt_price_x96, Q96)
    reserve0, reserve1 = Fraction(state.liquidity) / root, Fraction(state.liquidity) * root
    product = reserve0 * reserve1
    if is_zero_for_one:
        return reserve1 - product / (reserve0 + net)
    return reserve0 - product / (reserve1 + net)


def slow_net_usd(hedge: Hedge, state: PoolState, listing: InstrumentListed, book: Quote, price: GasPrice,
                 settings: CexDexArbSettings, usual: float) -> Fraction:  # fmt: skip
    """Net of a direct trade by another road: cash at both venues by fractions, each cost by its words."""
    swap, order = hedge.legs
    assert isinstance(swap, Swap) and isinstance(order, PlaceOrder)
    out = slow_pool_out(state, listing, swap.amount_in, swap.route[0].is_zero_for_one)
    qty = Fraction(order.qty)
    if order.side == "sell":
        touch = Fraction(str(book.bid))
        worth = min(touch, touch * (1 + Fraction(usual))) * qty
        assert out >= qty * 10**18 - 2, "the pool must give what the CEX leg sells"
        edge = worth - Fraction(swap.amount_in, 10**6)
    else:
        touch = Fraction(str(book.ask))
        worth = max(touch, touch * (1 + Fraction(usual))) * qty
        assert Fraction(swap.amount_in, 10**18) == qty
        edge = out / 10**6 - worth
    notional = touch * qty
    taker = notional * Fraction(str(settings.spot_taker_fee_bps)) / 10_000
    gas_usd = Fraction(price.gas_price_wei * settings.swap_gas_limit, 10**18) * Fraction(str(price.native_usd))
    failures = Fraction(str(settings.failure_probability_pct)) / 100 * (gas_usd + taker)
    reserves = notional * Fraction(str(settings.adverse_selection_bps + settings.stablecoin_basis_bps)) / 10_000
    rebalancing = Fraction(str(settings.rebalance_cost_usd)) / settings.rebalance_cost_amortisation_trades
    return edge - taker - gas_usd - failures - reserves - rebalancing
