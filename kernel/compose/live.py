"""One running kernel: profile to objects, start order, graceful stop.

Start: lock, recovery from the log, then, when nothing else can refuse any more, log, bus, feed.
Stop: intents, orders by policy, feed, log; around it `running` stops page and database.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Iterator
from pathlib import Path

from bus.clock import NS_PER_MS, EventClock, WallClock, stopwatch_ns
from bus.events import Alert, KillSwitchSet, RunRestarted, StrategyCommand
from kernel.compose.code_version import code_version
from kernel.compose.kill_watch import KillWatch
from kernel.compose.recovery import Recovery
from kernel.compose.registry import spec_of_profile
from kernel.core import Core
from kernel.errors import ConfigError, KernelError
from kernel.live import LOG_HALT, LiveLoop
from kernel.log import Block, LogHeader
from kernel.profile import Profile
from kernel.runner import BY_KERNEL
from persistence.event_log import SEGMENT_BYTES_MAX, EventLogReader, EventLogWriter, segment_name

BUNDLED = "@bundled"
BUNDLED_LOG = Path(__file__).resolve().parent.parent.parent / "samples" / "demo.evl"
SIGNAL_ECHO_NS = 500 * NS_PER_MS  #: a terminal and a supervisor may both pass on the same Ctrl-C
STOP_POLL_S = 0.02
STOP_COMMANDS = {"keep": "pause", "cancel": "halt", "flatten": "stop"}


class InstanceLock:
    """One kernel per data folder."""

    def __init__(self, data: Path) -> None:
        self._path = data / "kernel.lock"
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot write {self._path}: {error.strerror}; give another --data folder") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise ConfigError(
                f"{data} is in use by another kernel (pid {pid}); stop it or give another --data folder"
            ) from error
        with contextlib.suppress(OSError):  # a full disk; the lock holds without the pid
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


class KernelProcess:
    """Everything of one `run`."""

    log: EventLogWriter  #: from `start` on, like the three below
    header: LogHeader
    clock: EventClock
    live: LiveLoop

    def __init__(self, profile: Profile, data: Path, *, is_with_db: bool) -> None:
        """Lock the folder and fold its log; nothing in it is changed. Raises `ConfigError` or `BadInput`."""
        if profile.is_live:
            raise ConfigError(
                "live trading is not possible: this version has no live executor; run --profile demo or paper"
                " (DRY_RUN=true makes this profile simulate)"
            )
        if profile.stop.policy not in STOP_COMMANDS:
            raise ConfigError(f"stop.policy: expected keep, cancel or flatten, found {profile.stop.policy!r}")
        self.profile = profile
        self.data = data
        self.log_folder = data / "log"
        self.is_with_db = is_with_db
        self.is_failed = False  #: ended by a fault of its own rather than by request
        self._stopping = asyncio.Event()
        self._stop_asked_ns = 0
        self._tasks: list[asyncio.Task[None]] = []
        _make_folder(data)
        self.lock = InstanceLock(data)
        self.recovery = Recovery(self.log_folder)
        self.core = Core(spec_of_profile(profile, f"r{self.recovery.next_segment:04d}"))
        self._feed = self._feed_reader()
        self.recovery.fold(self.core)

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
        """Everything running; returns. From here on the log folder is written."""
        loop = asyncio.get_running_loop()
        self._open_log()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        core = self.core
        core.begin(self.header.created_ts_ns)
        self.live.start()
        if self.recovery.is_continued:
            core.bus.publish(
                RunRestarted(
                    ts_ns=self.clock.now_ns(),
                    previous_run=self.recovery.previous_run,
                    is_tail_torn=self.recovery.is_tail_torn,
                    open_orders=len(core.router.open),
                    note=self.recovery.torn_note,
                )
            )
            kill = core.runner.kills.get("")
            if kill is not None and kill.by == LOG_HALT:
                self.kill("restarted; the event log can be written", LOG_HALT, is_on=False)
        if self.recovery.is_tail_torn:
            self.alert("warning", "torn_tail", f"the torn tail of the last run was cut: {self.recovery.torn_note}")
        for text in self.profile.warnings:
            self.alert("warning", "configuration", text)
        watch = KillWatch(self.data, self.kill, lambda: core.runner.kills.get(""), WallClock())
        self._tasks.append(loop.create_task(watch.run(), name="kill-file"))
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

    def _open_log(self) -> None:
        """Begin a segment, cut the torn tail before it, start the clock."""
        _make_folder(self.log_folder)
        self.recovery.make_room()
        feed = self._feed
        start_ns = max(feed.first_ts_ns if feed else WallClock().now_ns(), self.core.bus.now_ns + 1)
        speed = self.profile.feed.speed if feed else 1.0
        self.header = LogHeader(
            run=self.core.spec.run,
            created_ts_ns=start_ns,
            code_version=code_version(),
            profile=self.profile.name,
            previous_run=self.recovery.previous_run,
            segment=self.recovery.next_segment,
            first_seq=self.recovery.last_seq + 1,
            seed=self.profile.seed,
            settings=self.core.spec.settings_table(),
            strategies=tuple(each.kind.name for each in self.core.spec.strategies),
            is_live=self.core.spec.is_live,
            venues=self.core.spec.venues,
            note=self.profile.data_note,
        )
        self.log = EventLogWriter(
            self.log_folder / segment_name(self.header), self.header, segment_bytes_max=SEGMENT_BYTES_MAX
        )
        self.recovery.mend()
        self.core.bus.seq = self.recovery.last_seq
        self.clock = EventClock(start_ns, speed)
        self.live = LiveLoop(
            self.core, self.log, self.clock, wall_per_event_ns=1.0 / speed, on_failure=self._on_failure
        )

    def _on_failure(self) -> None:
        """The loop cannot go on: what follows would be neither exact nor recorded."""
        self.is_failed = True
        self._stopping.set()

    async def _supervise(self, feed: Awaitable[None]) -> None:
        try:
            await feed
        except (KernelError, OSError) as error:
            self.alert("critical", "feed_failed", f"the feed stopped: {error}")

    def alert(self, severity: str, code: str, text: str) -> None:
        """Tell the operator: on the page, in the log, in the database."""
        self.core.bus.publish(
            Alert(ts_ns=self.clock.now_ns(), severity=severity, source="kernel", code=code, text=text)
        )

    # commands ---------------------------------------------------------------------------------------------------

    def kill(self, reason: str, by: str, *, is_on: bool = True) -> None:
        """Set or lift the kill switch for everything."""
        self.core.bus.publish(KillSwitchSet(ts_ns=self.clock.now_ns(), is_on=is_on, strategy="", reason=reason, by=by))

    def command(self, strategy: str, command: str, by: str) -> None:
        """start, pause, stop or halt one strategy."""
        self.core.bus.publish(StrategyCommand(ts_ns=self.clock.now_ns(), strategy=strategy, command=command, by=by))

    def request_stop(self) -> None:
        """Begin the graceful stop; a second request ends the process at once, unless it is the echo of the first."""
        now_ns = stopwatch_ns()
        if self._stopping.is_set():
            if now_ns - self._stop_asked_ns < SIGNAL_ECHO_NS:
                return
            print("second signal: ending at once; the log keeps what was written", file=sys.stderr)
            os._exit(130)
        self._stop_asked_ns = now_ns
        self._stopping.set()

    async def wait(self) -> None:
        """Until a stop is requested."""
        await self._stopping.wait()

    # stop -------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Intents, orders by policy, feed, log. Raises `StoreError` when the log's end could not be written."""
        if not self.is_failed:
            await self._quiesce()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.live.stop()
        self.log.close()

    async def _quiesce(self) -> None:
        """Until no strategy runs and, unless they are kept, no order is open; the feed goes on meanwhile."""
        policy = self.profile.stop.policy
        core = self.core
        for name in core.runner.slots:
            self.command(name, STOP_COMMANDS[policy], BY_KERNEL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.profile.stop.timeout_s):
                await asyncio.sleep(STOP_POLL_S)
                while any(  # noqa: ASYNC110 - many conditions, one short poll
                    slot.state == "running" for slot in core.runner.slots.values()
                ) or (policy != "keep" and core.router.open):
                    await asyncio.sleep(STOP_POLL_S)

    def release(self) -> None:
        """Let another kernel have the data folder."""
        self.lock.release()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}; give another --data") from error


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
