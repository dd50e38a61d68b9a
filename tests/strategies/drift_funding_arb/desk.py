"""A desk for one strategy: the real bus and market fold, a scripted gate and venue in place of the others.

`answer` says what becomes of an order, given its leg: fill, deny, reject, expire, part:<share>, unknown or silence.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from bus.bus import STAGE_STRATEGY, Bus
from bus.clock import NS_PER_HOUR, NS_PER_MS
from bus.events import (
    Bar,
    Expired,
    Fill,
    Filled,
    FundingPaid,
    FundingRate,
    InstrumentListed,
    OrderApproved,
    OrderDenied,
    Rejected,
    Unknown,
)
from bus.events.base import Event
from bus.events.system import TimerFired
from bus.intents import Hedge, Opportunity, PlaceOrder, Wake
from bus.units import bps_of, exact, opposite, quantise_down, sign
from kernel.market import Market
from kernel.strategy import convert_settings
from strategies.drift_funding_arb import DriftFundingArb, DriftFundingArbSettings

NAME = DriftFundingArb.name
PERP, SPOT = "drift:BTC-PERP", "binance:BTCUSDT"
START_H = 460_000  #: an hour of 2022


def hour_ns(hour: float) -> int:
    return int((START_H + hour) * NS_PER_HOUR)


def settings_of(**values: Any) -> DriftFundingArbSettings:
    return convert_settings(DriftFundingArbSettings, values)


def listed(instrument: str, kind: str, lot: str = "0.001", min_notional: str = "5") -> InstrumentListed:
    venue, _, symbol = instrument.partition(":")
    base = symbol.removesuffix("-PERP").removesuffix("USDT")
    quote = "USDC" if kind == "perp" else "USDT"
    return InstrumentListed(
        ts_ns=hour_ns(-100),
        instrument=instrument,
        venue=venue,
        kind=kind,
        base=base,
        quote=quote,
        underlying=base,
        lot_size=lot,
        min_notional_usd=min_notional,
    )


def bar(instrument: str, hour: float, price: float, hours: float = 1.0) -> Bar:
    return Bar(
        ts_ns=hour_ns(hour),
        instrument=instrument,
        open_ts_ns=hour_ns(hour - hours),
        close_ts_ns=hour_ns(hour),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=0.0,
    )


def funding(hour: float, rate_pct: float, instrument: str = PERP, interval_h: float = 1.0) -> FundingRate:
    """A settled row, 13 s late; `rate_pct` in percent per hour with the venue's sign (positive = longs pay)."""
    return FundingRate(
        ts_ns=hour_ns(hour) + 13_000 * NS_PER_MS,
        instrument=instrument,
        settle_ts_ns=hour_ns(hour),
        interval_h=interval_h,
        rate_per_hour=-rate_pct / 100,
    )


class Desk:
    """Counts what the strategy asked and plays gate, venue and clock."""

    def __init__(self, settings: DriftFundingArbSettings | None = None, *, half_spread_bps: str = "0") -> None:
        self.bus = Bus()
        self.market = Market()
        self.market.attach(self.bus)
        self.answer: Callable[[PlaceOrder], str] = lambda order: "fill"
        self.unwinds = False  #: undo a lone leg like the kernel's router
        self.strategy = DriftFundingArb(settings or settings_of(), self.market)
        self.intents: list[Any] = []
        self.holdings: dict[str, Decimal] = {}  #: what the venue really holds
        self.fees_usd = Decimal(0)
        self.cash_usd = Decimal(0)
        self.funding_usd = Decimal(0)
        self.trades = 0
        self._half_spread_bps = Decimal(half_spread_bps)
        self.exits: dict[str, int] = {}  #: exit reason -> closes asked
        self._filled: dict[str, Decimal] = {}
        self._orders = 0
        self._alarms: dict[str, int] = {}
        self.open_orders: dict[str, PlaceOrder] = {}
        self.bus.sink = lambda handler, output: self._sink(output)
        for kind in DriftFundingArb.wants:
            self.bus.subscribe(kind, self.strategy.on_event, STAGE_STRATEGY)

    def feed(self, *events: Event) -> list[Any]:
        """Feed inputs; returns the orders and hedges they led to."""
        before = len(self.intents)
        self.bus.feed(events)
        return [each for each in self.intents[before:] if isinstance(each, PlaceOrder | Hedge)]

    def start(self, lots: tuple[str, str] = ("0.001", "0.001")) -> None:
        self.feed(listed(PERP, "perp", lots[0]), listed(SPOT, "spot", lots[1]))

    def hours(self, first: int, last: int, rate_pct: float, price: float = 20_000.0) -> list[Any]:
        """Hourly prices of both legs and settled rates from hour `first` to `last`."""
        orders: list[Any] = []
        for hour in range(first, last + 1):
            orders += self.feed(bar(PERP, hour, price), bar(SPOT, hour, price), funding(hour, rate_pct))
        return orders

    @property
    def opportunities(self) -> list[Opportunity]:
        return [each for each in self.intents if isinstance(each, Opportunity)]

    @property
    def hedges(self) -> list[Hedge]:
        return [each for each in self.intents if isinstance(each, Hedge)]

    def opens(self) -> list[Hedge]:
        return [each for each in self.hedges if not each.legs[0].is_reduce_only]

    @property
    def position(self) -> Any:
        return self.strategy.positions["BTC-PERP"]

    # gate and venue ---------------------------------------------------------------------------------------------

    def _sink(self, output: Iterable[Any]) -> None:
        cause = self.bus.seq
        for index, intent in enumerate(output):
            self.intents.append(intent)
            if isinstance(intent, Wake):
                self._wake(intent)
            elif isinstance(intent, PlaceOrder | Hedge):
                self._count_exit(intent)
                self._judge(intent, cause, index)

    def _count_exit(self, intent: PlaceOrder | Hedge) -> None:
        first = intent.legs[0] if isinstance(intent, Hedge) else intent
        assert isinstance(first, PlaceOrder)
        for position in self.strategy.positions.values():
            if position.leg_of(first.instrument) is not None and first.is_reduce_only:
                reason = position.exit_reason or "delta"
                self.exits[reason] = self.exits.get(reason, 0) + 1

    def _wake(self, intent: Wake) -> None:
        self._alarms[intent.name] = intent.at_ns

        def ring(due_ns: int) -> None:
            if self._alarms.get(intent.name) == due_ns:
                del self._alarms[intent.name]
                self.bus.publish(TimerFired(ts_ns=due_ns, strategy=NAME, name=intent.name, due_ns=due_ns))

        self.bus.at(max(intent.at_ns, self.bus.now_ns), ring)

    def _judge(self, intent: PlaceOrder | Hedge, cause: int, index: int) -> None:
        legs = intent.legs if isinstance(intent, Hedge) else (intent,)
        answers = [self.answer(leg) for leg in legs]
        if "silence" in answers:
            return
        if "deny" in answers:
            self.bus.publish(
                OrderDenied(
                    ts_ns=self.bus.now_ns,
                    strategy=NAME,
                    cause_seq=cause,
                    index=index,
                    reason="test",
                    scope="strategy",
                    limit="",
                    asked="",
                    opportunity=intent.opportunity,
                    notional_usd=Decimal(1),
                )
            )
            return
        deadline_ns = self.bus.now_ns + intent.deadline_ms * NS_PER_MS if isinstance(intent, Hedge) else 0
        ids = [self._approve(leg, cause, deadline_ns, is_unwind=False) for leg in legs]
        for order_id, answer in zip(ids, answers, strict=True):
            self._report(order_id, answer)
        if self.unwinds and isinstance(intent, Hedge) and intent.on_partial == "unwind":
            done = [self.filled_of(each) for each in ids]
            for leg, qty, other in zip(legs, done, reversed(done), strict=True):
                if qty > other:
                    undo = PlaceOrder(
                        instrument=leg.instrument,
                        side=opposite(leg.side),
                        qty=qty - other,
                        is_reduce_only=True,
                        notional_usd=Decimal(1),
                    )
                    self._report(self._approve(undo, cause, 0, is_unwind=True), "fill")

    def _approve(self, leg: PlaceOrder, cause: int, deadline_ns: int, *, is_unwind: bool) -> str:
        self._orders += 1
        order_id = f"t-{NAME}-{cause}-{self._orders}"
        self.open_orders[order_id] = leg
        self.bus.publish(
            OrderApproved(
                ts_ns=self.bus.now_ns,
                strategy=NAME,
                order_id=order_id,
                cause_seq=cause,
                intent=leg,
                group=f"g{cause}" if deadline_ns else "",
                deadline_ns=deadline_ns,
                is_unwind=is_unwind,
            )
        )
        return order_id

    def filled_of(self, order_id: str) -> Decimal:
        return self._filled.get(order_id, Decimal(0))

    def _report(self, order_id: str, answer: str) -> None:
        leg = self.open_orders[order_id]
        common = {"ts_ns": self.bus.now_ns, "strategy": NAME, "order_id": order_id, "simulated": True}
        share = {"fill": Decimal(1), "reject": Decimal(0), "expire": Decimal(0), "unknown": Decimal(0)}.get(answer)
        if share is None:
            share = Decimal(answer.removeprefix("part:"))
        self._fill(order_id, leg, quantise_down(leg.qty * share, Decimal("0.001")), common)
        if answer == "fill":
            self.bus.publish(Filled(**common))
        elif answer == "reject":
            self.bus.publish(Rejected(**common, reason="test"))
        elif answer == "unknown":
            self.bus.publish(Unknown(**common, reason="no answer"))
            return
        else:
            self.bus.publish(Expired(**common, reason="test"))
        del self.open_orders[order_id]

    def resolve_unknown(self, order_id: str, answer: str) -> None:
        """The venue answers at last (between inputs, as an input)."""
        self._report(order_id, answer)
        self.bus.pump()

    def _fill(self, order_id: str, leg: PlaceOrder, qty: Decimal, common: dict[str, Any]) -> None:
        if qty == 0:
            return
        known = self.market.price(leg.instrument)
        assert known is not None
        price = exact(known[0]) * (1 + sign(leg.side) * self._half_spread_bps / 10_000)
        fee = bps_of(qty * price, Decimal(10))
        self._filled[order_id] = qty
        signed = sign(leg.side) * qty
        self.holdings[leg.instrument] = self.holdings.get(leg.instrument, Decimal(0)) + signed
        self.cash_usd -= signed * price
        self.fees_usd += fee
        self.trades += 1
        self.bus.publish(
            Fill(
                **common, instrument=leg.instrument, side=leg.side, qty=qty, price=price, fee_usd=fee,
                fill_id=f"{order_id}#1",
            )
        )  # fmt: skip

    def pay_funding(self, row: FundingRate, price: float) -> None:
        """A payment at a real stamp from the real row and the position that is held, as an input."""
        qty = self.holdings.get(row.instrument, Decimal(0))
        if qty == 0:
            return
        amount = qty * exact(price) * exact(row.rate_per_hour) * exact(row.interval_h)
        self.funding_usd += amount
        self.feed(
            FundingPaid(
                ts_ns=row.ts_ns,
                strategy=NAME,
                instrument=row.instrument,
                settle_ts_ns=row.settle_ts_ns,
                amount_usd=str(amount),
                position_qty=str(qty),
                simulated=True,
            )
        )
