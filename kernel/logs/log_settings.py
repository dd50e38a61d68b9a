"""What an operator may set about logs. Sizes and numbers of files are fixed: see `kernel.logs.log_writer`."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from kernel.strategy import Settings

Level = Literal["debug", "info", "warning", "error", "critical"]
ConsoleLevel = Literal["debug", "info", "warning", "error", "critical", "off"]


def _meta(title: str, unit: str, description: str, recommended: Any, **bounds: Any) -> Meta:
    return Meta(
        title=title,
        description=description,
        extra={"unit": unit, "group": "Logs", "recommended": recommended},
        **bounds,
    )


class LogSettings(Settings, frozen=True, kw_only=True):
    """Settings of the logs."""

    folder: Annotated[
        str,
        _meta("Folder", "", "Where the log files are; empty = the folder logs in the data folder. Read at start.", "",
              max_length=4_000),
        Meta(extra={"reload": "restart"}),
    ] = ""  # fmt: skip
    level: Annotated[Level, _meta("Level", "", "Lines below this level are not written.", "info")] = "info"
    console_level: Annotated[
        ConsoleLevel, _meta("Terminal level", "", "Lines from this level on are also shown on the terminal.", "error")
    ] = "error"
    library_level: Annotated[
        Level, _meta("Library level", "", "The same for what libraries say: web server, database driver, loop.",
                     "warning")
    ] = "warning"  # fmt: skip
    queue_lines: Annotated[
        int,
        _meta("Queue", "lines", "Lines that may wait for the writer; more are dropped, counted and told.", 20_000,
              ge=1_000, le=200_000),
    ] = 20_000  # fmt: skip
    flush_ms: Annotated[
        int, _meta("Flush", "ms", "Longest time that a line waits before it is in its file.", 100, ge=20, le=250)
    ] = 100
