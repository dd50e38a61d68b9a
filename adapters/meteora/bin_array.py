"""The BinArray account: 70 bins of one DLMM pair.

Layout of lb_clmm as in the IDL of dlmm package 1.9.14, 2026; 10136 bytes. Fields keep the program's names.
"""

from msgspec import Struct

from adapters.meteora.layout import AccountLayout, Layout


class Bin(Struct, frozen=True, gc=False):
    """One bin; `price` is Q64.64, 0 until the bin is first used."""

    amount_x: int
    amount_y: int
    price: int
    liquidity_supply: int
    fulfilled_order_amount_x: int
    fulfilled_order_amount_y: int
    limit_order_fee_ask_side: int
    limit_order_fee_bid_side: int
    fee_amount_x_per_token_stored: int
    fee_amount_y_per_token_stored: int
    open_order_amount: int
    total_processing_order_amount: int
    processed_order_remaining_amount: int
    order_age: int
    limit_order_ask_side: int
    padding1: bytes


class BinArray(Struct, frozen=True, gc=False):
    """The whole account."""

    index: int
    version: int
    padding1: bytes
    lb_pair: str
    bins: tuple[Bin, ...]


_BIN = Layout(Bin, "Q Q W W Q Q Q Q W W Q Q Q I B 3s")

BIN_ARRAY = AccountLayout("BinArray", "5c8e5cdc059446b5", Layout(BinArray, "q B 7s K", (_BIN, 70)))
