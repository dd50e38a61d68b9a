"""What a transaction may compute and what it pays: compute-budget instructions, priority fee, signature fee.

As of Agave 2.x: 3,000 units for each builtin instruction and 200,000 for any other where no limit is set, 1.4 million
at most; priority fee = ceil(price * limit / 1e6) on the limit, not on what is used.
"""

from typing import NamedTuple

from tests.solana_world.addresses import COMPUTE_BUDGET, SYSTEM
from tests.solana_world.resolved_message import Refused, ResolvedMessage

SIGNATURE_FEE_LAMPORTS = 5_000
UNITS_MAX = 1_400_000
UNITS_DEFAULT = 200_000
UNITS_BUILTIN = 3_000
BUDGET_UNITS = 150  #: what one compute-budget instruction takes
MICRO = 1_000_000
BUILTINS = frozenset({SYSTEM, COMPUTE_BUDGET})
_WIDTHS = {1: 4, 2: 4, 3: 8, 4: 4}  # tag -> bytes of its number


class Budget(NamedTuple):
    """What the compute-budget instructions ask for."""

    unit_limit: int
    unit_price_micro: int  #: micro-lamports for a unit
    signatures: int

    @property
    def priority_fee(self) -> int:
        """Lamports on top of the signatures."""
        return -(-self.unit_price_micro * self.unit_limit // MICRO)

    @property
    def fee(self) -> int:
        """Lamports in all."""
        return self.signatures * SIGNATURE_FEE_LAMPORTS + self.priority_fee


def budget_of(message: ResolvedMessage) -> Budget:
    """Raises `Refused` for instructions that contradict each other or make no sense."""
    found: dict[int, int] = {}
    default = 0
    for index, call in enumerate(message.calls()):
        if call.program != COMPUTE_BUDGET:
            default += UNITS_BUILTIN if call.program in BUILTINS else UNITS_DEFAULT
            continue
        default += UNITS_BUILTIN
        tag = call.data[0] if call.data else 0
        if tag not in _WIDTHS or len(call.data) != 1 + _WIDTHS[tag]:
            raise Refused({"InstructionError": [index, "InvalidInstructionData"]})
        if tag in found:
            raise Refused({"DuplicateInstruction": index})
        found[tag] = int.from_bytes(call.data[1:], "little")
    limit = min(found.get(2, default), UNITS_MAX)
    return Budget(limit, found.get(3, 0), message.signatures)
