"""The key of a row in lists that walk by (time, id): text that goes into a link and comes back as hostile input."""

from typing import Any
from uuid import UUID

FAR_NS = 2**63 - 1
NEWEST = (FAR_NS, UUID(int=2**128 - 1))


def key_of(record: Any) -> str:
    """The key of a record with `ts_ns` and `id`."""
    return f"{record['ts_ns']}.{record['id']}"


def parse_key(text: str) -> tuple[int, UUID]:
    """(ts_ns, id) of a key; "" stands before the newest row. Raises `ValueError` for text that is no key."""
    if not text:
        return NEWEST
    time, _, row_id = text.partition(".")
    try:
        found = int(time), UUID(row_id)
    except ValueError as error:
        raise ValueError(f"before_key: expected the key of a row, found {text!r:.80}") from error
    if not 0 <= found[0] <= FAR_NS:
        raise ValueError(f"before_key: expected the key of a row, found {text!r:.80}")
    return found
