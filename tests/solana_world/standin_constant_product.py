"""The world's own pool program: x * y = k with a fee on what comes in. No such program is deployed anywhere.

It shows what a stand-in is made of: a layout, an instruction, exact integer maths, tokens moved by real programs. It
reads what arrives in its vault, so fees of Token-2022 mints are what the token program takes.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from kernel.amm.token_fee import amount_after
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.genesis import give_tokens
from tests.solana_world.market import Read
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import amount_of, transfer_fee_of
from tests.solana_world.world import World

PROGRAM = named("constant product program")
POOL_TAG = hashlib.sha256(b"account:ConstantProductPool").digest()[:8]
SWAP_TAG = hashlib.sha256(b"global:swap").digest()[:8]
BPS = 10_000
ZERO_AMOUNT, SLIPPAGE, WRONG_ACCOUNTS = 6000, 6001, 6002  #: the program's errors
_POOL = struct.Struct("<8s32s32s32s32sHQ")
_SWAP = struct.Struct("<8sQQ")
ACCOUNTS = 10  #: of a swap


class PoolState(NamedTuple):
    """The account of a pool. `swaps`: how many there were."""

    mint_a: Pubkey
    mint_b: Pubkey
    vault_a: Pubkey
    vault_b: Pubkey
    fee_bps: int
    swaps: int

    def encode(self) -> bytes:
        """As the account holds it."""
        keys = (bytes(self.mint_a), bytes(self.mint_b), bytes(self.vault_a), bytes(self.vault_b))
        return _POOL.pack(POOL_TAG, *keys, self.fee_bps, self.swaps)

    @classmethod
    def decode(cls, data: bytes) -> "PoolState":
        """Raises `ValueError` for other bytes."""
        if len(data) != _POOL.size or data[:8] != POOL_TAG:
            raise ValueError(f"expected {_POOL.size} bytes that begin with {POOL_TAG.hex()}, found {len(data)}")
        _, mint_a, mint_b, vault_a, vault_b, fee_bps, swaps = _POOL.unpack(data)
        key = Pubkey.from_bytes
        return cls(key(mint_a), key(mint_b), key(vault_a), key(vault_b), fee_bps, swaps)


def amount_out(reserve_in: int, reserve_out: int, amount_in: int, fee_bps: int) -> int:
    """What leaves the pool for what arrived in it; rounded down."""
    net = amount_in * (BPS - fee_bps) // BPS
    return reserve_out * net // (reserve_in + net) if net else 0


class ConstantProduct:
    """The program."""

    program = str(PROGRAM)
    units = 12_000

    def execute(self, accounts: AccountsView, metas: Sequence[AccountMeta], data: bytes) -> None:
        """Its one instruction: swap what is offered for at least what is asked."""
        if len(data) != _SWAP.size or data[:8] != SWAP_TAG:
            raise ProgramError("InvalidInstructionData")
        if len(metas) < ACCOUNTS:
            raise ProgramError("NotEnoughAccountKeys")
        _, offered, least = _SWAP.unpack(data)
        wallet, key, vault_in, vault_out, source, destination, mint_in, mint_out = (each.pubkey for each in metas[:8])
        accounts.log("Instruction: Swap")
        accounts.require_signer(wallet)
        if accounts.owner(key) != PROGRAM:
            raise ProgramError(WRONG_ACCOUNTS, (f"{key} is no pool of this program",))
        pool = PoolState.decode(accounts.data(key))
        is_a_to_b = mint_in == pool.mint_a
        expected = (pool.mint_a, pool.mint_b, pool.vault_a, pool.vault_b)
        found = (mint_in, mint_out, vault_in, vault_out) if is_a_to_b else (mint_out, mint_in, vault_out, vault_in)
        if found != expected:
            raise ProgramError(WRONG_ACCOUNTS, ("mints and vaults are not the pool's",))
        if not offered:
            raise ProgramError(ZERO_AMOUNT, ("nothing to swap",))
        reserve_in, reserve_out = accounts.token_amount(vault_in), accounts.token_amount(vault_out)
        arrived = accounts.transfer(source, mint_in, vault_in, wallet, offered, is_ours=False)
        out = amount_out(reserve_in, reserve_out, arrived, pool.fee_bps)
        received = accounts.transfer(vault_out, mint_out, destination, key, out, is_ours=True)
        if received < least or not received:
            raise ProgramError(SLIPPAGE, (f"at least {least} were wanted, {received} would arrive",))
        accounts.write(key, pool._replace(swaps=pool.swaps + 1).encode())


class ConstantProductMarket:
    """One of its pools, for the aggregator and for traders."""

    label = "Constant Product"

    def __init__(self, address: Pubkey, state: PoolState) -> None:
        self.address = address
        self.mints = (state.mint_a, state.mint_b)
        self.vaults = (state.vault_a, state.vault_b)
        self.fee_bps = state.fee_bps

    def quote(self, read: Read, mint_in: Pubkey, amount_in: int, now_s: int, epoch: int) -> int:
        """Exact, transfer fees of both mints included."""
        first = self.mints.index(mint_in)
        vaults = [read(each) for each in (self.vaults[first], self.vaults[1 - first])]
        reserves = [0 if each is None else amount_of(each.data) for each in vaults]
        fees = [transfer_fee_of(read(self.mints[each]), epoch) for each in (first, 1 - first)]
        arrived = amount_after(amount_in, *fees[0])
        return amount_after(amount_out(reserves[0], reserves[1], arrived, self.fee_bps), *fees[1])

    def swap(
        self, read: Read, wallet: Pubkey, mint_in: Pubkey, amount_in: int, amount_out_min: int,
        source: Pubkey, destination: Pubkey,
    ) -> Instruction:  # fmt: skip
        """The program's instruction."""
        first = self.mints.index(mint_in)
        owners = [read(self.mints[each]) for each in (first, 1 - first)]
        metas = [
            AccountMeta(wallet, True, False),
            AccountMeta(self.address, False, True),
            AccountMeta(self.vaults[first], False, True),
            AccountMeta(self.vaults[1 - first], False, True),
            AccountMeta(source, False, True),
            AccountMeta(destination, False, True),
            AccountMeta(self.mints[first], False, False),
            AccountMeta(self.mints[1 - first], False, False),
            *(AccountMeta(each.owner, False, False) for each in owners if each is not None),
        ]
        return Instruction(PROGRAM, _SWAP.pack(SWAP_TAG, amount_in, amount_out_min), metas)


def create_pool(
    world: World, name: str, mint_a: Pubkey, mint_b: Pubkey, amount_a: int, amount_b: int, fee_bps: int
) -> ConstantProductMarket:
    """A pool with its reserves, known to the world's aggregator."""
    if PROGRAM not in world.processor.stand_ins:
        world.register(ConstantProduct())
    key = named(f"constant product pool {name}")
    vault_a, vault_b = (
        give_tokens(world, key, mint, amount) for mint, amount in ((mint_a, amount_a), (mint_b, amount_b))
    )
    state = PoolState(mint_a, mint_b, vault_a, vault_b, fee_bps, 0)
    data = state.encode()
    rent = world.store.svm.minimum_balance_for_rent_exemption(len(data))
    world.store.put(key, Account(rent, data, PROGRAM, False, 0))
    market = ConstantProductMarket(key, state)
    world.add_market(market)
    return market
