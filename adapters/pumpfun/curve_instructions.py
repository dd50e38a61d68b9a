"""Instructions of the pump program: trades on a curve and its migration.

Account orders of pump-sdk 2.0.0 (2026-11), equal to its output on golden cases. The second kind (`buy_v2`, `sell_v2`,
`buy_exact_quote_in_v2`) is what we trade with: one order for every quote. The first kind trades SOL quotes only; it is
kept to read and to check. Fee recipients change with the program's config: they are arguments, out of the Global
account. Amounts are raw units, integers of 64 bits.
"""

import struct

from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.pumpfun.addresses import (
    ASSOCIATED,
    EVENT_AUTHORITY,
    FEE_CONFIG,
    GLOBAL,
    PUMP,
    PUMP_FEE_PROGRAM,
    PUMP_SWAP,
    RENT,
    SWAP_EVENT_AUTHORITY,
    SWAP_GLOBAL,
    SYSTEM,
    TOKEN_2022,
    VOLUME,
    bonding_curve,
    bonding_curve_v2,
    boost_vault_authority,
    canonical_pool,
    creator_vault,
    lp_mint,
    pool_authority,
    sharing_config,
    token_account,
    user_volume,
)

BUY = bytes.fromhex("66063d1201daebea")
SELL = bytes.fromhex("33e685a4017f83ad")
BUY_V2 = bytes.fromhex("b817ee6167c5d33d")
BUY_EXACT_QUOTE_IN_V2 = bytes.fromhex("c2ab1c46684d5b2f")
SELL_V2 = bytes.fromhex("5df6823ce7e940b2")
MIGRATE_V2 = bytes.fromhex("bbcb121fceedfe29")
TRACK_VOLUME = b"\x01"


class CurveTrade(Struct, frozen=True, kw_only=True):
    """Who trades which coin, and where the fees go."""

    user: Pubkey
    mint: Pubkey
    quote_mint: Pubkey
    creator: Pubkey  #: the curve's; the zero key where it has none
    token_program: Pubkey  #: that owns the coin's mint
    quote_token_program: Pubkey
    fee_recipient: Pubkey
    buyback_fee_recipient: Pubkey
    user_coins: Pubkey | None = None  #: the wallet's token accounts where they are not the associated ones
    user_quote: Pubkey | None = None


def reads(key: Pubkey) -> AccountMeta:
    """An account that the program reads."""
    return AccountMeta(key, is_signer=False, is_writable=False)


def writes(key: Pubkey) -> AccountMeta:
    """An account that the program changes."""
    return AccountMeta(key, is_signer=False, is_writable=True)


def pays(key: Pubkey) -> AccountMeta:
    """The wallet."""
    return AccountMeta(key, is_signer=True, is_writable=True)


def buy(trade: CurveTrade, coins: int, cost_max: int) -> Instruction:
    """Exactly `coins` for at most `cost_max` lamports; the first kind of instruction."""
    accounts = [
        *_old_accounts(trade),
        reads(SYSTEM),
        reads(trade.token_program),
        writes(creator_vault(trade.creator)),
        reads(EVENT_AUTHORITY),
        reads(PUMP),
        reads(VOLUME),
        writes(user_volume(trade.user)),
        reads(FEE_CONFIG),
        reads(PUMP_FEE_PROGRAM),
        reads(bonding_curve_v2(trade.mint)),
        writes(trade.buyback_fee_recipient),
    ]
    return Instruction(PUMP, BUY + _amounts(coins, cost_max) + TRACK_VOLUME, accounts)


def sell(trade: CurveTrade, coins: int, proceeds_min: int, is_cashback: bool = False) -> Instruction:
    """Exactly `coins` for at least `proceeds_min` lamports; the first kind of instruction."""
    accounts = [
        *_old_accounts(trade),
        reads(SYSTEM),
        writes(creator_vault(trade.creator)),
        reads(trade.token_program),
        reads(EVENT_AUTHORITY),
        reads(PUMP),
        reads(FEE_CONFIG),
        reads(PUMP_FEE_PROGRAM),
        *([writes(user_volume(trade.user))] if is_cashback else []),
        reads(bonding_curve_v2(trade.mint)),
        writes(trade.buyback_fee_recipient),
    ]
    return Instruction(PUMP, SELL + _amounts(coins, proceeds_min), accounts)


def buy_v2(trade: CurveTrade, coins: int, cost_max: int) -> Instruction:
    """Exactly `coins` for at most `cost_max` quote units, fees included."""
    return Instruction(PUMP, BUY_V2 + _amounts(coins, cost_max), _accounts(trade, is_buy=True))


def buy_exact_quote_in_v2(trade: CurveTrade, budget: int, coins_min: int) -> Instruction:
    """At least `coins_min` for a budget of quote units, fees included."""
    return Instruction(PUMP, BUY_EXACT_QUOTE_IN_V2 + _amounts(budget, coins_min), _accounts(trade, is_buy=True))


def sell_v2(trade: CurveTrade, coins: int, proceeds_min: int) -> Instruction:
    """Exactly `coins` for at least `proceeds_min` quote units after fees."""
    return Instruction(PUMP, SELL_V2 + _amounts(coins, proceeds_min), _accounts(trade, is_buy=False))


def migrate_v2(
    user: Pubkey,
    mint: Pubkey,
    quote_mint: Pubkey,
    token_program: Pubkey,
    quote_token_program: Pubkey,
    withdraw_authority: Pubkey,
) -> Instruction:
    """Moves a complete curve's liquidity to its pool; anybody may. `withdraw_authority` is Global's."""
    curve, pool, authority = bonding_curve(mint), canonical_pool(mint, quote_mint), pool_authority(mint)
    shares, boost = lp_mint(pool), boost_vault_authority(pool)
    accounts = [
        reads(GLOBAL),
        writes(withdraw_authority),
        reads(mint),
        reads(quote_mint),
        writes(curve),
        writes(token_account(curve, mint, token_program)),
        writes(token_account(curve, quote_mint, quote_token_program)),
        pays(user),
        reads(SYSTEM),
        reads(PUMP_SWAP),
        writes(pool),
        writes(authority),
        writes(token_account(authority, mint, token_program)),
        writes(token_account(authority, quote_mint, quote_token_program)),
        reads(SWAP_GLOBAL),
        writes(shares),
        writes(token_account(authority, shares, TOKEN_2022)),
        writes(token_account(pool, mint, token_program)),
        writes(token_account(pool, quote_mint, quote_token_program)),
        reads(token_program),
        reads(quote_token_program),
        reads(TOKEN_2022),
        reads(ASSOCIATED),
        reads(SWAP_EVENT_AUTHORITY),
        reads(RENT),
        reads(EVENT_AUTHORITY),
        reads(PUMP),
        reads(boost),
        writes(token_account(boost, quote_mint, quote_token_program)),
    ]
    return Instruction(PUMP, MIGRATE_V2, accounts)


def _amounts(first: int, second: int) -> bytes:
    return struct.pack("<QQ", first, second)


def _old_accounts(trade: CurveTrade) -> list[AccountMeta]:
    curve = bonding_curve(trade.mint)
    coins = trade.user_coins or token_account(trade.user, trade.mint, trade.token_program)
    return [
        reads(GLOBAL),
        writes(trade.fee_recipient),
        reads(trade.mint),
        writes(curve),
        writes(token_account(curve, trade.mint, trade.token_program)),
        writes(coins),
        pays(trade.user),
    ]


def _accounts(trade: CurveTrade, *, is_buy: bool) -> list[AccountMeta]:
    mint, quote, program, quote_program = trade.mint, trade.quote_mint, trade.token_program, trade.quote_token_program
    curve, vault, volume = bonding_curve(mint), creator_vault(trade.creator), user_volume(trade.user)
    return [
        reads(GLOBAL),
        reads(mint),
        reads(quote),
        reads(program),
        reads(quote_program),
        reads(ASSOCIATED),
        writes(trade.fee_recipient),
        writes(token_account(trade.fee_recipient, quote, quote_program)),
        writes(trade.buyback_fee_recipient),
        writes(token_account(trade.buyback_fee_recipient, quote, quote_program)),
        writes(curve),
        writes(token_account(curve, mint, program)),
        writes(token_account(curve, quote, quote_program)),
        pays(trade.user),
        writes(trade.user_coins or token_account(trade.user, mint, program)),
        writes(trade.user_quote or token_account(trade.user, quote, quote_program)),
        writes(vault),
        writes(token_account(vault, quote, quote_program)),
        reads(sharing_config(mint)),
        *([reads(VOLUME)] if is_buy else []),
        writes(volume),
        writes(token_account(volume, quote, quote_program)),
        reads(FEE_CONFIG),
        reads(PUMP_FEE_PROGRAM),
        reads(SYSTEM),
        reads(EVENT_AUTHORITY),
        reads(PUMP),
    ]
