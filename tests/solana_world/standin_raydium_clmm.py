"""Raydium CLMM: exact-in `swap_v2` without a price limit, and pools laid out byte for byte.

Written after a swap: price, tick, liquidity, bitmap and the state of the dynamic fee in the pool; amounts of limit
orders in ticks, how many ticks of an array are initialised, and the bitmap extension. Left as they were: growth of
fees, fees owed to protocol and fund, phases and ratios of limit orders, observations. No quote depends on them.
Errors: Raydium CLMM program (error.rs, with limit orders), read 2026-11.
"""

from collections.abc import Mapping

from msgspec.structs import replace
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.raydium.addresses import CLMM, extension_address, tick_array_address
from adapters.raydium.clmm_accounts import (
    ARRAY_TICKS,
    ClmmConfig,
    ClmmExtension,
    ClmmPoolState,
    ClmmTick,
    ClmmTickArray,
)
from adapters.raydium.clmm_pool import SWAP_V2, ClmmPool
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool, PoolQuote
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_clmm_bitmap import HALF, array_of, arrays_ahead, needs_extension
from kernel.amm.raydium_clmm_builder import RaydiumClmmBuilder
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import named
from tests.solana_world.anchor_errors import (
    BAD_ACCOUNT,
    BAD_ARGUMENTS,
    arguments_of,
    is_named,
    owned_data,
    require_same,
)
from tests.solana_world.pool_family import SwapCall
from tests.solana_world.pool_stand_in import FamilyMarket, add_pool
from tests.solana_world.program_error import ProgramError
from tests.solana_world.vaults import decimals, open_vault, put_owned, require_sorted
from tests.solana_world.world import World

LESS_THAN_ASKED, TOO_FEW_ARRAYS = 6018, 6023
_CODES = {
    "amount_too_small": 6022,
    "arrays_exhausted": TOO_FEW_ARRAYS,
    "depth_unknown": TOO_FEW_ARRAYS,
    "insufficient_liquidity": 6036,
    "liquidity_out_of_range": 6013,
    "price_limit_out_of_range": 6011,
    "price_out_of_range": 6012,
    "swap_disabled": 6000,
}
_UNKNOWN_CODE = 6038  #: an overflow in a calculation
_ARGUMENTS_BYTES = 33
_ACCOUNTS_MIN = 13
_TICK_BYTES, _MAP_BITS, _MAPS_BYTES, _BITMAP_BYTES = 168, 512, 14 * 64, 128
_DYNAMIC = (
    "filter_period_s", "decay_period_s", "reduction_factor", "index_reference", "volatility_reference", "volatility",
    "volatility_max", "last_update_s",
)  # fmt: skip


class ClmmFamily:
    """Implements `PoolFamily`."""

    program = ClmmPool.program
    label = "Raydium CLMM"
    units = 60_000
    slippage_error = LESS_THAN_ASKED

    def open(self, address: str, owner: str, data: bytes) -> ClmmPool:
        """Raises `UnknownLayout`."""
        return ClmmPool.from_account(address, owner, data)

    def builder(self) -> RaydiumClmmBuilder:
        """Empty."""
        return RaydiumClmmBuilder()

    def read_swap(self, accounts: AccountsView, instruction: Instruction) -> SwapCall:
        """`swap_v2`; the direction follows from the vaults. Other kinds of swap are refused as bad arguments."""
        arguments = arguments_of(instruction, SWAP_V2, _ARGUMENTS_BYTES, _ACCOUNTS_MIN)
        amount, least = int.from_bytes(arguments[:8], "little"), int.from_bytes(arguments[8:16], "little")
        if any(arguments[16:32]) or arguments[32] != 1:
            raise ProgramError(BAD_ARGUMENTS, ("the stand-in swaps exact input without a price limit",))
        keys = [each.pubkey for each in instruction.accounts]
        pool = _decoded(owned_data(accounts, keys[2]))
        vaults, mints = (pool.vault_a, pool.vault_b), (pool.mint_a, pool.mint_b)
        is_a_to_b = keys[5] == pool.vault_a
        order = 1 if is_a_to_b else -1
        theirs = (keys[1], keys[7], *keys[5:7], *keys[11:13])
        require_same("accounts", theirs, (pool.config, pool.observation, *vaults[::order], *mints[::order]))
        return SwapCall(keys[2], keys[0], is_a_to_b, amount, least, keys[3], keys[4], keys[5], keys[6], keys[2])

    def settle(self, accounts: AccountsView, call: SwapCall, before: Pool, after: Pool, quote: PoolQuote) -> None:
        """Pool, arrays whose orders were filled, extension; refuses where an array that it needs is not given."""
        assert isinstance(before, RaydiumClmmPool) and isinstance(after, RaydiumClmmPool)
        span = ARRAY_TICKS * before.state.tick_spacing
        for number in _needed(before, after, call.is_a_to_b):
            if not is_named(accounts, tick_array_address(call.pool, number * span)):
                raise ProgramError(TOO_FEW_ARRAYS, (f"the swap needs the tick array at {number * span}",))
        state = after.state
        changes = {} if state.dynamic_fee is None else {name: getattr(state.dynamic_fee, name) for name in _DYNAMIC}
        pool = replace(
            _decoded(accounts.data(call.pool)),
            liquidity=state.liquidity,
            sqrt_price_x64=state.sqrt_price_x64,
            tick=state.tick,
            bitmap_raw=state.bitmap.to_bytes(_BITMAP_BYTES, "little"),
            **changes,
        )
        accounts.write(call.pool, pool.encode())
        for number, array in after.arrays.items():
            if array != before.arrays[number]:
                key = tick_array_address(call.pool, number * span)
                old = ClmmTickArray.decode(accounts.data(key))
                accounts.write(key, _orders_written(old, before.arrays[number], array).encode())
        if after.extension != before.extension:
            accounts.write(extension_address(call.pool), _extension(call.pool, after.extension or ()).encode())

    def error_of(self, refused: PoolRefused) -> ProgramError:
        """The number of the program's error; 6038 for the rest, which are overflows of some kind."""
        return ProgramError(_CODES.get(refused.reason, _UNKNOWN_CODE), (str(refused),))


def _decoded(data: bytes) -> ClmmPoolState:
    try:
        return ClmmPoolState.decode(data)
    except UnknownLayout as error:
        raise ProgramError(BAD_ACCOUNT, (str(error),)) from error


def _needed(before: RaydiumClmmPool, after: RaydiumClmmPool, is_a_to_b: bool) -> list[int]:
    """Numbers of the arrays that the program searched: up to the one with the tick that the swap ended before."""
    state, end = before.state, after.state.tick
    extension = before.extension if needs_extension(state.tick_spacing) else ()
    found = []
    for number in arrays_ahead(state.bitmap, extension, array_of(state.tick, state.tick_spacing), is_a_to_b):
        found.append(number)
        ticks = [each.tick for each in before.arrays[number].ticks]
        if any(tick <= end + 1 for tick in ticks) if is_a_to_b else any(tick >= end for tick in ticks):
            break
    return found


def _orders_written(account: ClmmTickArray, old: RaydiumClmmTickArray, new: RaydiumClmmTickArray) -> ClmmTickArray:
    left = {each.tick: each for each in new.ticks}
    ticks = account.ticks
    for each in old.ticks:
        now = left.get(each.tick)
        if now != each:
            place = next(at for at, tick in enumerate(ticks) if tick.tick == each.tick and _is_initialised(tick))
            orders, begun = (now.orders, now.orders_part_filled) if now else (0, 0)
            ticks[place] = replace(ticks[place], orders=orders, orders_part_filled=begun)
    count = account.initialised_count - (len(old.ticks) - len(new.ticks))
    return replace(account, ticks_raw=b"".join(each.encode() for each in ticks), initialised_count=count)


def _is_initialised(tick: ClmmTick) -> bool:
    return bool(tick.liquidity_gross or tick.orders or tick.orders_part_filled)


def _extension(pool: Pubkey, arrays: tuple[int, ...]) -> ClmmExtension:
    positive = negative = 0
    for number in arrays:
        if number >= HALF:
            positive |= 1 << number - HALF
        else:
            row = (-number - 1) // _MAP_BITS - 1
            negative |= 1 << row * _MAP_BITS + number + _MAP_BITS * (row + 2)
    return ClmmExtension(pool, positive.to_bytes(_MAPS_BYTES, "little"), negative.to_bytes(_MAPS_BYTES, "little"))


def create_clmm(
    world: World, name: str, mints: tuple[Pubkey, Pubkey], pool: RaydiumClmmPool, amounts: tuple[int, int]
) -> FamilyMarket:
    """A funded pool in the state of `pool`, known to the world; its token fees are the mints', not written here.

    It has a fee tier of its own, and the bitmap extension that every pool gets. Raises `ValueError` for mints out of
    order.
    """
    require_sorted(mints)
    key, state = named(f"clmm {name}"), pool.state
    vaults = []
    for mint, amount in zip(mints, amounts, strict=True):
        vault = Pubkey.find_program_address([b"pool_vault", bytes(key), bytes(mint)], CLMM)[0]
        vaults.append(open_vault(world, vault, mint, key, amount))
    config = named(f"clmm config {name}")
    put_owned(world, config, _config(pool.config, state.tick_spacing).encode(), CLMM)
    account = replace(
        _state(state),
        config=config,
        mint_a=mints[0],
        mint_b=mints[1],
        vault_a=vaults[0],
        vault_b=vaults[1],
        observation=Pubkey.find_program_address([b"observation", bytes(key)], CLMM)[0],
        decimals_a=decimals(world, mints[0]),
        decimals_b=decimals(world, mints[1]),
    )
    put_owned(world, key, account.encode(), CLMM)
    put_owned(world, extension_address(key), _extension(key, pool.extension or ()).encode(), CLMM)
    for number, array in pool.arrays.items():
        if array.ticks:
            start = number * ARRAY_TICKS * state.tick_spacing
            data = _array(key, start, state.tick_spacing, {each.tick: each for each in array.ticks}).encode()
            put_owned(world, tick_array_address(key, start), data, CLMM)
    return add_pool(world, ClmmFamily(), key)


def _config(config: RaydiumClmmConfig, tick_spacing: int) -> ClmmConfig:
    blank = ClmmConfig.decode(bytes.fromhex("daf42168cbcb2b6f") + bytes(109))
    return replace(
        blank,
        protocol_fee_rate=config.protocol_fee_rate,
        trade_fee_rate=config.trade_fee_rate,
        fund_fee_rate=config.fund_fee_rate,
        tick_spacing=tick_spacing,
    )


def _state(state: RaydiumClmmState) -> ClmmPoolState:
    blank = ClmmPoolState.decode(bytes.fromhex("f7ede3f5d7c3de46") + bytes(1536))
    dynamic = state.dynamic_fee or RaydiumDynamicFee(0, 0, 0, 0, 0, 0, 0, 0, 0)
    return replace(
        blank,
        tick_spacing=state.tick_spacing,
        liquidity=state.liquidity,
        sqrt_price_x64=state.sqrt_price_x64,
        tick=state.tick,
        status=state.status,
        fee_on=state.fee_on,
        open_time_s=state.open_time_s,
        bitmap_raw=state.bitmap.to_bytes(_BITMAP_BYTES, "little"),
        dynamic_fee_control=dynamic.control,
        **{name: getattr(dynamic, name) for name in _DYNAMIC},
    )


def _array(pool: Pubkey, start: int, spacing: int, ticks: Mapping[int, RaydiumTick]) -> ClmmTickArray:
    raw = b"".join(
        _tick(ticks[at]) if at in ticks else bytes(_TICK_BYTES)
        for at in range(start, start + ARRAY_TICKS * spacing, spacing)
    )
    return ClmmTickArray(pool, start, raw, len(ticks), 0)


def _tick(tick: RaydiumTick) -> bytes:
    orders = (tick.orders, tick.orders_part_filled)
    return ClmmTick(tick.tick, tick.liquidity_net, tick.liquidity_gross, 0, 0, 0, 0, 0, 0, *orders, 0).encode()
