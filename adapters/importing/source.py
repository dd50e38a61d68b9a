"""What every kind of source has: files below the root, clock correction, bounds, and the words to describe it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from adapters.importing.tally import Tally
from bus.clock import NS_PER_MS
from bus.events import Event, FeedGap, InstrumentListed

Percent = Annotated[float, Meta(ge=0, le=100)]


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of the source kinds. `path` or `paths` are relative to the root; several files continue each other.

    `clock_offset_ms` is added to the time at which a row became known: the correction of a wrong receiver clock, or
    a publication delay.
    """

    has_files: ClassVar[bool] = True

    name: str = ""  #: unique; "" = type and subject
    path: str = ""
    paths: tuple[str, ...] = ()
    clock_offset_ms: Annotated[int, Meta(ge=-86_400_000, le=86_400_000)] = 0
    refused_pct_max: Percent = 1.0  #: of one file's rows; beyond it the whole import fails
    jump_pct_max: Annotated[float, Meta(gt=0)] = 50.0  #: largest believable move from one row to the next
    licence: str = ""
    note: str = ""

    @property
    def kind(self) -> str:
        """The type name in the manifest."""
        return str(self.__struct_config__.tag)

    @property
    def subject(self) -> str:
        """The instrument, chain or market that it tells of."""
        raise NotImplementedError

    @property
    def instruments(self) -> tuple[str, ...]:
        """Instruments that the manifest must list."""
        return ()

    @property
    def assumed(self) -> str:
        """What its numbers rest on that no file tells, for the report; "" = nothing."""
        return ""

    @property
    def source_name(self) -> str:
        """`name`, or type and subject."""
        return self.name or f"{self.kind}:{self.subject}"

    @property
    def offset_ns(self) -> int:
        """Nanoseconds to add to the time at which a row became known."""
        return self.clock_offset_ms * NS_PER_MS

    def check(self) -> None:
        """Raise `ConfigError` for settings that contradict each other."""

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        """Events in order of `ts_ns`; bad rows are refused in the tally, a bad file raises `BadInput`."""
        raise NotImplementedError

    def told(self, files: tuple[Path, ...], tally: Tally, listings: Sequence[InstrumentListed]) -> Iterator[Event]:
        """What an import asks for. Sources that must know the manifest's instruments override it, others `read`."""
        return self.read(files, tally)

    def gap(self, tally: Tally, ts_ns: int, from_ts_ns: int, to_ts_ns: int, reason: str, steps: int) -> FeedGap:
        """Tell report and log alike that data is missing."""
        tally.gap(from_ts_ns, to_ts_ns, reason, steps)
        return FeedGap(
            ts_ns=ts_ns,
            source=self.source_name,
            instrument=self.instruments[0] if self.instruments else "",
            from_ts_ns=from_ts_ns,
            to_ts_ns=to_ts_ns,
            reason=reason,
        )
