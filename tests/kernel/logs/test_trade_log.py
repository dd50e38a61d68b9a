"""Trade and trading lines: what the bus said, in the right file, nothing per tick."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bus.clock import WallClock
from bus.events import Alert, KillSwitchSet, Landed, OrderDenied, Rejected, StrategyFaulted
from bus.units import ZERO
from kernel.logs.log_settings import LogSettings
from kernel.logs.logs import Logs
from kernel.logs.trade_log import TradeLog
from tests.builders import SECOND, T0, place, quote
from tests.kernel.puppet import Stage, once, puppet, silent


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    before = structlog.get_config()
    made = Logs(LogSettings(console_level="off"), tmp_path, WallClock())
    made.start()
    yield made
    made.stop()
    structlog.configure(**before)


def lines(logs: Logs, module: str, kind: str) -> list[dict[str, Any]]:
    logs.writer.flush()
    path = logs.folder / module / f"{module}_{kind}.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_order_s_life_is_in_the_trade_log_alone(logs: Logs) -> None:
    stage = Stage(puppet("s", once(lambda: [place(qty="1")], T0 + SECOND)))
    TradeLog(stage.bus).start()
    for number in range(1, 50):
        stage.feed(quote(T0 + number * SECOND))
    trades = lines(logs, "s", "trades")
    assert [line["event"] for line in trades] == [
        "order_approved", "order_submitted", "order_accepted", "filled_part", "order_filled",
    ]  # fmt: skip
    assert len({line["order_id"] for line in trades}) == 1
    assert trades[3]["qty"] == "1" and trades[3]["simulated"] is True and trades[3]["seq"] > 0
    assert lines(logs, "s", "trading") == []


def test_a_transaction_can_be_found_by_its_signature(logs: Logs) -> None:
    stage = Stage(puppet("s", silent))
    TradeLog(stage.bus).start()
    stage.feed(Landed(ts_ns=T0, strategy="s", order_id="o", simulated=False, tx="5" * 87, block=7))
    (line,) = lines(logs, "s", "trades")
    assert (line["event"], line["tx"], line["block"]) == ("order_landed", "5" * 87, 7)


def denied(ts_ns: int, reason: str = "budget") -> OrderDenied:
    return OrderDenied(
        ts_ns=ts_ns, strategy="s", cause_seq=1, index=0, reason=reason, scope="global", limit="10", asked="11",
        opportunity="", notional_usd=ZERO,
    )  # fmt: skip


def test_equal_denials_are_told_once_in_ten_seconds_with_their_number(logs: Logs) -> None:
    stage = Stage(puppet("s", silent))
    TradeLog(stage.bus).start()
    stage.feed(*(denied(T0 + number * SECOND // 10) for number in range(120)), denied(T0 + 12 * SECOND, "pace"))
    told = lines(logs, "s", "trading")
    assert [(line["reason"], line["equal_before"]) for line in told] == [("budget", 0), ("budget", 99), ("pace", 0)]


def test_faults_switches_and_alerts_reach_the_errors_of_their_module(logs: Logs) -> None:
    stage = Stage(puppet("s", silent))
    TradeLog(stage.bus).start()
    stage.feed(
        StrategyFaulted(ts_ns=T0, strategy="s", cause_seq=3, error="ValueError: no"),
        KillSwitchSet(ts_ns=T0, is_on=True, strategy="", reason="asked", by="me"),
        Alert(ts_ns=T0, severity="critical", source="../etc", code="c", text="\x1b[2J"),
        Rejected(ts_ns=T0, strategy="s", order_id="o", simulated=True, reason="no"),
    )
    assert [line["event"] for line in lines(logs, "s", "errors")] == ["strategy_faulted"]
    assert [line["event"] for line in lines(logs, "kernel", "errors")] == ["kill_switch_set", "alert_raised"]
    assert lines(logs, "s", "trades")[-1]["level"] == "warning"


def test_after_stop_nothing_is_written(logs: Logs) -> None:
    stage = Stage(puppet("s", silent))
    log = TradeLog(stage.bus)
    log.start()
    log.stop()
    stage.feed(denied(T0))
    assert lines(logs, "s", "trading") == []
