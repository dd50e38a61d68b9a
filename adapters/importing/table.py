"""Rows of CSV files, and of JSON arrays or lines of flat objects, as text by column name."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from adapters.importing.cells import TimeColumn
from adapters.importing.lines import read_lines
from adapters.importing.tally import Tally
from kernel.errors import BadInput

Row = dict[str, str]
JSON_BYTES_MAX = 64 << 20  #: an array is decoded as a whole; larger histories come as JSON lines
_row_decoder = msgspec.json.Decoder(dict[str, str | int | float | None])
_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def read_csv(path: Path, tally: Tally, headerless: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of one CSV file; `tally.line` names the line. Ragged rows and NUL bytes are refused.

    A file whose first cell is a time has no header: its columns are `headerless`, cut to the row's length.
    """
    header: list[str] | None = None
    reader = csv.reader(_texts(path), strict=True)
    with tally.reading(path):
        try:
            for cells in reader:
                tally.line = reader.line_num
                if not cells:
                    continue
                if header is None:
                    first = cells[0].strip()
                    if not headerless or not TimeColumn().is_time(first):
                        header = [cell.strip() for cell in cells]
                        if len(set(header)) != len(header):
                            raise BadInput(f"{path}:1: expected distinct column names, found {','.join(header)[:200]}")
                        continue
                    header = list(headerless[: len(cells)])
                tally.rows_read += 1
                if len(cells) != len(header):
                    tally.refuse(f"expected {len(header)} cells, found {len(cells)}")
                    continue
                if any("\0" in cell for cell in cells):
                    tally.refuse("expected text, found a NUL byte")
                    continue
                yield dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise BadInput(f"{path}:{reader.line_num}: expected CSV, found {error}") from error


def read_json(path: Path, tally: Tally) -> Iterator[Row]:
    """Rows of a JSON array of objects, or of one object a line; numbers become their text, null becomes ""."""
    with tally.reading(path):
        lines = read_lines(path)
        first = next(lines, None)
        if first is None:
            return
        if first[1].lstrip().startswith(b"["):
            rows = _array_rows(path, first[1], lines)
        else:
            rows = _then(first, lines)
        for number, raw in rows:
            if not raw.strip():
                continue
            tally.line = number
            tally.rows_read += 1
            try:
                cells: dict[str, Any] = _row_decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                tally.refuse(f"expected a flat JSON object, found {raw[:60]!r}: {error}")
                continue
            yield {name: _text(value) for name, value in cells.items()}


def require_columns(row: Row, columns: Sequence[str], path: Path) -> None:
    """Raise `BadInput` unless the file has the columns."""
    missing = [column for column in columns if column and column not in row]
    if missing:
        raise BadInput(
            f"{path}: expected columns {', '.join(missing)}, found {', '.join(row)[:200]}; name them in the manifest"
        )


def _texts(path: Path) -> Iterator[str]:
    for _, line in read_lines(path):
        yield line.decode("utf-8", "replace")


def _array_rows(path: Path, first: bytes, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    parts, size = [first], len(first)
    for _, line in lines:
        parts.append(line)
        size += len(line)
        if size > JSON_BYTES_MAX:
            raise BadInput(f"{path}: expected at most {JSON_BYTES_MAX} bytes of JSON array; give it as JSON lines")
    whole = b"\n".join(parts)
    try:
        items = _array_decoder.decode(whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: expected a JSON array of objects, found {error}") from error
    number, position = 1, 0
    for item in items:
        raw = bytes(item)
        start = whole.find(raw, position)
        number += whole.count(b"\n", position, start)
        yield number, raw
        position = start


def _then(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)
