"""Measurements of logs and metrics: what the loop pays for a line, what a slice of the metrics page takes."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from bus.clock import WallClock
from kernel.logs.log_settings import LogSettings
from kernel.logs.logs import Logs
from kernel.metrics.metrics_page import render
from tests.bench.measure import Row

LINES = 20_000
BATCH = 500  #: lines between two flushes, so that no queue is ever full
SERIES, FAMILIES = 200, 25  #: a page of over 5,000 lines


def logging_cost() -> list[Row]:
    """CPU time of the caller's thread per line; the writer's thread works meanwhile."""
    before = structlog.get_config()
    with tempfile.TemporaryDirectory() as folder:
        logs = Logs(LogSettings(console_level="off"), Path(folder), WallClock())
        logs.start()
        log = structlog.get_logger("bench")
        taken: dict[str, list[float]] = {"info": [], "debug": []}
        for method in taken:
            tell = getattr(log, method)
            for _ in range(LINES // BATCH):
                began = time.thread_time_ns()
                for number in range(BATCH):
                    tell("order_denied", reason="budget", scope="global", number=number)
                taken[method].append((time.thread_time_ns() - began) / BATCH / 1e3)
                logs.writer.flush()
        logs.stop()
    structlog.configure(**before)
    rows = []
    for method, name in (("info", "a log line, for its caller"), ("debug", "a line below the level")):
        cost_us = median(taken[method])
        rows.append(Row(name=name, value=cost_us, unit="us", against="bar 3", ratio=3 / cost_us))
    return rows


class _Page:
    def collect(self) -> list[GaugeMetricFamily]:
        families = []
        for number in range(FAMILIES):
            family = GaugeMetricFamily(f"family_{number}", "Help.", labels=("strategy", "reason"))
            for series in range(SERIES):
                family.add_metric([f"strategy_{series % 10}", f"reason_{series}"], series / 3)
            families.append(family)
        return families


def metrics_slice() -> Row:
    """The longest time that the page of `/metrics` holds the loop at once."""

    async def longest() -> float:
        registry = CollectorRegistry()
        registry.register(_Page())
        page = asyncio.create_task(render(registry))
        slices = [0.0]
        while not page.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            slices.append(time.thread_time() - began)
        return max(slices[2:])  # the first makes the families of this test

    took_ms = min(asyncio.run(longest()) for _ in range(5)) * 1e3
    return Row(
        name="longest slice of 5,000 lines of metrics", value=took_ms, unit="ms", against="bar 2", ratio=2 / took_ms
    )
