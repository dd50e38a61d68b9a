"""Raydium CPMM: exact-in `swap_base_input`, and pools laid out byte for byte.

Written after a swap: the fees owed to protocol, fund and creator, which lie in the vaults and do not trade. Left as it
was: the observation. Where the mint that comes out takes a transfer fee, several sums can arrive as the same: the vault
then pays the least of them, up to one unit less than the program would.
Errors: Raydium CPMM program (error.rs), read 2026-11.
"""

from msgspec.structs import replace
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import CPMM, CPMM_AUTHORITY
from adapters.raydium.cpmm_accounts import CpmmConfig, CpmmPoolState
from adapters.raydium.cpmm_pool import SWAP_BASE_INPUT, CpmmPool
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.constant_product import RaydiumCpmmConfig
from kernel.amm.constant_product import CpmmRates, swap_base_input
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from kernel.amm.raydium_cpmm_builder import RaydiumCpmmBuilder
from kernel.amm.token_fee import amount_after
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.anchor_errors import BAD_ACCOUNT, arguments_of, owned_data, require_same
from tests.solana_world.genesis import token_program_of
from tests.solana_world.pool_family import SwapCall
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.vaults import decimals, open_vault, put_owned, require_sorted
from tests.solana_world.world import World

NOT_APPROVED, LESS_THAN_ASKED, NOTHING_TO_TRADE = 6000, 6005, 6006
_ARGUMENTS_BYTES, _ACCOUNTS_MIN = 16, 13
_CODES = {"swap_disabled": NOT_APPROVED}


class CpmmFamily:
    """Implements `PoolFamily`."""

    program = CpmmPool.program
    label = "Raydium CP"
    units = 30_000
    slippage_error = LESS_THAN_ASKED

    def open(self, address: str, owner: str, data: bytes) -> CpmmPool:
        """Raises `UnknownLayout`."""
        return CpmmPool.from_account(address, owner, data)

    def builder(self) -> RaydiumCpmmBuilder:
        """Empty."""
        return RaydiumCpmmBuilder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """`swap_base_input`; the direction follows from the vaults."""
        arguments = arguments_of(instruction, SWAP_BASE_INPUT, _ARGUMENTS_BYTES, _ACCOUNTS_MIN)
        amount, least = int.from_bytes(arguments[:8], "little"), int.from_bytes(arguments[8:16], "little")
        keys = [each.pubkey for each in instruction.accounts]
        pool = _decoded(owned_data(accounts, keys[3]))
        is_a_to_b = keys[6] == pool.vault_a
        order = 1 if is_a_to_b else -1
        pairs = ((pool.vault_a, pool.vault_b), (pool.token_program_a, pool.token_program_b), (pool.mint_a, pool.mint_b))
        expected = [each for pair in pairs for each in pair[::order]]
        require_same("authority and fee tier", tuple(keys[1:3]), (CPMM_AUTHORITY, pool.config))
        require_same("accounts", keys[6:13], [*expected, pool.observation])
        return SwapCall(keys[3], keys[0], is_a_to_b, amount, least, keys[4], keys[5], keys[6], keys[7], CPMM_AUTHORITY)

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Adds what the swap owes to the three."""
        assert isinstance(before, RaydiumCpmmPool)
        config, is_first_in = before.config, call.is_a_to_b
        creator_rate = config.creator_fee_rate if before.state.is_creator_fee_on else 0
        rates = CpmmRates(config.trade_fee_rate, creator_rate, config.protocol_fee_rate, config.fund_fee_rate)
        is_creator_in = before.state.creator_fee_on in (0, 1 if is_first_in else 2)
        reserve_in, reserve_out = before.reserves if is_first_in else before.reserves[::-1]
        received = amount_after(call.amount_in, *before.token_fees[0 if is_first_in else 1])
        swap = swap_base_input(received, reserve_in, reserve_out, rates, is_creator_in)
        side, other = ("a", "b") if is_first_in else ("b", "a")
        creator_side = side if is_creator_in else other
        state = _decoded(accounts.data(call.pool))
        owed = (
            (f"protocol_fees_{side}", swap.protocol_fee),
            (f"fund_fees_{side}", swap.fund_fee),
            (f"creator_fees_{creator_side}", swap.creator_fee),
        )
        changes = {name: getattr(state, name) + fee for name, fee in owed}
        accounts.write(call.pool, replace(state, **changes).encode())

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """Not approved while it is shut, nothing to trade for the rest."""
        return ProgramError(_CODES.get(refused.reason, NOTHING_TO_TRADE), (str(refused),))


def _decoded(data: bytes) -> CpmmPoolState:
    try:
        return CpmmPoolState.decode(data)
    except UnknownLayout as error:
        raise ProgramError(BAD_ACCOUNT, (str(error),)) from error


def create_cpmm(world: World, name: str, mints: tuple[Pubkey, Pubkey], pool: RaydiumCpmmPool) -> FamilyMarket:
    """A pool in the state of `pool`, its reserves and what it owes in the vaults; with a fee tier of its own.

    Token fees are the mints'. Raises `ValueError` for mints out of order.
    """
    require_sorted(mints)
    key, state = named(f"cpmm {name}"), pool.state
    owed = (state.owed_a, state.owed_b)
    vaults = []
    for number, mint in enumerate(mints):
        vault = Pubkey.find_program_address([b"pool_vault", bytes(key), bytes(mint)], CPMM)[0]
        vaults.append(open_vault(world, vault, mint, CPMM_AUTHORITY, pool.reserves[number] + owed[number]))
    config = named(f"cpmm config {name}")
    put_owned(world, config, _config(pool.config).encode(), CPMM)
    blank = CpmmPoolState.decode(bytes.fromhex("f7ede3f5d7c3de46") + bytes(629))
    account = replace(
        blank,
        config=config,
        vault_a=vaults[0],
        vault_b=vaults[1],
        mint_a=mints[0],
        mint_b=mints[1],
        token_program_a=token_program_of(world, mints[0]),
        token_program_b=token_program_of(world, mints[1]),
        observation=Pubkey.find_program_address([b"observation", bytes(key)], CPMM)[0],
        status=state.status,
        lp_decimals=9,
        decimals_a=decimals(world, mints[0]),
        decimals_b=decimals(world, mints[1]),
        protocol_fees_a=state.owed_a,
        protocol_fees_b=state.owed_b,
        open_time_s=state.open_time_s,
        creator_fee_on=state.creator_fee_on,
        enable_creator_fee=int(state.is_creator_fee_on),
    )
    put_owned(world, key, account.encode(), CPMM)
    return add_pool(world, CpmmFamily(), key)


def _config(config: RaydiumCpmmConfig) -> CpmmConfig:
    blank = CpmmConfig.decode(bytes.fromhex("daf42168cbcb2b6f") + bytes(228))
    return replace(
        blank,
        trade_fee_rate=config.trade_fee_rate,
        protocol_fee_rate=config.protocol_fee_rate,
        fund_fee_rate=config.fund_fee_rate,
        creator_fee_rate=config.creator_fee_rate,
    )
