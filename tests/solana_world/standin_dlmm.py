"""Meteora DLMM: exact-in `swap2`, and pairs laid out byte for byte.

Written after a swap: active bin, volatility, references, time and protocol fees of the pair; what bins hold and what is
left of limit orders. Left as they were: what providers and placed orders earned, ages of orders, the price oracle. No
quote depends on them. Errors: lb_clmm IDL, read 2026-11; a bin array that is not given is Anchor's 3005, as seen of
the program itself.
"""

from collections.abc import Iterable
from struct import Struct as Layout

from msgspec.structs import replace
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.meteora import addresses
from adapters.meteora.bin_array import BIN_ARRAY, Bin, BinArray
from adapters.meteora.bitmap_extension import BITMAP_EXTENSION, ROWS, WORDS, BitmapExtension, BitmapRow
from adapters.meteora.lb_pair import LB_PAIR, LbPair, ProtocolFee
from adapters.meteora.parts import BY_TIME, CUSTOMIZABLE, LIMIT_ORDERS, LIQUIDITY_MINING, PERMISSIONLESS_V2
from adapters.meteora.pool import MeteoraPool
from adapters.meteora.swap2 import DISCRIMINATOR
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.dlmm import ARRAYS_NEAR, BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmPair
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.dlmm_price import price_q64
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote
from kernel.amm.token_fee import amount_after
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import TOKEN_2022, named
from tests.solana_world.anchor_errors import (
    BAD_ACCOUNT,
    TOO_FEW_ACCOUNTS,
    WRONG_RELATION,
    arguments_of,
    is_named,
    owned_data,
    require_same,
)
from tests.solana_world.genesis import token_program_of
from tests.solana_world.pool_family import SwapCall
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import mint_of
from tests.solana_world.vaults import open_vault, put_owned
from tests.solana_world.world import World

LESS_THAN_ASKED = 6003
_CODES = {
    "amount_too_small": 6039,
    "arrays_exhausted": TOO_FEW_ACCOUNTS,
    "depth_unknown": 6037,
    "insufficient_liquidity": 6012,
    "price_out_of_range": 6038,
    "swap_disabled": 6042,
}
_UNKNOWN_CODE = 6018  #: an overflow
_ARGUMENTS = Layout("<QQI")
_ACCOUNTS_MIN = 16
_PROGRAM = Pubkey.from_string(addresses.PROGRAM)
_EMPTY = Bin(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bytes(3))
_VERSION = 2  #: of bin arrays with limit orders


class DlmmFamily:
    """Implements `PoolFamily`."""

    program = addresses.PROGRAM
    label = "Meteora DLMM"
    units = 50_000
    slippage_error = LESS_THAN_ASKED

    def open(self, address: str, owner: str, data: bytes) -> MeteoraPool:
        """Raises `UnknownLayout`."""
        return MeteoraPool(address, owner, data, 0)

    def builder(self) -> DlmmBuilder:
        """Empty."""
        return DlmmBuilder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """`swap2`; the direction follows from what the wallet's input account holds. No host fee, no transfer hooks."""
        arguments = arguments_of(instruction, DISCRIMINATOR, _ARGUMENTS.size, _ACCOUNTS_MIN)
        amount, least, _ = _ARGUMENTS.unpack_from(arguments)
        keys = [each.pubkey for each in instruction.accounts]
        pair = _decoded(owned_data(accounts, keys[0]))
        theirs = tuple(str(keys[at]) for at in (2, 3, 6, 7, 8))
        expected = (pair.reserve_x, pair.reserve_y, pair.token_x_mint, pair.token_y_mint, pair.oracle)
        require_same("accounts", theirs, expected)
        mint_in = str(mint_of(accounts.data(keys[4])))
        if mint_in not in (pair.token_x_mint, pair.token_y_mint):
            raise ProgramError(WRONG_RELATION, (f"{keys[4]} holds no token of the pair",))
        is_x_in = mint_in == pair.token_x_mint
        vaults = (keys[2], keys[3]) if is_x_in else (keys[3], keys[2])
        return SwapCall(keys[0], keys[10], is_x_in, amount, least, keys[4], keys[5], *vaults, keys[0])

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Pair and bin arrays; refuses where an array on the way is not given."""
        assert isinstance(before, DlmmPool) and isinstance(after, DlmmPool)
        last = after.pair.active_id // BINS_PER_ARRAY
        for index in before.arrays_ahead(call.is_a_to_b):
            if index < last if call.is_a_to_b else index > last:
                break
            if not is_named(accounts, _array_key(call.pool, index)):
                raise ProgramError(TOO_FEW_ACCOUNTS, (f"the swap visits bin array {index}, which is not given",))
        pair = _decoded(accounts.data(call.pool))
        now = after.pair
        variables = replace(
            pair.v_parameters,
            volatility_accumulator=now.volatility,
            volatility_reference=now.volatility_reference,
            index_reference=now.index_reference,
            last_update_timestamp=now.updated_s,
        )
        fee = _protocol_fee(pair.protocol_fee, call, before, accounts.now_s)
        changed = replace(pair, v_parameters=variables, active_id=now.active_id, protocol_fee=fee)
        accounts.write(call.pool, LB_PAIR.encode(changed))
        for index, array in after.arrays.items():
            if array != before.arrays[index]:
                key = _array_key(call.pool, index)
                account = BIN_ARRAY.decode(accounts.data(key))
                bins = _bins_written(account, array.bins, now.bin_step_bps)
                accounts.write(key, BIN_ARRAY.encode(replace(account, bins=bins)))

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """The number of the program's error; 6018 for the rest, which are overflows of some kind."""
        return ProgramError(_CODES.get(refused.reason, _UNKNOWN_CODE), (str(refused),))


def _decoded(data: bytes) -> LbPair:
    try:
        return LB_PAIR.decode(data)
    except UnknownLayout as error:
        raise ProgramError(BAD_ACCOUNT, (str(error),)) from error


def _array_key(pair: Pubkey, index: int) -> Pubkey:
    return Pubkey.from_string(addresses.bin_array(str(pair), index))


def _protocol_fee(owed: ProtocolFee, call: SwapCall, before: DlmmPool, now_s: int) -> ProtocolFee:
    """The fee is taken in the token that comes in, or always in Y."""
    taxed = before.token_fees[0 if call.is_a_to_b else 1]
    arriving = amount_after(call.amount_in, taxed.fee_bps, taxed.fee_max)
    fee = before.reach_in(call.is_a_to_b, arriving, now_s).protocol_fee
    if call.is_a_to_b and not before.pair.takes_fee_in_y:
        return replace(owed, amount_x=owed.amount_x + fee)
    return replace(owed, amount_y=owed.amount_y + fee)


def _bins_written(account: BinArray, bins: Iterable[DlmmBin], bin_step_bps: int) -> tuple[Bin, ...]:
    lowest, written = account.index * BINS_PER_ARRAY, list(account.bins)
    for each in bins:
        place = each.bin_id - lowest
        written[place] = _held(written[place], each, bin_step_bps)
    return tuple(written)


def _held(old: Bin, held: DlmmBin, bin_step_bps: int) -> Bin:
    return replace(
        old,
        amount_x=held.amount_x,
        amount_y=held.amount_y,
        price=old.price or price_q64(held.bin_id, bin_step_bps),
        open_order_amount=held.orders_open,
        processed_order_remaining_amount=held.orders_begun,
        limit_order_ask_side=int(held.is_ask),
    )


def create_dlmm(
    world: World, name: str, mints: tuple[Pubkey, Pubkey], pool: DlmmPool, amounts: tuple[int, int]
) -> FamilyMarket:
    """A funded pair in the state of `pool`, known to the world; its token fees are the mints', not written here.

    Every array of `pool` exists; which ones hold liquidity is what the pair and `pool.far` say.
    """
    key = named(f"dlmm {name}")
    for mint, amount in zip(mints, amounts, strict=True):
        reserve = Pubkey.from_string(addresses.reserve(str(key), str(mint)))
        open_vault(world, reserve, mint, key, amount)
    flags = tuple(int(token_program_of(world, mint) == TOKEN_2022) for mint in mints)
    put_owned(world, key, LB_PAIR.encode(_pair(str(key), (str(mints[0]), str(mints[1])), pool.pair, flags)), _PROGRAM)
    for index, array in pool.arrays.items():
        put_owned(world, _array_key(key, index), BIN_ARRAY.encode(_array(str(key), array, pool.pair)), _PROGRAM)
    if pool.far:
        extension = Pubkey.from_string(addresses.bitmap_extension(str(key)))
        put_owned(world, extension, BITMAP_EXTENSION.encode(_extension(str(key), pool.far)), _PROGRAM)
    return add_pool(world, DlmmFamily(), key)


def _pair(key: str, mints: tuple[str, str], pair: DlmmPair, flags: tuple[int, ...]) -> LbPair:
    blank = LB_PAIR.decode(LB_PAIR.discriminator + bytes(LB_PAIR.length - len(LB_PAIR.discriminator)))
    parameters = replace(
        blank.parameters,
        base_factor=pair.base_factor,
        filter_period=pair.filter_period_s,
        decay_period=pair.decay_period_s,
        reduction_factor=pair.reduction_bps,
        variable_fee_control=pair.variable_fee_control,
        max_volatility_accumulator=pair.volatility_max,
        protocol_share=pair.protocol_share_bps,
        base_fee_power_factor=pair.base_fee_power,
        function_type=LIMIT_ORDERS if pair.has_limit_orders else LIQUIDITY_MINING,
        collect_fee_mode=int(pair.takes_fee_in_y),
    )
    variables = replace(
        blank.v_parameters,
        volatility_accumulator=pair.volatility,
        volatility_reference=pair.volatility_reference,
        index_reference=pair.index_reference,
        last_update_timestamp=pair.updated_s,
    )
    return replace(
        blank,
        parameters=parameters,
        v_parameters=variables,
        bin_step_seed=pair.bin_step_bps.to_bytes(2, "little"),
        pair_type=CUSTOMIZABLE if pair.opens_at_s else PERMISSIONLESS_V2,
        active_id=pair.active_id,
        bin_step=pair.bin_step_bps,
        status=int(not pair.is_enabled),
        activation_type=BY_TIME,
        token_x_mint=mints[0],
        token_y_mint=mints[1],
        reserve_x=addresses.reserve(key, mints[0]),
        reserve_y=addresses.reserve(key, mints[1]),
        oracle=addresses.oracle(key),
        bin_array_bitmap=_words(sum(1 << index + ARRAYS_NEAR for index in pair.arrays), 2 * WORDS),
        activation_point=pair.opens_at_s,
        token_mint_x_program_flag=flags[0],
        token_mint_y_program_flag=flags[1],
    )


def _array(pair: str, array: DlmmBinArray, state: DlmmPair) -> BinArray:
    blank = BinArray(array.index, _VERSION, bytes(7), pair, (_EMPTY,) * BINS_PER_ARRAY)
    return replace(blank, bins=_bins_written(blank, array.bins, state.bin_step_bps))


def _extension(pair: str, far: tuple[int, ...]) -> BitmapExtension:
    above, below = [0] * ROWS, [0] * ROWS
    for index in far:
        bit = index if index >= 0 else -index - 1
        side = above if index >= 0 else below
        side[bit // ARRAYS_NEAR - 1] |= 1 << bit % ARRAYS_NEAR
    rows = (tuple(BitmapRow(_words(row, WORDS)) for row in side) for side in (above, below))
    return BitmapExtension(pair, *rows)


def _words(bits: int, count: int) -> tuple[int, ...]:
    return tuple(bits >> 64 * at & (1 << 64) - 1 for at in range(count))
