"""Raydium AMM v4: exact-in `swap_base_in_v2`, and pools laid out byte for byte.

The program moves tokens by plain transfers without naming the mints, so it has a stand-in of its own that does as
much. Written after a swap: the running totals of what was swapped. What the pool owes (need_take_pnl) changes only when
liquidity does. Errors: Raydium AMM program (error.rs), read 2026-11.
"""

from collections.abc import Sequence

from msgspec.structs import replace
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import AMM_V4, AMM_V4_AUTHORITY, TOKEN_PROGRAM
from adapters.raydium.amm_v4_account import AmmV4State
from adapters.raydium.amm_v4_pool import SWAP_BASE_IN_V2, AmmV4Pool
from adapters.solana.tracked_pool import UnknownLayout
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote
from kernel.amm.raydium_amm_v4 import RaydiumAmmV4Pool
from kernel.amm.raydium_amm_v4_builder import RaydiumAmmV4Builder
from kernel.errors import KernelError
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.chain import epoch_of
from tests.solana_world.pool_family import SwapCall, open_pool
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import mint_of
from tests.solana_world.vaults import decimals, open_vault, put_owned
from tests.solana_world.world import World

WRONG_OWNER, WRONG_STATUS, WRONG_INSTRUCTION, WRONG_COUNT = 18, 22, 23, 24
WRONG_INPUT, LESS_THAN_ASKED, NO_FUNDS, WRONG_USER_TOKEN = 29, 30, 40, 42
WRONG_ADDRESS, WRONG_VAULT_A, WRONG_VAULT_B = 1, 4, 5
_CODES = {"swap_disabled": WRONG_STATUS, "insufficient_liquidity": NO_FUNDS}
_DATA_BYTES, _ACCOUNTS = 17, 8
_STATE_BYTES = 752
_TRANSFER = 3


class AmmV4Family:
    """Implements `PoolFamily`."""

    program = AmmV4Pool.program
    label = "Raydium"
    units = 20_000
    slippage_error = LESS_THAN_ASKED

    def open(self, address: str, owner: str, data: bytes) -> AmmV4Pool:
        """Raises `UnknownLayout`."""
        return AmmV4Pool.from_account(address, owner, data)

    def builder(self) -> RaydiumAmmV4Builder:
        """Empty."""
        return RaydiumAmmV4Builder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """`swap_base_in_v2`; the direction follows from what the wallet's accounts hold."""
        data, keys = bytes(instruction.data), [each.pubkey for each in instruction.accounts]
        if len(data) < _DATA_BYTES or data[:1] != SWAP_BASE_IN_V2:
            raise ProgramError(WRONG_INSTRUCTION)
        if len(keys) != _ACCOUNTS:
            raise ProgramError(WRONG_COUNT)
        if accounts.owner(keys[1]) != accounts.program:
            raise ProgramError(WRONG_OWNER)
        pool = _decoded(accounts.data(keys[1]))
        for found, expected, code in (
            (keys[2], AMM_V4_AUTHORITY, WRONG_ADDRESS),
            (keys[3], pool.vault_a, WRONG_VAULT_A),
            (keys[4], pool.vault_b, WRONG_VAULT_B),
        ):
            if found != expected:
                raise ProgramError(code, (f"expected {expected}, found {found}",))
        mints = (mint_of(accounts.data(keys[5])), mint_of(accounts.data(keys[6])))
        if mints not in ((pool.mint_a, pool.mint_b), (pool.mint_b, pool.mint_a)):
            raise ProgramError(WRONG_USER_TOKEN)
        is_a_to_b = mints[0] == pool.mint_a
        vaults = (keys[3], keys[4]) if is_a_to_b else (keys[4], keys[3])
        amount, least = int.from_bytes(data[1:9], "little"), int.from_bytes(data[9:17], "little")
        return SwapCall(keys[1], keys[7], is_a_to_b, amount, least, keys[5], keys[6], *vaults, AMM_V4_AUTHORITY)

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Adds to the totals of its direction."""
        state = _decoded(accounts.data(call.pool))
        names = (
            ("swap_base_in_amount", "swap_quote_out_amount", "swap_base_to_quote_fee")
            if call.is_a_to_b
            else ("swap_quote_in_amount", "swap_base_out_amount", "swap_quote_to_base_fee")
        )
        changes = {name: getattr(state, name) + each for name, each in zip(names, quote, strict=True)}
        accounts.write(call.pool, replace(state, **changes).encode())

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """Wrong status, no funds, wrong input."""
        return ProgramError(_CODES.get(refused.reason, WRONG_INPUT), (str(refused),))


class AmmV4StandIn:
    """The program."""

    program = AmmV4Family.program
    units = AmmV4Family.units

    def __init__(self) -> None:
        self._family = AmmV4Family()

    def execute(self, accounts: AccountsView, metas: Sequence[AccountMeta], data: bytes) -> None:
        """One exact-in swap by two plain transfers."""
        family = self._family
        call = family.read_swap(accounts, Instruction(accounts.program, data, list(metas)))
        accounts.require_signer(call.wallet)
        try:
            before = open_pool(family, accounts.peek, call.pool, epoch_of(accounts.slot), accounts.slot).pool
        except (KernelError, ValueError) as error:
            raise ProgramError("InvalidAccountData", (str(error),)) from error
        try:
            quote, after = before.after(call.is_a_to_b, call.amount_in, accounts.now_s)
        except PoolRefused as refused:
            raise family.error_of(refused) from refused
        if quote.amount_out < call.amount_out_min:
            text = f"at least {call.amount_out_min} were wanted, {quote.amount_out} would arrive"
            raise ProgramError(family.slippage_error, (text,))
        _move(accounts, call.source, call.vault_in, call.wallet, quote.amount_in, ours=())
        _move(accounts, call.vault_out, call.destination, call.authority, quote.amount_out, ours=(call.authority,))
        family.settle(accounts, call, before, after, quote)


def _move(
    accounts: AccountsView, source: Pubkey, destination: Pubkey, authority: Pubkey, amount: int,
    *, ours: tuple[Pubkey, ...],
) -> None:  # fmt: skip
    metas = [
        AccountMeta(source, False, True),
        AccountMeta(destination, False, True),
        AccountMeta(authority, True, False),
    ]
    accounts.call(TOKEN_PROGRAM, metas, bytes([_TRANSFER]) + amount.to_bytes(8, "little"), ours)


def _decoded(data: bytes) -> AmmV4State:
    try:
        return AmmV4State.decode(data)
    except UnknownLayout as error:
        raise ProgramError("InvalidAccountData", (str(error),)) from error


def create_amm_v4(world: World, name: str, mints: tuple[Pubkey, Pubkey], pool: RaydiumAmmV4Pool) -> FamilyMarket:
    """A pool in the state of `pool`, its reserves and what it owes in the vaults. Mints of the classic program only."""
    if AMM_V4 not in world.processor.stand_ins:
        world.register(AmmV4StandIn())
    key, state = named(f"amm v4 {name}"), pool.state
    owed = (state.owed_a, state.owed_b)
    vaults = [
        open_vault(
            world, named(f"amm v4 {name} vault {at}"), mint, AMM_V4_AUTHORITY, pool.reserves[at] + owed[at]
        )
        for at, mint in enumerate(mints)
    ]  # fmt: skip
    account = replace(
        AmmV4State.decode(bytes(_STATE_BYTES)),
        status=state.status,
        base_decimals=decimals(world, mints[0]),
        quote_decimals=decimals(world, mints[1]),
        swap_fee_numerator=state.fee_numerator,
        swap_fee_denominator=state.fee_denominator,
        base_need_take_pnl=state.owed_a,
        quote_need_take_pnl=state.owed_b,
        pool_open_time_s=state.open_time_s,
        vault_a=vaults[0],
        vault_b=vaults[1],
        mint_a=mints[0],
        mint_b=mints[1],
    )
    put_owned(world, key, account.encode(), AMM_V4)
    return add_pool(world, AmmV4Family(), key)
