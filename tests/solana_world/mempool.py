"""What waits for a block: single transactions and bundles, ordered as leaders like them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from solders.signature import Signature
from solders.transaction import VersionedTransaction

BundleState = Literal["Pending", "Failed", "Landed"]
WAITING_MAX = 20_000  #: of each kind; a leader's queue is bounded too


@dataclass(slots=True)
class Waiting:
    """One transaction on its way. `price_micro` decides the order within a block, then arrival."""

    transaction: VersionedTransaction
    signature: Signature
    due_slot: int
    price_micro: int
    order: int


@dataclass(slots=True)
class Bundle:
    """Up to five transactions that land together or not at all."""

    id: str
    transactions: list[VersionedTransaction]
    tip: int
    rate: float  #: tip for a compute unit, which decides the auction
    due_slot: int
    expires_slot: int
    order: int
    state: BundleState = "Pending"
    slot: int | None = None  #: where it landed
    why: Any = None  #: it failed
    alone: int = 0  #: so many of the first land without the rest
    is_never: bool = False
    signatures: list[Signature] = field(default_factory=list)


class Mempool:
    """Everything that waits."""

    def __init__(self) -> None:
        self.transactions: list[Waiting] = []
        self.bundles: list[Bundle] = []
        self._order = 0

    def next_order(self) -> int:
        """Arrival."""
        self._order += 1
        return self._order

    def add(self, transaction: VersionedTransaction, due_slot: int, price_micro: int) -> None:
        """The oldest goes where too many wait."""
        del self.transactions[: max(0, len(self.transactions) - WAITING_MAX + 1)]
        self.transactions.append(
            Waiting(transaction, transaction.signatures[0], due_slot, price_micro, self.next_order())
        )

    def add_bundle(self, bundle: Bundle) -> None:
        """The oldest goes where too many wait."""
        del self.bundles[: max(0, len(self.bundles) - WAITING_MAX + 1)]
        self.bundles.append(bundle)

    def take_due(self, slot: int) -> tuple[list[Bundle], list[Waiting]]:
        """What may be in the block of that slot; the caller puts back what must wait."""
        bundles = sorted((each for each in self.bundles if each.due_slot <= slot), key=lambda e: (-e.rate, e.order))
        waiting = sorted(
            (each for each in self.transactions if each.due_slot <= slot), key=lambda e: (-e.price_micro, e.order)
        )
        self.bundles = [each for each in self.bundles if each.due_slot > slot]
        self.transactions = [each for each in self.transactions if each.due_slot > slot]
        return bundles, waiting
