"""The live stream: four looks a second at the source, differences encoded once per topic and handed to every client.

Measured rules behind it: one encoded frame for all, at most four a second, clients woken in slices with a turn of the
loop between them, a cap on clients. Waking 200 clients in one turn delayed strategies by 20 ms; 20 in slices of 5 do
not show.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from webui.cells import Cell, Cells
from webui.source import DashboardSource
from webui.stream_client import QUEUE_MAX, StreamClient
from webui.topics import Moment, Render, Rendered

CLIENTS_MAX = 20
PERIOD_S = 0.25
BEAT_S = 2.0  #: silence longer than this never happens on a good connection: the page's watchdog relies on it
SESSION_CHECK_S = 30.0
STALL_S = 30.0  #: a client that takes nothing for so long is closed
SLICE = 5  #: clients woken per turn of the loop
TOPICS_MAX = 6
AGE_SLACK_MS = 400  #: how far the page's own counting of an age may be off before it is told
BEAT = b"event: beat\ndata: {}\n\n"


class Frame(msgspec.Struct):
    """What a message carries. `points` are new chart points as [ms, value, threshold]; not sent with a full frame."""

    topic: str
    full: bool
    cells: dict[str, Cell]
    points: list[list[float | None]]


class _Topic:
    """What the listeners of a topic already know."""

    def __init__(self) -> None:
        self.cells: Cells = {}
        self.last_point_ns = 0
        self._ages: dict[str, tuple[int, float]] = {}  #: key -> (age sent, when)

    def changes(self, rendered: Rendered, now_s: float) -> tuple[Cells, list[list[float | None]]]:
        """Cells that differ, and new points. An age that only grew with the clock is no difference: the page counts."""
        known = self.cells
        cells = {
            key: cell
            for key, cell in rendered.cells.items()
            if (known.get(key) != cell if cell.age_ms is None else not self._is_counted(key, cell, now_s))
        }
        for key, cell in cells.items():
            if cell.age_ms is not None:
                self._ages[key] = (cell.age_ms, now_s)
        self.cells = rendered.cells
        fresh: list[list[float | None]] = []
        for point in reversed(rendered.points):
            if point.ts_ns <= self.last_point_ns:
                break
            fresh.append([point.ts_ns / 1e6, point.value, point.threshold])
        if rendered.points:
            self.last_point_ns = max(self.last_point_ns, rendered.points[-1].ts_ns)
        return cells, fresh[::-1]

    def _is_counted(self, key: str, cell: Cell, now_s: float) -> bool:
        before = self.cells.get(key)
        if cell.age_ms is None or before is None or before.age_ms is None or before.hint != cell.hint:
            return False
        sent_ms, at_s = self._ages[key]
        return abs(cell.age_ms - sent_ms - (now_s - at_s) * 1_000) < AGE_SLACK_MS


class StreamHub:
    """All open streams. `run` is the one task; without clients it sleeps and never asks the source."""

    def __init__(
        self,
        source: DashboardSource,
        is_session_live: Callable[[str], bool],
        *,
        period_s: float = PERIOD_S,
        clients_max: int = CLIENTS_MAX,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._source = source
        self.part_topics: dict[str, Render] = {}  #: kind -> who renders it; filled before the first client
        self._is_session_live = is_session_live
        self._period_s = period_s
        self._clients_max = clients_max
        self._queue_max = queue_max
        self._clients: list[StreamClient] = []
        self._topics: dict[str, _Topic] = {}
        self._joined = asyncio.Event()
        self._encoder = msgspec.json.Encoder()
        self._is_closed = False
        self._beat_due_s = 0.0
        self._check_due_s = 0.0
        self._resyncs_left = 0  #: of the clients that are gone
        self.frames_encoded = 0  #: total; tests and the system page read it

    @property
    def clients(self) -> int:
        """Open streams."""
        return len(self._clients)

    def moment(self) -> Moment:
        """One look, for all topics."""
        return Moment(self._source, self.part_topics)

    def apply(self, *, period_s: float, clients_max: int) -> None:
        """Another pace and cap, from the next frame on; who is connected stays."""
        self._period_s = period_s
        self._clients_max = clients_max

    @property
    def resyncs(self) -> int:
        """Times a slow client lost what was queued for it, since the start."""
        return self._resyncs_left + sum(client.resyncs for client in self._clients)

    def open(self, topics: tuple[str, ...], session_id: str) -> StreamClient | None:
        """A new client, or None when the cap is reached (or the hub is closing)."""
        if self._is_closed or len(self._clients) >= self._clients_max:
            return None
        client = StreamClient(topics, session_id, _now_s(), self._queue_max)
        self._clients.append(client)
        self._joined.set()
        return client

    def leave(self, client: StreamClient) -> None:
        """Forget a client that went away."""
        client.close()
        if client in self._clients:
            self._clients.remove(client)
            self._resyncs_left += client.resyncs

    def close(self) -> None:
        """End every stream now; nothing new is accepted."""
        self._is_closed = True
        self._joined.set()
        for client in self._clients:
            client.close()

    async def run(self) -> None:
        """Look, compare, hand out; until closed."""
        while not self._is_closed:
            if not self._clients:
                self._topics.clear()
                self._joined.clear()
                await self._joined.wait()
                continue
            started_s = _now_s()
            await self.tick()
            await asyncio.sleep(max(self._period_s / 5, self._period_s - (_now_s() - started_s)))

    async def tick(self) -> None:
        """One look at the source for all topics that somebody listens to."""
        wanted = sorted({topic for client in self._clients for topic in client.topics})
        for gone in self._topics.keys() - wanted:
            del self._topics[gone]
        moment = self.moment()
        for topic in wanted:
            rendered = moment.render(topic)
            if rendered is not None:
                await self._hand_out(topic, rendered)
            await asyncio.sleep(0)
        self._look_after(_now_s())

    async def _hand_out(self, topic: str, rendered: Rendered) -> None:
        state = self._topics.setdefault(topic, _Topic())
        cells, points = state.changes(rendered, _now_s())
        delta = self._encode(Frame(topic, False, cells, points)) if cells or points else b""
        full = b""
        listeners = [client for client in self._clients if topic in client.topics]
        for index, client in enumerate(listeners):
            if client.is_held:
                continue
            if topic in client.needs_full:
                full = full or self._encode(Frame(topic, True, rendered.cells, []))
                client.needs_full.discard(topic)
                client.push(full)
            elif delta:
                client.push(delta)
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)

    def _encode(self, frame: Frame) -> bytes:
        self.frames_encoded += 1
        return b"data: " + self._encoder.encode(frame) + b"\n\n"

    def _look_after(self, now_s: float) -> None:
        is_beat = now_s >= self._beat_due_s
        is_check = now_s >= self._check_due_s
        if is_beat:
            self._beat_due_s = now_s + BEAT_S
        if is_check:
            self._check_due_s = now_s + SESSION_CHECK_S
        for client in tuple(self._clients):
            if is_check and not self._is_session_live(client.session_id):
                client.close(is_logged_out=True)
            elif client.queued and now_s - client.drained_s > STALL_S:
                self.leave(client)
            elif is_beat:
                client.push(BEAT)


class StreamResponse(Response):
    """Sends a client's frames until it leaves or the hub closes."""

    media_type = "text/event-stream"

    def __init__(self, hub: StreamHub, client: StreamClient) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        watcher = asyncio.create_task(self._watch(receive))
        try:
            await send(start)
            body: Message = {"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True}
            while body["body"]:
                await send(body)
                self._client.drained_s = _now_s()
                body = {**body, "body": await self._client.take(_now_s())}
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watcher.cancel()
            self._hub.leave(self._client)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._hub.leave(self._client)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
