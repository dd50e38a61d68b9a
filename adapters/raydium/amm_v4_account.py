"""The pool account of the Raydium AMM v4 program, 752 bytes without a discriminator; every byte is kept."""

from typing import Self

from msgspec import Struct
from msgspec.structs import astuple
from solders.pubkey import Pubkey

from adapters.raydium.layout import Layout

_POOL = Layout(
    "Raydium AMM v4 AmmInfo",
    b"",
    [*["u64"] * 32, "u128", "u128", "u64", "u128", "u128", "u64", *["key"] * 12, *["u64"] * 4],
)


class AmmV4State(Struct, frozen=True):
    """Base (coin) is the first token, quote (pc) the second. `*_need_take_pnl` lies in the vaults, out of trade."""

    status: int
    nonce: int
    max_order: int
    depth: int
    base_decimals: int
    quote_decimals: int
    state: int
    reset_flag: int
    min_size: int
    vol_max_cut_ratio: int
    amount_wave_ratio: int
    base_lot_size: int
    quote_lot_size: int
    min_price_multiplier: int
    max_price_multiplier: int
    system_decimal_value: int
    min_separate_numerator: int
    min_separate_denominator: int
    trade_fee_numerator: int
    trade_fee_denominator: int
    pnl_numerator: int
    pnl_denominator: int
    swap_fee_numerator: int
    swap_fee_denominator: int
    base_need_take_pnl: int
    quote_need_take_pnl: int
    quote_total_pnl: int
    base_total_pnl: int
    pool_open_time_s: int
    punish_pc_amount: int
    punish_coin_amount: int
    orderbook_to_init_time_s: int
    swap_base_in_amount: int
    swap_quote_out_amount: int
    swap_base_to_quote_fee: int
    swap_quote_in_amount: int
    swap_base_out_amount: int
    swap_quote_to_base_fee: int
    vault_a: Pubkey
    vault_b: Pubkey
    mint_a: Pubkey
    mint_b: Pubkey
    lp_mint: Pubkey
    open_orders: Pubkey
    market: Pubkey
    market_program: Pubkey
    target_orders: Pubkey
    withdraw_queue: Pubkey
    lp_vault: Pubkey
    owner: Pubkey
    lp_reserve: int
    padding_1: int
    padding_2: int
    padding_3: int

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_POOL.decode(data))

    def encode(self) -> bytes:
        return _POOL.encode(astuple(self))
