"""The one gate: every order that leaves the process was approved here, and nothing else makes an `OrderApproved`.

`check` is synchronous and deterministic: the same state and intent give the same verdict. What it reserves stays
reserved until reports free it, so two strategies cannot spend the same dollar. docs/risk-gate.md lists the reasons.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from bus.bus import FAR_FUTURE_NS, Bus
from bus.clock import NS_PER_MS
from bus.events import OrderApproved, OrderDenied
from bus.ids import order_id
from bus.intents import Hedge, OrderIntent, PlaceOrder, Swap
from bus.units import ZERO
from kernel.finance.money import add
from kernel.intent_flaws import flaw_of, is_between
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.order_terms import decimal_of, terms_of
from kernel.prices import Prices
from kernel.reservations import WHOLE, Reservation
from kernel.risk_checks import Denial, OrderCase
from kernel.risk_limits import GlobalLimits, RiskLimits, checked_limits
from kernel.risk_state import RiskState


class LimitUse(Struct, frozen=True, kw_only=True):
    """How much of a limit is used, both in `unit`."""

    name: str
    used: Decimal
    limit: Decimal
    unit: str
    scope: str  #: strategy or global


class Breakers(Struct, frozen=True, kw_only=True):
    """Pauses of one scope. Moments are event time; 0 = not in force, None = in force until somebody resets it."""

    failures: int  #: in a row
    failures_max: int
    failures_until_ns: int | None
    loss_until_ns: int
    killed: str | None  #: the reason of this scope's kill switch; None = it is off


class RiskGate:
    """Judges intents against limits per strategy and over all of them."""

    def __init__(
        self,
        run: str,
        limits: Mapping[str, RiskLimits],
        whole: GlobalLimits,
        ledger: Ledger,
        market: Market,
        ceilings: GlobalLimits | None = None,
    ) -> None:
        """Raises `ConfigError` for limits out of bounds or laxer than the hard `ceilings`, naming the field."""
        self._run = run
        self._state = RiskState(dict(limits), whole, ledger, market, ceilings)
        self._bus: Bus | None = None

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold (first stage); attach market and ledger before it."""
        self._bus = bus
        self._state.attach(bus)

    # the verdict --------------------------------------------------------------------------------------------------

    def check(
        self,
        strategy: str,
        cause_seq: int,
        index: int,
        intent: OrderIntent | Hedge,
        now_ns: int,
        is_unwind: bool = False,
        group: str = "",
    ) -> tuple[OrderApproved, ...] | OrderDenied:
        """Orders with their reservations made (all legs of a hedge), or the first reason against it.

        `is_unwind` marks orders that the kernel makes to end a position: they must shrink what they end, and then pass
        the kill switch and all limits on pace, loss and failures. `group` names the hedge that such an order mends; a
        `Hedge` makes a group of its own. The caller publishes what it gets.
        """
        flaw = flaw_of(intent)
        denial = Denial("bad_intent", "strategy", asked=flaw) if flaw else self._switches(strategy, intent, is_unwind)
        reserved: list[Reservation] = []
        legs: list[tuple[str, OrderIntent]] = []
        if denial is None:
            legs = self._legs(strategy, cause_seq, index, intent)
            prices = Prices(self._state.market)
            for leg_id, part in legs:
                denial = self._reserve_leg(strategy, leg_id, part, now_ns, is_unwind, prices, reserved)
                if denial is not None:
                    break
        if denial is not None:
            for reservation in reserved:
                self._state.reservations.release(reservation.order_id)
            return _denied(strategy, cause_seq, index, intent, now_ns, denial)
        for reservation in reserved:
            self._state.count(reservation.strategy, now_ns)
        own_group = order_id(self._run, strategy, cause_seq, index) if isinstance(intent, Hedge) else group
        deadline_ns = now_ns + intent.deadline_ms * NS_PER_MS if isinstance(intent, Hedge) else 0
        on_partial = intent.on_partial if isinstance(intent, Hedge) else ""
        return tuple(
            [
                OrderApproved(
                    ts_ns=now_ns,
                    strategy=strategy,
                    order_id=leg_id,
                    cause_seq=cause_seq,
                    intent=leg,
                    group=own_group,
                    deadline_ns=deadline_ns,
                    on_partial=on_partial,
                    is_unwind=is_unwind,
                )
                for leg_id, leg in legs
            ]
        )

    def _legs(
        self, strategy: str, cause_seq: int, index: int, intent: OrderIntent | Hedge
    ) -> list[tuple[str, OrderIntent]]:
        if not isinstance(intent, Hedge):
            return [(order_id(self._run, strategy, cause_seq, index), intent)]
        return [
            (order_id(self._run, strategy, cause_seq, index, number), leg) for number, leg in enumerate(intent.legs)
        ]

    def _switches(self, strategy: str, intent: OrderIntent | Hedge, is_unwind: bool) -> Denial | None:
        """What stops an intent as a whole."""
        if is_unwind:
            return None
        state = self._state
        for scope, key in (("global", WHOLE), ("strategy", strategy)):
            if key in state.killed:
                return Denial("kill_switch", scope, asked=state.killed[key])
        legs = intent.legs if isinstance(intent, Hedge) else (intent,)
        is_exit = all(leg.is_reduce_only for leg in legs)
        running = state.strategy_states.get(strategy, "running")
        if running == "faulted" or (running != "running" and not is_exit):
            return Denial("strategy_disabled", "strategy", "running", running)
        return None if is_exit else self._net(strategy, intent.expected_net_usd)

    def _net(self, strategy: str, net_usd: Decimal | None) -> Denial | None:
        for scope, limits in (("strategy", self._state.limits_of(strategy)), ("global", self._state.whole)):
            least_usd = decimal_of(limits.min_expected_net_usd)
            if net_usd is None or net_usd < least_usd:
                return Denial("min_expected_net", scope, str(least_usd), "" if net_usd is None else str(net_usd))
        return None

    def _reserve_leg(
        self,
        strategy: str,
        leg_id: str,
        leg: OrderIntent,
        now_ns: int,
        is_unwind: bool,
        prices: Prices,
        reserved: list[Reservation],
    ) -> Denial | None:
        state = self._state
        terms = terms_of(leg, strategy, leg_id, prices, state.limits_of(strategy), state.whole)
        case = OrderCase(state, strategy, leg, terms, prices, now_ns, is_unwind=is_unwind, legs_before=len(reserved))
        denial = case.denial()
        if denial is None:
            state.reservations.add(terms.reservation)
            reserved.append(terms.reservation)
        return denial

    # limits -------------------------------------------------------------------------------------------------------

    @property
    def whole(self) -> GlobalLimits:
        """The limits over all strategies."""
        return self._state.whole

    def limits_for(self, strategy: str) -> RiskLimits:
        """The limits of a strategy."""
        return self._state.limits_of(strategy)

    def check_settings(self, limits: RiskLimits) -> None:
        """Whether the gate would take these limits: raises `ConfigError` naming the field. For forms, before saving."""
        checked_limits(limits, self._state.ceilings)

    @property
    def refused_settings(self) -> Mapping[str, str]:
        """Limits that came as events and were not taken: "risk" or "risk.STRATEGY" -> why."""
        return self._state.refused

    # views --------------------------------------------------------------------------------------------------------

    def available(self, venue: str, asset: str) -> Decimal | None:
        """Balance that neither an order nor a perpetual position needs; None when the balance is unknown."""
        return self._state.available((venue, asset))

    def open_orders(self, strategy: str | None = None) -> int:
        """Orders without a terminal report."""
        return self._state.reservations.counts.get(strategy or WHOLE, 0)

    def reserved_usd(self, strategy: str | None = None) -> Decimal:
        """Value of what working orders may still open."""
        return self._state.reservations.usd.get(strategy or WHOLE, ZERO)

    def utilisation(self, strategy: str | None = None) -> list[LimitUse]:
        """Use of each limit that fills up, for a strategy or (None) for all; as of the event being handled."""
        state, key = self._state, strategy or WHOLE
        limits: RiskLimits = state.limits_of(strategy) if strategy else state.whole
        now_ns = 0 if self._bus is None else self._bus.now_ns
        books, tally = state.ledger.books(strategy), state.tally(key)
        working_usd = state.reservations.usd.get(key, ZERO)
        failed_usd = add(tally.failed_today(now_ns), state.reservations.gas_usd.get(key, ZERO))
        rows: list[tuple[str, Decimal, float, str]] = [
            ("budget", add(state.capital_usd.get(key, ZERO), working_usd), limits.budget_usd, "USD"),
            ("gross_exposure", add(books.exposure_usd, working_usd), limits.max_gross_exposure_usd, "USD"),
            ("open_orders", Decimal(self.open_orders(strategy)), limits.max_open_orders, "orders"),
            ("orders_per_minute", Decimal(tally.pace(now_ns)), limits.max_orders_per_minute, "orders/min"),
            ("daily_loss", tally.day_loss(now_ns, books.pnl_usd), limits.max_daily_loss_usd, "USD"),
            ("drawdown", tally.drawdown_pct(limits.budget_usd, books.pnl_usd), limits.max_drawdown_pct, "%"),
            ("failed_tx_cost", failed_usd, limits.max_failed_tx_cost_usd_per_day, "USD"),
            ("consecutive_failures", Decimal(tally.failures), limits.max_consecutive_failures, "orders"),
        ]
        scope = "strategy" if strategy else "global"
        return [
            LimitUse(name=name, used=used, limit=decimal_of(limit), unit=unit, scope=scope)
            for name, used, limit, unit in rows
        ]

    def breakers(self, strategy: str | None = None) -> Breakers:
        """The breakers of a strategy, or (None) of the whole, as of the event being handled."""
        state, key = self._state, strategy or WHOLE
        limits: RiskLimits = state.limits_of(strategy) if strategy else state.whole
        now_ns = 0 if self._bus is None else self._bus.now_ns
        tally = state.tally(key)
        until_ns = tally.failures_until_ns
        return Breakers(
            failures=tally.failures,
            failures_max=limits.max_consecutive_failures,
            failures_until_ns=0 if until_ns <= now_ns else None if until_ns == FAR_FUTURE_NS else until_ns,
            loss_until_ns=tally.loss_until_ns if tally.loss_until_ns > now_ns else 0,
            killed=state.killed.get(key),
        )

    def state(self) -> dict[str, object]:
        """Everything that was folded as plain sorted values, for digests."""
        return self._state.state()


def _denied(
    strategy: str, cause_seq: int, index: int, intent: OrderIntent | Hedge, now_ns: int, denial: Denial
) -> OrderDenied:
    """A denial that can be recorded whatever the intent holds."""
    legs = intent.legs if isinstance(intent, Hedge) and isinstance(intent.legs, tuple) else (intent,)
    values = [leg.notional_usd for leg in legs if isinstance(leg, PlaceOrder | Swap)]
    notional_usd = sum((value for value in values if is_between(value, 0)), ZERO)
    opportunity = getattr(intent, "opportunity", "")
    return OrderDenied(
        ts_ns=now_ns,
        strategy=strategy,
        cause_seq=cause_seq,
        index=index,
        reason=denial.reason,
        scope=denial.scope,
        limit=denial.limit,
        asked=denial.asked,
        opportunity=opportunity if isinstance(opportunity, str) else "",
        notional_usd=notional_usd,
    )
