"""Account bytes of the Whirlpool program: decoded, and encoded back to the same bytes.

Layouts: Anchor IDL of whirlpools-sdk 0.22.0 (program as of 2026). An account is told by the eight bytes it begins
with, sha256("account:<Name>")[:8]; sizes are fixed except for the dynamic tick array. Decoding refuses flags that are
neither 0 nor 1 and any length that the layout does not have; whether numbers make sense is for the reader to judge.
"""

from collections.abc import Callable
from struct import Struct as Layout

from msgspec import Struct
from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout

WHIRLPOOL_LEN = 653
FIXED_TICK_ARRAY_LEN = 9_988
DYNAMIC_TICK_ARRAY_LEN_MIN = 148  #: no tick initialised: 60 bytes and one flag for each of 88 ticks
TICKS = 88
TICK_LEN = 112  #: without its flag
FIXED_TICKS_AT, DYNAMIC_TICKS_AT = 12, 60

WHIRLPOOL = bytes.fromhex("3f95d10ce1806309")
TICK_ARRAY = bytes.fromhex("4561bdbe6e0742bb")
DYNAMIC_TICK_ARRAY = bytes.fromhex("11d8f68ee1c7da38")
ORACLE = bytes.fromhex("8bc283b38cb3e5f4")
POSITION = bytes.fromhex("aabc8fe47a40f7d0")
FEE_TIER = bytes.fromhex("384b9f4c8e44be69")

_WHIRLPOOL = Layout("<32s1sH2sHH16s16siQQ32s32s16s32s32s16sQ")
_REWARD = Layout("<32s32s32s16s16s")
_TICK = Layout("<16s16s16s16s16s16s16s")
_ORACLE = Layout("<32sQHHHIIHH16sQQIiI16s128s")
_POSITION = Layout("<32s32s16sii16sQ16sQ")
_POSITION_REWARD = Layout("<16sQ")
_FEE_TIER = Layout("<32sHH")
_REWARDS = 3


class RewardInfo(Struct, frozen=True, gc=False):
    """A reward token of a pool."""

    mint: Pubkey
    vault: Pubkey
    extension: bytes
    emissions_per_second_x64: int
    growth_global_x64: int


class Whirlpool(Struct, frozen=True, gc=False):
    """The pool."""

    whirlpools_config: Pubkey
    whirlpool_bump: bytes
    tick_spacing: int
    fee_tier_index_seed: bytes
    fee_rate: int
    protocol_fee_rate: int
    liquidity: int
    sqrt_price: int
    tick_current_index: int
    protocol_fee_owed_a: int
    protocol_fee_owed_b: int
    token_mint_a: Pubkey
    token_vault_a: Pubkey
    fee_growth_global_a: int
    token_mint_b: Pubkey
    token_vault_b: Pubkey
    fee_growth_global_b: int
    reward_last_updated_timestamp: int
    reward_infos: tuple[RewardInfo, ...]

    @property
    def fee_tier_index(self) -> int:
        """Differs from the tick spacing where the fee adapts."""
        return int.from_bytes(self.fee_tier_index_seed, "little")


class Tick(Struct, frozen=True, gc=False):
    """One tick; a dynamic array stores only those that are initialised."""

    liquidity_net: int
    liquidity_gross: int
    fee_growth_outside_a: int
    fee_growth_outside_b: int
    reward_growths_outside: tuple[int, int, int]


class TickArray(Struct, frozen=True, gc=False):
    """88 ticks with their flags, each at its full length."""

    start_tick_index: int
    ticks: tuple[tuple[bool, Tick], ...]
    whirlpool: Pubkey


class DynamicTickArray(Struct, frozen=True, gc=False):
    """88 ticks, None where not initialised."""

    start_tick_index: int
    whirlpool: Pubkey
    tick_bitmap: int
    ticks: tuple[Tick | None, ...]


class AdaptiveFeeConstants(Struct, frozen=True, gc=False):
    """How the fee of a pool follows its volatility."""

    filter_period: int
    decay_period: int
    reduction_factor: int
    adaptive_fee_control_factor: int
    max_volatility_accumulator: int
    tick_group_size: int
    major_swap_threshold_ticks: int
    reserved: bytes


class AdaptiveFeeVariables(Struct, frozen=True, gc=False):
    """Where the volatility of a pool stands."""

    last_reference_update_timestamp: int
    last_major_swap_timestamp: int
    volatility_reference: int
    tick_group_index_reference: int
    volatility_accumulator: int
    reserved: bytes


class Oracle(Struct, frozen=True, gc=False):
    """The fee state of an adaptive-fee pool."""

    whirlpool: Pubkey
    trade_enable_timestamp: int
    adaptive_fee_constants: AdaptiveFeeConstants
    adaptive_fee_variables: AdaptiveFeeVariables
    reserved: bytes


class PositionReward(Struct, frozen=True, gc=False):
    """What a position has of one reward token."""

    growth_inside_checkpoint: int
    amount_owed: int


class Position(Struct, frozen=True, gc=False):
    """A liquidity position."""

    whirlpool: Pubkey
    position_mint: Pubkey
    liquidity: int
    tick_lower_index: int
    tick_upper_index: int
    fee_growth_checkpoint_a: int
    fee_owed_a: int
    fee_growth_checkpoint_b: int
    fee_owed_b: int
    reward_infos: tuple[PositionReward, ...]


class FeeTier(Struct, frozen=True, gc=False):
    """The fee that new pools of a tick spacing start with."""

    whirlpools_config: Pubkey
    tick_spacing: int
    default_fee_rate: int


Account = Whirlpool | TickArray | DynamicTickArray | Oracle | Position | FeeTier


def decode(data: bytes) -> Account:
    """Any account of this file, told by its discriminator. Raises `UnknownLayout`."""
    decoder = _DECODERS.get(bytes(data[:8]))
    if decoder is None:
        raise UnknownLayout(f"no account of the Whirlpool program that we know begins with {data[:8].hex()}")
    return decoder(data)


def encode(account: Account) -> bytes:
    """The bytes that `decode` reads back as this account."""
    match account:
        case Whirlpool():
            return _encode_whirlpool(account)
        case TickArray():
            ticks = b"".join(bytes([flag]) + _encode_tick(tick) for flag, tick in account.ticks)
            return (
                TICK_ARRAY
                + account.start_tick_index.to_bytes(4, "little", signed=True)
                + ticks
                + bytes(account.whirlpool)
            )
        case DynamicTickArray():
            ticks = b"".join(b"\0" if tick is None else b"\1" + _encode_tick(tick) for tick in account.ticks)
            start = account.start_tick_index.to_bytes(4, "little", signed=True)
            return DYNAMIC_TICK_ARRAY + start + bytes(account.whirlpool) + _bytes16(account.tick_bitmap) + ticks
        case Oracle():
            return _encode_oracle(account)
        case Position():
            return _encode_position(account)
        case FeeTier():
            numbers = account.tick_spacing, account.default_fee_rate
            return FEE_TIER + _FEE_TIER.pack(bytes(account.whirlpools_config), *numbers)


def decode_whirlpool(data: bytes) -> Whirlpool:
    """Raises `UnknownLayout`."""
    _require(data, WHIRLPOOL, WHIRLPOOL_LEN, "Whirlpool")
    (
        config, bump, spacing, seed, fee, protocol_fee, liquidity, price, tick, owed_a, owed_b,
        mint_a, vault_a, growth_a, mint_b, vault_b, growth_b, updated,
    ) = _WHIRLPOOL.unpack_from(data, 8)  # fmt: skip
    rewards = tuple(
        RewardInfo(Pubkey(mint), Pubkey(vault), extension, _u128(emissions), _u128(growth))
        for mint, vault, extension, emissions, growth in _REWARD.iter_unpack(data[8 + _WHIRLPOOL.size :])
    )
    return Whirlpool(
        Pubkey(config), bump, spacing, seed, fee, protocol_fee, _u128(liquidity), _u128(price), tick, owed_a, owed_b,
        Pubkey(mint_a), Pubkey(vault_a), _u128(growth_a), Pubkey(mint_b), Pubkey(vault_b), _u128(growth_b), updated,
        rewards,
    )  # fmt: skip


def decode_oracle(data: bytes) -> Oracle:
    """Raises `UnknownLayout`."""
    _require(data, ORACLE, 8 + _ORACLE.size, "Oracle")
    pool, opens, *rest = _ORACLE.unpack_from(data, 8)
    return Oracle(Pubkey(pool), opens, AdaptiveFeeConstants(*rest[:8]), AdaptiveFeeVariables(*rest[8:14]), rest[14])


def initialised_ticks(data: bytes) -> tuple[int, Pubkey, tuple[tuple[int, int], ...]]:
    """Of a tick array of either kind: (start, pool, (number in the array, net liquidity) of initialised ticks).

    The short way for the feed, which reads thousands of arrays. Raises `UnknownLayout`.
    """
    if data[:8] == TICK_ARRAY:
        _require(data, TICK_ARRAY, FIXED_TICK_ARRAY_LEN, "TickArray")
        offsets = range(FIXED_TICKS_AT, FIXED_TICKS_AT + TICKS * (TICK_LEN + 1), TICK_LEN + 1)
        found = tuple(
            (number, int.from_bytes(data[at + 1 : at + 17], "little", signed=True))
            for number, at in enumerate(offsets)
            if _flag(data, at)
        )
        return _start(data), Pubkey(data[-32:]), found
    ticks = _dynamic_offsets(data)
    found = tuple(
        (number, int.from_bytes(data[at + 1 : at + 17], "little", signed=True)) for number, at in enumerate(ticks) if at
    )
    if int.from_bytes(data[44:60], "little") != sum(1 << number for number, _ in found):
        raise UnknownLayout("the bitmap of a DynamicTickArray names other ticks than it stores")
    return _start(data), Pubkey(data[12:44]), found


def _decode_fixed(data: bytes) -> TickArray:
    _require(data, TICK_ARRAY, FIXED_TICK_ARRAY_LEN, "TickArray")
    offsets = range(FIXED_TICKS_AT, FIXED_TICKS_AT + TICKS * (TICK_LEN + 1), TICK_LEN + 1)
    ticks = tuple((_flag(data, at), _decode_tick(data, at + 1)) for at in offsets)
    return TickArray(_start(data), ticks, Pubkey(data[-32:]))


def _decode_dynamic(data: bytes) -> DynamicTickArray:
    ticks = tuple(_decode_tick(data, at + 1) if at else None for at in _dynamic_offsets(data))
    return DynamicTickArray(_start(data), Pubkey(data[12:44]), _u128(data[44:60]), ticks)


def _dynamic_offsets(data: bytes) -> list[int]:
    """Where the flag of each initialised tick is; 0 for the others."""
    if data[:8] != DYNAMIC_TICK_ARRAY or len(data) < DYNAMIC_TICK_ARRAY_LEN_MIN:
        raise UnknownLayout(
            f"expected a tick array, fixed or dynamic, found {len(data)} bytes that begin with {data[:8].hex()}"
        )
    found, at = [], DYNAMIC_TICKS_AT
    for _ in range(TICKS):
        if at >= len(data):
            break
        is_initialised = _flag(data, at)
        found.append(at if is_initialised else 0)
        at += 1 + TICK_LEN * is_initialised
    if len(found) != TICKS or at != len(data):
        raise UnknownLayout(f"the ticks of a DynamicTickArray fill {at} bytes, the account has {len(data)}")
    return found


def _decode_tick(data: bytes, at: int) -> Tick:
    net, gross, fee_a, fee_b, *rewards = _TICK.unpack_from(data, at)
    first, second, third = map(_u128, rewards)
    return Tick(
        int.from_bytes(net, "little", signed=True), _u128(gross), _u128(fee_a), _u128(fee_b), (first, second, third)
    )


def _encode_tick(tick: Tick) -> bytes:
    numbers = tick.liquidity_gross, tick.fee_growth_outside_a, tick.fee_growth_outside_b, *tick.reward_growths_outside
    return tick.liquidity_net.to_bytes(16, "little", signed=True) + b"".join(map(_bytes16, numbers))


def _encode_whirlpool(pool: Whirlpool) -> bytes:
    head = _WHIRLPOOL.pack(
        bytes(pool.whirlpools_config), pool.whirlpool_bump, pool.tick_spacing, pool.fee_tier_index_seed, pool.fee_rate,
        pool.protocol_fee_rate, _bytes16(pool.liquidity), _bytes16(pool.sqrt_price), pool.tick_current_index,
        pool.protocol_fee_owed_a, pool.protocol_fee_owed_b, bytes(pool.token_mint_a), bytes(pool.token_vault_a),
        _bytes16(pool.fee_growth_global_a), bytes(pool.token_mint_b), bytes(pool.token_vault_b),
        _bytes16(pool.fee_growth_global_b), pool.reward_last_updated_timestamp,
    )  # fmt: skip
    rewards = (
        _REWARD.pack(
            bytes(each.mint), bytes(each.vault), each.extension,
            _bytes16(each.emissions_per_second_x64), _bytes16(each.growth_global_x64),
        )
        for each in pool.reward_infos
    )  # fmt: skip
    return WHIRLPOOL + head + b"".join(rewards)


def _encode_oracle(oracle: Oracle) -> bytes:
    of, now = oracle.adaptive_fee_constants, oracle.adaptive_fee_variables
    return ORACLE + _ORACLE.pack(
        bytes(oracle.whirlpool), oracle.trade_enable_timestamp,
        of.filter_period, of.decay_period, of.reduction_factor, of.adaptive_fee_control_factor,
        of.max_volatility_accumulator, of.tick_group_size, of.major_swap_threshold_ticks, of.reserved,
        now.last_reference_update_timestamp, now.last_major_swap_timestamp, now.volatility_reference,
        now.tick_group_index_reference, now.volatility_accumulator, now.reserved, oracle.reserved,
    )  # fmt: skip


def _decode_position(data: bytes) -> Position:
    _require(data, POSITION, 8 + _POSITION.size + _REWARDS * _POSITION_REWARD.size, "Position")
    pool, mint, liquidity, lower, upper, growth_a, owed_a, growth_b, owed_b = _POSITION.unpack_from(data, 8)
    rewards = _POSITION_REWARD.iter_unpack(data[8 + _POSITION.size :])
    return Position(
        Pubkey(pool), Pubkey(mint), _u128(liquidity), lower, upper, _u128(growth_a), owed_a, _u128(growth_b), owed_b,
        tuple(PositionReward(_u128(growth), owed) for growth, owed in rewards),
    )  # fmt: skip


def _encode_position(position: Position) -> bytes:
    head = _POSITION.pack(
        bytes(position.whirlpool), bytes(position.position_mint), _bytes16(position.liquidity),
        position.tick_lower_index, position.tick_upper_index, _bytes16(position.fee_growth_checkpoint_a),
        position.fee_owed_a, _bytes16(position.fee_growth_checkpoint_b), position.fee_owed_b,
    )  # fmt: skip
    rewards = (
        _POSITION_REWARD.pack(_bytes16(each.growth_inside_checkpoint), each.amount_owed)
        for each in position.reward_infos
    )
    return POSITION + head + b"".join(rewards)


def _decode_fee_tier(data: bytes) -> FeeTier:
    _require(data, FEE_TIER, 8 + _FEE_TIER.size, "FeeTier")
    config, spacing, fee = _FEE_TIER.unpack_from(data, 8)
    return FeeTier(Pubkey(config), spacing, fee)


def _require(data: bytes, discriminator: bytes, length: int, name: str) -> None:
    if data[:8] != discriminator or len(data) != length:
        raise UnknownLayout(
            f"expected a {name} of {length} bytes that begins with {discriminator.hex()}, "
            f"found {len(data)} bytes that begin with {data[:8].hex()}"
        )


def _flag(data: bytes, at: int) -> bool:
    if data[at] > 1:
        raise UnknownLayout(f"expected a flag of 0 or 1 at byte {at}, found {data[at]}")
    return data[at] == 1


def _start(data: bytes) -> int:
    return int.from_bytes(data[8:12], "little", signed=True)


def _u128(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _bytes16(number: int) -> bytes:
    return number.to_bytes(16, "little")


_DECODERS: dict[bytes, Callable[[bytes], Account]] = {
    WHIRLPOOL: decode_whirlpool,
    TICK_ARRAY: _decode_fixed,
    DYNAMIC_TICK_ARRAY: _decode_dynamic,
    ORACLE: decode_oracle,
    POSITION: _decode_position,
    FEE_TIER: _decode_fee_tier,
}
