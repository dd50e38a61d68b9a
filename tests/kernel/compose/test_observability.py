"""Logs, metrics and health around a real kernel: started before it, attached to it, ended after it."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from bus.bus import STAGE_VIEW
from bus.events import Alert, KillSwitchSet
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability, log_settings_of
from kernel.errors import ConfigError
from kernel.metrics import readiness
from kernel.metrics.metric_catalogue import CATALOGUE
from kernel.profile import load_profile


@pytest.fixture(autouse=True)
def structlog_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


class Run:
    """A demo kernel with its observability."""

    def __init__(self, data: Path) -> None:
        self.watch = Observability(log_settings_of({"console_level": "off"}), data)
        self.watch.start_logs()
        self.process = KernelProcess(load_profile("demo", {}), data, is_with_db=False)

    async def begin(self) -> None:
        await self.process.start()
        self.watch.attach(self.process, None)

    async def end(self) -> None:
        self.watch.begin_stop()
        await self.process.stop()
        self.watch.stop()
        self.process.release()

    def lines(self, module: str, kind: str = "trading") -> list[dict[str, Any]]:
        self.watch.logs.writer.flush()
        path = self.watch.logs.folder / module / f"{module}_{kind}.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    made = Run(tmp_path)
    assert made.watch.readiness().reasons == (readiness.STARTING,)
    await made.begin()
    yield made
    if made.watch.logs.reading().is_alive:
        await made.end()


async def until(is_met: Any) -> None:
    async with asyncio.timeout(10):
        while not is_met():
            await asyncio.sleep(0.005)


async def test_a_run_is_ready_has_all_its_metrics_and_logs_its_begin_and_end(run: Run, tmp_path: Path) -> None:
    await until(lambda: run.process.core.bus.seq > 100)
    assert run.watch.readiness() == readiness.Readiness()
    run.watch.logs.writer.flush()
    families = {each.name: each for each in text_string_to_metric_families((await run.watch.page.text()).decode())}
    assert {f"{name}_total" if each.type == "counter" else name for name, each in families.items()} <= CATALOGUE.keys()
    assert families["kernel_bus_events"].samples[0].value >= 100
    assert families["kernel_info"].samples[0].labels["mode"] == "DEMO"
    assert families["kernel_log_lines"].samples
    run.watch.health()
    token = tmp_path / "metrics.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and token.read_text().strip() not in str(families)
    await run.end()
    assert run.watch.readiness().reasons == (readiness.STOPPING,)
    assert [line["event"] for line in run.lines("kernel") if line["event"].startswith("kernel_")] == [
        "kernel_started", "kernel_stopping", "kernel_stopped",
    ]  # fmt: skip


async def test_readiness_tells_what_hinders_and_what_only_warns(run: Run) -> None:
    run.process.kill("asked", "me")
    await until(lambda: run.process.core.runner.kills)
    assert run.watch.readiness() == readiness.Readiness(warnings=(readiness.KILLED,))
    run.process.live.log_failure = "disk full"
    assert run.watch.readiness().reasons == (readiness.EVENT_LOG,)
    run.process.live.log_failure = ""
    run.process.is_failed = True
    assert run.watch.readiness().reasons == (readiness.FAILED,)
    run.process.is_failed = False


@pytest.mark.slow
async def test_log_files_that_refuse_are_an_alert_and_a_warning_and_heal(run: Run) -> None:
    told: list[Alert] = []
    run.process.core.bus.subscribe(Alert, told.append, STAGE_VIEW)
    folder = run.watch.logs.folder / "webui"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file in the place of the folder")
    structlog.get_logger("webui").info("said")
    await until(lambda: any(alert.code == readiness.LOGS for alert in told))
    assert "cannot write" in told[-1].text and run.watch.readiness().warnings == (readiness.LOGS,)
    folder.unlink()
    await until(lambda: told[-1].severity == "info")
    assert run.watch.readiness() == readiness.Readiness()
    assert [line["event"] for line in run.lines("webui")] == ["said"]


async def test_a_view_that_fails_is_logged_and_the_kernel_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise LookupError("a fault of ours")

    assert run.watch._views is not None
    monkeypatch.setattr(run.watch._views[0], "_place", broken)
    run.process.kill("asked", "me")
    await until(lambda: run.watch.view_faults)
    seq = run.process.core.bus.seq
    await until(lambda: run.process.core.bus.seq > seq)
    assert not run.process.live.has_failed
    (line,) = [each for each in run.lines("kernel", "errors") if each["event"] == "view_failed"]
    assert line["of"] == KillSwitchSet.__name__ and "a fault of ours" in line["exception"]


def test_wrong_settings_name_their_field() -> None:
    with pytest.raises(ConfigError, match=r"logs: .*queue_lines"):
        log_settings_of({"queue_lines": 1})
    with pytest.raises(ConfigError, match="logs"):
        log_settings_of({"nothing": 1})


def test_every_setting_says_what_it_is() -> None:
    import msgspec

    for field in msgspec.structs.fields(log_settings_of({}).__class__):
        meta = msgspec.inspect.type_info(field.type)
        extra = getattr(meta, "extra", None) or {}
        schema = getattr(meta, "extra_json_schema", None) or {}
        assert {"unit", "group", "recommended"} <= set(extra), field.name
        assert schema.get("title") and schema.get("description"), field.name
