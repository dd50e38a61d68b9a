"""Logs of the process: structlog and the standard logging lead to the modules' files; a crash leaves its reason."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bus.clock import WallClock
from kernel.errors import ConfigError
from kernel.logs.log_settings import LogSettings
from kernel.logs.logs import Logs, checked_module, trade_logger
from kernel.strategy import convert_settings
from tests.shared_data import PROJECT


def lines(folder: Path, module: str, kind: str = "trading") -> list[dict[str, Any]]:
    path = folder / module / f"{module}_{kind}.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    before = structlog.get_config()
    made = Logs(LogSettings(console_level="off"), tmp_path, WallClock())
    made.start()
    yield made
    made.stop()
    structlog.configure(**before)


def test_a_logger_writes_to_its_module_with_context_and_bound_values(logs: Logs) -> None:
    log = structlog.get_logger("rpc_pool.picker").bind(chain="base")
    with structlog.contextvars.bound_contextvars(trace="t1"):
        log.info("endpoint_chosen", endpoint="one")
    logs.stop()
    (line,) = lines(logs.folder, "rpc_pool")
    assert line | {"ts": ""} == {
        "ts": "",
        "level": "info",
        "module": "rpc_pool",
        "event": "endpoint_chosen",
        "logger": "rpc_pool.picker",
        "trace": "t1",
        "chain": "base",
        "endpoint": "one",
    }


def test_trade_lines_do_not_reach_the_trading_file(logs: Logs) -> None:
    trade_logger("carry").info("filled_part", qty=1)
    structlog.get_logger("carry").info("state_changed")
    logs.stop()
    assert [line["event"] for line in lines(logs.folder, "carry", "trades")] == ["filled_part"]
    assert [line["event"] for line in lines(logs.folder, "carry")] == ["state_changed"]


def test_an_exception_is_written_with_its_trace_to_trading_and_errors(logs: Logs) -> None:
    try:
        raise LookupError("lost")
    except LookupError:
        structlog.get_logger("webui").exception("page_failed")
    logs.stop()
    for kind in ("trading", "errors"):
        (line,) = lines(logs.folder, "webui", kind)
        assert line["level"] == "error" and line["exception"].endswith("LookupError: lost")


def test_levels_follow_the_settings_while_running(logs: Logs) -> None:
    log = structlog.get_logger("webui")
    log.debug("unseen")
    logs.apply(LogSettings(level="debug", console_level="off"))
    log.debug("seen")
    logs.apply(LogSettings(level="error", console_level="off"))
    log.warning("unseen")
    logs.stop()
    assert [line["event"] for line in lines(logs.folder, "webui")] == ["seen"]


def test_libraries_are_folded_in_from_their_level_on(logs: Logs) -> None:
    logging.getLogger("uvicorn.error").warning("slow %s", "client")
    logging.getLogger("asyncpg.pool").error("gone")
    logging.getLogger("asyncio").info("unseen")
    wrong = {"name": "asyncio", "levelno": logging.WARNING, "msg": "bad %d", "args": ("format",)}
    logs.library_handler.handle(logging.makeLogRecord(wrong))
    logs.stop()
    assert [(line["event"], line["logger"]) for line in lines(logs.folder, "webui")] == [
        ("slow client", "uvicorn.error")
    ]
    assert [line["event"] for line in lines(logs.folder, "database", "errors")] == ["gone"]
    assert [line["event"] for line in lines(logs.folder, "kernel")] == ["bad %d"]


@pytest.mark.parametrize("name", ["../etc", "a/b", "", "A", "1a", ".", "a" * 41, "a\n", "ä", "a b"])
def test_a_hostile_module_name_is_refused_and_never_a_path(logs: Logs, name: str) -> None:
    with pytest.raises(ConfigError, match="log module"):
        checked_module(name)
    structlog.get_logger(name).info("said")
    logs.stop()
    assert [line["event"] for line in lines(logs.folder, "kernel")] == ["said"]
    assert [each.name for each in logs.folder.iterdir()] == ["kernel"]


def test_a_logger_made_before_goes_on_after_the_logs_were_stopped_and_started(tmp_path: Path, logs: Logs) -> None:
    log = structlog.get_logger("webui")
    log.info("first")
    logs.stop()
    log.info("nobody listens")
    again = Logs(LogSettings(console_level="off"), tmp_path / "again", WallClock())
    again.start()
    log.info("second")
    again.stop()
    assert [line["event"] for line in lines(logs.folder, "webui")] == ["first"]
    assert [line["event"] for line in lines(again.folder, "webui")] == ["second"]


def test_tests_may_still_capture_lines(logs: Logs) -> None:
    with structlog.testing.capture_logs() as found:
        structlog.get_logger("webui").info("said", n=1)
    assert found == [{"event": "said", "log_level": "info", "n": 1}]


def test_settings_name_the_folder_and_refuse_a_wrong_level(tmp_path: Path) -> None:
    settings = convert_settings(LogSettings, {"folder": str(tmp_path / "else")})
    assert Logs(settings, tmp_path, WallClock()).folder == tmp_path / "else"
    with pytest.raises(ValueError, match="level"):
        convert_settings(LogSettings, {"level": "loud"})


CRASH = """
import sys, threading, asyncio
from pathlib import Path
import structlog
from bus.clock import WallClock
from kernel.logs.log_settings import LogSettings
from kernel.logs.logs import Logs
logs = Logs(LogSettings(console_level="off", flush_ms=250), Path(sys.argv[1]), WallClock())
logs.start()
log = structlog.get_logger("webui")
for number in range(500):
    log.info("said", number=number)
how = sys.argv[2]
if how == "thread":
    worker = threading.Thread(target=lambda: 1 / 0)
    worker.start(); worker.join()
elif how == "raise":
    raise ZeroDivisionError("the end")
elif how == "task":
    async def bad(): raise ZeroDivisionError("the end")
    async def main():
        task = asyncio.create_task(bad()); await asyncio.sleep(0); await asyncio.sleep(0); del task
    asyncio.run(main())
elif how == "exit":
    sys.exit(3)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [("raise", 1, "uncaught"), ("thread", 0, "thread_uncaught"), ("exit", 3, ""), ("task", 0, "never retrieved")],
)
def test_nothing_is_lost_when_the_process_ends(tmp_path: Path, how: str, code: int, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path), how], cwd=PROJECT, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == code, done.stderr
    assert [line["number"] for line in lines(tmp_path, "webui")] == list(range(500))
    errors = lines(tmp_path, "kernel", "errors")
    assert len(errors) == bool(told)
    if told:
        assert told in errors[0]["event"] and "ZeroDivisionError" in errors[0]["exception"]
