"""The paper venue: fills by the same models in demo, paper and replay. Everything it reports is marked simulated.

An order arrives after a seeded latency and fills against the first price that is newer than the event which caused it;
so it never fills on its own trigger. Swaps go to `paper_swaps`, funding to `paper_funding`.
"""

from collections.abc import Callable
from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.clock import NS_PER_MS
from bus.events import (
    Accepted,
    Bar,
    Cancelled,
    Expired,
    Fill,
    Filled,
    OrderApproved,
    Quote,
    Rejected,
    Submitted,
    Trade,
    Unknown,
)
from bus.events.base import Event
from bus.ids import draw
from bus.intents import PlaceOrder, Swap
from bus.units import ZERO, Side, bps_of, exact, exact_text, quantise_down, sign
from kernel.execution.paper_settings import PaperSettings
from kernel.execution.paper_swaps import PaperSwaps
from kernel.market import Market
from kernel.pools import Pools


class _Working:
    """An order at the venue."""

    __slots__ = (
        "arrived_ns", "fills", "has_rested", "intent", "known_ns", "order", "queue_ahead", "reference", "remaining",
    )  # fmt: skip

    def __init__(self, order: OrderApproved, intent: PlaceOrder, remaining: Decimal, known_ns: int) -> None:
        self.order = order
        self.intent = intent
        self.remaining = remaining
        self.known_ns = known_ns  #: prices up to here fill nothing: the decision knew them, or they are taken already
        self.arrived_ns = 0
        self.queue_ahead = ZERO
        self.has_rested = False
        self.fills = 0
        self.reference: float | None = None


class PaperVenue:
    """An `Executor` for every venue. Deterministic: draws depend on the seed and the order id alone."""

    def apply(self, settings: PaperSettings) -> None:
        """New settings, for what happens from here on."""
        self._settings = settings
        self._swaps.apply(settings)

    def __init__(self, bus: Bus, market: Market, pools: Pools, settings: PaperSettings, seed: int) -> None:
        self._bus = bus
        self._market = market
        self._settings = settings
        self._seed = seed
        self._working: dict[str, _Working] = {}
        self._by_instrument: dict[str, dict[str, _Working]] = {}
        self._taken: dict[tuple[str, Side], tuple[float, float, Decimal]] = {}  #: (price, shown, taken) of a level
        self._swaps = PaperSwaps(bus, market, pools, settings, seed)
        self._is_watching = False

    # executor ---------------------------------------------------------------------------------------------------

    def submit(self, order: OrderApproved) -> None:
        self._publish(
            Submitted(ts_ns=self._bus.now_ns, strategy=order.strategy, order_id=order.order_id, simulated=True)
        )
        self._send(order, order.intent, ZERO, order.ts_ns)

    def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        """The simulated venue survives our crash: what is left of the order is worked on under the same id."""
        self._send(order, order.intent, filled, self._bus.now_ns)

    def _send(self, order: OrderApproved, intent: PlaceOrder | Swap, filled: Decimal, known_ns: int) -> None:
        if isinstance(intent, Swap):
            self._swaps.submit(order, intent, filled)
            return
        settings = self._settings
        delay_ms = settings.latency_ms + settings.latency_jitter_ms * draw(self._seed, "latency", order.order_id)
        working = _Working(order, intent, intent.qty - filled, known_ns)
        known = self._market.price(intent.instrument)
        working.reference = None if known is None else known[0]
        self._working[order.order_id] = working
        self._after(delay_ms, lambda _: self._arrive(working))

    def cancel(self, order: OrderApproved) -> None:
        if order.order_id in self._working:
            self._after(self._settings.cancel_latency_ms, lambda _: self._cancelled(order.order_id))

    def _cancelled(self, order_id: str) -> None:
        working = self._working.get(order_id)
        if working is not None:
            self._finish(working, Cancelled, reason="asked")

    def _after(self, delay_ms: float, alarm: Callable[[int], None]) -> None:
        self._bus.at(self._bus.now_ns + int(delay_ms * NS_PER_MS), alarm)

    # arrival ----------------------------------------------------------------------------------------------------

    def _arrive(self, working: _Working) -> None:
        order, intent = working.order, working.intent
        if order.order_id not in self._working:  # its cancel came first
            return
        settings = self._settings
        venue = self._market.venue_of(intent.instrument)
        if venue not in settings.taker_bps:
            self._finish(working, Rejected, reason=f"unknown_fee: no taker fee is set for venue {venue}")
            return
        if self._is_drawn("reject", order.order_id, settings.reject_pct):
            self._finish(working, Rejected, reason="refused by the simulated venue (reject_pct)")
            return
        working.arrived_ns = self._bus.now_ns
        if working.remaining <= 0:
            self._finish(working, Filled)
            return
        if self._is_drawn("unknown", order.order_id, settings.unknown_pct):
            self._publish(
                Unknown(
                    ts_ns=self._bus.now_ns,
                    strategy=order.strategy,
                    order_id=order.order_id,
                    simulated=True,
                    reason="no answer from the simulated venue (unknown_pct)",
                )
            )
            self._after(settings.unknown_ms, lambda _: self._work(working))
            return
        self._publish(
            Accepted(ts_ns=self._bus.now_ns, strategy=order.strategy, order_id=order.order_id, simulated=True)
        )
        self._work(working)

    def _is_drawn(self, what: str, order_id: str, pct: float) -> bool:
        return pct > 0 and draw(self._seed, what, order_id) * 100 < pct

    def _work(self, working: _Working) -> None:
        """Fill now if a price newer than the cause is known, else wait for one."""
        if working.order.order_id not in self._working:  # cancelled while its outcome was unknown
            return
        instrument = working.intent.instrument
        quote = self._market.quotes.get(instrument)
        if quote is not None and quote.ts_ns > working.known_ns:
            self._on_price(working, quote)
            if working.order.order_id not in self._working:
                return
        self._by_instrument.setdefault(instrument, {})[working.order.order_id] = working
        if not self._is_watching:
            self._watch(True)
        if working.intent.tif in ("ioc", "fok"):
            self._after(self._wait_ms(instrument), lambda _: self._expire(working))

    def _wait_ms(self, instrument: str) -> float:
        return max(float(self._settings.fill_wait_ms), 2 * self._market.step_ns(instrument) / NS_PER_MS)

    def _expire(self, working: _Working) -> None:
        if working.order.order_id in self._working:
            self._finish(working, Expired, reason="no newer price came in time")

    def _watch(self, is_on: bool) -> None:
        """Look at prices only while an order waits for one."""
        for kind in (Quote, Trade, Bar):
            if is_on:
                self._bus.subscribe(kind, self._on_market, STAGE_EXECUTION)
            else:
                self._bus.unsubscribe(kind, self._on_market)
        self._is_watching = is_on

    def _on_market(self, event: Quote | Trade | Bar) -> None:
        orders = self._by_instrument.get(event.instrument)
        if orders:
            for working in list(orders.values()):
                self._on_price(working, event)

    # filling ----------------------------------------------------------------------------------------------------

    def _on_price(self, working: _Working, event: Quote | Trade | Bar) -> None:
        if event.ts_ns < working.arrived_ns and not isinstance(event, Quote):
            return
        if isinstance(event, Quote):
            self._on_quote(working, event)
        elif isinstance(event, Bar):
            self._on_bar(working, event)
        elif working.has_rested:
            self._on_trade(working, event)

    def _on_quote(self, working: _Working, quote: Quote) -> None:
        intent = working.intent
        is_buy = intent.side == "buy"
        price, shown = (quote.ask, quote.ask_qty) if is_buy else (quote.bid, quote.bid_qty)
        limit = intent.limit_price
        exact_price = exact(price)
        if limit is not None and (exact_price > limit if is_buy else exact_price < limit):
            self._rest_or_expire(working, quote)
            return
        if working.has_rested and limit is not None:
            self._fill(working, working.remaining, limit, is_maker=True)
            return
        if intent.tif == "post_only":
            self._finish(working, Rejected, reason="post_only would take")
            return
        key = (intent.instrument, intent.side)
        taken = self._taken.get(key)
        already = taken[2] if taken is not None and taken[:2] == (price, shown) else ZERO
        available = exact(shown) - already
        qty = min(working.remaining, self._on_lattice(intent.instrument, available))
        if intent.tif == "fok" and qty < working.remaining:
            self._finish(working, Expired, reason="fok: not enough displayed")
            return
        if qty > 0:
            self._taken[key] = (price, shown, already + qty)
            self._fill(working, qty, exact_price, is_maker=False)
        if working.order.order_id in self._working:
            self._rest_or_expire(working, quote)

    def _on_lattice(self, instrument: str, qty: Decimal) -> Decimal:
        listed = self._market.instruments.get(instrument)
        return max(ZERO, qty if listed is None else quantise_down(qty, exact_text(listed.lot_size)))

    def _rest_or_expire(self, working: _Working, quote: Quote) -> None:
        intent = working.intent
        if intent.tif in ("ioc", "fok") or intent.limit_price is None:
            self._finish(working, Expired, reason="limit not reached" if working.fills == 0 else "remainder unfilled")
        elif not working.has_rested:
            working.has_rested = True
            price, shown = (quote.bid, quote.bid_qty) if intent.side == "buy" else (quote.ask, quote.ask_qty)
            working.queue_ahead = exact(shown) if exact(price) == intent.limit_price else ZERO

    def _on_trade(self, working: _Working, trade: Trade) -> None:
        intent = working.intent
        limit = intent.limit_price
        if limit is None or trade.is_buy == (intent.side == "buy"):
            return
        price = exact(trade.price)
        if price == limit:
            qty = exact(trade.qty)
            through = qty - working.queue_ahead
            working.queue_ahead = max(ZERO, working.queue_ahead - qty)
            if through > 0:
                self._fill(working, min(working.remaining, through), limit, is_maker=True)
        elif (price < limit) if intent.side == "buy" else (price > limit):
            self._fill(working, working.remaining, limit, is_maker=True)

    def _on_bar(self, working: _Working, bar: Bar) -> None:
        intent = working.intent
        if bar.close_ts_ns <= working.order.ts_ns:  # told late: it ended before the decision
            return
        late_ns = working.order.ts_ns - bar.open_ts_ns
        is_at_open = late_ns * 100 <= self._settings.bar_open_tolerance_pct * (bar.close_ts_ns - bar.open_ts_ns)
        raw = exact(bar.open if is_at_open else bar.close)
        price = raw + sign(intent.side) * bps_of(raw, exact(self._settings.bar_half_spread_bps))
        limit = intent.limit_price
        is_beyond = limit is not None and (price > limit if intent.side == "buy" else price < limit)
        if is_beyond or intent.tif == "post_only":
            if intent.tif in ("ioc", "fok"):
                self._finish(working, Expired, reason="limit not reached at the next bar")
            return
        qty = working.remaining
        if bar.volume > 0:
            share = exact(bar.volume) * exact(self._settings.bar_volume_share_pct) / 100
            qty = min(qty, self._on_lattice(intent.instrument, share))
        if intent.tif == "fok" and qty < working.remaining:
            self._finish(working, Expired, reason="fok: the bar's volume share is too small")
            return
        if qty > 0:
            self._fill(working, qty, price, is_maker=False)
        if working.order.order_id in self._working and intent.tif in ("ioc", "fok"):
            self._finish(working, Expired, reason="remainder unfilled: bar volume share")

    def _fill(self, working: _Working, qty: Decimal, price: Decimal, *, is_maker: bool) -> None:
        intent, order = working.intent, working.order
        quote_usd = self._market.quote_usd(intent.instrument)
        if quote_usd is None:
            self._finish(working, Rejected, reason="no USD value is known for the quote currency")
            return
        venue = self._market.venue_of(intent.instrument)
        fees = self._settings.maker_bps if is_maker else self._settings.taker_bps
        fee_bps = fees.get(venue, self._settings.taker_bps[venue])
        notional_usd = qty * price * quote_usd
        slippage = ZERO
        if working.reference is not None:
            slippage = sign(intent.side) * (price - exact(working.reference)) * qty * quote_usd
        working.remaining -= qty
        working.fills += 1
        done = intent.qty - working.remaining
        self._publish(
            Fill(
                ts_ns=self._bus.now_ns,
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=True,
                instrument=intent.instrument,
                side=intent.side,
                qty=qty,
                price=price,
                fee_usd=bps_of(notional_usd, exact(fee_bps)),
                slippage_usd=slippage,
                venue_ts_ns=self._bus.now_ns,
                fill_id=f"{order.order_id}#{done}",
            )
        )
        if working.remaining <= 0:
            self._finish(working, Filled)

    def _finish(
        self, working: _Working, kind: type[Filled] | type[Cancelled] | type[Rejected] | type[Expired], reason: str = ""
    ) -> None:
        order = working.order
        self._working.pop(order.order_id, None)
        waiting = self._by_instrument.get(working.intent.instrument)
        if waiting is not None:
            waiting.pop(order.order_id, None)
            if not waiting:
                del self._by_instrument[working.intent.instrument]
        if not self._by_instrument and self._is_watching:
            self._watch(False)
        now_ns, owner, name = self._bus.now_ns, order.strategy, order.order_id
        if kind is Filled:
            self._publish(Filled(ts_ns=now_ns, strategy=owner, order_id=name, simulated=True))
        elif kind is Cancelled:
            self._publish(Cancelled(ts_ns=now_ns, strategy=owner, order_id=name, simulated=True, reason=reason))
        elif kind is Rejected:
            self._publish(Rejected(ts_ns=now_ns, strategy=owner, order_id=name, simulated=True, reason=reason))
        else:
            self._publish(Expired(ts_ns=now_ns, strategy=owner, order_id=name, simulated=True, reason=reason))

    def _publish(self, event: Event) -> None:
        self._bus.publish(event)
