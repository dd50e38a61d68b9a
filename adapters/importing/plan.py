"""A checked import: streams the events of all sources in total order, and accounts for every row afterwards."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.importing.gas import GasSource
from adapters.importing.merge import merge
from adapters.importing.source import Source
from adapters.importing.tally import SourceReport, Tally
from bus.bus import check_event
from bus.clock import NS_PER_S
from bus.events import Bar, Event, GasPrice, InstrumentListed, Quote, Trade
from kernel.errors import BadInput

SHOWN_GAPS_MAX = 3  #: per source in the text; the struct lists more


class PlannedSource(Struct, frozen=True):
    """A source with its files resolved."""

    source: Source
    files: tuple[Path, ...]


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did: totals, events by type, each source's account, the numbers that were assumed."""

    name: str
    events: int
    first_ts_ns: int
    last_ts_ns: int
    by_type: dict[str, int]
    sources: tuple[SourceReport, ...]
    assumptions: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The report as text for a terminal."""
        yield f"{self.name}: {self.events} events"
        for kind, count in sorted(self.by_type.items()):
            yield f"  {kind}: {count}"
        for each in self.sources:
            yield (
                f"{each.name}: read {each.rows_read}, kept {each.rows_kept}, refused {each.rows_refused}, "
                f"passed over {each.rows_passed_over}, gaps {each.gaps} ({each.steps_missing} steps missing)"
            )
            for gap in each.gap_list[:SHOWN_GAPS_MAX]:
                yield f"  gap {_iso(gap.from_ts_ns)} to {_iso(gap.to_ts_ns)}: {gap.reason}"
            if each.gaps > SHOWN_GAPS_MAX:
                yield f"  and {each.gaps - SHOWN_GAPS_MAX} more gaps"
            for reason, count in sorted(each.withheld.items()):
                yield f"  withheld {count}: {reason}"
            for refusal in each.refusals:
                yield f"  {refusal.file}:{refusal.line}: {refusal.reason}"
            if each.rows_refused > len(each.refusals):
                yield f"  and more: the first {len(each.refusals)} are listed"
            if each.note:
                yield f"  note: {each.note}"
        for assumption in self.assumptions:
            yield f"assumed: {assumption}"


class ImportPlan:
    """Built by `load_manifest`. Iterate `events()` to its end once, then ask for the `report()`."""

    def __init__(
        self,
        *,
        name: str,
        description: str,
        note: str,
        listings: tuple[InstrumentListed, ...],
        sources: tuple[PlannedSource, ...],
        native_usd: Mapping[str, float],
        assumptions: tuple[str, ...],
        window_ns: tuple[int, int],
    ) -> None:
        self.name = name
        self.description = description
        self.note = note  #: what a reader must know, the assumptions included; belongs into the log's header
        self.assumptions = assumptions
        self.sources = sources
        self._listings = listings
        self._native_usd = dict(native_usd)
        self._window_ns = window_ns
        self._reset()

    def _reset(self) -> None:
        self._tallies = [Tally(each.source.source_name, each.source.refused_pct_max) for each in self.sources]
        self._by_type: dict[str, int] = {}
        self._first_ns = self._last_ns = 0

    def events(self) -> Iterator[Event]:
        """All events in total order, listings first with the time of the first event. Holds one row per source.

        Raises `BadInput` on the way for a file that cannot be read or of which too much was refused: what was written
        so far is not an import, remove it.
        """
        self._reset()
        is_first = True
        for event in self._with_native_usd(merge([self._stream(place) for place in range(len(self.sources))])):
            if is_first:
                is_first = False
                self._first_ns = event.ts_ns
                for listing in self._listings:
                    yield self._counted(msgspec.structs.replace(listing, ts_ns=event.ts_ns))
            yield self._counted(event)
        if is_first:
            raise BadInput(f"{self.name}: expected events in the window, found none")

    def report(self) -> ImportReport:
        """The account of the last `events()`."""
        return ImportReport(
            name=self.name,
            events=sum(self._by_type.values()),
            first_ts_ns=self._first_ns,
            last_ts_ns=self._last_ns,
            by_type=dict(sorted(self._by_type.items())),
            sources=tuple(
                tally.report(kind=each.source.kind, licence=each.source.licence, note=each.source.note)
                for each, tally in zip(self.sources, self._tallies, strict=True)
            ),
            assumptions=self.assumptions,
        )

    def _stream(self, place: int) -> Iterator[Event]:
        """One source's events inside the window, each fit for the log."""
        planned, tally = self.sources[place], self._tallies[place]
        from_ns, to_ns = self._window_ns
        for event in planned.source.told(planned.files, tally, self._listings):
            if from_ns <= event.ts_ns < to_ns:
                check_event(event)
                tally.events += 1
                yield event
            else:
                tally.events_outside_window += 1

    def _counted(self, event: Event) -> Event:
        kind = type(event).__name__
        self._by_type[kind] = self._by_type.get(kind, 0) + 1
        self._last_ns = event.ts_ns
        return event

    def _with_native_usd(self, events: Iterator[Event]) -> Iterator[Event]:
        """Fill `GasPrice.native_usd` from the assumption, or from the last price known before the gas price."""
        instrument_of = {
            each.source.chain: each.source.native_usd_from
            for each in self.sources
            if isinstance(each.source, GasSource) and each.source.native_usd_from
        }
        wanted = frozenset(instrument_of.values())
        prices: dict[str, float] = {}
        for event in events:
            match event:
                case GasPrice():
                    usd = self._native_usd.get(event.chain) or prices.get(instrument_of.get(event.chain, ""), 0.0)
                    yield msgspec.structs.replace(event, native_usd=usd) if usd else event
                    continue
                case Bar() if event.instrument in wanted:
                    prices[event.instrument] = event.close
                case Quote() if event.instrument in wanted:
                    prices[event.instrument] = (event.bid + event.ask) / 2
                case Trade() if event.instrument in wanted:
                    prices[event.instrument] = event.price
            yield event


def _iso(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
