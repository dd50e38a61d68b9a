"""Which logs may be replayed from a page: this run's own, the bundled samples, and what was put into `logs-in`.

A log is named by a key (`run`, `sample:NAME`, `in:NAME`), never by a path: what is not listed cannot be read.
"""

import re
from pathlib import Path

from msgspec import Struct

from kernel.compose.replaying import MARKET_ONLY
from kernel.errors import BadInput, ConfigError
from persistence.event_log import SUFFIX, EventLogReader

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
INCOMING = "logs-in"
LISTED_MAX = 200  #: of one folder; more cannot be chosen from a list
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class ShelfLog(Struct, frozen=True, kw_only=True):
    """A log that may be chosen. `note`: what its header says the data are, or why it cannot be read."""

    key: str
    label: str
    note: str = ""
    size_bytes: int = 0
    is_recorded: bool = False  #: a kernel's run with its decisions: can be verified, knows its settings
    is_readable: bool = True


class LogShelf:
    """The allowed folders. Nothing is created in them."""

    def __init__(self, data: Path, samples: Path = SAMPLES) -> None:
        self._run = data / "log"
        self._folders = {"sample": samples, "in": data / INCOMING}

    def resolve(self, key: str) -> Path:
        """The path of a key. Raises `ConfigError` for one that names nothing on the shelf."""
        if key == "run":
            if not any(self._run.glob(f"*{SUFFIX}")):
                raise ConfigError("log: this run has recorded nothing yet; choose another log")
            return self._run.resolve()
        kind, _, name = key.partition(":")
        folder = self._folders.get(kind)
        if folder is None or not _NAME.fullmatch(name):
            raise ConfigError(f"log: expected run, sample:NAME or in:NAME, found {key[:80]!r}; choose one of the list")
        path = (folder / name).resolve()
        if path.parent != folder.resolve() or not _is_log(path):
            raise ConfigError(f"log: there is no log {key[:80]!r}; put its file or folder into {self._folders['in']}")
        return path

    def label(self, key: str) -> str:
        """For people."""
        kind, _, name = key.partition(":")
        return {"run": "this run's log", "sample": f"sample {name}", "in": name}.get(kind, key[:80])

    def listed(self) -> tuple[ShelfLog, ...]:
        """Everything that can be chosen. Reads one header each: call it in a thread."""
        keys = ["run"] if any(self._run.glob(f"*{SUFFIX}")) else []
        for kind, folder in self._folders.items():
            if folder.is_dir():
                names = sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name) and _is_log(each))
                keys += [f"{kind}:{name}" for name in names[:LISTED_MAX]]
        return tuple(self._look(key) for key in keys)

    def _look(self, key: str) -> ShelfLog:
        label = self.label(key)
        try:
            reader = EventLogReader(self.resolve(key))
            return ShelfLog(
                key=key,
                label=label,
                note=reader.header.note,
                size_bytes=reader.size_bytes,
                is_recorded=reader.header.profile not in MARKET_ONLY,
            )
        except (BadInput, ConfigError, OSError) as error:
            return ShelfLog(key=key, label=label, note=f"cannot be read: {error}", is_readable=False)


def _is_log(path: Path) -> bool:
    return any(path.glob(f"*{SUFFIX}")) if path.is_dir() else path.suffix == SUFFIX and path.is_file()
