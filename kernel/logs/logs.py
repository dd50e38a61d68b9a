"""Logs of the whole process. `structlog.get_logger("webui")` writes to the files of module webui once `Logs` runs.

A module is a strategy or a part of the platform; its name is a folder. `structlog.get_logger("webui.trades")`
(`trade_logger`) is its trade log, which is separate: trade lines are not in the trading file. Loggers of libraries come
in through the standard `logging`. Values are rendered later, by the writer's thread: log what will not change.
"""

import atexit
import logging
import re
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict

from bus.clock import Clock
from kernel.errors import ConfigError
from kernel.logs.log_line import CRITICAL, ERROR, INFO, LEVELS, WARNING, console_line, render
from kernel.logs.log_settings import LogSettings
from kernel.logs.log_writer import OFF, TRADES_SUFFIX, Kind, LogReading, LogWriter, TellTrouble

MODULE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MODULES_MAX = 64  #: each has up to three open files; a name beyond it writes to the kernel's
DEFAULT_MODULE = "kernel"
LIBRARY_MODULES = {"uvicorn": "webui", "starlette": "webui", "asyncpg": "database"}  #: others belong to the kernel
_NUMBERS = {**LEVELS, "warn": WARNING, "exception": ERROR, "fatal": CRITICAL, "notset": 0, "msg": INFO}


class _Switch:
    """Where lines go. Loggers are made once and cached, so they look here for the writer that runs now."""

    def __init__(self) -> None:
        self.writer: LogWriter | None = None
        self.modules: set[str] = set()


_switch = _Switch()


class _Sink:
    """What structlog calls at the end of its chain: one per logger name."""

    __slots__ = ("module", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = _module_of(name)


def _module_of(name: str) -> str:
    """The module of a logger's name, with the trade suffix where it has one; the kernel's for a name that is none."""
    module, _, rest = name.partition(".")
    if MODULE_NAME.fullmatch(module) is None or (
        module not in _switch.modules and len(_switch.modules) >= MODULES_MAX and module != DEFAULT_MODULE
    ):
        return DEFAULT_MODULE
    _switch.modules.add(module)
    return module + TRADES_SUFFIX if f".{rest}" == TRADES_SUFFIX else module


def _collect(sink: _Sink, method: str, event: EventDict) -> EventDict:
    """Marks the processors as ours; `_ModuleLogger` does the work itself."""
    return event


_Filtering: Any = structlog.make_filtering_bound_logger(0)


class _ModuleLogger(_Filtering):  # type: ignore[misc]  # made at run time by structlog
    """The whole of the caller's work: a tuple for the writer. Copying the context costs nothing; reading it would."""

    def _proxy_to_logger(self, method_name: str, event: Any = None, **fields: Any) -> None:
        processors = self._processors
        if not processors or processors[0] is not _collect:  # structlog.testing.capture_logs
            super()._proxy_to_logger(method_name, event, **fields)
            return
        writer = _switch.writer
        level = _NUMBERS.get(method_name, INFO)
        if writer is not None and level < writer.level:
            return
        fields["event"] = event
        if self._context:
            fields = {**self._context, **fields}
        if "exc_info" in fields and fields["exc_info"] is True:
            fields["exc_info"] = sys.exc_info()
        sink: _Sink = self._logger
        if writer is not None:
            writer.put((writer.now_ns(), level, sink.module, sink.name, fields, copy_context()))
        elif level >= WARNING:  # before the start or after the end: nobody writes files
            print(console_line(render((0, level, sink.module, sink.name, fields, copy_context()))[1]), file=sys.stderr)


def checked_module(name: str) -> str:
    """The name, if it may be a module's. Raises `ConfigError` for one that would be a path or is too long."""
    if MODULE_NAME.fullmatch(name) is None:
        raise ConfigError(f"log module: expected a-z, 0-9 and _ (at most 40, a letter first), found {name[:60]!r}")
    return name


def trade_logger(module: str) -> Any:
    """The separate trade log of a module. Raises `ConfigError` for a name that is none."""
    return structlog.get_logger(checked_module(module) + TRADES_SUFFIX)


class _LibraryHandler(logging.Handler):
    """Lines of the standard `logging` into ours."""

    def emit(self, record: logging.LogRecord) -> None:
        writer = _switch.writer
        if writer is None:
            return
        top = record.name.partition(".")[0]
        module = LIBRARY_MODULES.get(top, DEFAULT_MODULE)
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        fields: dict[str, Any] = {"event": text}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        level = min(CRITICAL, max(10, record.levelno // 10 * 10))
        writer.put((writer.now_ns(), level, module, record.name, fields, copy_context()))


class Logs:
    """Owns the writer and everything that leads to it. One at a time per process; `stop` puts all back."""

    def __init__(
        self,
        settings: LogSettings,
        folder: Path,
        clock: Clock,
        *,
        bytes_max: dict[Kind, int] | None = None,
        tell_trouble: TellTrouble | None = None,
    ) -> None:
        """`folder`: where the files go when the settings name none. `tell_trouble` is called by another thread."""
        self.folder = Path(settings.folder) if settings.folder else folder
        self.writer = LogWriter(self.folder, clock, bytes_max=bytes_max, tell_trouble=tell_trouble)
        self._settings = settings
        self.library_handler = _LibraryHandler()
        self._old_hooks: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        self._old_root: tuple[int, list[logging.Handler]] | None = None

    def start(self) -> None:
        """Take over structlog, `logging` and uncaught exceptions; begin writing."""
        self.apply(self._settings)
        self.writer.start()
        _switch.writer = self.writer
        structlog.configure(
            processors=[_collect],
            wrapper_class=_ModuleLogger,
            logger_factory=_make_sink,
            cache_logger_on_first_use=True,
        )
        root = logging.getLogger()
        self._old_root = (root.level, list(root.handlers))
        root.handlers = [self.library_handler]
        self._old_hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._on_uncaught
        threading.excepthook = self._on_thread_uncaught
        atexit.register(self.stop)

    def apply(self, settings: LogSettings) -> None:
        """New settings; the folder alone waits for the next start."""
        self._settings = settings
        writer = self.writer
        writer.level = LEVELS[settings.level]
        writer.console_level = LEVELS.get(settings.console_level, OFF)
        writer.queue_max = settings.queue_lines
        writer.flush_s = settings.flush_ms / 1_000
        self.library_handler.setLevel(LEVELS[settings.library_level])
        logging.getLogger().setLevel(LEVELS[settings.library_level])

    def stop(self) -> None:
        """Write what waits and let go of everything. Harmless when called again."""
        if _switch.writer is not self.writer:
            return
        _switch.writer = None
        if lost := self.writer.stop():
            why = self.writer.trouble or "the writer did not end in time"
            print(f"warning: {lost:,} log lines could not be written: {why}", file=sys.stderr)
        if self._old_root is not None:
            logging.getLogger().setLevel(self._old_root[0])
            logging.getLogger().handlers = self._old_root[1]
        if self._old_hooks is not None:
            sys.excepthook, threading.excepthook = self._old_hooks
        atexit.unregister(self.stop)

    def reading(self) -> LogReading:
        """Counts and trouble, for metrics and pages."""
        return self.writer.reading()

    def _on_uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """The process is about to end: what was said before, and why it ends, must be in the files."""
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            self._put_crash("uncaught", kind, error, trace)
            self.writer.flush()
        if self._old_hooks is not None:
            self._old_hooks[0](kind, error, trace)

    def _on_thread_uncaught(self, args: "threading.ExceptHookArgs") -> None:
        if args.exc_value is not None:
            self._put_crash("thread_uncaught", args.exc_type, args.exc_value, args.exc_traceback)
        if self._old_hooks is not None:
            self._old_hooks[1](args)

    def _put_crash(
        self, event: str, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        fields = {"event": event, "exc_info": (kind, error, trace)}
        writer = self.writer
        writer.put((writer.now_ns(), CRITICAL, DEFAULT_MODULE, DEFAULT_MODULE, fields, copy_context()))


def _make_sink(*args: Any) -> _Sink:
    return _Sink(str(args[0]) if args else DEFAULT_MODULE)
