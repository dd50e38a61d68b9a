"""The writing side of the logs: a bounded queue, one daemon thread, three rotating files for each module.

`put` is all that a caller pays for. A full queue, a full disk or a folder that may not be written never raises into the
caller and never blocks it: lines are dropped, counted per module, and told in the log as soon as it can be written.
"""

import os
import sys
from collections import deque
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Literal

from msgspec import Struct

from bus.clock import NS_PER_S, NS_PER_US, Clock, stopwatch_ns
from kernel.logs.log_files import FOLDER_MODE, RotatingFile
from kernel.logs.log_line import CRITICAL, ERROR, WARNING, Record, console_line, render

Kind = Literal["trading", "trades", "errors"]
MB = 1_000_000
BYTES_MAX: dict[Kind, int] = {"trading": 10 * MB, "trades": 10 * MB, "errors": 5 * MB}
QUEUE_LINES = 20_000
FLUSH_S = 0.1  #: a line is in its file this long after it was said, at the latest (plus the turn of the writer)
SLICE_NS = 500 * NS_PER_US  #: of rendering, before the interpreter is given back to the loop
BREATH_S = 0.0002
PENDING_LINES_MAX = 2_000  #: per file, while it cannot be written
RETRY_NS = NS_PER_S  #: between two tries to write a file that refused
TRADES_SUFFIX = ".trades"  #: of the name of a module's trade logger
OFF = CRITICAL + 1
_NO_CONTEXT = Context()

TellTrouble = Callable[[str], None]  #: what is wrong; "" = it is over. Called by the writer's thread


class LogReading(Struct, frozen=True, kw_only=True):
    """How the logs are: totals since the start, by module where that can differ."""

    queued: int
    written: dict[str, int]
    dropped: dict[str, int]
    failures: int  #: writes that the system refused
    trouble: str  #: why lines cannot be written now; "" = they can
    is_alive: bool


class LogWriter:
    """Queue, thread and files. `level`, `console_level`, `queue_max` and `flush_s` may be set while it runs."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        queue_max: int = QUEUE_LINES,
        bytes_max: dict[Kind, int] | None = None,
        tell_trouble: TellTrouble | None = None,
    ) -> None:
        self.folder = folder
        self.level = 0
        self.console_level = OFF
        self.queue_max = queue_max
        self.flush_s = FLUSH_S
        self.failures = 0
        self.trouble = ""
        self.tell_trouble = tell_trouble
        self.now_ns = clock.now_ns
        self._bytes_max = bytes_max or BYTES_MAX
        self._queue: deque[Record] = deque()
        self._files: dict[tuple[str, Kind], RotatingFile] = {}
        self._pending: dict[tuple[str, Kind], deque[bytes]] = {}
        self._retry_ns: dict[tuple[str, Kind], int] = {}
        self._written: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._untold: dict[str, int] = {}
        self._drop_lock = Lock()
        self._write_lock = Lock()  #: the thread, and whoever flushes at exit or on a crash
        self._wake = Event()
        self._breath = Event()
        self._is_ending = False
        self._thread: Thread | None = None

    # the caller's side ------------------------------------------------------------------------------------------

    def put(self, record: Record) -> None:
        """Queue one line; drop it when the queue is full."""
        queue = self._queue
        waiting = len(queue)
        if waiting >= self.queue_max:
            self._drop(record[2], 1)
            return
        queue.append(record)
        if record[1] >= ERROR or waiting == self.queue_max // 2:
            self._wake.set()

    def _drop(self, module: str, lines: int) -> None:
        module, _, _ = module.partition(".")
        with self._drop_lock:
            self._dropped[module] = self._dropped.get(module, 0) + lines
            self._untold[module] = self._untold.get(module, 0) + lines

    def reading(self) -> LogReading:
        """A snapshot for metrics and pages."""
        with self._drop_lock:
            dropped = dict(self._dropped)
        return LogReading(
            queued=len(self._queue),
            written=dict(self._written),
            dropped=dropped,
            failures=self.failures,
            trouble=self.trouble,
            is_alive=self._thread is not None and self._thread.is_alive(),
        )

    # the thread -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin writing."""
        self._is_ending = False
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> int:
        """Write what is queued, end the thread, close the files. How many lines could not be written."""
        self._is_ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._write_lock.acquire(timeout=timeout_s):
            try:
                self._drain(is_hurried=True)
                for file in self._files.values():
                    file.close()
                self._files.clear()
            finally:
                self._write_lock.release()
        return len(self._queue) + sum(len(lines) for lines in self._pending.values())

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Write what is queued now, from this thread; False when the writer did not let go of the files in time."""
        if not self._write_lock.acquire(timeout=timeout_s):
            return False
        try:
            self._drain(is_hurried=True)
        finally:
            self._write_lock.release()
        return True

    def _run(self) -> None:
        while not self._is_ending:
            self._wake.wait(self.flush_s)
            self._wake.clear()
            with self._write_lock:
                self._drain()

    def _drain(self, *, is_hurried: bool = False) -> None:
        queue = self._queue
        while queue:
            until_ns = stopwatch_ns() + SLICE_NS
            self._take(queue.popleft())
            while queue and (is_hurried or stopwatch_ns() < until_ns):
                self._take(queue.popleft())
            self._write_files(is_hurried)
            if not is_hurried:
                self._breath.wait(BREATH_S)
        self._tell_drops()
        self._write_files(is_hurried)

    def _take(self, record: Record) -> None:
        encoded, line = render(record)
        level, module = record[1], record[2]
        name, _, suffix = module.partition(".")
        kind: Kind = "trades" if suffix else "trading"
        self._hold(name, kind, encoded)
        if level >= ERROR:
            self._hold(name, "errors", encoded)
        if level >= self.console_level:
            try:
                os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, (console_line(line) + "\n").encode())
            except (OSError, ValueError):
                self.console_level = OFF  # nobody reads the terminal any more

    def _hold(self, module: str, kind: Kind, encoded: bytes) -> None:
        pending = self._pending.get((module, kind))
        if pending is None:
            pending = self._pending[module, kind] = deque()
        if len(pending) >= PENDING_LINES_MAX:
            self._drop(module, 1)
        else:
            pending.append(encoded)

    def _tell_drops(self) -> None:
        if not self._untold:
            return
        for module in list(self._untold):
            pending = self._pending.get((module, "trading"))
            if pending is not None and len(pending) >= PENDING_LINES_MAX:
                continue  # told when the file can be written again
            with self._drop_lock:
                lines = self._untold.pop(module)
            fields = {"event": "lines_dropped", "lines": lines}
            self._take((self.now_ns(), WARNING, module, module, fields, _NO_CONTEXT))

    def _write_files(self, is_hurried: bool) -> None:
        for key, lines in self._pending.items():
            if lines and (is_hurried or self._retry_ns.get(key, 0) <= self.now_ns()):
                self._write_file(key, lines)

    def _write_file(self, key: tuple[str, Kind], lines: deque[bytes]) -> None:
        module, kind = key
        file = self._files.get(key)
        if file is None:
            path = self.folder / module / f"{module}_{kind}.log"
            file = self._files[key] = RotatingFile(path, self._bytes_max[kind])
        before = len(lines)
        try:
            if module not in self._written:
                self.folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
            file.write(lines)
        except OSError as error:
            self.failures += 1
            self._retry_ns[key] = self.now_ns() + RETRY_NS
            self._say(f"cannot write {file.path}: {error.strerror or error}; free the disk or mend the folder's rights")
        else:
            if self._retry_ns.pop(key, 0) and not self._retry_ns:
                self._say("")
        self._written[module] = self._written.get(module, 0) + before - len(lines)

    def _say(self, trouble: str) -> None:
        is_news = bool(trouble) != bool(self.trouble)
        self.trouble = trouble
        if is_news and self.tell_trouble is not None:
            self.tell_trouble(trouble)
