"""Raydium accounts for tests, consistent as a chain would have them."""

from typing import Any

from msgspec.structs import replace
from solders.pubkey import Pubkey

from adapters.raydium.addresses import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from adapters.raydium.amm_v4_account import AmmV4State
from adapters.raydium.clmm_accounts import ClmmConfig, ClmmExtension, ClmmPoolState, ClmmTick, ClmmTickArray
from adapters.raydium.cpmm_accounts import CpmmConfig, CpmmPoolState
from kernel.amm.raydium_clmm_bitmap import HALF

POOL = Pubkey.from_bytes(bytes([7]) * 32)
WALLET = Pubkey.from_bytes(bytes([9]) * 32)
TOKEN_ACCOUNTS = (Pubkey.from_bytes(bytes([21]) * 32), Pubkey.from_bytes(bytes([22]) * 32))
TOKEN_PROGRAMS = (TOKEN_PROGRAM, TOKEN_2022_PROGRAM)


def key(number: int) -> Pubkey:
    return Pubkey.from_bytes(bytes([number]) * 32)


def clmm_state(numbers: tuple[int, ...] = (-1, 0), **changes: Any) -> ClmmPoolState:
    """Spacing 10, price 1, with the arrays of those numbers marked."""
    blank = ClmmPoolState.decode(bytes.fromhex("f7ede3f5d7c3de46") + bytes(1536))
    bitmap = sum(1 << number + HALF for number in numbers if -HALF <= number < HALF)
    state = replace(
        blank,
        config=key(1),
        mint_a=key(2),
        mint_b=key(3),
        vault_a=key(4),
        vault_b=key(5),
        observation=key(6),
        tick_spacing=10,
        liquidity=10**12,
        sqrt_price_x64=1 << 64,
        bitmap_raw=bitmap.to_bytes(128, "little"),
    )
    return replace(state, **changes)


def clmm_config(**changes: Any) -> ClmmConfig:
    blank = ClmmConfig.decode(bytes.fromhex("daf42168cbcb2b6f") + bytes(109))
    rates = {"trade_fee_rate": 2_500, "protocol_fee_rate": 120_000, "fund_fee_rate": 40_000, "tick_spacing": 10}
    return replace(blank, **{**rates, **changes})


def clmm_tick_array(start: int, ticks: dict[int, dict[str, int]], *, spacing: int = 10, pool: Pubkey = POOL) -> bytes:
    """The array's bytes; `ticks` are fields by tick, all others are empty but for their index."""
    names = ClmmTick.__struct_fields__[:-1]
    raw = b"".join(
        ClmmTick(**{**dict.fromkeys(names, 0), "tick": at, **ticks[at]}).encode() if at in ticks else bytes(168)
        for at in range(start, start + 60 * spacing, spacing)
    )
    return ClmmTickArray(pool, start, raw, len(ticks), 0).encode()


def clmm_extension(*, positive: int = 0, negative: int = 0, pool: Pubkey = POOL) -> bytes:
    """The extension's bytes from two integers of 7168 bits."""
    return ClmmExtension(pool, positive.to_bytes(896, "little"), negative.to_bytes(896, "little")).encode()


def cpmm_state(**changes: Any) -> CpmmPoolState:
    blank = CpmmPoolState.decode(bytes.fromhex("f7ede3f5d7c3de46") + bytes(629))
    state = replace(
        blank,
        config=key(1),
        mint_a=key(2),
        mint_b=key(3),
        vault_a=key(4),
        vault_b=key(5),
        observation=key(6),
        token_program_a=TOKEN_PROGRAM,
        token_program_b=TOKEN_2022_PROGRAM,
        protocol_fees_a=1,
        fund_fees_a=2,
        creator_fees_a=4,
        enable_creator_fee=1,
    )
    return replace(state, **changes)


def cpmm_config(**changes: Any) -> CpmmConfig:
    blank = CpmmConfig.decode(bytes.fromhex("daf42168cbcb2b6f") + bytes(228))
    rates = {"trade_fee_rate": 2_500, "protocol_fee_rate": 120_000, "fund_fee_rate": 40_000, "creator_fee_rate": 500}
    return replace(blank, **{**rates, **changes})


def amm_v4_state(**changes: Any) -> AmmV4State:
    state = replace(
        AmmV4State.decode(bytes(752)),
        status=6,
        swap_fee_numerator=25,
        swap_fee_denominator=10_000,
        base_need_take_pnl=3,
        quote_need_take_pnl=5,
        mint_a=key(2),
        mint_b=key(3),
        vault_a=key(4),
        vault_b=key(5),
    )
    return replace(state, **changes)


def token_account(mint: Pubkey, amount: int, *, state: int = 1, tail: bytes = b"") -> bytes:
    """The bytes of a token account; `tail` for Token-2022 extensions."""
    head = bytes(mint) + bytes(32) + amount.to_bytes(8, "little") + bytes(36)
    return head + bytes([state]) + bytes(56) + tail
