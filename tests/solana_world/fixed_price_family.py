"""The smallest pool family that there can be, for tests of the seam: raw units swap one for one while the vault lasts.

Its parts are what any family's are: the pool's account, a vault as neighbour, transfer fees of the mints.
"""

from collections.abc import Iterator
from typing import NamedTuple

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote, Segment
from kernel.amm.token_fee import amount_after
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.genesis import give_tokens
from tests.solana_world.pool_family import SwapCall
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import amount_of
from tests.solana_world.world import World

PROGRAM = named("fixed price program")
TAG = b"fixprice"
EMPTY, SLIPPAGE = 7000, 7001


class FixedReserve(PoolPart, frozen=True, array_like=True, gc=False, tag="test_fixed_reserve"):
    """What one side holds."""

    is_first: bool
    amount: int


class FixedPool(NamedTuple):
    """Implements `Pool`."""

    reserves: tuple[int, int]
    fees: tuple[tuple[int, int], tuple[int, int]]

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, "FixedPool"]:
        """One for one, less the mints' own fees."""
        side = 1 if is_a_to_b else 0
        arrived = amount_after(amount_in, *self.fees[1 - side])
        if not 0 < arrived <= self.reserves[side]:
            raise PoolRefused("insufficient_liquidity", f"{arrived} wanted, {self.reserves[side]} there")
        held = list(self.reserves)
        held[side], held[1 - side] = held[side] - arrived, held[1 - side] + arrived
        quote = PoolQuote(amount_in, amount_after(arrived, *self.fees[side]), 0)
        return quote, FixedPool((held[0], held[1]), self.fees)

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """As `after`."""
        return self.after(is_a_to_b, amount_in, now_s)[0]

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Nobody asks."""
        raise PoolRefused("swap_disabled", "exact output is not of this family")

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """One for one."""
        return 1.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """Nobody searches."""
        return iter(())


class FixedBuilder:
    """Implements `PoolBuilder`."""

    def __init__(self) -> None:
        self._reserves: dict[bool, int] = {}
        self._fees: dict[bool, tuple[int, int]] = {}

    def add(self, part: PoolPart) -> None:
        """Reserves and fees."""
        if isinstance(part, FixedReserve):
            self._reserves[part.is_first] = part.amount
        elif isinstance(part, TokenFee):
            self._fees[part.is_first] = (part.fee_bps, part.fee_max)

    def pool(self) -> Pool | None:
        """When both sides are known."""
        if len(self._reserves) < 2 or len(self._fees) < 2:
            return None
        return FixedPool((self._reserves[True], self._reserves[False]), (self._fees[True], self._fees[False]))


class FixedTracked:
    """Implements `TrackedPool`. The account: tag, two mints, two vaults, number of swaps."""

    family = "fixed"
    program = str(PROGRAM)

    def __init__(self, address: str, owner: str, data: bytes) -> None:
        if owner != self.program or data[:8] != TAG or len(data) != 144:
            raise UnknownLayout(f"{address}: expected a fixed-price pool")
        self.address = address
        keys = [str(Pubkey.from_bytes(data[at : at + 32])) for at in range(8, 136, 32)]
        self.mints = (keys[0], keys[1])
        self.vaults = (keys[2], keys[3])

    def neighbours(self) -> tuple[str, ...]:
        """The vaults."""
        return self.vaults

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """A vault's amount."""
        return (FixedReserve(address == self.vaults[0], amount_of(data)),) if address in self.vaults else ()

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """A vault that is gone leaves the pool unknown."""
        return ()

    def swap(
        self, wallet: Pubkey, is_a_to_b: bool, amount_in: int, amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey], token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:  # fmt: skip
        """Wallet, pool, both token accounts, both vaults, both mints, both token programs."""
        metas = [AccountMeta(wallet, True, False), AccountMeta(Pubkey.from_string(self.address), False, True)]
        metas += [AccountMeta(each, False, True) for each in token_accounts]
        metas += [AccountMeta(Pubkey.from_string(each), False, True) for each in self.vaults]
        metas += [AccountMeta(Pubkey.from_string(each), False, False) for each in self.mints]
        metas += [AccountMeta(each, False, False) for each in token_programs]
        numbers = amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little")
        return Instruction(PROGRAM, bytes([is_a_to_b]) + numbers, metas)


class FixedFamily:
    """Implements `PoolFamily`."""

    program = str(PROGRAM)
    label = "Fixed"
    units = 5_000
    slippage_error = SLIPPAGE

    def open(self, address: str, owner: str, data: bytes) -> FixedTracked:
        """The pool."""
        return FixedTracked(address, owner, data)

    def builder(self) -> FixedBuilder:
        """Empty."""
        return FixedBuilder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """See `FixedTracked.swap`."""
        data, keys = bytes(instruction.data), [each.pubkey for each in instruction.accounts]
        if len(data) != 17 or len(keys) < 10:
            raise ProgramError("InvalidInstructionData")
        is_a_to_b = bool(data[0])
        amount, least = int.from_bytes(data[1:9], "little"), int.from_bytes(data[9:17], "little")
        first, second = (0, 1) if is_a_to_b else (1, 0)
        return SwapCall(
            keys[1], keys[0], is_a_to_b, amount, least, keys[2 + first], keys[2 + second], keys[4 + first],
            keys[4 + second], keys[1],
        )  # fmt: skip

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Count the swap."""
        data = accounts.data(call.pool)
        accounts.write(call.pool, data[:136] + (int.from_bytes(data[136:], "little") + 1).to_bytes(8, "little"))

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """One code for all."""
        return ProgramError(EMPTY, (str(refused),))


def create_fixed_pool(world: World, name: str, mints: tuple[Pubkey, Pubkey], amounts: tuple[int, int]) -> FamilyMarket:
    """With its reserves."""
    key = named(f"fixed pool {name}")
    vaults = [give_tokens(world, key, mint, amount) for mint, amount in zip(mints, amounts, strict=True)]
    data = TAG + b"".join(bytes(each) for each in (*mints, *vaults)) + bytes(8)
    world.store.put(key, Account(10**7, data, PROGRAM, False, 0))
    return add_pool(world, FixedFamily(), key)
