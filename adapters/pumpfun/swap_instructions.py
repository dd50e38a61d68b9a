"""Instructions of the PumpSwap program: trades in a pool.

Account orders of pump-swap-sdk 1.20.0 (2026-11), equal to its output on golden cases; `buy_exact_quote_in` shares the
accounts of `buy` (IDL of 2026-07). Fee recipients are arguments, out of the GlobalConfig account. Raw units, 64 bits.
"""

import struct

from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.pumpfun.addresses import (
    ASSOCIATED,
    PUMP_FEE_PROGRAM,
    PUMP_SWAP,
    SWAP_EVENT_AUTHORITY,
    SWAP_FEE_CONFIG,
    SWAP_GLOBAL,
    SWAP_VOLUME,
    SYSTEM,
    pool_v2,
    swap_creator_authority,
    swap_user_volume,
    token_account,
)
from adapters.pumpfun.curve_instructions import BUY, SELL, TRACK_VOLUME, pays, reads, writes

BUY_EXACT_QUOTE_IN = bytes.fromhex("c62e1552b4d9e870")


class SwapTrade(Struct, frozen=True, kw_only=True):
    """Who trades in which pool, and where the fees go."""

    user: Pubkey
    pool: Pubkey
    mint: Pubkey
    quote_mint: Pubkey
    coin_creator: Pubkey  #: the pool's; the zero key where it has none
    token_program: Pubkey  #: that owns the coin's mint
    quote_token_program: Pubkey
    fee_recipient: Pubkey
    buyback_fee_recipient: Pubkey
    is_cashback: bool = False
    base_vault: Pubkey | None = None  #: the pool's token accounts where they are not the associated ones
    quote_vault: Pubkey | None = None
    user_coins: Pubkey | None = None  #: the wallet's, likewise
    user_quote: Pubkey | None = None


def swap_buy(trade: SwapTrade, coins: int, cost_max: int) -> Instruction:
    """Exactly `coins` for at most `cost_max` quote units, fees included."""
    data = BUY + struct.pack("<QQ", coins, cost_max) + TRACK_VOLUME
    return Instruction(PUMP_SWAP, data, _accounts(trade, is_buy=True))


def swap_buy_exact_quote_in(trade: SwapTrade, budget: int, coins_min: int) -> Instruction:
    """At least `coins_min` for a budget of quote units, fees included."""
    data = BUY_EXACT_QUOTE_IN + struct.pack("<QQ", budget, coins_min) + TRACK_VOLUME
    return Instruction(PUMP_SWAP, data, _accounts(trade, is_buy=True))


def swap_sell(trade: SwapTrade, coins: int, proceeds_min: int) -> Instruction:
    """Exactly `coins` for at least `proceeds_min` quote units after fees."""
    return Instruction(PUMP_SWAP, SELL + struct.pack("<QQ", coins, proceeds_min), _accounts(trade, is_buy=False))


def _accounts(trade: SwapTrade, *, is_buy: bool) -> list[AccountMeta]:
    mint, quote, program, quote_program = trade.mint, trade.quote_mint, trade.token_program, trade.quote_token_program
    creator, volume = swap_creator_authority(trade.coin_creator), swap_user_volume(trade.user)
    cashback = [writes(token_account(volume, quote, quote_program))] if trade.is_cashback else []
    if trade.is_cashback and not is_buy:
        cashback.append(writes(volume))
    return [
        writes(trade.pool),
        pays(trade.user),
        reads(SWAP_GLOBAL),
        reads(mint),
        reads(quote),
        writes(trade.user_coins or token_account(trade.user, mint, program)),
        writes(trade.user_quote or token_account(trade.user, quote, quote_program)),
        writes(trade.base_vault or token_account(trade.pool, mint, program)),
        writes(trade.quote_vault or token_account(trade.pool, quote, quote_program)),
        reads(trade.fee_recipient),
        writes(token_account(trade.fee_recipient, quote, quote_program)),
        reads(program),
        reads(quote_program),
        reads(SYSTEM),
        reads(ASSOCIATED),
        reads(SWAP_EVENT_AUTHORITY),
        reads(PUMP_SWAP),
        writes(token_account(creator, quote, quote_program)),
        reads(creator),
        *([reads(SWAP_VOLUME), writes(volume)] if is_buy else []),
        reads(SWAP_FEE_CONFIG),
        reads(PUMP_FEE_PROGRAM),
        *cashback,
        reads(pool_v2(mint)),
        reads(trade.buyback_fee_recipient),
        writes(token_account(trade.buyback_fee_recipient, quote, quote_program)),
    ]
