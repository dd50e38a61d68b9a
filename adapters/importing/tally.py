"""Counts what an import read, kept, refused and missed; names refused rows by file and line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from kernel.errors import BadInput

LISTED_MAX = 20  #: refusals and gaps that a report spells out; the counts stay exact


class Refusal(Struct, frozen=True):
    """A row that was not used."""

    file: str
    line: int
    reason: str


class Gap(Struct, frozen=True):
    """A stretch without data, UTC nanoseconds."""

    from_ts_ns: int
    to_ts_ns: int
    reason: str


class SourceReport(Struct, frozen=True, kw_only=True):
    """One source's account. `rows_read = rows_kept + rows_refused + rows_passed_over`.

    `refusals` lists refused rows, and rows of which a part was withheld, up to the limit. `rows_passed_over` are good
    rows that carry no event for us (another instrument of a shared file, a fee collection); `withheld` counts by
    reason what a kept row did not give (a repeated candle beside a funding rate).
    """

    name: str
    kind: str
    rows_read: int
    rows_kept: int
    rows_refused: int
    rows_passed_over: int
    gaps: int
    steps_missing: int
    events: int
    events_outside_window: int
    withheld: dict[str, int]
    refusals: tuple[Refusal, ...]
    gap_list: tuple[Gap, ...]
    licence: str = ""
    note: str = ""


class Tally:
    """Running counts of one source. Readers call it; the plan turns it into a `SourceReport`."""

    def __init__(self, name: str, refused_pct_max: float) -> None:
        self.name = name
        self.rows_read = 0
        self.rows_kept = 0
        self.rows_refused = 0
        self.rows_passed_over = 0
        self.gaps = 0
        self.steps_missing = 0
        self.events = 0
        self.events_outside_window = 0
        self.withheld: dict[str, int] = {}
        self.refusals: list[Refusal] = []
        self.gap_list: list[Gap] = []
        self.line = 0  #: of the row being read
        self._refused_pct_max = refused_pct_max
        self._file = Path()
        self._file_refusals: list[Refusal] = []

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Count one file; at its end raise `BadInput` when it was empty or too much of it was refused."""
        self._file = path
        self._file_refusals = []
        read_before, refused_before = self.rows_read, self.rows_refused
        self.line = 0
        yield
        read = self.rows_read - read_before
        refused = self.rows_refused - refused_before
        if read == 0:
            raise BadInput(f"{path}: expected rows, found none; is the file complete?")
        if refused * 100 > self._refused_pct_max * read:
            first = "; ".join(f"line {each.line}: {each.reason}" for each in self._file_refusals[:5])
            raise BadInput(
                f"{path}: {refused} of {read} rows refused, more than the allowed {self._refused_pct_max:g} %; "
                f"first {first}"
            )

    def refuse(self, reason: object) -> None:
        """The row being read is not used."""
        self.rows_refused += 1
        refusal = Refusal(str(self._file), self.line, str(reason))
        if len(self.refusals) < LISTED_MAX:
            self.refusals.append(refusal)
        if len(self._file_refusals) < LISTED_MAX:
            self._file_refusals.append(refusal)

    def withhold(self, reason: str, detail: str = "") -> None:
        """A kept row gives less than it might; with a detail the row is listed beside the refused ones."""
        self.withheld[reason] = self.withheld.get(reason, 0) + 1
        if detail and len(self.refusals) < LISTED_MAX:
            self.refusals.append(Refusal(str(self._file), self.line, f"{reason} withheld, the rest kept: {detail}"))

    def gap(self, from_ts_ns: int, to_ts_ns: int, reason: str, steps_missing: int = 0) -> None:
        """Data is missing between two times."""
        self.gaps += 1
        self.steps_missing += steps_missing
        if len(self.gap_list) < LISTED_MAX:
            self.gap_list.append(Gap(from_ts_ns, to_ts_ns, reason))

    def report(self, *, kind: str, licence: str, note: str) -> SourceReport:
        """The account so far."""
        return SourceReport(
            name=self.name,
            kind=kind,
            rows_read=self.rows_read,
            rows_kept=self.rows_kept,
            rows_refused=self.rows_refused,
            rows_passed_over=self.rows_passed_over,
            gaps=self.gaps,
            steps_missing=self.steps_missing,
            events=self.events,
            events_outside_window=self.events_outside_window,
            withheld=dict(self.withheld),
            refusals=tuple(self.refusals),
            gap_list=tuple(self.gap_list),
            licence=licence,
            note=note,
        )
