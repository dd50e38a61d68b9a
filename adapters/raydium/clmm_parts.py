"""Turns accounts of the Raydium CLMM program into pool parts, taking only what a quote needs."""

import struct

from adapters.raydium.clmm_accounts import ARRAY_TICKS, ClmmConfig, ClmmExtension, ClmmPoolState, ClmmTickArray
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmExtension,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.raydium_clmm_bitmap import HALF
from kernel.amm.raydium_clmm_steps import FEE_UNIT
from kernel.amm.raydium_clmm_ticks import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK

_TICK = struct.Struct("<i16s16s80x8xQQ16x12x")
_NOTHING = bytes(16)
_MAP_BITS = 512


def state_part(state: ClmmPoolState) -> RaydiumClmmState:
    """Raises `UnknownLayout` for values that no pool has."""
    if not state.tick_spacing:
        raise UnknownLayout("Raydium CLMM PoolState: a tick spacing of 0")
    if not (MIN_SQRT_PRICE <= state.sqrt_price_x64 <= MAX_SQRT_PRICE and MIN_TICK - 1 <= state.tick <= MAX_TICK):
        raise UnknownLayout(
            f"Raydium CLMM PoolState: tick {state.tick}, sqrt price {state.sqrt_price_x64} are out of range"
        )
    dynamic = RaydiumDynamicFee(
        filter_period_s=state.filter_period_s,
        decay_period_s=state.decay_period_s,
        reduction_factor=state.reduction_factor,
        control=state.dynamic_fee_control,
        volatility_max=state.volatility_max,
        index_reference=state.index_reference,
        volatility_reference=state.volatility_reference,
        volatility=state.volatility,
        last_update_s=state.last_update_s,
    )
    has_none = dynamic == _NO_DYNAMIC_FEE and not any(state.padding_dynamic)
    return RaydiumClmmState(
        tick_spacing=state.tick_spacing,
        liquidity=state.liquidity,
        sqrt_price_x64=state.sqrt_price_x64,
        tick=state.tick,
        status=state.status,
        fee_on=state.fee_on,
        open_time_s=state.open_time_s,
        bitmap=int.from_bytes(state.bitmap_raw, "little"),
        dynamic_fee=None if has_none else dynamic,
    )


_NO_DYNAMIC_FEE = RaydiumDynamicFee(0, 0, 0, 0, 0, 0, 0, 0, 0)


def config_part(config: ClmmConfig) -> RaydiumClmmConfig:
    """Raises `UnknownLayout` for rates that the program does not allow."""
    if config.trade_fee_rate >= FEE_UNIT or config.protocol_fee_rate + config.fund_fee_rate > FEE_UNIT:
        raise UnknownLayout(
            f"Raydium CLMM AmmConfig: rates {config.trade_fee_rate}, {config.protocol_fee_rate}, {config.fund_fee_rate}"
        )
    return RaydiumClmmConfig(config.trade_fee_rate, config.protocol_fee_rate, config.fund_fee_rate)


def tick_array_part(array: ClmmTickArray, tick_spacing: int) -> RaydiumClmmTickArray:
    """The array's initialised ticks. Raises `UnknownLayout` where a tick does not stand in its own place."""
    start = array.start
    if start % (ARRAY_TICKS * tick_spacing):
        raise UnknownLayout(f"Raydium CLMM TickArrayState: no array begins at {start} with spacing {tick_spacing}")
    ticks = []
    place = start
    for tick, net, gross, orders, part_filled in _TICK.iter_unpack(array.ticks_raw):
        if orders or part_filled or gross != _NOTHING:
            if tick != place:
                raise UnknownLayout(f"Raydium CLMM TickArrayState at {start}: tick {tick} in the place of {place}")
            signed = int.from_bytes(net, "little", signed=True)
            ticks.append(RaydiumTick(tick, signed, int.from_bytes(gross, "little"), orders, part_filled))
        place += tick_spacing
    return RaydiumClmmTickArray(start, tuple(ticks))


def extension_part(extension: ClmmExtension) -> RaydiumClmmExtension:
    """Bit p of map i is array 512 * (i + 1) + p, or p - 512 * (i + 2) on the negative side."""
    negative = [at % _MAP_BITS - _MAP_BITS * (at // _MAP_BITS + 2) for at in _bits(extension.negative_raw)]
    positive = [at + HALF for at in _bits(extension.positive_raw)]
    return RaydiumClmmExtension((*sorted(negative), *positive))


def _bits(raw: bytes) -> list[int]:
    bits, found = int.from_bytes(raw, "little"), []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found
