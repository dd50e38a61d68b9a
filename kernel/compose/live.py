"""One running kernel: profile to objects, start order, graceful stop.

Start: lock, database, recovery from the log, bus, feed, page.
Stop: intents, orders by policy, feed, log, page, database.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Iterator
from pathlib import Path

from bus.clock import EventClock, WallClock
from bus.events import Alert, Event, KillSwitchSet, RunRestarted, StrategyCommand
from kernel import __version__
from kernel.compose.registry import spec_of_profile
from kernel.core import Core
from kernel.errors import ConfigError, KernelError
from kernel.live import LiveLoop
from kernel.log import Block, LogHeader
from kernel.profile import Profile
from kernel.runner import BY_KERNEL
from persistence.event_log import SUFFIX, EventLogReader, EventLogWriter, SegmentReader, cut_torn_tail

BUNDLED = "@bundled"
BUNDLED_LOG = Path(__file__).resolve().parent.parent.parent / "samples" / "demo.evl"
KILL_FILE = "KILL"
KILL_POLL_S = 0.5
STOP_POLL_S = 0.02


class InstanceLock:
    """One kernel per data folder."""

    def __init__(self, data: Path) -> None:
        self._path = data / "kernel.lock"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise ConfigError(
                f"{data} is in use by another kernel (pid {pid}); stop it or give another --data folder"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


class Recovery:
    """What an older run left in the log folder."""

    def __init__(self, folder: Path) -> None:
        self.segments = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
        self.is_tail_torn = False
        self.torn_note = ""
        self.last_seq = 0
        self.previous_run = ""
        if self.segments:
            tail = cut_torn_tail(self.segments[-1])
            self.is_tail_torn = tail.torn_bytes > 0
            if self.is_tail_torn:
                self.torn_note = f"{tail.torn_bytes} bytes behind seq {tail.last_seq} were cut: {tail.reason}"
            self.last_seq = tail.last_seq
            self.previous_run = SegmentReader(self.segments[-1]).header.run

    def fold(self, core: Core) -> None:
        """Fold everything recorded into a fresh core."""
        if self.segments:
            first = SegmentReader(self.segments[0]).header.first_seq
            core.recover(self._events(), first)

    def _events(self) -> Iterator[Event]:
        for path in self.segments:
            for block in SegmentReader(path).blocks():
                yield from block.events


class KernelProcess:
    """Everything of one `run`."""

    def __init__(self, profile: Profile, data: Path, *, is_with_db: bool) -> None:
        if profile.is_live:
            raise ConfigError(
                "live trading is not possible: this version has no live executor; run --profile demo or paper"
                " (DRY_RUN=true makes this profile simulate)"
            )
        self.profile = profile
        self.data = data
        self.is_with_db = is_with_db
        self._stopping = asyncio.Event()
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = InstanceLock(data)
        log_folder = data / "log"
        self.recovery = Recovery(log_folder)
        run = f"r{len(self.recovery.segments) + 1:04d}"
        self.core = Core(spec_of_profile(profile, run))
        self.recovery.fold(self.core)
        feed = self._feed_reader()
        start_ns = max(feed.first_ts_ns if feed else WallClock().now_ns(), self.core.bus.now_ns + 1)
        speed = profile.feed.speed if feed else 1.0
        self.clock = EventClock(start_ns, speed)
        self.header = LogHeader(
            run=run,
            created_ts_ns=start_ns,
            code_version=__version__,
            profile=profile.name,
            previous_run=self.recovery.previous_run,
            segment=len(self.recovery.segments) + 1,
            first_seq=self.recovery.last_seq + 1,
            seed=profile.seed,
            settings=self.core.spec.settings_table(),
            strategies=tuple(each.kind.name for each in self.core.spec.strategies),
            note=profile.data_note,
        )
        self.log = EventLogWriter(log_folder / f"{self.header.segment:06d}-{run}{SUFFIX}", self.header)
        self.core.bus.seq = self.recovery.last_seq
        self.live = LiveLoop(self.core, self.log, self.clock, wall_per_event_ns=1.0 / speed)
        self._feed = feed
        self._tasks: list[asyncio.Task[None]] = []

    def _feed_reader(self) -> "_FeedLog | None":
        feed = self.profile.feed
        if feed.kind == "none":
            return None
        if feed.kind != "log":
            raise ConfigError(f"feed.kind: expected log or none, found {feed.kind!r}")
        path = BUNDLED_LOG if feed.log == BUNDLED else Path(feed.log)
        return _FeedLog(path)

    # start ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Everything running; returns."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        core = self.core
        core.begin(self.header.created_ts_ns)
        self.live.start()
        if self.recovery.segments:
            core.bus.publish(
                RunRestarted(
                    ts_ns=self.clock.now_ns(),
                    previous_run=self.recovery.previous_run,
                    is_tail_torn=self.recovery.is_tail_torn,
                    open_orders=len(core.router.open),
                    note=self.recovery.torn_note,
                )
            )
        if self.recovery.is_tail_torn:
            self._alert("warning", "torn_tail", self.recovery.torn_note)
        for text in self.profile.warnings:
            self._alert("warning", "configuration", text)
        if self._feed is not None:
            from adapters.recorded.feed import RecordedFeed

            player = RecordedFeed(
                self._feed.blocks,
                core.bus.publish,
                self.clock,
                wall_per_event_ns=1.0 / self.clock.speed,
                is_looped=self.profile.feed.is_looped,
            )
            self._tasks.append(loop.create_task(self._supervise(player.run()), name="feed"))
        self._tasks.append(loop.create_task(self._watch_kill_file(), name="kill-file"))

    async def _supervise(self, feed: Awaitable[None]) -> None:
        try:
            await feed
        except KernelError as error:
            self._alert("critical", "feed_failed", f"the feed stopped: {error}")

    def _alert(self, severity: str, code: str, text: str) -> None:
        self.core.bus.publish(
            Alert(ts_ns=self.clock.now_ns(), severity=severity, source="kernel", code=code, text=text)
        )

    async def _watch_kill_file(self) -> None:
        """The kill switch that needs no page and no database: a file named KILL in the data folder."""
        path = self.data / KILL_FILE
        is_seen = False
        while True:
            is_there = path.exists()
            if is_there and not is_seen:
                self.kill(f"file {path} exists", "file")
            is_seen = is_there
            await asyncio.sleep(KILL_POLL_S)

    # commands ---------------------------------------------------------------------------------------------------

    def kill(self, reason: str, by: str, *, is_on: bool = True) -> None:
        """Set or lift the kill switch for everything."""
        self.core.bus.publish(KillSwitchSet(ts_ns=self.clock.now_ns(), is_on=is_on, strategy="", reason=reason, by=by))

    def command(self, strategy: str, command: str, by: str) -> None:
        """start, pause, stop or halt one strategy."""
        self.core.bus.publish(StrategyCommand(ts_ns=self.clock.now_ns(), strategy=strategy, command=command, by=by))

    def request_stop(self) -> None:
        """Begin the graceful stop; a second request ends the process at once."""
        if self._stopping.is_set():
            print("second signal: ending at once; the log keeps what was written", file=sys.stderr)
            os._exit(130)
        self._stopping.set()

    async def wait(self) -> None:
        """Until a stop is requested."""
        await self._stopping.wait()

    # stop -------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Intents, orders by policy, feed, log."""
        policy = self.profile.stop.policy
        command = {"keep": "pause", "cancel": "halt", "flatten": "stop"}.get(policy)
        if command is None:
            raise ConfigError(f"stop.policy: expected keep, cancel or flatten, found {policy!r}")
        for name in self.core.runner.slots:
            self.command(name, command, BY_KERNEL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.profile.stop.timeout_s):
                await asyncio.sleep(STOP_POLL_S)
                while self.core.bus.waiting or (  # noqa: ASYNC110 - many conditions, one short poll
                    policy != "keep" and self.core.router.open
                ):
                    await asyncio.sleep(STOP_POLL_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.live.stop()
        self.log.close()

    def release(self) -> None:
        """Let another kernel have the data folder."""
        self.lock.release()


class _FeedLog:
    """The log that the feed plays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.header = EventLogReader(path).header
        first = next(iter(EventLogReader(path).blocks()), None)
        if first is None:
            raise ConfigError(f"feed.log: {path} holds no events")
        self.first_ts_ns = first.events[0].ts_ns

    def blocks(self) -> Iterator[Block]:
        return EventLogReader(self._path).blocks()
