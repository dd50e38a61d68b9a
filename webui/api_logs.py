"""/logs: the newest lines of the kernel's log files, by pages. Lines quote the outside world: hostile text."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kernel.errors import BadInput
from kernel.logs.log_tail import LINES_MAX, LogLine, LogTail
from webui.api_error import ApiRefusal
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled


class LogModules(Struct, frozen=True, kw_only=True):
    """Modules that have log files."""

    modules: tuple[str, ...]


class LogQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines, newest first."""

    kind: Annotated[Literal["trading", "trades", "errors"], Meta(description="Which file.")] = "trading"
    before: Annotated[
        str, Meta(max_length=64, description="`next` of the page before; nothing = begin at the newest.")
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=LINES_MAX, description="Lines of a page.")] = 100
    level: Annotated[
        Literal["", "debug", "info", "warning", "error", "critical"], Meta(description="At least as severe.")
    ] = ""
    text: Annotated[str, Meta(max_length=200, description="Lines that hold this, in any case.")] = ""


class LogLines(Struct, frozen=True, kw_only=True):
    """A page; `next` null = there are no older lines. A page may be short, even empty, and still have a `next`."""

    lines: tuple[LogLine, ...]
    next: str | None


class LogsApi:
    """Its operations."""

    def __init__(self, logs: LogTail | None) -> None:
        self._logs = logs

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/logs", name="listLogModules", group="Logs", handler=self.modules,
                summary="Modules that have log files.", response=LogModules, errors=("not_enabled",),
            ),
            Operation(
                method="GET", path="/logs/{module}", name="tailLog", group="Logs", handler=self.tail,
                summary="Lines of a module's log, newest first, by pages.", query=LogQuery, response=LogLines,
                errors=("not_enabled",), example="kind=errors&limit=20",
            ),
        )  # fmt: skip

    async def modules(self, call: Call) -> LogModules:
        return LogModules(modules=tuple(self._tail().modules()))

    async def tail(self, call: Call) -> LogLines:
        logs, module, asked = self._tail(), call.path["module"], call.query
        if module not in logs.modules():
            raise ApiRefusal("not_found", f"there is no log of {module[:80]!r}")
        try:
            page = await logs.tail(
                module, asked.kind, before=asked.before, limit=asked.limit, level=asked.level, text=asked.text
            )
        except BadInput as error:
            raise ApiRefusal("bad_parameter", str(error), field="before") from None
        return LogLines(lines=page.lines, next=page.next_before or None)

    def _tail(self) -> LogTail:
        if self._logs is None:
            raise not_enabled("logs")
        return self._logs
