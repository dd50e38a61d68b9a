"""`log info`, `log cat`, `log export`."""

import argparse
import datetime
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bus.events.base import Event
from kernel.errors import BadInput, ConfigError
from persistence.event_log import EventLogReader

EXPORT_ROWS = 50_000  #: per row group
RAW_AMOUNTS = frozenset(
    {
        "amount0", "amount1", "amount_in_raw", "amount_out_raw", "borrow_index_ray", "gas_price_wei", "liquidity",
        "liquidity_delta", "sqrt_price_x96", "supply_index_ray",
    }
)  # fmt: skip


def log_command(arguments: argparse.Namespace) -> int:
    """Dispatch."""
    actions = {"info": _info, "cat": _cat, "export": _export}
    return actions[arguments.log_command](arguments)


def utc_text(ts_ns: int) -> str:
    """ISO text of a UTC time in nanoseconds."""
    moment = datetime.datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ts_ns % 1_000_000_000:09d}Z"


def _tag(event: Event) -> str:
    return str(type(event).__struct_config__.tag)


def _info(arguments: argparse.Namespace) -> int:
    reader = EventLogReader(arguments.log)
    header = reader.header
    counts: Counter[type[Event]] = Counter()
    derived = 0
    first_ts_ns = last_ts_ns = 0
    for block in reader.blocks():
        counts.update(map(type, block.events))
        derived += len(block.derived)
        first_ts_ns = first_ts_ns or block.events[0].ts_ns
        last_ts_ns = block.events[-1].ts_ns
    total = sum(counts.values())
    runs = list(dict.fromkeys(each.header.run for each in reader.segments))
    print(f"{arguments.log}: {len(reader.segments)} segment(s), {reader.size_bytes:,} bytes")
    print(
        f"runs {', '.join(runs)}; profile {header.profile}; code {header.code_version}; schema {header.schema_version}"
    )
    if header.note:
        print(f"note: {header.note}")
    if total:
        print(f"{total:,} events ({derived:,} derived), {reader.size_bytes / total:.1f} bytes each")
        print(f"from {utc_text(first_ts_ns)} to {utc_text(last_ts_ns)}")
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  {kind.__struct_config__.tag:18} {count:>12,}")
    for tail in reader.tails:
        if tail.torn_bytes:
            print(f"torn tail: {tail.path}: {tail.torn_bytes} bytes behind seq {tail.last_seq} ({tail.reason})")
    return 0


def _rows(reader: EventLogReader, types: list[str], from_seq: int) -> Iterator[dict[str, Any]]:
    for block in reader.blocks(from_seq):
        for index, event in enumerate(block.events):
            seq = block.first_seq + index
            tag = _tag(event)
            if seq >= from_seq and (not types or tag in types):
                fields = {name: getattr(event, name) for name in event.__struct_fields__}
                yield {"seq": seq, "type": tag, "derived": index in block.derived, **fields}


def _cat(arguments: argparse.Namespace) -> int:
    reader = EventLogReader(arguments.log)
    known = {str(kind.__struct_config__.tag) for kind in _event_kinds()}
    for name in arguments.types:
        if name not in known:
            raise ConfigError(f"--type {name}: no such event type; known: {', '.join(sorted(known))}")
    encoder = msgspec.json.Encoder()
    rows = _rows(reader, arguments.types, arguments.from_seq)
    for row in itertools.islice(rows, arguments.limit):
        sys.stdout.write(encoder.encode(row).decode() + "\n")
    return 0


def _event_kinds() -> list[type[Event]]:
    from bus import events

    found = (getattr(events, name) for name in events.__all__)
    return [each for each in found if isinstance(each, type) and issubclass(each, Event) and each.__struct_config__.tag]


def _export(arguments: argparse.Namespace) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ConfigError("log export needs the research extra: pip install 'trading-kernel[research]'") from error
    path: Path = arguments.log
    out: Path = arguments.out or path.with_name(path.name + ".parquet")
    out.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Any] = {}
    waiting: dict[str, list[dict[str, Any]]] = {}
    counts: Counter[str] = Counter()

    def write(tag: str) -> None:
        table = pa.Table.from_pylist(waiting.pop(tag), schema=writers[tag].schema if tag in writers else None)
        if tag not in writers:
            writers[tag] = pq.ParquetWriter(out / f"{tag}.parquet", table.schema, compression="zstd")
        writers[tag].write_table(table)

    for row in _rows(EventLogReader(path), [], 0):
        tag = row.pop("type")
        rows = waiting.setdefault(tag, [])
        rows.append({key: _cell(key, value) for key, value in row.items()})
        counts[tag] += 1
        if len(rows) >= EXPORT_ROWS:
            write(tag)
    for tag in list(waiting):
        write(tag)
    for writer in writers.values():
        writer.close()
    for tag, count in sorted(counts.items()):
        print(f"{out / (tag + '.parquet')}: {count:,} rows")
    return 0


def _cell(name: str, value: Any) -> Any:
    """Plain cell; raw amounts, decimals and nested values as text, so that nothing is rounded.

    A column has one type in every export: raw amounts are text even where they would fit.
    """
    if name in RAW_AMOUNTS:
        return str(value)
    if isinstance(value, int) and value.bit_length() > 63:
        raise BadInput(f"log export: {name} is {value}, expected a number of at most 64 bits")
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return msgspec.json.encode(value).decode().strip('"')
