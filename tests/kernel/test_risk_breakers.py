"""What the gate says of its breakers is what its verdicts do, and a reset by hand is an event with its reason."""

import msgspec

from bus.clock import NS_PER_S
from bus.events import AnyEvent, StrategyCommand
from kernel.risk_limits import RiskLimits
from tests.kernel.risk_moves import command, kill
from tests.kernel.risk_world import RiskWorld, buy


def world(**limits: float) -> RiskWorld:
    made = RiskWorld()
    made.set_limits("risk.s", RiskLimits(**({"max_consecutive_failures": 2} | limits)))  # type: ignore[arg-type]
    return made


def fail_twice(w: RiskWorld) -> None:
    for _ in range(2):
        w.reject(w.approved(buy()))


def test_a_breaker_tells_until_when_it_is_open_and_closes_by_itself() -> None:
    w = world(failure_cooldown_s=30)
    assert w.gate.breakers("s").failures_until_ns == 0
    fail_twice(w)
    told = w.gate.breakers("s")
    assert (told.failures, told.failures_max, told.failures_until_ns) == (2, 2, w.now_ns + 30 * NS_PER_S)
    assert w.reason(buy()) == "consecutive_failures"


def test_a_breaker_without_an_end_says_so_and_a_reset_closes_it() -> None:
    w = world(failure_cooldown_s=0)
    fail_twice(w)
    assert w.gate.breakers("s").failures_until_ns is None
    command(w)
    assert (w.gate.breakers("s").failures, w.gate.breakers("s").failures_until_ns) == (0, 0)
    assert w.approved(buy())


def test_a_kill_switch_stands_in_its_own_scope() -> None:
    w = world()
    kill(w)
    assert (w.gate.breakers().killed, w.gate.breakers("s").killed) == ("test", None)


def test_a_command_keeps_its_reason_and_one_from_an_older_log_has_none() -> None:
    decoder = msgspec.json.Decoder(AnyEvent)
    said = StrategyCommand(ts_ns=1, strategy="s", command="reset_breakers", by="me", reason="looked at it")
    assert decoder.decode(msgspec.json.encode(said)) == said
    assert decoder.decode(b'["command",1,"s","halt","me"]') == StrategyCommand(
        ts_ns=1, strategy="s", command="halt", by="me", reason=""
    )
