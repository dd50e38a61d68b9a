"""Runs recorded as they are live: a core, the log's tap, and inputs of every kind; restarts included."""

import os
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bus.events import (
    Event,
    FundingRate,
    KillSwitchSet,
    Quote,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    TimerFired,
)
from bus.intents import Hedge, Intent, Wake
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.log import LogHeader
from kernel.replay import spec_from_header
from persistence.event_log import EventLogReader, EventLogWriter
from tests.bench.feed import START_NS, A, B, feed, listings
from tests.builders import SECOND, place
from tests.kernel.puppet import WIDE, Puppet, puppet

PAPER: dict[str, Any] = {
    "latency_ms": 5,
    "latency_jitter_ms": 30,
    "cancel_latency_ms": 20,
    "reject_pct": 10.0,
    "unknown_pct": 10.0,
    "unknown_ms": 300,
    "fill_wait_ms": 200,
}


def _trade(self: Any, event: Any) -> Iterable[Intent]:
    """Hedges, lone orders and resting ones in turns, on every 40th quote; wakes in between."""
    if type(event) is TimerFired:
        yield place("sell", qty="0.2", instrument=A, tif="gtc", limit_price=Decimal(2003))
    if type(event) is not Quote:
        return
    self.count = getattr(self, "count", 0) + 1
    self.funnel.seen += 1
    size = str(Decimal(self.settings.size) / 10)
    match self.count % 160:
        case 40:
            legs = (place(qty=size, instrument=A), place("sell", qty=size, instrument=B))
            yield Hedge(legs=legs, deadline_ms=100, expected_net_usd=Decimal(1), opportunity=f"h{self.count}")
        case 80:
            yield place(qty=size, instrument=A, tif="gtc", limit_price=Decimal(2000))
            yield Wake(at_ns=event.ts_ns + 300_000_000, name="later")
        case 120:
            yield place("sell", qty=size, instrument=A)
        case 150:
            yield place(qty="-1", instrument=A)


def _fail(self: Any, event: Any) -> Iterable[Intent]:
    if type(event) is Quote:
        self.count = getattr(self, "count", 0) + 1
        yield place(qty="0.1", instrument=B, tif="gtc", limit_price=Decimal(1999))
        if self.count == 50:
            raise RuntimeError("as planned")


TRADER: type[Puppet] = puppet("trader", _trade)
FAILER: type[Puppet] = puppet("failer", _fail)
KINDS = {"trader": TRADER, "failer": FAILER}


def spec(run: str, names: tuple[str, ...] = ("trader", "failer"), **changes: Any) -> CoreSpec:
    """What a run of these strategies is made of."""
    fields: dict[str, Any] = {
        "run": run,
        "seed": 7,
        "strategies": tuple(StrategySpec(kind=KINDS[name], limits=WIDE) for name in names),
        "global_limits": WIDE,
        "paper": PAPER,
    }
    return CoreSpec(**{**fields, **changes})


def spec_of(header: LogHeader) -> CoreSpec:
    return spec_from_header(header, KINDS.__getitem__)


def market(count: int, skip: int = 0) -> list[Event]:
    """A part of the synthetic feed; the instruments first when it starts at the beginning."""
    events = list(feed(skip + count, seed=3))[skip:]
    return [*([] if skip else listings()), *events]


def scripted(count: int = 3000) -> list[Event]:
    """Market data with operators, settings, timers, funding and a long pause in between."""
    events = market(count)

    def at(share: float) -> int:
        return events[int(len(events) * share)].ts_ns

    extra: list[Event] = [
        SettingsChanged(ts_ns=at(0.2), strategy="trader", settings_json='{"size": 3}', version=2),
        SettingsChanged(ts_ns=at(0.25), strategy="trader", settings_json='{"size": "x"}', version=3),
        FundingRate(ts_ns=at(0.3) + 1, instrument=B, settle_ts_ns=at(0.3), interval_h=8.0, rate_per_hour=1e-5),
        KillSwitchSet(ts_ns=at(0.4), is_on=True, strategy="", reason="test", by="operator"),
        KillSwitchSet(ts_ns=at(0.5), is_on=False, strategy="", reason="test", by="operator"),
        StrategyCommand(ts_ns=at(0.6), strategy="trader", command="pause", by="operator"),
        StrategyCommand(ts_ns=at(0.65), strategy="trader", command="start", by="operator"),
    ]
    merged = sorted([*events, *extra], key=lambda event: event.ts_ns)
    cut = int(len(merged) * 0.8)
    late = 400 * SECOND
    return [*merged[:cut], *(msgspec.structs.replace(each, ts_ns=each.ts_ns + late) for each in merged[cut:])]


class Recording:
    """One run being recorded; `folder` may hold older runs, which it then continues."""

    def __init__(self, folder: Path, run: str, made: CoreSpec | None = None) -> None:
        self.spec = made or spec(run)
        self.core = Core(self.spec)
        older = sorted(folder.glob("*.evl")) if folder.is_dir() else []
        last_seq, previous = 0, ""
        if older:
            reader = EventLogReader(folder)
            self.core.recover((event for block in reader.blocks() for event in block.events), reader.header.first_seq)
            last_seq, previous = reader.tails[-1].last_seq, reader.segments[-1].header.run
        self.created_ns = max(START_NS, self.core.bus.now_ns + 1)
        self.header = LogHeader(
            run=run,
            created_ts_ns=self.created_ns,
            code_version="0",
            profile="test",
            previous_run=previous,
            segment=len(older) + 1,
            first_seq=last_seq + 1,
            seed=self.spec.seed,
            settings=self.spec.settings_table(),
            strategies=tuple(each.kind.name for each in self.spec.strategies),
        )
        self.path = folder / f"{len(older) + 1:06d}-{run}.evl"
        self.log = EventLogWriter(self.path, self.header)
        bus = self.core.bus
        bus.seq = last_seq
        bus.tap(self.log.append)
        self.core.begin(self.created_ns)
        if older:
            bus.feed(
                (
                    RunRestarted(
                        ts_ns=self.created_ns,
                        previous_run=previous,
                        is_tail_torn=False,
                        open_orders=len(self.core.router.open),
                        note="",
                    ),
                )
            )

    def play(self, events: Iterable[Event], flush_every: int = 0) -> "Recording":
        for number, event in enumerate(events, start=1):
            self.core.bus.feed((event,))
            if flush_every and number % flush_every == 0:
                self.log.flush()
        return self

    def close(self) -> Path:
        self.log.close()
        return self.path

    def crash(self) -> Path:
        """The process is gone; what was not flushed is lost."""
        os.close(self.log._fd)
        return self.path


def rewrite(path: Path, change: Callable[[int, bool, Event], Event | None]) -> None:
    """The log with some events replaced (None = dropped, seqs close up)."""
    reader = EventLogReader(path)
    rows = [
        (block.first_seq + index, index in block.derived, event)
        for block in reader.blocks()
        for index, event in enumerate(block.events)
    ]
    path.unlink()
    log = EventLogWriter(path, reader.header)
    seq = reader.header.first_seq
    for old_seq, is_derived, event in rows:
        changed = change(old_seq, is_derived, event)
        if changed is not None:
            log.append(seq, is_derived, changed)
            seq += 1
    log.close()
