"""The runner: verdicts in order, deliveries to owners alone, timers, faults, commands, samples."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from bus.events import (
    REPORTS,
    Alert,
    Cancelled,
    ClockTick,
    Fill,
    FundingPaid,
    KillSwitchSet,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Quote,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
    TimerFired,
)
from bus.intents import CancelOrder, Intent, Opportunity, Wake
from kernel.runner import BY_KERNEL, INTENTS_PER_EVENT_MAX
from tests.builders import MINUTE, PERP, SECOND, SPOT, T0, place, quote
from tests.kernel.puppet import Stage, once, puppet, silent

REST: dict[str, Any] = {"tif": "gtc", "limit_price": Decimal(1990)}


def _opportunity(name: str) -> Opportunity:
    return Opportunity(
        opportunity=name,
        instruments=(SPOT,),
        size_usd=Decimal(1),
        gross_usd=Decimal(1),
        costs=(),
        expected_net_usd=Decimal(1),
    )


def _command(command: str, by: str = "test", strategy: str = "a", at_ns: int = T0 + 2 * SECOND) -> StrategyCommand:
    return StrategyCommand(ts_ns=at_ns, strategy=strategy, command=command, by=by)


def _tick(ts_ns: int) -> ClockTick:
    return ClockTick(ts_ns=ts_ns)


def _intents() -> Iterable[Intent]:
    yield place(qty="0.1")
    yield _opportunity("seen")
    yield place(qty="-1")
    yield place("sell", qty="0.2")


# verdicts


def test_each_intent_gets_its_event_in_the_order_of_yielding_with_its_cause_and_index() -> None:
    stage = Stage(puppet("a", once(_intents, T0 + 1)))
    before = stage.bus.seq
    stage.feed(quote(T0 + 1))
    told = [event for _, _, event in stage.seen if isinstance(event, OrderApproved | OrderDenied | OpportunitySeen)]
    assert [type(each) for each in told] == [OrderApproved, OpportunitySeen, OrderDenied, OrderApproved]
    assert {each.cause_seq for each in told} == {before + 1}
    assert [each.order_id for each in told if isinstance(each, OrderApproved)] == [
        f"t-a-{before + 1}-0",
        f"t-a-{before + 1}-3",
    ]
    denied = stage.events(OrderDenied)[0]
    assert (denied.index, denied.reason) == (2, "bad_intent")
    slot = stage.core.runner.slots["a"]
    assert (slot.intents, slot.approved, slot.denied) == (3, 2, {"bad_intent": 1})


def test_verdicts_are_derived_and_the_quote_is_an_input() -> None:
    stage = Stage(puppet("a", once(_intents, T0 + 1)))
    stage.feed(quote(T0 + 1))
    assert {is_derived for _, is_derived, event in stage.seen if type(event) is Quote} == {False}
    assert {is_derived for _, is_derived, event in stage.seen if type(event) in (OrderApproved, OrderDenied)} == {True}


# deliveries


def test_reports_denials_orphans_funding_and_timers_reach_their_owner_alone() -> None:
    stage = Stage(
        puppet("a", once(lambda: (place(qty="0.1"), place(qty="-1"), Wake(at_ns=T0 + SECOND, name="x")), T0 + 1)),
        puppet("b", silent),
    )
    orphan = OrphanLeg(
        ts_ns=T0 + 2, strategy="a", group="g", instrument=SPOT, side="buy", qty=Decimal(1), action="keep"
    )
    paid = FundingPaid(
        ts_ns=T0 + 2,
        strategy="a",
        instrument=PERP,
        settle_ts_ns=T0,
        amount_usd="1",
        position_qty="1",
        simulated=True,
    )
    stage.feed(quote(T0 + 1), orphan, paid, quote(T0 + SECOND), quote(T0 + 2 * SECOND))
    owned = {*REPORTS, OrderApproved, OrderDenied, OrphanLeg, FundingPaid, TimerFired}
    heard = {type(each) for each in stage.strategy("a").heard} & owned
    assert {OrderApproved, OrderDenied, OrphanLeg, FundingPaid, TimerFired, Fill} <= heard
    assert set(stage.strategy("b").kinds()) == {"Quote"}
    assert stage.strategy("b").kinds().count("Quote") == stage.strategy("a").kinds().count("Quote")


def test_an_event_of_nobody_we_know_is_ignored() -> None:
    stage = Stage(puppet("a", silent))
    stage.feed(TimerFired(ts_ns=T0 + 1, strategy="gone", name="x", due_ns=T0))
    assert "TimerFired" not in stage.strategy("a").kinds()


# timers


def _waking(*wakes: Wake) -> Any:
    return once(lambda: wakes, T0 + 1)


def test_a_wake_becomes_a_timer_before_the_first_input_that_is_not_before_it() -> None:
    stage = Stage(puppet("a", _waking(Wake(at_ns=T0 + SECOND, name="x"))))
    stage.feed(quote(T0 + 1), quote(T0 + SECOND - 1))
    assert not stage.events(TimerFired)
    stage.feed(quote(T0 + 5 * SECOND))
    assert stage.events(TimerFired) == [TimerFired(ts_ns=T0 + SECOND, strategy="a", name="x", due_ns=T0 + SECOND)]
    assert stage.strategy("a").kinds()[-2:] == ["TimerFired", "Quote"]


def test_a_later_wake_of_the_same_name_replaces_the_first_whichever_way_it_moves() -> None:
    for first, second in ((3, 5), (5, 3), (3, 3)):
        stage = Stage(
            puppet("a", _waking(Wake(at_ns=T0 + first * SECOND, name="x"), Wake(at_ns=T0 + second * SECOND, name="x")))
        )
        stage.feed(quote(T0 + 1), *(quote(T0 + n * SECOND) for n in range(1, 9)))
        assert [each.due_ns for each in stage.events(TimerFired)] == [T0 + second * SECOND]


def test_wakes_of_different_names_and_owners_do_not_disturb_each_other() -> None:
    wakes = (Wake(at_ns=T0 + 3 * SECOND, name="x"), Wake(at_ns=T0 + 2 * SECOND, name="y"))
    stage = Stage(puppet("a", _waking(*wakes)), puppet("b", _waking(Wake(at_ns=T0 + SECOND, name="x"))))
    stage.feed(quote(T0 + 1), quote(T0 + 9 * SECOND))
    assert [(each.strategy, each.name) for each in stage.events(TimerFired)] == [("b", "x"), ("a", "y"), ("a", "x")]


def test_a_wake_in_the_past_rings_now_and_never_before_its_cause() -> None:
    stage = Stage(puppet("a", _waking(Wake(at_ns=5, name="x"))))
    stage.feed(quote(T0 + 1), quote(T0 + 2))
    assert [each.due_ns for each in stage.events(TimerFired)] == [T0 + 1]


# faults


def _broken(self: Any, event: Any) -> Iterable[Intent]:
    if type(event) is Quote and event.ts_ns == T0 + 2 * SECOND:
        raise KeyError("oops")
    return once(lambda: (place(qty="0.1", **REST),), T0 + 1)(self, event)


def test_a_strategy_that_raises_is_told_disabled_and_its_orders_cancelled_while_others_go_on() -> None:
    stage = Stage(puppet("a", _broken), puppet("b", once(lambda: (place(qty="0.1", **REST),), T0 + 1)))
    stage.feed(quote(T0 + 1), quote(T0 + SECOND))
    assert len(stage.core.router.open) == 2
    stage.feed(quote(T0 + 2 * SECOND), quote(T0 + 3 * SECOND), quote(T0 + 4 * SECOND))
    faulted = stage.events(StrategyFaulted)
    assert [(each.strategy, "KeyError: 'oops'" in each.error) for each in faulted] == [("a", True)]
    cause = next(seq for seq, _, event in stage.seen if type(event) is Quote and event.ts_ns == T0 + 2 * SECOND)
    assert faulted[0].cause_seq == cause
    assert [each.state for each in stage.events(StrategyStateChanged)] == ["faulted"]
    assert [each.strategy for each in stage.events(Cancelled)] == ["a"]
    assert [each.strategy for each in stage.core.router.open.values()] == ["b"]
    assert stage.strategy("a").heard[-1].ts_ns == T0 + 2 * SECOND
    assert stage.strategy("b").heard[-1].ts_ns == T0 + 4 * SECOND


def test_what_a_generator_yielded_before_it_raised_stands() -> None:
    def half(self: Any, event: Any) -> Iterable[Intent]:
        if type(event) is Quote and event.ts_ns > T0:
            yield place(qty="0.1", **REST)
            raise ValueError("half-way")

    stage = Stage(puppet("a", half), puppet("b", silent))
    stage.feed(quote(T0 + 1))
    names = [type(event).__name__ for _, _, event in stage.seen][-4:]
    assert names == ["OrderApproved", "StrategyFaulted", "StrategyStateChanged", "Submitted"]
    stage.feed(quote(T0 + SECOND))
    assert not stage.core.router.open
    assert stage.core.gate.open_orders() == 0
    assert stage.strategy("b").heard[-1].ts_ns == T0 + SECOND


def test_a_strategy_that_raises_on_its_own_report_is_isolated_too() -> None:
    def on_report(self: Any, event: Any) -> Iterable[Intent]:
        if type(event) is Fill:
            raise ZeroDivisionError("report")
        return once(lambda: (place(qty="0.1"),), T0 + 1)(self, event)

    stage = Stage(puppet("a", on_report), puppet("b", silent))
    stage.feed(quote(T0 + 1), quote(T0 + SECOND), quote(T0 + 2 * SECOND))
    assert [each.strategy for each in stage.events(StrategyFaulted)] == ["a"]
    assert stage.strategy("a").kinds()[-1] == "Fill"
    assert stage.strategy("b").heard[-1].ts_ns == T0 + 2 * SECOND
    assert ("a", SPOT) in stage.core.ledger.positions


@pytest.mark.parametrize(
    ("members", "event"),
    [
        ({"script_flatten": lambda self: 1 / 0}, _command("stop")),
        (
            {"script_apply": lambda self, settings: 1 / 0},
            SettingsChanged(ts_ns=T0 + 2 * SECOND, strategy="a", settings_json='{"size": 2}', version=1),
        ),
    ],
)
def test_a_strategy_that_raises_while_flattening_or_applying_settings_is_isolated_too(
    members: dict[str, Any], event: Any
) -> None:
    stage = Stage(puppet("a", silent, **members), puppet("b", silent))
    stage.feed(event, quote(T0 + 3 * SECOND))
    assert [(each.strategy, "ZeroDivisionError" in each.error) for each in stage.events(StrategyFaulted)] == [
        ("a", True)
    ]
    assert stage.core.runner.slots["a"].state == "faulted"
    assert stage.strategy("b").heard[-1].ts_ns == T0 + 3 * SECOND


def test_a_faulted_strategy_cannot_be_started_and_may_not_send() -> None:
    stage = Stage(puppet("a", _broken), puppet("b", silent))
    stage.feed(quote(T0 + 2 * SECOND), _command("start"), quote(T0 + 3 * SECOND))
    assert stage.core.runner.slots["a"].state == "faulted"
    verdict = stage.core.gate.check("a", 1, 0, place(qty="0.1"), T0 + 3 * SECOND)
    assert isinstance(verdict, OrderDenied) and verdict.reason == "strategy_disabled"


def test_a_flood_of_intents_is_a_fault() -> None:
    def flood(self: Any, event: Any) -> Iterable[Intent]:
        if type(event) is Quote and event.ts_ns > T0:
            while True:
                yield _opportunity("again")
        return

    stage = Stage(puppet("a", flood))
    stage.feed(quote(T0 + 1))
    assert "yielded more than 1000 intents" in stage.events(StrategyFaulted)[0].error
    assert INTENTS_PER_EVENT_MAX <= len(stage.events(OpportunitySeen)) <= INTENTS_PER_EVENT_MAX + 1


# settings


def test_good_settings_are_applied_between_events() -> None:
    stage = Stage(puppet("a", silent), puppet("b", silent))
    stage.feed(SettingsChanged(ts_ns=T0 + 1, strategy="a", settings_json='{"size": 7}', version=2))
    assert (stage.strategy("a").settings.size, stage.strategy("b").settings.size) == (7, 1)


@pytest.mark.parametrize("text", ['{"size": "many"}', '{"sizes": 7}', "[7]", "{not json", ""])
def test_bad_settings_keep_the_last_good_ones_and_tell_why(text: str) -> None:
    stage = Stage(puppet("a", silent))
    stage.feed(
        SettingsChanged(ts_ns=T0 + 1, strategy="a", settings_json='{"size": 7}', version=2),
        SettingsChanged(ts_ns=T0 + 2, strategy="a", settings_json=text, version=3),
    )
    assert stage.strategy("a").settings.size == 7
    alert = stage.events(Alert)[-1]
    assert (alert.source, alert.code) == ("a", "settings_refused")
    assert alert.text.startswith("kept the last good settings: ")
    assert not stage.events(StrategyFaulted)


# commands


def _resting() -> Stage:
    stage = Stage(
        puppet("a", once(lambda: (place(qty="0.1", **REST),), T0 + 1), script_flatten=lambda self: self.close()),
        puppet("b", once(lambda: (place(qty="0.1", **REST),), T0 + 1)),
    )
    stage.strategy("a").close = lambda: (place("sell", qty="0.1", is_reduce_only=True),)
    stage.feed(quote(T0 + 1), quote(T0 + SECOND))
    return stage


def _denial_of(stage: Stage, **order: Any) -> str:
    verdict = stage.core.gate.check("a", 10**6, 0, place(qty="0.1", **order), stage.bus.now_ns)
    return verdict.reason if isinstance(verdict, OrderDenied) else ""


def test_pause_stops_new_risk_and_leaves_orders_working() -> None:
    stage = _resting()
    stage.feed(_command("pause"), quote(T0 + 3 * SECOND))
    assert stage.core.runner.slots["a"].state == "paused"
    assert len(stage.core.router.open) == 2
    assert _denial_of(stage) == "strategy_disabled"
    stage.feed(_command("start", at_ns=T0 + 4 * SECOND))
    assert stage.core.runner.slots["a"].state == "running"
    assert _denial_of(stage) == ""


def test_halt_cancels_the_orders_of_that_strategy_alone() -> None:
    stage = _resting()
    stage.feed(_command("halt"), quote(T0 + 3 * SECOND))
    assert stage.core.runner.slots["a"].state == "paused"
    assert [each.strategy for each in stage.core.router.open.values()] == ["b"]
    assert not [each for each in stage.events(OrderDenied) if each.strategy == "a"]


def test_stop_cancels_and_flattens_through_the_gate() -> None:
    stage = Stage(
        puppet(
            "a",
            once(lambda: (place(qty="0.1"), place(qty="0.1", **REST)), T0 + 1),
            script_flatten=lambda self: (place("sell", qty="0.1", is_reduce_only=True),),
        )
    )
    stage.feed(quote(T0 + 1), quote(T0 + SECOND))
    assert stage.core.ledger.positions["a", SPOT].qty == Decimal("0.1")
    stage.feed(_command("stop"), quote(T0 + 3 * SECOND), quote(T0 + 4 * SECOND))
    assert stage.core.runner.slots["a"].state == "disabled"
    assert stage.core.ledger.positions_of("a") == ()
    assert not stage.core.router.open
    assert _denial_of(stage) == "strategy_disabled"


def test_what_the_kernel_stopped_goes_on_after_a_restart_and_what_a_person_stopped_does_not() -> None:
    restarted = RunRestarted(ts_ns=T0 + 3 * SECOND, previous_run="t", is_tail_torn=False, open_orders=0, note="")
    for by, state in ((BY_KERNEL, "running"), ("operator", "disabled")):
        stage = Stage(puppet("a", silent))
        stage.feed(_command("stop", by=by), restarted)
        assert stage.core.runner.slots["a"].state == state


def test_an_unknown_command_or_strategy_changes_nothing() -> None:
    stage = Stage(puppet("a", silent))
    stage.feed(_command("dance"), _command("stop", strategy="nobody"))
    assert stage.core.runner.slots["a"].state == "running"
    assert not stage.events(StrategyStateChanged)


# kill switch


def _kill(is_on: bool, strategy: str = "", at_ns: int = T0 + 2 * SECOND) -> KillSwitchSet:
    return KillSwitchSet(ts_ns=at_ns, is_on=is_on, strategy=strategy, reason="test", by="operator")


@pytest.mark.parametrize(("strategy", "left"), [("", []), ("a", ["b"])])
def test_the_kill_switch_cancels_what_works_and_denies_what_is_new(strategy: str, left: list[str]) -> None:
    stage = _resting()
    stage.feed(_kill(True, strategy), quote(T0 + 3 * SECOND))
    assert [each.strategy for each in stage.core.router.open.values()] == left
    assert _denial_of(stage) == "kill_switch"
    assert set(stage.core.runner.kills) == {strategy}
    stage.feed(_kill(False, strategy, T0 + 4 * SECOND))
    assert _denial_of(stage) == ""
    assert not stage.core.runner.kills


# orders of a strategy


def test_a_strategy_cancels_its_own_orders_and_nobody_elses() -> None:
    stage = _resting()
    own, other = stage.core.router.open
    for name, target in (("a", other), ("a", "no-such-order"), ("a", own)):
        stage.core.runner._take(stage.core.runner.slots[name], (CancelOrder(order_id=target),))
    stage.feed(quote(T0 + 3 * SECOND))
    assert [each.order_id for each in stage.events(Cancelled)] == [own]


# samples


def _samples(stage: Stage, strategy: str = "") -> list[int]:
    return [each.ts_ns for each in stage.events(StrategySampled) if each.strategy == strategy]


def test_books_are_sampled_at_each_minute_boundary_that_an_event_passes() -> None:
    stage = Stage(puppet("a", silent))
    stage.core.begin(T0 + 1)
    base = T0 - T0 % MINUTE
    stage.feed(*(quote(base + n * MINUTE // 2 + 7) for n in range(2, 9)))
    boundaries = [base + n * MINUTE for n in range(1, 5)]
    assert _samples(stage) == _samples(stage, "a") == boundaries


def test_a_sparse_log_is_sampled_at_the_first_boundary_behind_an_event_and_the_last_before_the_next() -> None:
    stage = Stage(puppet("a", silent))
    stage.core.begin(T0)
    base = T0 - T0 % MINUTE
    stage.feed(quote(base + 1000 * MINUTE + 5), quote(base + 1001 * MINUTE))
    assert _samples(stage) == [base + MINUTE, base + 1000 * MINUTE, base + 1001 * MINUTE]


def test_a_sample_tells_the_books_and_the_funnel() -> None:
    def act(self: Any, event: Any) -> Iterable[Intent]:
        if type(event) is Quote:
            self.funnel.seen += 1
        return once(lambda: (place(qty="0.1"), place(qty="-1")), T0 + 1)(self, event)

    stage = Stage(puppet("a", act), puppet("b", silent))
    stage.core.begin(T0)
    stage.feed(quote(T0 + 1), quote(T0 + SECOND), quote(T0 + 2 * MINUTE))
    own = [each for each in stage.events(StrategySampled) if each.strategy == "a"][-1]
    whole = [each for each in stage.events(StrategySampled) if each.strategy == ""][-1]
    assert (own.approved, own.denied, own.fills, own.simulated) == (1, 1, 1, True)
    assert own.seen == stage.strategy("a").funnel.seen - 1
    assert own.fees_usd == whole.fees_usd > 0
    assert own.exposure_usd == whole.exposure_usd == Decimal("0.1") * Decimal("2000.05")
