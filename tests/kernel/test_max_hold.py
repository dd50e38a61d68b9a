"""Max hold is enforced by the kernel, outside strategy code."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bus.events import Alert, OrderApproved, Quote, StrategyCommand, StrategyFaulted
from bus.intents import Intent, PlaceOrder
from tests.builders import MINUTE, SECOND, T0, place, quote
from tests.kernel.puppet import WIDE, Stage, puppet

BUY_NS = T0 + SECOND
FAULT_NS = T0 + 40 * SECOND
LIMITS = {**WIDE, "max_hold_minutes": 3}


def _buys_once(_: Any, event: Any) -> Iterable[Intent]:
    return (place(qty="0.1"),) if isinstance(event, Quote) and event.ts_ns == BUY_NS else ()


def _faults_later(_: Any, event: Any) -> Iterable[Intent]:
    if isinstance(event, Quote) and event.ts_ns == FAULT_NS:
        raise KeyError("oops")
    return _buys_once(_, event)


def _stage(script: Any, **members: Any) -> Stage:
    stage = Stage(puppet("a", script, wants=(Quote,), **members), limits=LIMITS)
    stage.core.begin(T0)
    stage.feed(quote(BUY_NS), quote(BUY_NS + SECOND), quote(FAULT_NS))
    return stage


def _held(stage: Stage) -> Decimal:
    return sum((each.qty for each in stage.core.ledger.positions_of("a")), Decimal(0))


def _pass(stage: Stage, first: int, last: int) -> None:
    stage.feed(*[quote(T0 + n * MINUTE + k * SECOND) for n in range(first, last) for k in range(1, 60, 7)])


def test_an_old_position_is_flattened_by_command_and_told_once_in_a_while() -> None:
    stage = _stage(_buys_once)
    _pass(stage, 1, 3)
    assert _held(stage) == Decimal("0.1") and not stage.events(StrategyCommand)
    _pass(stage, 3, 8)
    (command,) = stage.events(StrategyCommand)
    assert (command.command, command.strategy) == ("flatten", "a")
    assert [each.code for each in stage.events(Alert)] == ["max_hold"]
    _pass(stage, 8, 11)
    assert len(stage.events(StrategyCommand)) == 2


def test_what_flatten_yields_passes_the_gate_and_ends_the_position() -> None:
    def close(_: Any) -> Iterable[Intent]:
        return (place("sell", qty="0.1", is_reduce_only=True),)

    stage = _stage(_buys_once, script_flatten=close)
    _pass(stage, 1, 6)
    assert _held(stage) == 0


def test_a_faulted_strategys_old_position_is_closed_by_the_kernel() -> None:
    stage = _stage(_faults_later)
    assert stage.events(StrategyFaulted) and _held(stage) == Decimal("0.1")
    _pass(stage, 1, 8)
    assert _held(stage) == 0
    closing = stage.events(OrderApproved)[-1]
    assert closing.is_unwind and isinstance(closing.intent, PlaceOrder) and closing.intent.is_reduce_only
