"""Delta-neutral funding capture: a perp against spot while the perp's funding pays more than all four trades cost.

Longs pay (rate to a long below zero): short perp, long spot. Shorts pay: long perp, short spot, where allowed. Enter on
a settled rate beyond the threshold whose lookback mean, shrunk to the venue's neutral rate, earns both entries, both
exits and the running cost soon enough; leave when it no longer does, or when venue, margin, prices or time say so.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

from bus.clock import NS_PER_HOUR
from bus.events import (
    REPORTS,
    Bar,
    FeedGap,
    Fill,
    FundingPaid,
    FundingRate,
    InstrumentListed,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Quote,
    Report,
    TimerFired,
    VenueHealth,
)
from bus.events.base import Event
from bus.intents import Hedge, Intent, Opportunity, PlaceOrder, Wake
from bus.units import ZERO, Side, exact, quantise_down
from kernel.finance.funding import FundingForecast, FundingHistory, FundingWindow
from kernel.market import Market
from kernel.strategy import Strategy
from strategies.drift_funding_arb.assumptions import assumptions_of
from strategies.drift_funding_arb.basis import settlement_basis_bps
from strategies.drift_funding_arb.carry import CarryQuote, Direction, LegPrice, Used, quote_carry
from strategies.drift_funding_arb.exits import Exit, exit_of
from strategies.drift_funding_arb.page import page_of
from strategies.drift_funding_arb.position import CarryPosition, Leg
from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from strategies.drift_funding_arb.venues import HEALTH_CHECKED_VENUES, PERP_IDS, base_of, resolve_pair
from strategies.drift_funding_arb.view import DriftFundingArbView

MARKETS = ("SOL-PERP", "BTC-PERP", "ETH-PERP")


class DriftFundingArb(Strategy[DriftFundingArbSettings]):
    """One hedge per market at most; each market is a `CarryPosition` that believes reports alone."""

    name = "drift_funding_arb"
    title = "Drift funding arbitrage"
    idea = "Earn a perp's funding with a spot hedge, when it pays for all four trades."
    wants: ClassVar[tuple[type[Event], ...]] = (
        FundingRate, Bar, Quote, InstrumentListed, FeedGap, VenueHealth, OrderApproved, OrderDenied, *REPORTS,
        OrphanLeg, FundingPaid, TimerFired,
    )  # fmt: skip
    Settings = DriftFundingArbSettings
    required_secrets = ("SOLANA_PRIVATE_KEY", "JUPITER_API_KEY")

    def __init__(self, settings: DriftFundingArbSettings, market: Market) -> None:
        super().__init__(settings, market)
        self.now_ns = 0
        listed = market.instruments
        self.positions = {name: CarryPosition(resolve_pair(name, settings, listed)) for name in MARKETS}
        self.histories = {
            pattern.format(base=base_of(name)): FundingHistory() for name in MARKETS for pattern in PERP_IDS.values()
        }
        self.quotes: dict[str, CarryQuote] = {}  #: last candidate by market
        self.why_not: dict[str, str] = {}
        self.bar_every_h: dict[str, float] = {}  #: distance of the last two bars by instrument
        self._bar_close_ns: dict[str, int] = {}
        self._gap_until_ns: dict[str, int] = {}
        self._sick_since_ns: dict[str, int] = {}  #: by venue that is not ok
        self._by_instrument: dict[str, CarryPosition] = {}
        self._by_order: dict[str, CarryPosition] = {}
        self._rebind()

    def apply(self, settings: DriftFundingArbSettings) -> None:
        """New rules apply from the next event on; the legs of an open position stay where they are."""
        self.settings = settings
        self._rebind()

    def _rebind(self) -> None:
        for name, position in self.positions.items():
            pair = resolve_pair(name, self.settings, self.market.instruments)
            if pair != position.pair and position.is_idle and not position.opened_ns:
                position.rebind(pair)
            for leg in (position.perp, position.spot):
                listed = self.market.instruments.get(leg.instrument)
                leg.lot = Decimal(listed.lot_size) if listed is not None else ZERO
        self._by_instrument = {
            leg.instrument: each for each in self.positions.values() for leg in (each.perp, each.spot)
        }

    # events -----------------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> Iterable[Intent]:
        if isinstance(event, Bar):
            self._note_bar(event)
        if isinstance(event, Bar | Quote):
            position = self._by_instrument.get(event.instrument)
            if position is None or (position.is_idle and not position.opened_ns):
                return ()
            self.now_ns = max(self.now_ns, event.ts_ns)
            return self._manage(position)
        self.now_ns = max(self.now_ns, event.ts_ns)
        return self._fold(event)

    def _note_bar(self, event: Bar) -> None:
        known_ns = self._bar_close_ns.get(event.instrument, 0)
        if known_ns and event.close_ts_ns > known_ns:
            self.bar_every_h[event.instrument] = (event.close_ts_ns - known_ns) / NS_PER_HOUR
        self._bar_close_ns[event.instrument] = event.close_ts_ns

    def _fold(self, event: Event) -> Iterable[Intent]:
        match event:
            case FundingRate():
                yield from self._on_funding(event)
            case InstrumentListed():
                self._rebind()
            case FeedGap():
                for position in self.positions.values():
                    if not event.instrument or position.leg_of(event.instrument) is not None:
                        known = self._gap_until_ns.get(position.pair.market, 0)
                        self._gap_until_ns[position.pair.market] = max(known, event.to_ts_ns)
            case VenueHealth():
                if event.status == "ok":
                    self._sick_since_ns.pop(event.venue, None)
                else:
                    self._sick_since_ns.setdefault(event.venue, event.ts_ns)
            case OrderApproved(strategy=self.name):
                self._on_approved(event)
            case OrderDenied(strategy=self.name):
                for position in self.positions.values():
                    if position.ask is not None and event.opportunity == position.opportunity:
                        position.on_denied(event.reason, event.ts_ns)
            case OrphanLeg(strategy=self.name):
                for position in self.positions.values():
                    if event.group == position.group:
                        position.on_orphan(event)
            case FundingPaid(strategy=self.name):
                owner = self._by_instrument.get(event.instrument)
                if owner is not None:
                    owner.on_funding_paid(event)
            case Report(strategy=self.name):
                self._on_report(event)
        for position in self.positions.values():
            if position.opened_ns or not position.is_idle or position.orphan_until_ns:
                yield from self._manage(position)

    def _on_approved(self, event: OrderApproved) -> None:
        for position in self.positions.values():
            if position.on_approved(event):
                self._by_order[event.order_id] = position
                return

    def _on_report(self, event: Report) -> None:
        position = self._by_order.get(event.order_id)
        if position is None and isinstance(event, Fill):
            position = self._by_instrument.get(event.instrument)
        if position is None:
            return
        if isinstance(event, Fill):
            position.on_fill(event)
        position.on_report(event)
        if event.is_terminal:
            self._by_order.pop(event.order_id, None)

    # entry ------------------------------------------------------------------------------------------------------

    def _on_funding(self, event: FundingRate) -> Iterable[Intent]:
        history = self.histories.get(event.instrument)
        if history is None or event.is_estimate:
            return
        if not history.add(event.settle_ts_ns, event.interval_h, event.rate_per_hour):
            return
        position = self._by_instrument.get(event.instrument)
        if position is None or position.perp.instrument != event.instrument:
            return
        if position.pair.market not in self.settings.markets_enabled:
            return
        self.funnel.seen += 1
        if not position.is_idle or not position.is_flat or position.orphan_until_ns:
            self.funnel.reject("already_open")
            return
        yield from self._consider(position, history)

    def _consider(self, position: CarryPosition, history: FundingHistory) -> Iterable[Intent]:
        """One candidate per settled rate: screen, price, act or say why not."""
        settings, market = self.settings, position.pair.market
        self.quotes.pop(market, None)
        window = history.window(settings.rate_lookback_hours, self.now_ns)
        threshold = settings.min_funding_rate_threshold / 100
        if window.mean_per_hour is None or max(abs(history.latest_per_hour), abs(window.mean_per_hour)) < threshold:
            self._reject(market, "below_threshold")
            return
        perp, spot = self._leg_price(position.perp), self._leg_price(position.spot)
        if perp is None or spot is None:
            self._reject(market, "no_price")
            return
        direction: Direction = "short_perp" if window.mean_per_hour < 0 else "long_perp"
        receive = -1.0 if direction == "short_perp" else 1.0
        forecast = FundingForecast(
            mean_per_hour=receive * window.mean_per_hour,
            neutral_per_hour=-receive * settings.neutral_rate_pct_per_hour / 100,
            half_life_hours=settings.rate_half_life_hours,
        )
        second_leg_rate = self._second_leg_rate(position.spot)
        if second_leg_rate is None:
            self._reject(market, "no_second_leg_rate")
            return
        basis_bps = settlement_basis_bps(self.market, perp.listed, spot.listed, settings, self.now_ns)
        quote = quote_carry(
            settings, direction, forecast, perp, spot, self._used(), second_leg_rate, self.notional_cap_usd, basis_bps
        )
        self.funnel.priced += 1
        self.quotes[market] = quote
        reason = self._obstacle(position, history, window, quote, perp, spot)
        ages = [(self.now_ns - leg.ts_ns) / NS_PER_HOUR for leg in (perp, spot)]
        candidate = Opportunity(
            opportunity=f"{self.name}-{market}-{history.latest_hour}",
            instruments=(position.perp.instrument, position.spot.instrument),
            size_usd=quote.size_usd,
            gross_usd=quote.gross_usd,
            costs=quote.costs,
            expected_net_usd=quote.net_usd,
            why_not=reason,
            valid_until_ns=self.now_ns + history.latest_interval_h * NS_PER_HOUR,
            note=(
                f"{direction}: mean {100 * forecast.mean_per_hour:.4f} %/h received over {window.covered_hours} of "
                f"{window.hours} h, break-even {quote.break_even_hours:.1f} h, price age perp {ages[0]:.1f} h spot "
                f"{ages[1]:.1f} h"
            ),
        )
        yield candidate
        if reason:
            self._reject(market, reason, candidate)
            return
        self.why_not[market] = ""
        position.opportunity = candidate.opportunity
        position.collateral_usd = quote.collateral_usd
        position.asked("opening", 2, self.now_ns)
        yield Hedge(
            legs=(
                self._order(position, position.perp, quote.perp_side, quote.qty, is_close=False),
                self._order(position, position.spot, quote.spot_side, quote.qty, is_close=False),
            ),
            deadline_ms=settings.leg_deadline_ms,
            on_partial="unwind",
            expected_net_usd=quote.net_usd,
            opportunity=candidate.opportunity,
        )

    def _obstacle(
        self,
        position: CarryPosition,
        history: FundingHistory,
        window: FundingWindow,
        quote: CarryQuote,
        perp: LegPrice,
        spot: LegPrice,
    ) -> str:
        """The first reason not to enter, or ""."""
        settings = self.settings
        threshold, receive = settings.min_funding_rate_threshold / 100, -1.0 if quote.direction == "short_perp" else 1.0
        skew_h = abs(perp.ts_ns - spot.ts_ns) / NS_PER_HOUR
        oldest_h = (self.now_ns - min(perp.ts_ns, spot.ts_ns)) / NS_PER_HOUR
        carry = receive * (window.mean_per_hour or 0.0)
        recent = history.window(settings.exit_lookback_hours, self.now_ns).mean_per_hour or 0.0
        checks = (
            ("venue_unhealthy", bool(self.unhealthy(position))),
            ("venue_unchecked", self.is_unchecked(position)),
            ("venue_stale", self.is_silent(position, history)),
            ("stale_price", oldest_h > settings.max_price_age_hours),
            ("price_skew", skew_h > settings.max_leg_price_skew_hours),
            ("price_divergence", abs(perp.price / spot.price - 1) * 100 > settings.max_price_divergence_pct),
            ("short_spot_off", quote.direction == "long_perp" and not settings.allow_short_spot),
            ("low_coverage", window.coverage_pct < settings.min_rate_coverage_pct),
            ("below_threshold", min(carry, receive * history.latest_per_hour) < threshold),
            ("fading", receive * recent < settings.auto_close_funding_threshold / 100),
            ("too_small", quote.qty <= 0),
            ("break_even_too_long", quote.break_even_hours > settings.max_break_even_hours),
            ("costs", quote.net_usd <= 0),
            ("entry_pause", self.now_ns < position.entry_pause_ns),
        )
        return next((reason for reason, is_so in checks if is_so), "")

    def _reject(self, market: str, reason: str, candidate: Opportunity | None = None) -> None:
        self.why_not[market] = reason
        self.funnel.reject(reason, candidate)

    def _used(self) -> Used:
        """Bound by open and opening positions of all markets."""
        collateral = capital = ZERO
        for position in self.positions.values():
            if position.collateral_usd:
                collateral += position.collateral_usd
                capital += position.collateral_usd + self._spot_usd(position)
        return Used(collateral_usd=collateral, capital_usd=capital)

    def _spot_usd(self, position: CarryPosition) -> Decimal:
        if position.spot.qty:
            return abs(position.spot.cost)
        quote = self.quotes.get(position.pair.market)
        return quote.size_usd if quote is not None else ZERO

    # open positions ---------------------------------------------------------------------------------------------

    def _manage(self, position: CarryPosition) -> Iterable[Intent]:
        """What an existing position needs now: wait, close, reduce the larger leg, or nothing."""
        position.pass_time(self.now_ns)
        if position.orphan_until_ns and position.is_idle:
            yield from self._wake(position, "orphan", position.orphan_until_ns)
        if not position.is_idle or position.orphan_until_ns or position.is_flat:
            return
        if not position.exit_reason:
            leave = exit_of(self, position)
            if leave.reason and self._may_leave(position, leave):
                position.exit_reason = leave.reason
            if not position.exit_reason:
                yield from self._wake(position, "watch", leave.wake_ns)
        if position.exit_reason:
            yield from self._close(position)
            return
        excess = quantise_down(abs(position.delta), self._larger(position).lot)
        if position.delta_pct <= self.settings.delta_tolerance_pct or excess == 0:
            position.attempts = 0
            return
        if self._is_retry_due(position):
            leg = self._larger(position)
            position.asked("rebalancing", 1, self.now_ns)
            yield self._order(position, leg, "sell" if leg.qty > 0 else "buy", excess, is_close=True)
        yield from self._wake(position, "retry", position.retry_ns)

    def _wake(self, position: CarryPosition, name: str, at_ns: int) -> Iterable[Intent]:
        """Ask once for an alarm at this time."""
        if at_ns > self.now_ns and position.wakes.get(name) != at_ns:
            position.wakes[name] = at_ns
            yield Wake(at_ns=at_ns, name=f"{name}:{position.pair.market}")

    def _may_leave(self, position: CarryPosition, leave: Exit) -> bool:
        """A soft exit waits, within bounds, until both legs are priced at about the same time."""
        if not leave.is_soft:
            return True
        position.soft_since_ns = position.soft_since_ns or self.now_ns
        waited_ns = self.now_ns - position.soft_since_ns
        skew_h = self.price_skew_h(position)
        return skew_h <= self.settings.max_leg_price_skew_hours or waited_ns >= int(
            self.settings.max_exit_wait_hours * NS_PER_HOUR
        )

    def _close(self, position: CarryPosition) -> Iterable[Intent]:
        """Close what is believed, reduce-only; tried again with growing pauses until flat."""
        if self._is_retry_due(position):
            orders = tuple(
                self._order(position, leg, "sell" if leg.qty > 0 else "buy", leg.tradable, is_close=True)
                for leg in (position.perp, position.spot)
                if leg.tradable > 0
            )
            position.asked("closing", len(orders), self.now_ns)
            if len(orders) == 1:
                yield orders[0]
            else:
                yield Hedge(
                    legs=orders,
                    deadline_ms=self.settings.leg_deadline_ms,
                    on_partial="hedge",
                    opportunity=position.opportunity,
                )
        yield from self._wake(position, "retry", position.retry_ns)

    def _is_retry_due(self, position: CarryPosition) -> bool:
        return self.now_ns >= position.retry_ns

    def _larger(self, position: CarryPosition) -> Leg:
        return position.perp if abs(position.perp.qty) > abs(position.spot.qty) else position.spot

    def _order(self, position: CarryPosition, leg: Leg, side: Side, qty: Decimal, *, is_close: bool) -> PlaceOrder:
        known = self.market.price(leg.instrument)
        price = exact(known[0]) if known is not None else leg.avg_price
        return PlaceOrder(
            instrument=leg.instrument,
            side=side,
            qty=qty,
            is_reduce_only=is_close,
            notional_usd=qty * price * (self.market.quote_usd(leg.instrument) or Decimal(1)),
            opportunity=position.opportunity,
        )

    def is_flat(self) -> bool:
        """Whether no position is believed and no order is in flight."""
        return all(each.is_flat and each.is_idle and not each.orphan_until_ns for each in self.positions.values())

    def flatten(self, reason: str) -> Iterable[Intent]:
        """Close all that is believed; what is in flight is closed after its last report."""
        intents: list[Intent] = []
        for position in self.positions.values():
            if position.opened_ns or not position.is_idle:
                position.exit_reason = position.exit_reason or f"flatten: {reason}"
                intents.extend(self._manage(position))
        return intents

    # shared readings --------------------------------------------------------------------------------------------

    def history(self, position: CarryPosition) -> FundingHistory:
        """Settled rates of the position's perp."""
        return self.histories[position.perp.instrument]

    def unhealthy(self, position: CarryPosition) -> str:
        """The worst status of both venues other than ok ("" = both ok or never judged)."""
        statuses = [
            self.market.venues.get(self.market.venue_of(leg.instrument)) for leg in (position.perp, position.spot)
        ]
        return max(
            (each.status for each in statuses if each is not None and each.status != "ok"), key=_badness, default=""
        )

    def is_unchecked(self, position: CarryPosition) -> bool:
        """Whether a venue that must pass a health check was never judged."""
        venues = {self.market.venue_of(leg.instrument) for leg in (position.perp, position.spot)}
        return any(each not in self.market.venues for each in venues & HEALTH_CHECKED_VENUES)

    def sick_since_ns(self, position: CarryPosition) -> int:
        """Since when one of both venues is not ok; now when both are."""
        venues = (self.market.venue_of(leg.instrument) for leg in (position.perp, position.spot))
        return min((self._sick_since_ns[each] for each in venues if each in self._sick_since_ns), default=self.now_ns)

    def is_silent(self, position: CarryPosition, history: FundingHistory) -> bool:
        """Too long without a settlement, or none since a reported gap."""
        gap_ns = self._gap_until_ns.get(position.pair.market, 0)
        return self.is_overdue(history) or (history.latest_hour + 1) * NS_PER_HOUR <= gap_ns

    def price_skew_h(self, position: CarryPosition) -> float:
        """Hours between the two legs' prices; infinite when one has none."""
        perp, spot = self.market.price(position.perp.instrument), self.market.price(position.spot.instrument)
        return math.inf if perp is None or spot is None else abs(perp[1] - spot[1]) / NS_PER_HOUR

    def _second_leg_rate(self, leg: Leg) -> float | None:
        """Mean rate per hour, as paid to a long, of a perpetual that stands in for spot; real spot 0, None unknown."""
        listed, history = self.market.instruments.get(leg.instrument), self.histories.get(leg.instrument)
        if history is None or (listed is not None and listed.kind != "perp"):
            return 0.0
        if self.is_overdue(history):
            return None
        return history.window(self.settings.rate_lookback_hours, self.now_ns).mean_per_hour

    def is_overdue(self, history: FundingHistory) -> bool:
        """Too long without a settlement."""
        return history.overdue_intervals(self.now_ns) > self.settings.stale_after_intervals

    def _leg_price(self, leg: Leg) -> LegPrice | None:
        listed, price = self.market.instruments.get(leg.instrument), self.market.price(leg.instrument)
        if listed is None or price is None or price[0] <= 0 or self.market.quote_usd(leg.instrument) is None:
            return None
        return LegPrice(listed=listed, price=price[0], ts_ns=price[1])

    def view(self) -> DriftFundingArbView:
        """A snapshot for the page."""
        return page_of(self)

    def assumptions(self) -> list[str]:
        """One line per thing that results rest on and that no event proves; for reports and pages."""
        return assumptions_of(self)


def _badness(status: str) -> int:
    return {"stale": 1, "degraded": 2, "paused": 3, "down": 4}.get(status, 5)
