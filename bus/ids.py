"""Ids are counters or hashes of what they name, so that every replay makes the same ones."""

import uuid
from hashlib import blake2b


def order_id(run: str, strategy: str, cause_seq: int, index: int, leg: int | None = None) -> str:
    """Idempotency key and causal link in one: the event that caused the order, and which of its orders it is.

    >>> order_id("r1", "cex_dex_arb", 42, 0, leg=1)
    'r1-cex_dex_arb-42-0.1'
    """
    base = f"{run}-{strategy}-{cause_seq}-{index}"
    return base if leg is None else f"{base}.{leg}"


def index_of(order: str) -> int:
    """The index part of an order id: which intent of its event the order came of.

    >>> index_of("r1-cex_dex_arb-42-3.1")
    3
    """
    return int(order.rpartition("-")[2].partition(".")[0])


def stable_uuid(*parts: object) -> uuid.UUID:
    """A UUID made of the named parts: the same parts give the same UUID in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return uuid.UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def draw(seed: int, *parts: object) -> float:
    """A uniform number in [0, 1) that depends on the seed and the parts alone."""
    text = "\x1f".join(map(str, (seed, *parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)
