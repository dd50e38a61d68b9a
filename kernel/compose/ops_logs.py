"""The logs page's source: files by the tail, counts by the writer."""

import asyncio

from kernel.compose.observability import Observability
from kernel.logs.log_tail import LogPage
from webui.ops_source import LogQuery, LogState


class LogFiles:
    """Implements `webui.ops_source.LogsSource`."""

    def __init__(self, watch: Observability) -> None:
        self._watch = watch

    async def modules(self) -> list[str]:
        return await asyncio.to_thread(self._watch.tail.modules)

    def state(self, module: str) -> LogState:
        reading = self._watch.logs.reading()
        return LogState(
            written=reading.written.get(module, 0),
            dropped=reading.dropped.get(module, 0),
            queued=reading.queued,
            trouble=reading.trouble if reading.is_alive else "the writer ended: nothing is logged any more",
        )

    async def page(self, query: LogQuery) -> LogPage:
        return await self._watch.tail.tail(
            query.module, query.kind, before=query.before, limit=query.limit, level=query.level, text=query.text
        )
