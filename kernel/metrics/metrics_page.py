"""The text of `/metrics`, made in slices with a turn of the loop between them.

In one go a page of 5,000 lines would hold the loop, and with it every strategy, for 30 ms; a slice takes under one.
"""

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

SLICE_SAMPLES = 100  #: about half a millisecond
FRESH_S = 1.0  #: a page this young is handed out again: however many ask, one is made a second
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """Renders one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = asyncio.Lock()
        self._made_s = float("-inf")
        self._text = b""

    async def text(self) -> bytes:
        """The page, at most a second old."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._made_s > FRESH_S:
                self._text = await render(self._registry)
                self._made_s = loop.time()
            return self._text


async def render(registry: CollectorRegistry) -> bytes:
    """The bytes of `generate_latest(registry)`, with the loop let go between slices."""
    parts: list[bytes] = []
    for family in registry.collect():
        for is_first, piece in _pieces(family):
            text = generate_latest(_Single(piece))
            parts.append(text if is_first else _without_head(text))
            await asyncio.sleep(0)
    return b"".join(parts)


class _Single(Collector):
    """A registry of one family."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        return [self._family]


def _pieces(family: Family) -> Iterator[tuple[bool, Family]]:
    samples = family.samples
    has_creation_times = any(each.name == f"{family.name}_created" for each in samples)
    if len(samples) <= SLICE_SAMPLES or has_creation_times:  # those become a family of their own, at the end
        yield True, family
        return
    for start in range(0, len(samples), SLICE_SAMPLES):
        piece = Family(family.name, family.documentation, family.type)
        piece.samples = samples[start : start + SLICE_SAMPLES]
        yield start == 0, piece


def _without_head(text: bytes) -> bytes:
    """Without the HELP and TYPE lines."""
    return text.split(b"\n", 2)[2]
