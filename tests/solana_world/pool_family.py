"""The seam for real pool programs: what `PoolStandIn` and `FamilyMarket` need to know of one, beside its exact maths.

A family file (`standin_<family>.py`) implements `PoolFamily` with the project's own codec, `TrackedPool` and
`PoolBuilder`: read a swap out of an instruction, write the state behind it into account bytes. All else is shared.
"""

from typing import NamedTuple, Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import TrackedPool
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolBuilder, PoolQuote
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.market import Read
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import transfer_fee_of

ROUNDS_MAX = 8  #: of asking for neighbours: some are only known when others were read


class SwapCall(NamedTuple):
    """A swap as its instruction asks for it. `authority` signs for the vaults."""

    pool: Pubkey
    wallet: Pubkey
    is_a_to_b: bool
    amount_in: int
    amount_out_min: int
    source: Pubkey
    destination: Pubkey
    vault_in: Pubkey
    vault_out: Pubkey
    authority: Pubkey


class PoolFamily(Protocol):
    """One pool program."""

    program: str
    label: str  #: as the aggregator names it
    units: int  #: compute units of a swap beside its transfers
    slippage_error: int  #: the program's code for too little out

    def open(self, address: str, owner: str, data: bytes) -> TrackedPool:
        """From the pool's own account. Raises `UnknownLayout`."""

    def builder(self) -> PoolBuilder:
        """An empty one."""

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """Raises `ProgramError` for anything that is no exact-in swap of this program."""

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Write what the swap changed: the pool, ticks or bins that it crossed, its oracle. Vaults are done."""

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """The program's own error for a refusal of the maths."""


class OpenPool(NamedTuple):
    """A pool as of now."""

    tracked: TrackedPool
    pool: Pool


def open_pool(family: PoolFamily, read: Read, address: Pubkey, epoch: int, slot: int) -> OpenPool:
    """Everything that exact quotes need, read account by account. Raises `ValueError` where something is missing."""
    account = read(address)
    if account is None:
        raise ValueError(f"expected a pool at {address}, found nothing")
    tracked = family.open(str(address), str(account.owner), account.data)
    builder = family.builder()
    for part in tracked.update(str(address), str(account.owner), account.data, slot):
        builder.add(part)
    for is_first, mint in zip((True, False), tracked.mints, strict=True):
        fee = transfer_fee_of(read(Pubkey.from_string(mint)), epoch)
        builder.add(TokenFee(is_first, fee.bps, fee.most))
    seen: set[str] = set()
    for _ in range(ROUNDS_MAX):
        fresh = [each for each in tracked.neighbours() if each not in seen]
        if not fresh:
            break
        seen.update(fresh)
        for name in fresh:
            found = read(Pubkey.from_string(name))
            parts = tracked.missing(name) if found is None else (
                tracked.update(name, str(found.owner), found.data, slot)
            )  # fmt: skip
            for part in parts:
                builder.add(part)
    pool = builder.pool()
    if pool is None:
        raise ValueError(f"{family.label} pool {address}: accounts that its quotes need are missing")
    return OpenPool(tracked, pool)
