"""A stand-in for any pool family: exact quote, real transfers, state written back, the market for others to trade in.

What the wallet pays and gets are the quote's numbers; that both transfers moved exactly them is checked, so a family
whose maths and token fees disagree fails loudly and not by a unit.
"""

from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import amount_before
from kernel.errors import KernelError
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.chain import epoch_of
from tests.solana_world.market import Read
from tests.solana_world.pool_family import PoolFamily, open_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import transfer_fee_of
from tests.solana_world.world import World


class PoolStandIn:
    """The program of a family."""

    def __init__(self, family: PoolFamily) -> None:
        self._family = family
        self.program = family.program
        self.units = family.units

    def execute(self, accounts: AccountsView, metas: Sequence[AccountMeta], data: bytes) -> None:
        """One exact-in swap."""
        family = self._family
        call = family.read_swap(accounts, Instruction(accounts.program, data, list(metas)))
        accounts.log("Instruction: Swap")
        accounts.require_signer(call.wallet)
        if str(accounts.owner(call.pool)) != family.program:
            raise ProgramError("InvalidAccountData", (f"{call.pool} is no account of this program",))
        epoch = epoch_of(accounts.slot)
        try:
            tracked, before = open_pool(family, accounts.peek, call.pool, epoch, accounts.slot)
        except (KernelError, ValueError) as error:
            raise ProgramError("InvalidAccountData", (str(error),)) from error
        try:
            quote, after = before.after(call.is_a_to_b, call.amount_in, accounts.now_s)
        except PoolRefused as refused:
            raise family.error_of(refused) from refused
        if quote.amount_out < call.amount_out_min:
            text = f"at least {call.amount_out_min} were wanted, {quote.amount_out} would arrive"
            raise ProgramError(family.slippage_error, (text,))
        first = 0 if call.is_a_to_b else 1
        mint_in, mint_out = (Pubkey.from_string(tracked.mints[each]) for each in (first, 1 - first))
        accounts.transfer(call.source, mint_in, call.vault_in, call.wallet, quote.amount_in, is_ours=False)
        paid = self._before_fee(accounts, mint_out, quote.amount_out, epoch)
        arrived = accounts.transfer(call.vault_out, mint_out, call.destination, call.authority, paid, is_ours=True)
        if arrived != quote.amount_out:
            raise AssertionError(
                f"{family.label}: the quote says {quote.amount_out} out, the transfer brought {arrived}"
            )
        family.settle(accounts, call, before, after, quote)

    def _before_fee(self, accounts: AccountsView, mint: Pubkey, arriving: int, epoch: int) -> int:
        """What the pool sends so that this arrives; where several amounts do, the least."""
        fee = transfer_fee_of(accounts.peek(mint), epoch)
        return amount_before(arriving, fee.bps, fee.most)


class FamilyMarket:
    """One pool of a family, for the aggregator and for traders."""

    def __init__(self, family: PoolFamily, address: Pubkey, mints: tuple[Pubkey, Pubkey]) -> None:
        self._family = family
        self.address = address
        self.label = family.label
        self.mints = mints

    def quote(self, read: Read, mint_in: Pubkey, amount_in: int, now_s: int, epoch: int) -> int:
        """Exact. Raises `PoolRefused`, `UnknownLayout` (both `ValueError` or `KernelError`)."""
        pool = open_pool(self._family, read, self.address, epoch, 0).pool
        return pool.quote_in(mint_in == self.mints[0], amount_in, now_s).amount_out

    def swap(
        self, read: Read, wallet: Pubkey, mint_in: Pubkey, amount_in: int, amount_out_min: int,
        source: Pubkey, destination: Pubkey,
    ) -> Instruction:  # fmt: skip
        """The program's instruction, as the project itself builds it."""
        tracked = open_pool(self._family, read, self.address, 0, 0).tracked
        is_a_to_b = mint_in == self.mints[0]
        token_accounts = (source, destination) if is_a_to_b else (destination, source)
        programs = [read(each) for each in self.mints]
        owners = tuple(each.owner for each in programs if each is not None)
        return tracked.swap(wallet, is_a_to_b, amount_in, amount_out_min, token_accounts, (owners[0], owners[1]))


def add_pool(world: World, family: PoolFamily, address: Pubkey) -> FamilyMarket:
    """A pool whose accounts are there: its program and its market are from now on known to the world."""
    program = Pubkey.from_string(family.program)
    if program not in world.processor.stand_ins:
        world.register(PoolStandIn(family))
    tracked = open_pool(family, world.read, address, epoch_of(world.slot), world.slot).tracked
    first, second = (Pubkey.from_string(each) for each in tracked.mints)
    market = FamilyMarket(family, address, (first, second))
    world.add_market(market)
    return market
