"""One open stream: a bounded queue of ready frames. A client that does not drain it loses frames, never the kernel."""

import asyncio
from collections import deque

QUEUE_MAX = 256  #: frames; at 4 per topic and second about half a minute of a frozen tab
RESYNC = b"event: resync\ndata: {}\n\n"
BYE = b"event: bye\ndata: {}\n\n"  #: the session ended: the page goes to the login


class StreamClient:
    """Frames for one browser tab. `needs_full` are the topics whose next frame must be whole."""

    def __init__(self, topics: tuple[str, ...], session_id: str, now_s: float, queue_max: int = QUEUE_MAX) -> None:
        self.topics = topics
        self.session_id = session_id
        self.needs_full = set(topics)
        self.drained_s = now_s  #: when the queue was last found empty or taken from
        self.resyncs = 0
        self._frames: deque[bytes] = deque()
        self._queue_max = queue_max
        self._wake = asyncio.Event()
        self._is_closed = False

    @property
    def queued(self) -> int:
        """Frames waiting."""
        return len(self._frames)

    @property
    def is_held(self) -> bool:
        """Whether a resync waits to be read: until then nothing more is queued."""
        return bool(self._frames) and self._frames[0] is RESYNC

    def push(self, frame: bytes) -> None:
        """Queue a frame; a full queue is emptied and replaced by a resync, since old deltas are worth nothing."""
        if self._is_closed or self.is_held:
            return
        if len(self._frames) >= self._queue_max:
            self._frames.clear()
            self._frames.append(RESYNC)
            self.needs_full.update(self.topics)
            self.resyncs += 1
        else:
            self._frames.append(frame)
        self._wake.set()

    def close(self, is_logged_out: bool = False) -> None:
        """End the stream after what is queued; a logged-out client is told and gets nothing more."""
        if is_logged_out and not self._is_closed:
            self._frames.clear()
            self._frames.append(BYE)
        self._is_closed = True
        self._wake.set()

    async def take(self, now_s: float) -> bytes:
        """Everything that waits, joined; b"" = the stream is over."""
        while not self._frames:
            if self._is_closed:
                return b""
            self._wake.clear()
            self.drained_s = max(self.drained_s, now_s)
            await self._wake.wait()
        joined = b"".join(self._frames)
        self._frames.clear()
        return joined
