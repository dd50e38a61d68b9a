"""The accounts of the Raydium CLMM program: pool, fee tier, tick array, bitmap extension, position.

Layouts of the program as of 2026 (raydium-sdk-v2 0.2.73-alpha): `status`, `fee_on` and the dynamic fee lie in what was
padding before. Every byte is kept: `encode(decode(x)) == x`.
"""

from typing import Any, Self

from msgspec import Struct
from msgspec.structs import astuple
from solders.pubkey import Pubkey

from adapters.raydium.layout import Layout

_REWARD_BYTES, _TICK_BYTES, _POSITION_REWARD_BYTES = 169, 168, 24
REWARDS, ARRAY_TICKS = 3, 60

_POOL = Layout(
    "Raydium CLMM PoolState",
    bytes.fromhex("f7ede3f5d7c3de46"),
    [
        *("u8", "key", "key", "key", "key", "key", "key", "key", "u8", "u8"),
        *("u16", "u128", "u128", "i32", 4, "u128", "u128", "u64", "u64", 64),
        *("u8", "u8", 6, REWARDS * _REWARD_BYTES, 128, 32, "u64", "u64", "u64", "u64"),
        *("u16", "u16", "u16", "u32", "u32", "i32", "u32", "u32", "u64", 46, 368),
    ],
)
_REWARD = Layout("reward", b"", ["u8", "u64", "u64", "u64", "u128", "u64", "u64", "key", "key", "key", "u128"])
_CONFIG = Layout(
    "Raydium CLMM AmmConfig",
    bytes.fromhex("daf42168cbcb2b6f"),
    ["u8", "u16", "key", "u32", "u32", "u16", "u32", 4, "key", 24],
)
_TICK_ARRAY = Layout(
    "Raydium CLMM TickArrayState",
    bytes.fromhex("c09b55cd31f9812a"),
    ["key", "i32", ARRAY_TICKS * _TICK_BYTES, "u8", "u64", 107],
)
_TICK = Layout("tick", b"", ["i32", "i128", *["u128"] * 6, "u64", "u64", "u64", "u128", 12])
_EXTENSION = Layout(
    "Raydium CLMM TickArrayBitmapExtension", bytes.fromhex("3c9624db61808b99"), ["key", 14 * 64, 14 * 64]
)
_POSITION = Layout(
    "Raydium CLMM PersonalPositionState",
    bytes.fromhex("466f967ee60f1975"),
    [
        *("u8", "key", "key", "i32", "i32", "u128", "u128", "u128", "u64", "u64"),
        *(REWARDS * _POSITION_REWARD_BYTES, "u64", 56),
    ],
)
_POSITION_REWARD = Layout("position reward", b"", ["u128", "u64"])


def _parts(layout: Layout, raw: bytes) -> list[tuple[Any, ...]]:
    size = layout.size
    return [tuple(layout.decode(raw[at : at + size])) for at in range(0, len(raw), size)]


class ClmmReward(Struct, frozen=True):
    """A reward of the pool."""

    state: int
    open_time_s: int
    end_time_s: int
    last_update_s: int
    emissions_per_s_x64: int
    total_emissioned: int
    claimed: int
    mint: Pubkey
    vault: Pubkey
    creator: Pubkey
    growth_global_x64: int


class ClmmPoolState(Struct, frozen=True):
    """The pool, 1544 bytes."""

    bump: int
    config: Pubkey
    creator: Pubkey
    mint_a: Pubkey
    mint_b: Pubkey
    vault_a: Pubkey
    vault_b: Pubkey
    observation: Pubkey
    decimals_a: int
    decimals_b: int
    tick_spacing: int
    liquidity: int
    sqrt_price_x64: int
    tick: int
    padding_a: bytes
    fee_growth_a_x64: int
    fee_growth_b_x64: int
    protocol_fees_a: int
    protocol_fees_b: int
    padding_b: bytes
    status: int
    fee_on: int
    padding_c: bytes
    rewards_raw: bytes
    bitmap_raw: bytes
    padding_d: bytes
    fund_fees_a: int
    fund_fees_b: int
    open_time_s: int
    recent_epoch: int
    filter_period_s: int
    decay_period_s: int
    reduction_factor: int
    dynamic_fee_control: int
    volatility_max: int
    index_reference: int
    volatility_reference: int
    volatility: int
    last_update_s: int
    padding_dynamic: bytes  #: part of what tells a pool without a dynamic fee: all zeros
    padding_e: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_POOL.decode(data))

    def encode(self) -> bytes:
        return _POOL.encode(astuple(self))

    @property
    def rewards(self) -> list[ClmmReward]:
        return [ClmmReward(*each) for each in _parts(_REWARD, self.rewards_raw)]


class ClmmConfig(Struct, frozen=True):
    """The fee tier, 117 bytes. Rates of 1,000,000."""

    bump: int
    index: int
    owner: Pubkey
    protocol_fee_rate: int
    trade_fee_rate: int
    tick_spacing: int
    fund_fee_rate: int
    padding_a: bytes
    fund_owner: Pubkey
    padding_b: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_CONFIG.decode(data))

    def encode(self) -> bytes:
        return _CONFIG.encode(astuple(self))


class ClmmTick(Struct, frozen=True):
    """One tick of an array, 168 bytes."""

    tick: int
    liquidity_net: int
    liquidity_gross: int
    fee_growth_outside_a_x64: int
    fee_growth_outside_b_x64: int
    reward_growth_outside_1_x64: int
    reward_growth_outside_2_x64: int
    reward_growth_outside_3_x64: int
    order_phase: int
    orders: int
    orders_part_filled: int
    unfilled_ratio_x64: int
    padding: bytes = bytes(12)

    def encode(self) -> bytes:
        return _TICK.encode(astuple(self))


class ClmmTickArray(Struct, frozen=True):
    """60 ticks, 10240 bytes. `ticks_raw` is decoded on demand: most ticks are empty."""

    pool: Pubkey
    start: int
    ticks_raw: bytes
    initialised_count: int
    recent_epoch: int
    padding: bytes = bytes(107)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_TICK_ARRAY.decode(data))

    def encode(self) -> bytes:
        return _TICK_ARRAY.encode(astuple(self))

    @property
    def ticks(self) -> list[ClmmTick]:
        return [ClmmTick(*each) for each in _parts(_TICK, self.ticks_raw)]


class ClmmExtension(Struct, frozen=True):
    """Which arrays outside the pool's own bitmap are initialised, 1832 bytes: 14 maps of 512 bits either way."""

    pool: Pubkey
    positive_raw: bytes
    negative_raw: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_EXTENSION.decode(data))

    def encode(self) -> bytes:
        return _EXTENSION.encode(astuple(self))


class ClmmPositionReward(Struct, frozen=True):
    """What a position has of one reward."""

    growth_inside_last_x64: int
    amount_owed: int


class ClmmPosition(Struct, frozen=True):
    """A position, 281 bytes."""

    bump: int
    nft_mint: Pubkey
    pool: Pubkey
    tick_lower: int
    tick_upper: int
    liquidity: int
    fee_growth_inside_last_a_x64: int
    fee_growth_inside_last_b_x64: int
    fees_owed_a: int
    fees_owed_b: int
    rewards_raw: bytes
    recent_epoch: int
    padding: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_POSITION.decode(data))

    def encode(self) -> bytes:
        return _POSITION.encode(astuple(self))

    @property
    def rewards(self) -> list[ClmmPositionReward]:
        return [ClmmPositionReward(*each) for each in _parts(_POSITION_REWARD, self.rewards_raw)]
