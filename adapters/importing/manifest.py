"""The import manifest: a TOML file that names instruments, sources, assumptions and an optional window.

Every table is a typed struct; an unknown key is refused with its name. Paths are relative to a root given apart, and
may not leave it, so the same manifest form serves any folder.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from adapters.importing.cells import datetime_ns
from adapters.importing.funding import FundingCsv, FundingJson
from adapters.importing.gas import GasAssumed, GasCsv, GasSource
from adapters.importing.kline_csv import KlineCsv
from adapters.importing.launch_tracks_csv import LaunchTracksCsv
from adapters.importing.lending_csv import LendingCsv
from adapters.importing.plan import ImportPlan, PlannedSource
from adapters.importing.solana_lp_csv import SolanaLpCsv
from adapters.importing.source import Source
from adapters.importing.univ3_events_csv import Univ3EventsCsv
from adapters.importing.univ3_minute_csv import Univ3MinuteCsv
from adapters.importing.ws_capture import WsCapture
from bus.events import InstrumentListed
from kernel.amm.families import FAMILIES
from kernel.errors import ConfigError

AnySource = (
    KlineCsv
    | WsCapture
    | Univ3MinuteCsv
    | Univ3EventsCsv
    | SolanaLpCsv
    | LaunchTracksCsv
    | FundingCsv
    | FundingJson
    | LendingCsv
    | GasCsv
    | GasAssumed
)

MANIFEST_BYTES_MAX = 1 << 20
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Base58 = Annotated[str, Meta(pattern=r"^([1-9A-HJ-NP-Za-km-z]{32,44})?$")]
DecimalText = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?$")]


class LogTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[log]: what the set is."""

    name: Name
    description: str = ""
    note: str = ""


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """[window]: events known in from <= ts < to are kept. Times without a zone are UTC."""

    start: datetime | None = None
    end: datetime | None = None


class Assumption(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[assumption]]: a number that the data lacks. It enters `GasPrice.native_usd` of the chain, and the report."""

    name: Literal["native_usd"]
    chain: Name
    value: Annotated[float, Meta(gt=0, le=1e9)]
    note: Annotated[str, Meta(min_length=10)]  #: where the number comes from


class Instrument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[instrument]]: the fields of `InstrumentListed`."""

    instrument: Annotated[str, Meta(pattern=r"^[a-z0-9_.]+:[^\s]+$")]
    venue: Name
    kind: Literal["spot", "perp", "pool"]
    base: Name
    quote: Name
    underlying: Name
    tick_size: DecimalText = "0"
    lot_size: DecimalText = "0"
    min_notional_usd: DecimalText = "0"
    base_decimals: Annotated[int, Meta(ge=0, le=36)] = 0
    quote_decimals: Annotated[int, Meta(ge=0, le=36)] = 0
    base_is_token0: bool = False
    fee_pips: Annotated[int, Meta(ge=0, lt=1_000_000)] = 0
    tick_spacing: Annotated[int, Meta(ge=0, le=16_384)] = 0
    chain: str = ""
    mark_from: str = ""
    note: str = ""
    family: str = ""  #: kind of an exact pool that is told in parts; "" = a V3 pool
    address: Base58 = ""
    base_mint: Base58 = ""
    quote_mint: Base58 = ""

    def listed_at(self, ts_ns: int) -> InstrumentListed:
        """The event."""
        return InstrumentListed(ts_ns=ts_ns, **msgspec.structs.asdict(self))


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    log: LogTable
    instrument: tuple[Instrument, ...] = ()
    source: tuple[AnySource, ...]
    assumption: tuple[Assumption, ...] = ()
    window: Window = Window()


def load_manifest(path: Path, root: Path) -> ImportPlan:
    """Read, check and resolve a manifest. Raises `ConfigError` that names the table, the key and what was expected."""
    try:
        if path.stat().st_size > MANIFEST_BYTES_MAX:
            raise ConfigError(f"{path}: expected a manifest of at most {MANIFEST_BYTES_MAX} bytes")
        manifest = msgspec.toml.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ConfigError(f"{path}: the manifest cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not root.is_dir():
        raise ConfigError(f"{path}: expected --root to be a folder, found {root}")
    listed = _check_instruments(path, manifest.instrument)
    _check_sources(path, manifest, listed)
    window = manifest.window
    window_ns = (
        datetime_ns(window.start) if window.start is not None else 0,
        datetime_ns(window.end) if window.end is not None else 1 << 63,
    )
    if window_ns[0] >= window_ns[1]:
        raise ConfigError(f"{path}: window: expected from before to, found {window.start} and {window.end}")
    assumptions = (
        *(f"{each.name} of {each.chain} = {each.value:g}: {each.note}" for each in manifest.assumption),
        *dict.fromkeys(each.assumed for each in manifest.source if each.assumed),
    )
    return ImportPlan(
        name=manifest.log.name,
        description=manifest.log.description,
        note=" ".join(filter(None, (manifest.log.note, *(f"Assumed: {each}." for each in assumptions)))),
        listings=tuple(each.listed_at(0) for each in manifest.instrument),
        sources=tuple(
            PlannedSource(source, _resolve(path, root, index, source)) for index, source in enumerate(manifest.source)
        ),
        native_usd={each.chain: each.value for each in manifest.assumption},
        assumptions=assumptions,
        window_ns=window_ns,
    )


def _check_instruments(path: Path, instruments: Sequence[Instrument]) -> set[str]:
    listed: set[str] = set()
    addresses: set[str] = set()
    for each in instruments:
        where = f"{path}: instrument {each.instrument}"
        if each.instrument in listed:
            raise ConfigError(f"{where}: listed twice")
        listed.add(each.instrument)
        if each.instrument.partition(":")[0] != each.venue:
            raise ConfigError(f"{where}: expected the id to begin with its venue {each.venue!r}")
        if each.address and each.address in addresses:
            raise ConfigError(f"{where}: another instrument has the address {each.address}")
        addresses.add(each.address)
        if each.family:
            if each.kind != "pool" or each.family not in FAMILIES:
                raise ConfigError(f"{where}: expected a pool of family {', '.join(FAMILIES)}, found {each.family!r}")
            if not (each.chain and each.address and each.base_mint and each.quote_mint):
                raise ConfigError(f"{where}: expected chain, address, base_mint and quote_mint of a pool with a family")
        elif each.kind == "pool" and not (each.chain and each.tick_spacing and each.fee_pips):
            raise ConfigError(f"{where}: expected chain, fee_pips and tick_spacing of a pool")
    for each in instruments:
        if each.mark_from and each.mark_from not in listed:
            raise ConfigError(f"{path}: instrument {each.instrument}: mark_from {each.mark_from!r} is not listed")
    return listed


def _check_sources(path: Path, manifest: Manifest, listed: set[str]) -> None:
    if not manifest.source:
        raise ConfigError(f"{path}: expected at least one [[source]]")
    names: set[str] = set()
    assumed = {each.chain for each in manifest.assumption}
    if len(assumed) != len(manifest.assumption):
        raise ConfigError(f"{path}: expected one native_usd assumption per chain")
    for each in manifest.source:
        where = f"{path}: source {each.source_name}"
        if each.source_name in names:
            raise ConfigError(f"{where}: two sources have this name; give one of them its own `name`")
        names.add(each.source_name)
        each.check()
        wanted = [*each.instruments]
        if isinstance(each, GasSource) and each.native_usd_from:
            wanted.append(each.native_usd_from)
            if each.chain in assumed:
                raise ConfigError(f"{where}: native_usd_from contradicts the assumption for {each.chain}; keep one")
        for instrument in wanted:
            if instrument not in listed:
                raise ConfigError(f"{where}: instrument {instrument!r} is not listed; add an [[instrument]] for it")


def _resolve(path: Path, root: Path, index: int, source: Source) -> tuple[Path, ...]:
    """Absolute paths of the source's files, all below the root."""
    where = f"{path}: source[{index}] {source.source_name}"
    names = (source.path, *source.paths) if source.path else source.paths
    if source.path and source.paths:
        raise ConfigError(f"{where}: expected either path or paths, found both")
    if not source.has_files:
        if names:
            raise ConfigError(f"{where}: an assumed source has no file, found path {names[0]!r}")
        return ()
    if not names:
        raise ConfigError(f"{where}: expected path or paths")
    if len(set(names)) != len(names):
        raise ConfigError(f"{where}: a path is named twice")
    base = root.resolve()
    files = []
    for name in names:
        if "\0" in name:
            raise ConfigError(f"{where}: expected a path, found a NUL byte")
        file = (base / name).resolve()
        if Path(name).is_absolute() or not file.is_relative_to(base):
            raise ConfigError(f"{where}: path {name!r} leaves the root {root}; give a path below it")
        if not file.is_file():
            raise ConfigError(f"{where}: no file {name!r} below {root}")
        files.append(file)
    return tuple(files)
