"""The bus: order, run to completion, alarms, faults, refusals."""

import math
from typing import Any

import pytest

from bus.bus import INPUTS_MAX, STAGE_FOLD, STAGE_STRATEGY, BadEvent, Bus, BusFull
from bus.events import Alert, ClockTick, Event, Filled, KillSwitchSet, Quote, StrategyCommand, Trade
from tests.builders import SECOND, T0, quote, trade


def _alert(text: str) -> Alert:
    return Alert(ts_ns=T0, severity="info", source="test", code="x", text=text)


def _recorded(bus: Bus) -> list[tuple[int, bool, Event]]:
    seen: list[tuple[int, bool, Event]] = []
    bus.tap(lambda seq, is_derived, event: seen.append((seq, is_derived, event)))
    return seen


def test_an_input_runs_to_completion_with_what_it_derives_before_the_next_input() -> None:
    bus = Bus()
    seen = _recorded(bus)
    bus.subscribe(Quote, lambda _: bus.publish(_alert("first")))
    bus.subscribe(Alert, lambda event: bus.publish(ClockTick(ts_ns=T0)) if event.text == "first" else None)
    bus.publish(quote(T0))
    bus.publish(trade(T0 + 1))
    bus.pump()
    assert [(seq, derived, type(event).__name__) for seq, derived, event in seen] == [
        (1, False, "Quote"),
        (2, True, "Alert"),
        (3, True, "ClockTick"),
        (4, False, "Trade"),
    ]


def test_the_tap_sees_an_event_before_any_handler() -> None:
    bus = Bus()
    order: list[str] = []
    bus.subscribe(Quote, lambda _: order.append("handler"))
    bus.tap(lambda *_: order.append("tap"))
    bus.feed((quote(),))
    assert order == ["tap", "handler"]


def test_handlers_are_called_by_stage_then_by_time_of_subscription() -> None:
    bus = Bus()
    order: list[str] = []
    bus.subscribe(Quote, lambda _: order.append("strategy"), STAGE_STRATEGY)
    bus.subscribe(Quote, lambda _: order.append("fold 1"), STAGE_FOLD)
    bus.subscribe(Quote, lambda _: order.append("fold 2"), STAGE_FOLD)
    bus.feed((quote(),))
    assert order == ["fold 1", "fold 2", "strategy"]


def test_alarms_ring_before_the_first_input_that_is_not_before_them_in_order() -> None:
    bus = Bus()
    order: list[tuple[str, int]] = []
    bus.subscribe(Quote, lambda event: order.append(("quote", event.ts_ns - T0)))
    for name, due in (("late", 5), ("a", 2), ("b", 2), ("far", 90)):
        bus.at(T0 + due, lambda due_ns, name=name: order.append((name, bus.now_ns - T0)))  # type: ignore[misc]
    bus.feed((quote(T0 + 1), quote(T0 + 5)))
    assert order == [("quote", 1), ("a", 2), ("b", 2), ("late", 5), ("quote", 5)]
    assert bus.next_alarm_ns == T0 + 90


def test_what_an_alarm_publishes_is_derived_and_comes_before_the_input() -> None:
    bus = Bus()
    seen = _recorded(bus)
    bus.at(T0 + 2, lambda _: bus.publish(_alert("rang")))
    bus.feed((quote(T0 + 3),))
    assert [(derived, type(event)) for _, derived, event in seen] == [(True, Alert), (False, Quote)]


def test_both_drains_give_the_same_order() -> None:
    def run(is_tapped: bool) -> list[Any]:
        bus = Bus()
        out: list[Any] = []
        if is_tapped:
            bus.tap(lambda *_: None)
        bus.subscribe(Quote, lambda event: (out.append((bus.seq, event.ts_ns)), bus.publish(_alert("x")))[0])
        bus.subscribe(Alert, lambda _: out.append((bus.seq, bus.now_ns)))
        bus.at(T0 + 7, lambda due: out.append(("alarm", due)))
        bus.feed([quote(T0 + n) for n in range(10)])
        return out

    assert run(True) == run(False)


@pytest.mark.parametrize("is_tapped", [False, True])
def test_a_handler_that_raises_is_told_and_the_others_still_run(is_tapped: bool) -> None:
    bus = Bus()
    if is_tapped:
        bus.tap(lambda *_: None)
    order: list[str] = []
    faults: list[str] = []

    def broken(_: Quote) -> None:
        raise KeyError("oops")

    bus.subscribe(Quote, lambda _: order.append("before"))
    bus.subscribe(Quote, broken)
    bus.subscribe(Quote, lambda _: order.append("after"))
    bus.on_fault = lambda handler, event, error: faults.append(repr(error))
    bus.feed((quote(), quote()))
    assert order == ["before", "after"] * 2
    assert faults == ["KeyError('oops')"] * 2


def test_an_output_goes_to_the_sink_with_its_handler() -> None:
    bus = Bus()
    taken: list[tuple[Any, list[int]]] = []
    bus.sink = lambda handler, output: taken.append((handler, list(output)))

    def handler(_: Quote) -> tuple[int, ...]:
        return (1, 2)

    bus.subscribe(Quote, handler)
    bus.subscribe(Quote, lambda _: ())
    bus.feed((quote(),))
    assert taken == [(handler, [1, 2])]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2000, "2000", None])
def test_an_input_that_the_log_could_not_give_back_is_refused_and_named(bad: Any) -> None:
    bus = Bus()
    with pytest.raises(BadEvent, match=r"Quote\.bid: expected a finite float"):
        bus.publish(quote(bid=bad))
    with pytest.raises(BadEvent, match=r"Quote\.ts_ns: expected an int"):
        bus.publish(quote(ts_ns=1.5))  # type: ignore[arg-type]
    assert bus.waiting == 0


def test_a_full_bus_refuses_market_data_and_never_a_report_or_a_command() -> None:
    bus = Bus()
    one = quote()
    for _ in range(INPUTS_MAX):
        bus.publish(one)
    with pytest.raises(BusFull, match="conflate"):
        bus.publish(trade())
    bus.publish(Filled(ts_ns=T0, strategy="s", order_id="o", simulated=False))
    bus.publish(KillSwitchSet(ts_ns=T0, is_on=True, strategy="", reason="r", by="b"))
    bus.publish(StrategyCommand(ts_ns=T0, strategy="s", command="stop", by="b"))
    bus.publish(Alert(ts_ns=T0, severity="info", source="s", code="c", text="t"))
    bus.publish(ClockTick(ts_ns=T0))
    assert bus.waiting == INPUTS_MAX + 5


def test_two_handlers_that_feed_each_other_are_stopped() -> None:
    bus = Bus()
    bus.subscribe(Trade, lambda event: bus.publish(event))
    with pytest.raises(RuntimeError, match="derived from one input"):
        bus.feed((trade(),))


def test_feeding_from_a_handler_is_refused() -> None:
    bus = Bus()
    bus.subscribe(Quote, lambda event: bus.feed((event,)))
    with pytest.raises(RuntimeError, match="publish instead"):
        bus.feed((quote(),))


def test_unsubscribing_takes_effect_with_the_next_event() -> None:
    bus = Bus()
    calls: list[int] = []

    def once(event: Quote) -> None:
        calls.append(event.ts_ns)
        bus.unsubscribe(Quote, once)

    bus.subscribe(Quote, once)
    bus.feed((quote(T0), quote(T0 + SECOND)))
    assert calls == [T0]


def test_a_muted_bus_lets_nothing_derived_through() -> None:
    bus = Bus()
    seen = _recorded(bus)
    bus.subscribe(Quote, lambda _: bus.publish(_alert("old")))
    bus.is_muted = True
    bus.feed((quote(),))
    assert len(seen) == 1
