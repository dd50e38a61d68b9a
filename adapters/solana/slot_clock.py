"""Which slot it is, what time the chain thinks it is, and when a slot was or will be.

Programs see the chain's clock (the Clock sysvar), which may be seconds away from ours; fees that move with time need
it. Slot lengths are measured, not assumed: they wander between 390 and 600 ms.
"""

import struct

from bus.clock import NS_PER_MS, NS_PER_S
from kernel.errors import BadWire

CLOCK_SYSVAR = "SysvarC1ock11111111111111111111111111111111"
_SYSVAR = struct.Struct("<QqQQq")  # slot, start of the epoch, epoch, epoch of the leader schedule, unix time
SLOT_NS_NOMINAL = 400 * NS_PER_MS
SLOT_NS_MIN, SLOT_NS_MAX = 100 * NS_PER_MS, 5_000 * NS_PER_MS
SLOTS_MEASURED = 64  #: how many slots a measurement of their length spans at least
SKEW_S_MAX = 3_600  #: a clock further from ours is a lie or a fault of ours


class SlotClock:
    """Fed by slots and by the sysvar; all times are UTC nanoseconds of our clock unless they say chain."""

    def __init__(self) -> None:
        self.slot = 0  #: the highest seen
        self.epoch = 0  #: 0 = the sysvar was not seen yet
        self.slot_ns = SLOT_NS_NOMINAL  #: measured length of a slot
        self._seen_ns = 0
        self._mark: tuple[int, int] = (0, 0)
        self._chain_minus_ours_ns = 0

    def see(self, slot: int, now_ns: int) -> None:
        """A slot was processed."""
        if slot <= self.slot:
            return
        self.slot, self._seen_ns = slot, now_ns
        mark_slot, mark_ns = self._mark
        if not mark_slot:
            self._mark = (slot, now_ns)
        elif slot - mark_slot >= SLOTS_MEASURED:
            measured = (now_ns - mark_ns) // (slot - mark_slot)
            self.slot_ns = min(SLOT_NS_MAX, max(SLOT_NS_MIN, (self.slot_ns + measured) // 2))
            self._mark = (slot, now_ns)

    def see_sysvar(self, data: bytes, now_ns: int) -> None:
        """The Clock sysvar's bytes. Raises `BadWire`; what was known stays."""
        if len(data) != _SYSVAR.size:
            raise BadWire(f"Clock sysvar: expected {_SYSVAR.size} bytes, found {len(data)}")
        slot, _, epoch, _, chain_s = _SYSVAR.unpack(data)
        skew_ns = chain_s * NS_PER_S - now_ns
        if abs(skew_ns) > SKEW_S_MAX * NS_PER_S:
            raise BadWire(
                f"Clock sysvar: expected a time within an hour of ours, found {skew_ns // NS_PER_S} s; check both"
            )
        self.epoch, self._chain_minus_ours_ns = epoch, skew_ns
        self.see(slot, now_ns)

    def chain_s(self, now_ns: int) -> int:
        """Unix time that a program would see now; ours while the sysvar was not seen."""
        return (now_ns + self._chain_minus_ours_ns) // NS_PER_S

    def time_of(self, slot: int) -> int:
        """When that slot was or will be; 0 while no slot was seen."""
        return self._seen_ns + (slot - self.slot) * self.slot_ns if self.slot else 0

    def age_s(self, now_ns: int) -> float:
        """Since the newest slot came; infinite while none did."""
        return (now_ns - self._seen_ns) / NS_PER_S if self.slot else float("inf")
