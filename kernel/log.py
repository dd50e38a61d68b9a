"""What the kernel expects of an event log: a header, blocks of events in total order, and a barrier."""

from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

from bus.events import SCHEMA_VERSION, AnyEvent
from bus.events.base import Event


class LogHeader(Struct, frozen=True, kw_only=True):
    """First thing in every segment: what made it and under which settings."""

    run: str
    created_ts_ns: int
    code_version: str
    profile: str  #: profile name, or "import"
    schema_version: int = SCHEMA_VERSION
    previous_run: str = ""
    segment: int = 1
    first_seq: int = 1
    seed: int = 0
    is_live: bool = False  #: reports come from venues (inputs) rather than from the paper venue (derived)
    settings: dict[str, dict[str, Any]] = {}  #: per strategy, and "risk", "paper"
    strategies: tuple[str, ...] = ()
    note: str = ""  #: what the data is; shown on every page
    venues: tuple[str, ...] = ()  #: with an executor of their own, whose reports are inputs; () = the paper venue


class Block(Struct, frozen=True):
    """Events `first_seq …` in order; `derived` holds the indexes of those that a replay makes itself."""

    first_seq: int
    derived: frozenset[int]
    events: list[AnyEvent]


class LogTail(Struct, frozen=True, kw_only=True):
    """How a segment ended."""

    path: str
    last_seq: int
    good_bytes: int
    torn_bytes: int  #: behind the last good block; 0 = clean
    reason: str = ""


class EventLog(Protocol):
    """The recorder."""

    def append(self, seq: int, is_derived: bool, event: Event) -> None: ...

    def flush(self) -> None: ...

    def barrier(self) -> None:
        """Everything appended so far is with the operating system when this returns; raises `StoreError` if not."""


class LogReader(Protocol):
    """A log, read as a stream; never whole in memory."""

    header: LogHeader

    def blocks(self, from_seq: int = 0) -> Iterator[Block]: ...
