"""Where account changes come from: the seam for something faster than a WebSocket.

`AccountSocket` (accountSubscribe) is the one implementation. A Yellowstone gRPC stream would be another: it needs a
provider's endpoint, a protobuf client and a test against the real thing, none of which is here; nothing pretends it is.
"""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from adapters.solana.account_bytes import AccountBytes


class AccountChange(Struct, frozen=True, gc=False):
    """An account as it is from `slot` on; `account` None = it exists no more."""

    address: str
    slot: int
    account: AccountBytes | None


class SlotSeen(Struct, frozen=True, gc=False):
    """The node has processed this slot."""

    slot: int


class SourceLost(Struct, frozen=True, gc=False):
    """The stream broke: changes from here to the next `SourceReady` may be missing."""

    reason: str


class SourceReady(Struct, frozen=True, gc=False):
    """The stream runs and everything that was asked for is subscribed: now read the state."""

    label: str


SourceEvent = AccountChange | SlotSeen | SourceLost | SourceReady


class AccountSource(Protocol):
    """A stream of changes of the accounts that are watched. Within one account, in the order of writing."""

    def watch(self, addresses: Collection[str]) -> None:
        """Beside those watched already. Takes effect soon, at the latest with the next `SourceReady`."""

    def unwatch(self, addresses: Collection[str]) -> None:
        """No longer."""

    def is_subscribed(self, address: str) -> bool:
        """Whether changes of it are being told, so that a state read from now on misses nothing."""

    async def get(self) -> SourceEvent:
        """The next one; waits. Reconnects by itself, for ever."""

    async def close(self) -> None:
        """End it. Idempotent."""
