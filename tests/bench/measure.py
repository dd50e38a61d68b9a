"""The single measurements of `make bench`. Each returns a `Row`; none is a gate."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from bus.bus import STAGE_VIEW, Bus
from bus.clock import EventClock
from bus.events import Event, OrderApproved, Quote
from kernel.core import Core
from kernel.live import LiveLoop
from kernel.log import LogHeader
from persistence.event_log import BLOCK_EVENTS_MAX, EventLogReader, EventLogWriter
from tests.bench.feed import A, feed, listings, quotes
from tests.bench.replay_once import spec

PROJECT = Path(__file__).resolve().parents[2]
REPEATS = 3
RECORDED = 200_000  #: events


class Row(Struct, kw_only=True):
    """One line of bench.json. `ratio`: how many times better than `against` (above 1 is better)."""

    name: str
    value: float
    unit: str
    against: str
    ratio: float | None


def write_log(path: Path, events: Iterable[Event]) -> Path:
    """A log of listings and the given events."""
    log = EventLogWriter(path, LogHeader(run="import", created_ts_ns=0, code_version="bench", profile="import"))
    for seq, event in enumerate([*listings(), *events], start=1):
        log.append(seq, False, event)
    log.close()
    return path


def replay_once(log: Path, strategies: int, python: str = sys.executable) -> dict[str, float]:
    """The best of a few runs, each in a fresh process."""
    command = [python, "-m", "tests.bench.replay_once", str(log), str(strategies)]
    runs = [json.loads(subprocess.check_output(command, cwd=PROJECT, text=True)) for _ in range(REPEATS)]
    best: dict[str, float] = min(runs, key=lambda run: run["cpu_s"])
    return best


def floor(log: Path) -> float:
    """Events per CPU second of only decoding the log and calling one empty handler: nothing can be faster here."""

    def handler(event: Event) -> None:
        pass

    best = 0.0
    for _ in range(REPEATS):
        count = 0
        began = time.process_time()
        for block in EventLogReader(log).blocks():
            for event in block.events:
                handler(event)
            count += len(block.events)
        best = max(best, count / (time.process_time() - began))
    return best


def recording() -> list[Row]:
    """Cost of the log on the live path, where events are recorded as soon as they are made, not fetched from far."""
    best_ns = stall_us = float("inf")
    size = 0.0
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.evl"
            log = EventLogWriter(path, LogHeader(run="r", created_ts_ns=0, code_version="b", profile="bench"))
            stalls = []
            spent_s, seq = 0.0, 0
            stream = feed(RECORDED)
            while events := list(islice(stream, BLOCK_EVENTS_MAX)):
                began, before_ns = time.process_time(), time.perf_counter_ns()
                seq += 1
                log.append(seq, False, events[0])  # writes the block before
                stalls.append((time.perf_counter_ns() - before_ns) / 1e3)
                for event in events[1:]:
                    seq += 1
                    log.append(seq, False, event)
                spent_s += time.process_time() - began
            began = time.process_time()
            log.flush()
            best_ns = min(best_ns, (spent_s + time.process_time() - began) / seq * 1e9)
            stall_us = min(stall_us, sorted(stalls)[len(stalls) // 2])
            log.close()
            size = path.stat().st_size / seq
    return [
        Row(name="log size, mixed feed", value=size, unit="B/event", against="bar 16", ratio=16 / size),
        Row(name="recording, amortised", value=best_ns, unit="ns/event", against="bar 300", ratio=300 / best_ns),
        Row(
            name="recording, stall per block (median)",
            value=stall_us,
            unit="us",
            against="bar 200",
            ratio=200 / stall_us,
        ),
    ]


def dispatch() -> list[Row]:
    """The bus alone."""
    events = [event for event in quotes(100_000) if type(event) is Quote]

    def ns_per_event(handlers: int) -> float:
        best = float("inf")
        for _ in range(REPEATS):
            bus = Bus()
            for _ in range(handlers):
                bus.subscribe(Quote, lambda event: None)
            began = time.process_time()
            bus.feed(events)
            best = min(best, (time.process_time() - began) / len(events) * 1e9)
        return best

    one, ten = ns_per_event(1), ns_per_event(11)
    more = (ten - one) / 10
    return [
        Row(name="dispatch to one handler", value=one, unit="ns", against="bar 150", ratio=150 / one),
        Row(name="each further subscriber", value=more, unit="ns", against="bar 250", ratio=250 / more),
    ]


def orders_scale() -> Row:
    """Cost of an order when 100,000 came before, against when 1,000 did: an order on every tenth quote."""

    def cpu_per_order(skip: int, count: int) -> float:
        core = Core(spec(1, every=10))
        core.bus.feed(listings())
        stream = list(quotes((skip + count) * 10))
        core.bus.feed(stream[: skip * 10])
        began = time.process_time()
        core.bus.feed(stream[skip * 10 :])
        return (time.process_time() - began) / count

    early = min(cpu_per_order(1_000, 4_000) for _ in range(REPEATS))
    late = cpu_per_order(100_000, 4_000)
    return Row(
        name="cost per order at 100k orders vs at 1k",
        value=late / early,
        unit="x",
        against="bar 1.5",
        ratio=1.5 * early / late,
    )


def live_latency() -> Row:
    """From publishing an event to the verdict on its intent: ten strategies, 2,000 quotes a second, live loop.

    One strategy in ten orders on a quote, every other quote; the verdict comes after the intent, so this is the later.
    """

    async def run(folder: Path) -> float:
        core = Core(spec(10, every=20))
        log = EventLogWriter(folder / "x.evl", LogHeader(run="r", created_ts_ns=0, code_version="b", profile="bench"))
        clock = EventClock(1_700_000_000_000_000_000)
        core.begin(clock.now_ns())
        live = LiveLoop(core, log, clock)
        for number, slot in enumerate(core.runner.slots.values()):
            slot.strategy.left = 1 + 2 * number  # type: ignore[attr-defined]  # each orders on quotes of its own
        sent_ns: dict[int, int] = {}
        taken_us: list[float] = []

        def on_order(order: OrderApproved) -> None:
            began = sent_ns.get(core.bus.now_ns)
            if began is not None:
                taken_us.append((time.perf_counter_ns() - began) / 1e3)

        core.bus.subscribe(OrderApproved, on_order, STAGE_VIEW)
        live.start()
        for event in listings():
            core.bus.publish(event)
        for number, event in enumerate(quotes(8_000)):
            now_ns = clock.now_ns()
            sent_ns[now_ns] = time.perf_counter_ns()
            core.bus.publish(msgspec.structs.replace(event, ts_ns=now_ns))
            if number % 4 == 0:
                await asyncio.sleep(0.002)
        await live.stop()
        log.close()
        return sorted(taken_us)[int(len(taken_us) * 0.99)]

    with tempfile.TemporaryDirectory() as folder:
        p99_us = min(asyncio.run(_in_loop(run, Path(folder) / str(n))) for n in range(REPEATS))
    return Row(
        name="event to verdict, live loop, 10 strategies, p99",
        value=p99_us,
        unit="us",
        against="bar 1000",
        ratio=1000 / p99_us,
    )


async def _in_loop(run, folder: Path) -> float:  # type: ignore[no-untyped-def]
    result: float = await run(folder)
    return result


__all__ = ["A", "Row", "dispatch", "floor", "live_latency", "orders_scale", "recording", "replay_once", "write_log"]
