"""Replay: the same kernel fed from a log. `simulate` makes its own fills; `verify` must reproduce the recorded run.

Only inputs are fed; everything derived is made again. Blocks are streamed, a log is never held whole.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from bus.bus import FAR_FUTURE_NS, STAGE_VIEW, Bus
from bus.clock import stopwatch_ns
from bus.events import (
    REPORTS,
    BalanceUpdated,
    FundingPaid,
    KillSwitchSet,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategySampled,
)
from bus.events.base import Event
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.errors import BadInput
from kernel.log import Block, LogHeader, LogReader
from kernel.runner import BY_KERNEL

DIGESTED: tuple[type[Event], ...] = (
    *REPORTS,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    FundingPaid,
    StrategyFaulted,
)
OPERATOR: tuple[type[Event], ...] = (KillSwitchSet, StrategyCommand)
PROGRESS_EVERY_BLOCKS = 32

_encoder = msgspec.json.Encoder()
Progress = Callable[[int], None]  #: (events read so far)


class Digest:
    """Hash of what a run decided and what became of it."""

    def __init__(self, bus: Bus) -> None:
        self._hash = blake2b(digest_size=32)
        for kind in DIGESTED:
            bus.subscribe(kind, self._on_event, STAGE_VIEW)

    def _on_event(self, event: Event) -> None:
        self._hash.update(_encoder.encode(event))

    def finish(self, state: dict[str, Any]) -> str:
        """Hex digest including the final state."""
        final = self._hash.copy()
        final.update(msgspec.json.encode(state, order="sorted"))
        return final.hexdigest()


class Simulation(Struct, kw_only=True):
    """What a simulated run gave; `core` holds the final books."""

    core: Core
    events: int
    seconds: float
    digest: str
    first_ts_ns: int
    last_ts_ns: int


def simulate(
    reader: LogReader,
    spec: CoreSpec,
    *,
    is_what_if: bool = False,
    overridden: frozenset[str] = frozenset(),
    prepare: Callable[[Core], None] | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Feed the recorded inputs to a fresh kernel with the paper venue.

    Reports and balances that came from live venues are dropped, since execution is simulated, and so are the stops and
    restarts of the recorded kernel itself: a log of several runs is one market. What-if also drops the
    operator's commands; recorded settings of strategies in `overridden` are dropped in favour of the given ones.
    """
    core = Core(msgspec.structs.replace(spec, venues=(), is_live=False))
    digest = Digest(core.bus)
    if prepare is not None:
        prepare(core)
    dropped: tuple[type[Event], ...] = (*REPORTS, BalanceUpdated, RunRestarted, *(OPERATOR if is_what_if else ()))
    started_ns = stopwatch_ns()
    fed = read = 0
    first_ts_ns = last_ts_ns = 0
    for number, block in enumerate(reader.blocks()):
        read += len(block.events)
        inputs = _inputs(block, dropped, overridden)
        if not inputs:
            continue
        if not fed:
            first_ts_ns = inputs[0].ts_ns
            core.begin(first_ts_ns)
        core.bus.feed(inputs)
        fed += len(inputs)
        last_ts_ns = inputs[-1].ts_ns
        if progress is not None and number % PROGRESS_EVERY_BLOCKS == 0:
            progress(read)
    core.bus.at(core.bus.now_ns, lambda _: core.runner.sample())
    core.bus.ring_until(core.bus.now_ns)
    return Simulation(
        core=core,
        events=fed,
        seconds=(stopwatch_ns() - started_ns) / 1e9,
        digest=digest.finish(core.state()),
        first_ts_ns=first_ts_ns,
        last_ts_ns=last_ts_ns,
    )


def _inputs(block: Block, dropped: tuple[type[Event], ...], overridden: frozenset[str]) -> list[Any]:
    if not block.derived and type(block.events[0]) not in dropped and not overridden:
        kinds = set(map(type, block.events))
        if kinds.isdisjoint(dropped) and StrategyCommand not in kinds:
            return block.events
    derived = block.derived
    return [
        event
        for index, event in enumerate(block.events)
        if index not in derived
        and type(event) not in dropped
        and not (type(event) is SettingsChanged and event.strategy in overridden)
        and not (type(event) is StrategyCommand and event.by == BY_KERNEL)
    ]


class Difference(Struct, frozen=True, kw_only=True):
    """The first place where a replay left the recorded run."""

    seq: int
    recorded: str
    replayed: str


class Verification(Struct, frozen=True, kw_only=True):
    """Result of verify. `difference` None = identical."""

    events: int
    runs: int
    seconds: float
    digest: str
    difference: Difference | None = None
    unrecorded_tail: int = 0  #: derived events made again that a crash had kept from the file


def spec_from_header(header: LogHeader, kinds: Callable[[str], type[Any]]) -> CoreSpec:
    """The settings under which a run was recorded."""
    table = header.settings
    return CoreSpec(
        run=header.run,
        seed=header.seed,
        strategies=tuple(
            StrategySpec(
                kind=kinds(name),
                settings=table.get(name, {}).get("settings", {}),
                limits=table.get(name, {}).get("limits", {}),
            )
            for name in header.strategies
        ),
        global_limits=table.get("risk", {}),
        ceilings=table.get("ceilings", {}),
        paper=table.get("paper", {}),
        is_live=header.is_live,
        venues=header.venues,
    )


class _Comparer:
    """Compares what a run makes with what was recorded, in order."""

    def __init__(self) -> None:
        self.made: deque[tuple[int, bool, Event]] = deque()
        self.told: deque[tuple[int, bool, Event]] = deque()
        self.difference: Difference | None = None

    def tap(self, seq: int, is_derived: bool, event: Event) -> None:
        self.made.append((seq, is_derived, event))

    def compare(self) -> None:
        """Match both queues as far as both go."""
        made, told = self.made, self.told
        while made and told and self.difference is None:
            made_seq, made_derived, made_event = made.popleft()
            told_seq, told_derived, told_event = told.popleft()
            mine, theirs = _encoder.encode(made_event), _encoder.encode(told_event)
            if mine != theirs or made_seq != told_seq or made_derived != told_derived:
                self.difference = Difference(
                    seq=told_seq, recorded=_shown(told_derived, theirs), replayed=_shown(made_derived, mine)
                )

    def end(self) -> None:
        """The run is over: what was recorded and not made is a difference."""
        self.compare()
        if self.told and self.difference is None:
            seq, is_derived, event = self.told[0]
            self.difference = Difference(
                seq=seq, recorded=_shown(is_derived, _encoder.encode(event)), replayed="nothing"
            )


def _shown(is_derived: bool, raw: bytes) -> str:
    return ("derived " if is_derived else "input ") + raw.decode()


def verify(
    segments: Iterable[LogReader],
    spec_of: Callable[[LogHeader], CoreSpec],
    *,
    progress: Progress | None = None,
) -> Verification:
    """Feed the recorded inputs run by run; each must make the recorded derived events, bit for bit.

    A run that continues a log starts as it did live: from the fold of everything before it.
    """
    started_ns = stopwatch_ns()
    readers = list(segments)
    runs = _group_runs(readers)
    events = 0
    tail = 0
    digest = blake2b(digest_size=32)
    for number, run in enumerate(runs):
        header = run[0].header
        core = Core(spec_of(header))
        if number:
            earlier = [reader for before in runs[:number] for reader in before]
            core.recover(_events(earlier), earlier[0].header.first_seq)
        comparer = _Comparer()
        run_digest = Digest(core.bus)
        core.bus.tap(comparer.tap)
        core.bus.seq = header.first_seq - 1
        core.begin(header.created_ts_ns)
        for reader in run:
            for count, block in enumerate(reader.blocks()):
                _verify_block(core.bus, comparer, block)
                events += len(block.events)
                if comparer.difference is not None:
                    return _verification(events, number + 1, started_ns, "", comparer.difference, 0)
                if progress is not None and count % PROGRESS_EVERY_BLOCKS == 0:
                    progress(events)
        _ring_last_alarms(core.bus, comparer)
        comparer.end()
        if comparer.difference is not None:
            return _verification(events, number + 1, started_ns, "", comparer.difference, 0)
        tail += len(comparer.made)
        digest.update(run_digest.finish(core.state()).encode())
    return _verification(events, len(runs), started_ns, digest.hexdigest(), None, tail)


def _verify_block(bus: Bus, comparer: _Comparer, block: Block) -> None:
    for index, event in enumerate(block.events):
        is_derived = index in block.derived
        comparer.told.append((block.first_seq + index, is_derived, event))
        if not is_derived:
            bus.feed((event,))
            comparer.compare()
    comparer.compare()


def _ring_last_alarms(bus: Bus, comparer: _Comparer) -> None:
    """What a crash leaves last may be the work of alarms whose input, behind them, never reached the file.

    The time of that input shows in the last of several minute samples; with one sample at most it does not matter.
    """
    if comparer.told and comparer.difference is None:
        sampled_ns = [event.ts_ns for _, _, event in comparer.told if type(event) is StrategySampled]
        target_ns = sampled_ns[-1] if sampled_ns and sampled_ns[0] != sampled_ns[-1] else FAR_FUTURE_NS
        bus.ring_until(comparer.told[-1][2].ts_ns, target_ns)


def _verification(
    events: int, runs: int, started_ns: int, digest: str, difference: Difference | None, tail: int
) -> Verification:
    return Verification(
        events=events,
        runs=runs,
        seconds=(stopwatch_ns() - started_ns) / 1e9,
        digest=digest,
        difference=difference,
        unrecorded_tail=tail,
    )


def _group_runs(readers: list[LogReader]) -> list[list[LogReader]]:
    """Segments joined by run, in order. Refuses a log whose segments do not follow each other."""
    runs: list[list[LogReader]] = []
    for reader in readers:
        if runs and runs[-1][0].header.run == reader.header.run:
            runs[-1].append(reader)
        elif runs and reader.header.previous_run != runs[-1][0].header.run:
            raise BadInput(
                f"run {reader.header.run} says it follows {reader.header.previous_run or 'nothing'}, but the segment"
                f" before it is of run {runs[-1][0].header.run}; give the folder of one kernel only"
            )
        else:
            runs.append([reader])
    return runs


def _events(readers: Iterable[LogReader]) -> Iterator[Event]:
    for reader in readers:
        for block in reader.blocks():
            yield from block.events
