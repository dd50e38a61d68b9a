"""An account source with somebody listening to its slots."""

from collections.abc import Callable, Collection

from adapters.solana.account_source import AccountSource, SlotSeen, SourceEvent


class SlotTap:
    """Implements `AccountSource` over another; `on_slot` is told each slot before the feed is."""

    def __init__(self, source: AccountSource, on_slot: Callable[[int], None]) -> None:
        self._source = source
        self._on_slot = on_slot

    def watch(self, addresses: Collection[str]) -> None:
        """See `AccountSource`."""
        self._source.watch(addresses)

    def unwatch(self, addresses: Collection[str]) -> None:
        """See `AccountSource`."""
        self._source.unwatch(addresses)

    async def get(self) -> SourceEvent:
        """The next event of the source."""
        event = await self._source.get()
        if isinstance(event, SlotSeen):
            self._on_slot(event.slot)
        return event

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()
