"""All transactions in blocks of the present fork, by signature, slot and address."""

from collections import deque

from solders.pubkey import Pubkey
from solders.signature import Signature

from tests.solana_world.landed import Landed

LANDED_MAX = 20_000  #: the oldest go first


class History:
    """`lost_until` hides signatures from lookups for a while: {signature: slot}."""

    def __init__(self) -> None:
        self._all: deque[Landed] = deque()
        self._by_signature: dict[Signature, Landed] = {}
        self.lost_until: dict[Signature, int] = {}

    def add(self, landed: Landed) -> None:
        """It is in the block under way."""
        self._all.append(landed)
        self._by_signature[landed.signature] = landed

    def trim(self) -> None:
        """Between blocks: keep what may be kept."""
        while len(self._all) > LANDED_MAX:
            old = self._all.popleft()
            del self._by_signature[old.signature]
            self.lost_until.pop(old.signature, None)

    def get(self, signature: Signature) -> Landed | None:
        """None where it is in no block of this fork."""
        return self._by_signature.get(signature)

    def find(self, signature: Signature, slot: int) -> Landed | None:
        """As `get`, for who asks from outside in that slot: what is lost is not found."""
        until = self.lost_until.get(signature)
        if until is not None and slot <= until:
            return None
        return self._by_signature.get(signature)

    def mark(self) -> int:
        """For `take_back`."""
        return len(self._all)

    def take_back(self, mark: int) -> list[Landed]:
        """Those since the mark did not happen; returns them, oldest first."""
        gone: list[Landed] = []
        while len(self._all) > mark:
            landed = self._all.pop()
            del self._by_signature[landed.signature]
            gone.append(landed)
        return gone[::-1]

    def roll_back(self, slot: int) -> list[Landed]:
        """Those after the slot did not happen; returns them, oldest first."""
        mark = len(self._all)
        while mark and self._all[mark - 1].slot > slot:
            mark -= 1
        return self.take_back(mark)

    def in_slot(self, slot: int) -> list[Landed]:
        """In the order of the block."""
        found: list[Landed] = []
        for landed in reversed(self._all):
            if landed.slot < slot:
                break
            if landed.slot == slot:
                found.append(landed)
        return found[::-1]

    def of_address(self, key: Pubkey) -> list[Landed]:
        """Transactions that name it, newest first."""
        return [each for each in reversed(self._all) if key in each.keys]

    def since(self, slot: int) -> list[Landed]:
        """Those after that slot, oldest first."""
        found: list[Landed] = []
        for landed in reversed(self._all):
            if landed.slot <= slot:
                break
            found.append(landed)
        return found[::-1]
