"""Everything the gate believes, as a fold over events: limits, switches, reservations, holdings, tallies.

Folding a recorded run gives the very state that living it gave: only events change it, apart from the reservations
that an approval makes a moment before its own event (which then finds them made). Attach it behind the ledger: whether
a fill moved a position is read there, so a fill told twice frees nothing twice.
"""

from collections.abc import Hashable
from decimal import Decimal
from typing import TypeVar

from bus.bus import STAGE_FOLD, Bus
from bus.events import (
    TERMINAL_REPORTS,
    Expired,
    Fill,
    Filled,
    KillSwitchSet,
    Landed,
    OrderApproved,
    Rejected,
    Report,
    Reverted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
)
from bus.units import BPS_PER_UNIT, ONE, ZERO
from kernel.errors import BadInput, ConfigError
from kernel.finance.money import absolute, add, divide, multiply, plain_text, quantize, settle, subtract
from kernel.intent_flaws import flaw_of
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.order_terms import decimal_of, terms_of
from kernel.prices import Prices
from kernel.reservations import WHOLE, Reservations
from kernel.risk_limits import GLOBAL_NAME, GlobalLimits, RiskLimits, checked_limits, limits_from_json
from kernel.risk_tally import RiskTally

CLOSED_MAX = 4_096  #: ids of orders that are over, remembered so that none is approved or booked again
FEE_STEP_BPS = Decimal("1e-6")
FEE_NOTIONAL_MIN_USD = ONE  #: fees of smaller fills say nothing (venues round them up)
RESET_COMMAND = "reset_breakers"
FAILURES = (Rejected, Reverted, Expired)  #: without a fill
NOTHING_YET = RiskTally()
DEFAULTS = RiskLimits()
K = TypeVar("K", bound=Hashable)


class Holding:
    """A position as the gate mirrors it from the ledger."""

    __slots__ = ("cost_usd", "margin", "qty", "realised_usd")

    def __init__(self, qty: Decimal, cost_usd: Decimal, margin: Decimal, realised_usd: Decimal) -> None:
        self.qty = qty
        self.cost_usd = cost_usd  #: at the USD value of the quote currency when it last changed, >= 0
        self.margin = margin  #: quote currency at leverage 1, perpetuals only
        self.realised_usd = realised_usd  #: of the strategy in this instrument, when it last changed


class OrderGroup:
    """Orders that came of one intent, and what their closes earned."""

    __slots__ = ("has_closed", "open", "outcome_usd")

    def __init__(self) -> None:
        self.open = 0
        self.outcome_usd = ZERO
        self.has_closed = False


class RiskState:
    """The fold. `RiskGate` alone reserves outside of an event."""

    def __init__(
        self,
        limits: dict[str, RiskLimits],
        whole: GlobalLimits,
        ledger: Ledger,
        market: Market,
        ceilings: GlobalLimits | None,
    ) -> None:
        self.ceilings = ceilings
        self.whole = checked_limits(whole, ceilings)
        self.limits = {name: checked_limits(own, ceilings) for name, own in limits.items()}
        self.refused: dict[str, str] = {}  #: settings that were not taken: name -> why
        self.ledger = ledger
        self.market = market
        self.reservations = Reservations()
        self.killed: dict[str, str] = {}  #: strategy ("" = all) -> reason
        self.strategy_states: dict[str, str] = {}
        self.holdings: dict[tuple[str, str], Holding] = {}
        self.capital_usd: dict[str, Decimal] = {}  #: cost of open positions by strategy ("" = all)
        self.net_qty: dict[str, Decimal] = {}  #: over all strategies, by instrument
        self.net_underlying: dict[tuple[str, str], Decimal] = {}  #: by (strategy, underlying)
        self.margins: dict[tuple[str, str], Decimal] = {}  #: by (venue, quote asset)
        self.fees_bps: dict[str, Decimal] = {}  #: of the last fill, by order-book instrument
        self.groups: dict[str, OrderGroup] = {}
        self.closed: dict[str, None] = {}
        self.tallies: dict[str, RiskTally] = {}

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold (first stage), behind market and ledger."""
        bus.subscribe(OrderApproved, self.on_approved, STAGE_FOLD)
        bus.subscribe(Fill, self.on_fill, STAGE_FOLD)
        for kind in TERMINAL_REPORTS:
            bus.subscribe(kind, self.on_terminal, STAGE_FOLD)
        bus.subscribe(StrategySampled, self.on_sampled, STAGE_FOLD)
        bus.subscribe(KillSwitchSet, self.on_kill_switch, STAGE_FOLD)
        bus.subscribe(StrategyStateChanged, self.on_strategy_state, STAGE_FOLD)
        bus.subscribe(StrategyFaulted, self.on_faulted, STAGE_FOLD)
        bus.subscribe(StrategyCommand, self.on_command, STAGE_FOLD)
        bus.subscribe(SettingsChanged, self.on_settings, STAGE_FOLD)

    # what others read ---------------------------------------------------------------------------------------------

    def limits_of(self, strategy: str) -> RiskLimits:
        """Limits of a strategy; one that has none of its own gets the defaults."""
        return self.limits.get(strategy) or DEFAULTS

    def tally(self, strategy: str) -> RiskTally:
        """For reading: an empty one when nothing happened yet."""
        return self.tallies.get(strategy, NOTHING_YET)

    def qty(self, strategy: str, instrument: str) -> Decimal:
        """Signed base units that the strategy holds."""
        holding = self.holdings.get((strategy, instrument))
        return ZERO if holding is None else holding.qty

    def available(self, key: tuple[str, str]) -> Decimal | None:
        """Balance of a (venue, asset) that no order and no perpetual position needs; None when it is unknown."""
        total = self.ledger.balances.get(key)
        if total is None:
            return None
        margin = divide(self.margins.get(key, ZERO), decimal_of(self.whole.max_leverage))
        return subtract(subtract(total, self.reservations.needs.get(key, ZERO)), margin)

    # orders -------------------------------------------------------------------------------------------------------

    def count(self, strategy: str, now_ns: int) -> None:
        """One more order went out."""
        for key in (strategy, WHOLE):
            self._own_tally(key).approve(now_ns)

    def on_approved(self, event: OrderApproved) -> None:
        """Reserve unless the gate did so just before; raises `BadInput` for an order that no gate would approve."""
        order = self.reservations.orders.get(event.order_id)
        if order is None:
            if event.order_id in self.closed:
                return
            flaw = flaw_of(event.intent)
            if flaw:
                raise BadInput(f"OrderApproved {event.order_id}: {flaw}; the log is not of this gate")
            own = self.limits_of(event.strategy)
            terms = terms_of(event.intent, event.strategy, event.order_id, Prices(self.market), own, self.whole)
            order = terms.reservation
            self.reservations.add(order)
            self.count(event.strategy, event.ts_ns)
        if not order.group:
            order.group = event.group or event.order_id
            self.groups.setdefault(order.group, OrderGroup()).open += 1

    def on_fill(self, event: Fill) -> None:
        """What the ledger booked is no longer reserved."""
        key = (event.strategy, event.instrument)
        before = self.holdings.get(key)
        position = self.ledger.positions.get(key)
        qty = ZERO if position is None else position.qty
        old_qty = ZERO if before is None else before.qty
        if qty == old_qty:
            return
        totals = self.ledger.totals[key]
        earned_usd = ZERO if before is None else subtract(totals.realised_usd, before.realised_usd)
        self._hold(key, before, None if position is None else position.cost_quote, qty, totals.realised_usd)
        order = self.reservations.orders.get(event.order_id)
        if order is not None and order.strategy == event.strategy:
            self.reservations.fill(event.order_id, event.instrument, event.qty)
            group = self.groups.get(order.group)
            if group is not None:
                costs_usd = add(event.fee_usd, event.gas_usd)
                group.outcome_usd = add(group.outcome_usd, subtract(earned_usd, costs_usd))
                group.has_closed = group.has_closed or (old_qty != 0 and (old_qty > 0) == (event.side == "sell"))
        self._note_fee(event)

    def on_terminal(self, event: Report) -> None:
        """The order is over: free what is left, count its outcome. Told twice, it counts once."""
        order = self.reservations.release(event.order_id)
        if order is None:
            return
        self.closed[event.order_id] = None
        if len(self.closed) > CLOSED_MAX:
            del self.closed[next(iter(self.closed))]
        scopes: tuple[tuple[str, RiskLimits], ...] = (
            (order.strategy, self.limits_of(order.strategy)),
            (WHOLE, self.whole),
        )
        group = self.groups.get(order.group) or OrderGroup()
        group.open -= 1
        is_over = group.open <= 0
        if is_over:
            self.groups.pop(order.group, None)
        for key, limits in scopes:
            tally = self._own_tally(key)
            if isinstance(event, Reverted):
                tally.burn(event.ts_ns, event.gas_usd)
            if order.has_fills or isinstance(event, Filled | Landed):
                tally.succeed()
            elif isinstance(event, FAILURES):
                tally.fail(event.ts_ns, limits)
            if is_over and group.has_closed and group.outcome_usd < 0:
                tally.lose(event.ts_ns, limits)
            tally.sample(event.ts_ns, self.ledger.pnl_usd(key or None))

    def on_sampled(self, event: StrategySampled) -> None:
        """A minute sample: where days start and drawdowns fall from."""
        gains = add(add(event.realised_usd, event.unrealised_usd), event.funding_usd)
        self._own_tally(event.strategy).sample(event.ts_ns, subtract(gains, add(event.fees_usd, event.gas_usd)))

    # switches and settings ----------------------------------------------------------------------------------------

    def on_kill_switch(self, event: KillSwitchSet) -> None:
        """Stop, or lift the stop of the same scope."""
        if event.is_on:
            self.killed[event.strategy] = event.reason
        else:
            self.killed.pop(event.strategy, None)

    def on_strategy_state(self, event: StrategyStateChanged) -> None:
        """What the runner says about a strategy."""
        self.strategy_states[event.strategy] = event.state

    def on_faulted(self, event: StrategyFaulted) -> None:
        """Its orders are not its own judgement any more."""
        self.strategy_states[event.strategy] = "faulted"

    def on_command(self, event: StrategyCommand) -> None:
        """`reset_breakers` closes the breakers of a strategy, "" those of all and of the whole; others are not ours."""
        if event.command != RESET_COMMAND:
            return
        for key in [event.strategy] if event.strategy else list(self.tallies):
            tally = self.tallies.get(key)
            if tally is not None:
                tally.reset(self.ledger.pnl_usd(key or None))

    def on_settings(self, event: SettingsChanged) -> None:
        """New limits, whole or none: refused ones leave the old in force and stand in `refused`."""
        name = event.strategy
        try:
            if name == GLOBAL_NAME:
                self.whole = limits_from_json(GlobalLimits, event.settings_json, self.ceilings)
            elif name.startswith(f"{GLOBAL_NAME}."):
                strategy = name.removeprefix(f"{GLOBAL_NAME}.")
                self.limits[strategy] = limits_from_json(RiskLimits, event.settings_json, self.ceilings)
            else:
                return
        except ConfigError as error:
            self.refused[name] = str(error)
            return
        self.refused.pop(name, None)

    # the whole ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """Plain sorted values with exact text: equal histories give equal states."""
        holdings = {}
        for strategy, instrument in sorted(self.holdings):
            held = self.holdings[strategy, instrument]
            amounts = (held.qty, held.cost_usd, held.margin, held.realised_usd)
            holdings[f"{strategy} {instrument}"] = [plain_text(each) for each in amounts]
        groups = {name: self.groups[name] for name in sorted(self.groups)}
        return {
            "limits": {name: repr(self.limits[name]) for name in sorted(self.limits)},
            "whole": repr(self.whole),
            "refused": dict(sorted(self.refused.items())),
            "killed": dict(sorted(self.killed.items())),
            "strategy_states": dict(sorted(self.strategy_states.items())),
            "reservations": self.reservations.state(),
            "holdings": holdings,
            "capital_usd": {key: plain_text(value) for key, value in sorted(self.capital_usd.items())},
            "net_qty": {key: plain_text(value) for key, value in sorted(self.net_qty.items())},
            "net_underlying": {" ".join(key): plain_text(value) for key, value in sorted(self.net_underlying.items())},
            "margins": {" ".join(key): plain_text(value) for key, value in sorted(self.margins.items())},
            "fees_bps": {key: plain_text(value) for key, value in sorted(self.fees_bps.items())},
            "groups": {
                name: [each.open, plain_text(each.outcome_usd), each.has_closed] for name, each in groups.items()
            },
            "closed": list(self.closed),
            "tallies": {key: self.tallies[key].state() for key in sorted(self.tallies)},
        }

    # mirrors ------------------------------------------------------------------------------------------------------

    def _own_tally(self, key: str) -> RiskTally:
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = RiskTally()
        return tally

    def _hold(
        self,
        key: tuple[str, str],
        before: Holding | None,
        cost_quote: Decimal | None,
        qty: Decimal,
        realised_usd: Decimal,
    ) -> None:
        strategy, instrument = key
        listed = self.market.instruments.get(instrument)
        old = before or Holding(ZERO, ZERO, ZERO, ZERO)
        cost = absolute(cost_quote or ZERO)
        rate = self.market.quote_usd(instrument) or ZERO
        is_perp = listed is not None and listed.kind == "perp"
        new = Holding(qty, settle(multiply(cost, rate)), cost if is_perp else ZERO, realised_usd)
        if qty:
            self.holdings[key] = new
        else:
            self.holdings.pop(key, None)
        moved, spent = subtract(new.qty, old.qty), subtract(new.cost_usd, old.cost_usd)
        for scope in (strategy, WHOLE):
            _move(self.capital_usd, scope, spent)
        _move(self.net_qty, instrument, moved)
        if listed is not None:
            _move(self.net_underlying, (strategy, listed.underlying), moved)
            _move(self.margins, (listed.venue, listed.quote), subtract(new.margin, old.margin))

    def _note_fee(self, event: Fill) -> None:
        listed = self.market.instruments.get(event.instrument)
        rate = self.market.quote_usd(event.instrument)
        if listed is None or listed.kind == "pool" or rate is None:
            return
        notional_usd = multiply(multiply(event.qty, event.price), rate)
        if notional_usd >= FEE_NOTIONAL_MIN_USD:
            fee_bps = divide(multiply(event.fee_usd, BPS_PER_UNIT), notional_usd)
            self.fees_bps[event.instrument] = quantize(fee_bps, FEE_STEP_BPS)


def _move(table: dict[K, Decimal], key: K, delta: Decimal) -> None:
    if delta:
        total = add(table.get(key, ZERO), delta)
        if total:
            table[key] = total
        else:
            del table[key]
