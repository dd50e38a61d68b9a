"""Recovery: folding a log gives the state that living it gave; then orders go on, hedges end, nothing doubles."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.events import (
    TERMINAL_REPORTS,
    Cancelled,
    Event,
    Fill,
    FundingPaid,
    KillSwitchSet,
    OrderApproved,
    OrderDenied,
    RunRestarted,
    StrategyFaulted,
    Submitted,
    TimerFired,
)
from bus.intents import Hedge, Wake
from kernel.core import Core
from tests.builders import PERP, SECOND, SPOT, T0, fill, funding, place, quote
from tests.kernel.puppet import Stage, once, puppet, silent
from tests.replay.recording import Recording, scripted, spec


def _restarted(before: Stage, *kinds: type[Any], at_ns: int, keep: int | None = None, **spec: Any) -> Stage:
    """A new process that folds what the older one recorded (its first `keep` events) and starts."""
    events = [event for _, _, event in before.seen][:keep]
    stage = Stage(*kinds, is_listed=False, **spec)
    stage.core.recover(events, 1)
    assert [event for _, _, event in stage.seen] == events, "a fold publishes nothing of its own"
    stage.seen.clear()
    stage.feed(
        RunRestarted(
            ts_ns=at_ns, previous_run="t", is_tail_torn=False, open_orders=len(stage.core.router.open), note=""
        )
    )
    return stage


def test_a_fold_counts_the_funnel_as_living_it_did() -> None:
    script = once(lambda: (place(qty="1"), place(qty="1", tif="gtc", limit_price=Decimal(1990))))
    before = Stage(puppet("a", script))
    before.feed(*[quote(T0 + n * SECOND, qty=0.4) for n in range(1, 6)])
    lived = before.core.runner.slots["a"]
    assert (lived.sent, lived.landed, lived.fills) == (lived.approved, 1, 1) and lived.approved > lived.landed
    folded = _restarted(before, puppet("a", script), at_ns=T0 + 9 * SECOND).core.runner.slots["a"]
    assert (folded.approved, folded.sent, folded.landed, folded.fills) == (lived.approved, lived.sent, 1, 1)


REST: dict[str, Any] = {"tif": "gtc", "limit_price": Decimal(1990)}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 2900))
def test_a_fold_of_a_run_cut_after_any_input_gives_the_state_it_had(count: int) -> None:
    events = scripted()[:count]
    core = Core(spec("r1"))
    record: list[Event] = []
    core.bus.tap(lambda seq, is_derived, event: record.append(event))
    core.begin(events[0].ts_ns)
    core.bus.feed(events)
    folded = Core(spec("r1"))
    folded.recover(record, 1)
    assert folded.state() == core.state()
    assert folded.bus.seq == core.bus.seq
    assert folded.bus.now_ns == core.bus.now_ns
    for name, slot in core.runner.slots.items():
        assert folded.runner.slots[name].state == slot.state
        assert folded.runner.slots[name].strategy.heard == slot.strategy.heard


@pytest.mark.parametrize("cut", ["OrderApproved", "Submitted", "Accepted"])
def test_an_order_without_an_end_goes_on_and_ends_once(cut: str) -> None:
    kind = puppet("a", once(lambda: (place(qty="0.1"),), T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND, qty=0.0))
    names = [type(event).__name__ for _, _, event in before.seen]
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND, keep=names.index(cut) + 1)
    after.feed(quote(T0 + 3 * SECOND), quote(T0 + 4 * SECOND))
    assert len(after.events(*TERMINAL_REPORTS)) == 1
    assert len(after.events(Submitted)) == 0
    assert after.core.ledger.positions["a", SPOT].qty == Decimal("0.1")
    assert not after.core.router.open
    assert after.core.gate.open_orders() == 0


def test_a_partly_filled_order_works_on_the_rest_alone() -> None:
    kind = puppet("a", once(lambda: (place(qty="0.3", tif="gtc", limit_price=Decimal("2000.1")),), T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND, qty=0.1))
    assert [each.qty for each in before.events(Fill)] == [Decimal("0.1")]
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND)
    after.feed(quote(T0 + 3 * SECOND), quote(T0 + 4 * SECOND))
    assert [each.qty for each in after.events(Fill)] == [Decimal("0.2")]
    assert after.core.ledger.positions["a", SPOT].qty == Decimal("0.3")


def test_a_fill_without_its_terminal_report_gets_it_and_nothing_more() -> None:
    kind = puppet("a", once(lambda: (place(qty="0.1"),), T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    names = [type(event).__name__ for _, _, event in before.seen]
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND, keep=names.index("Fill") + 1)
    after.feed(quote(T0 + 3 * SECOND))
    assert [type(each).__name__ for each in after.events(Fill, *TERMINAL_REPORTS)] == ["Filled"]
    assert after.core.ledger.positions["a", SPOT].qty == Decimal("0.1")


def test_a_hedge_cut_in_the_middle_is_mended_after_the_restart() -> None:
    def hedge() -> tuple[Hedge, ...]:
        legs = (place(qty="0.1"), place("sell", qty="0.1", instrument=PERP))
        return (Hedge(legs=legs, deadline_ms=1000, expected_net_usd=Decimal(1), opportunity="o"),)

    kind = puppet("a", once(hedge, T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    assert before.core.ledger.positions_of("a")
    after = _restarted(before, kind, at_ns=T0 + 60 * SECOND)
    for number in range(61, 66):
        after.feed(quote(T0 + number * SECOND), quote(T0 + number * SECOND, instrument=PERP, qty=0.0))
    assert after.core.ledger.positions_of("a") == ()
    assert after.core.hedges._groups == {}
    assert not after.core.router.open


def test_timers_survive_and_the_strategy_is_asked_at_their_time() -> None:
    kind = puppet("a", once(lambda: (Wake(at_ns=T0 + 10 * SECOND, name="x"),), T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND)
    after.feed(quote(T0 + 11 * SECOND))
    assert [each.due_ns for each in after.events(TimerFired)] == [T0 + 10 * SECOND]


def test_orders_that_a_kill_switch_or_a_fault_had_cancelled_do_not_come_back() -> None:
    def rests(self: Any, event: Any) -> Any:
        if event.ts_ns == T0 + 2 * SECOND and type(self).name == "b":
            raise RuntimeError("as planned")
        return once(lambda: (place(qty="0.1", **REST),), T0 + 1)(self, event)

    for kill, left in ((True, []), (False, ["a"])):
        kinds = (puppet("a", rests), puppet("b", rests))
        before = Stage(*kinds)
        before.feed(quote(T0 + 1), quote(T0 + SECOND), quote(T0 + 2 * SECOND))
        if kill:
            before.feed(KillSwitchSet(ts_ns=T0 + 2 * SECOND, is_on=True, strategy="", reason="x", by="operator"))
        assert len(before.core.router.open) == 2 and len(before.events(StrategyFaulted)) == 1
        after = _restarted(before, *kinds, at_ns=T0 + 3 * SECOND)
        after.feed(*(quote(T0 + number * SECOND) for number in range(4, 8)))
        assert [each.strategy for each in after.core.router.open.values()] == left
        assert len(after.events(Cancelled)) == 2 - len(left)
        assert after.events(Fill) == []


def test_intents_that_the_old_log_never_answered_are_denied_at_the_restart() -> None:
    """Here the new run's settings make the strategy ask where the old one did not."""

    def asks(self: Any, event: Any) -> Any:
        if self.settings.size == 2:
            return once(lambda: (place(qty="0.1", opportunity="o"),), T0 + 1)(self, event)
        return ()

    kind = puppet("a", asks)
    before = Stage(kind, settings={"size": 1})
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND, settings={"size": 2})
    (denied,) = after.events(OrderDenied)
    assert (denied.strategy, denied.index, denied.reason, denied.opportunity) == ("a", 0, "restarted", "o")
    assert after.strategy("a").heard[-1] == denied


def test_answered_intents_are_not_denied_again() -> None:
    kind = puppet("a", once(lambda: (place(qty="0.1"), place(qty="-1"), place(qty="0.1")), T0 + 1))
    before = Stage(kind)
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND)
    assert after.events(OrderDenied) == []


def test_nothing_is_approved_or_sent_while_folding() -> None:
    kind = puppet("a", once(lambda: (place(qty="0.1"),), T0 + 1))
    before = Stage(puppet("a", silent))
    before.feed(quote(T0 + 1), quote(T0 + SECOND))
    after = _restarted(before, kind, at_ns=T0 + 2 * SECOND)
    assert after.events(OrderApproved, Submitted) == []
    assert after.core.gate.open_orders() == 0


def test_ids_of_two_runs_never_collide(tmp_path: Path) -> None:
    Recording(tmp_path, "r1").play(scripted(1500)).close()
    second = Recording(tmp_path, "r2")
    seen: list[str] = []
    second.core.bus.subscribe(OrderApproved, lambda order: seen.append(order.order_id))
    later = [msgspec.structs.replace(each, ts_ns=each.ts_ns + 900 * SECOND) for each in scripted(800)]
    second.play(later).close()
    assert seen and all(each.startswith("r2-") for each in seen) and len(set(seen)) == len(seen)


def test_funding_is_not_paid_twice_over_a_restart() -> None:
    stamp = T0 + 3600 * SECOND
    before = Stage(puppet("a", silent))
    before.feed(fill("x", "sell", "1", instrument=PERP, strategy="a", ts_ns=T0 + 1), funding(stamp, -0.0001))
    assert len(before.events(FundingPaid)) == 1
    after = _restarted(before, puppet("a", silent), at_ns=stamp + 60 * SECOND)
    after.feed(funding(stamp, -0.0001, ts_ns=stamp + 61 * SECOND))
    assert after.events(FundingPaid) == []
    assert after.core.ledger.books("a").funding_usd == before.core.ledger.books("a").funding_usd
