"""One total order out of many sorted sources.

The rule: time at which we knew (`ts_ns`), then the source's place in the manifest, then the row's place in the
source. It depends on nothing else, so the same files give the same log.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace

from bus.events import Event
from kernel.errors import Invariant


def merge(sources: Sequence[Iterable[Event]]) -> Iterator[Event]:
    """Events of all sources in total order, one held per source. Raises `Invariant` if a source goes back."""
    heap: list[tuple[int, int, Event, Iterator[Event]]] = []
    for place, source in enumerate(sources):
        events = iter(source)
        if (first := next(events, None)) is not None:
            heap.append((first.ts_ns, place, first, events))
    heapify(heap)  # places are distinct, so events are never compared
    while heap:
        ts_ns, place, event, events = heap[0]
        yield event
        following = next(events, None)
        if following is None:
            heappop(heap)
            continue
        if following.ts_ns < ts_ns:
            raise Invariant(
                f"source {place} goes back from {ts_ns} to {following.ts_ns}; its reader must sort or refuse"
            )
        heapreplace(heap, (following.ts_ns, place, following, events))
