"""The events of pump.fun and PumpSwap that matter to a trader, as the programs write them.

Layouts of pump-sdk 2.0.0 and pump-swap-sdk 1.20.0 (2026-11); events of 2026-07 lack the last fields. Amounts are raw
units, rates basis points, `timestamp` unix seconds as the chain's clock had them. Names and links are hostile text.
"""

from typing import Annotated, Any

from msgspec import Struct

from adapters.pumpfun.accounts import ZERO_KEY
from adapters.pumpfun.borsh import I64, I128, U8, U16, U64, Flag, Key, Many, Nested, Record, Text


class Shareholder(Struct, frozen=True):
    """Who has a share of a coin's creator fees."""

    address: Key
    share_bps: U16


class CreateEvent(Struct, frozen=True):
    """A coin was launched. A zero `quote_mint` is SOL."""

    name: Text
    symbol: Text
    uri: Text
    mint: Key
    bonding_curve: Key
    user: Key
    creator: Key
    timestamp: I64
    virtual_token_reserves: U64
    virtual_sol_reserves: U64
    real_token_reserves: U64
    token_total_supply: U64
    token_program: Key
    is_mayhem_mode: Flag
    is_cashback_enabled: Flag = False
    quote_mint: Key = ZERO_KEY
    virtual_quote_reserves: U64 = 0
    creator_fee_bps: U64 = 0
    is_holder_reward: Flag = False


class TradeEvent(Struct, frozen=True):
    """A trade on a curve, with the reserves behind it. The `sol` fields are 0 where the quote is not SOL."""

    mint: Key
    sol_amount: U64
    token_amount: U64
    is_buy: Flag
    user: Key
    timestamp: I64
    virtual_sol_reserves: U64
    virtual_token_reserves: U64
    real_sol_reserves: U64
    real_token_reserves: U64
    fee_recipient: Key
    fee_basis_points: U64
    fee: U64
    creator: Key
    creator_fee_basis_points: U64
    creator_fee: U64
    track_volume: Flag = False
    total_unclaimed_tokens: U64 = 0
    total_claimed_tokens: U64 = 0
    current_sol_volume: U64 = 0
    last_update_timestamp: I64 = 0
    ix_name: Text = ""
    mayhem_mode: Flag = False
    cashback_fee_basis_points: U64 = 0
    cashback: U64 = 0
    buyback_fee_basis_points: U64 = 0
    buyback_fee: U64 = 0
    shareholders: Annotated[tuple[Shareholder, ...], Many(Nested(Shareholder))] = ()
    quote_mint: Key = ZERO_KEY
    quote_amount: U64 = 0
    virtual_quote_reserves: U64 = 0
    real_quote_reserves: U64 = 0
    holder_rewards_bps: U64 = 0
    holder_rewards: U64 = 0


class CompleteEvent(Struct, frozen=True):
    """The last coin of a curve was sold."""

    user: Key
    mint: Key
    bonding_curve: Key
    timestamp: I64
    quote_mint: Key = ZERO_KEY


class CompletePumpAmmMigrationEvent(Struct, frozen=True):
    """A curve's liquidity moved to its PumpSwap pool. `sol_amount` is in the quote, whatever it is."""

    user: Key
    mint: Key
    mint_amount: U64
    sol_amount: U64
    pool_migration_fee: U64
    bonding_curve: Key
    timestamp: I64
    pool: Key
    quote_mint: Key = ZERO_KEY


class CreatePoolEvent(Struct, frozen=True):
    """A PumpSwap pool was made."""

    timestamp: I64
    index: U16
    creator: Key
    base_mint: Key
    quote_mint: Key
    base_mint_decimals: U8
    quote_mint_decimals: U8
    base_amount_in: U64
    quote_amount_in: U64
    pool_base_amount: U64
    pool_quote_amount: U64
    minimum_liquidity: U64
    initial_liquidity: U64
    lp_token_amount_out: U64
    pool_bump: U8
    pool: Key
    lp_mint: Key
    user_base_token_account: Key
    user_quote_token_account: Key
    coin_creator: Key = ZERO_KEY
    is_mayhem_mode: Flag = False
    creator_fee_bps: U64 = 0
    can_edit_creator_fee: Flag = False
    is_holder_reward: Flag = False


class BuyEvent(Struct, frozen=True):
    """A buy of coins from a PumpSwap pool. The reserves are those before it."""

    timestamp: I64
    base_amount_out: U64
    max_quote_amount_in: U64
    user_base_token_reserves: U64
    user_quote_token_reserves: U64
    pool_base_token_reserves: U64
    pool_quote_token_reserves: U64
    quote_amount_in: U64
    lp_fee_basis_points: U64
    lp_fee: U64
    protocol_fee_basis_points: U64
    protocol_fee: U64
    quote_amount_in_with_lp_fee: U64
    user_quote_amount_in: U64
    pool: Key
    user: Key
    user_base_token_account: Key
    user_quote_token_account: Key
    protocol_fee_recipient: Key
    protocol_fee_recipient_token_account: Key
    coin_creator: Key = ZERO_KEY
    coin_creator_fee_basis_points: U64 = 0
    coin_creator_fee: U64 = 0
    track_volume: Flag = False
    total_unclaimed_tokens: U64 = 0
    total_claimed_tokens: U64 = 0
    current_sol_volume: U64 = 0
    last_update_timestamp: I64 = 0
    min_base_amount_out: U64 = 0
    ix_name: Text = ""
    cashback_fee_basis_points: U64 = 0
    cashback: U64 = 0
    buyback_fee_basis_points: U64 = 0
    buyback_fee: U64 = 0
    virtual_quote_reserves: I128 = 0
    can_boost: Flag = False
    base_supply: U64 = 0
    holder_rewards_bps: U64 = 0
    holder_rewards: U64 = 0


class SellEvent(Struct, frozen=True):
    """A sale of coins to a PumpSwap pool. The reserves are those before it."""

    timestamp: I64
    base_amount_in: U64
    min_quote_amount_out: U64
    user_base_token_reserves: U64
    user_quote_token_reserves: U64
    pool_base_token_reserves: U64
    pool_quote_token_reserves: U64
    quote_amount_out: U64
    lp_fee_basis_points: U64
    lp_fee: U64
    protocol_fee_basis_points: U64
    protocol_fee: U64
    quote_amount_out_without_lp_fee: U64
    user_quote_amount_out: U64
    pool: Key
    user: Key
    user_base_token_account: Key
    user_quote_token_account: Key
    protocol_fee_recipient: Key
    protocol_fee_recipient_token_account: Key
    coin_creator: Key = ZERO_KEY
    coin_creator_fee_basis_points: U64 = 0
    coin_creator_fee: U64 = 0
    cashback_fee_basis_points: U64 = 0
    cashback: U64 = 0
    buyback_fee_basis_points: U64 = 0
    buyback_fee: U64 = 0
    virtual_quote_reserves: I128 = 0
    can_boost: Flag = False
    base_supply: U64 = 0
    holder_rewards_bps: U64 = 0
    holder_rewards: U64 = 0


PumpEvent = (
    CreateEvent | TradeEvent | CompleteEvent | CompletePumpAmmMigrationEvent | CreatePoolEvent | BuyEvent | SellEvent
)

CURVE_EVENTS: tuple[Record[Any], ...] = (
    Record(CreateEvent, "CreateEvent", "1b72a94ddeeb6376", is_extensible=True),
    Record(TradeEvent, "TradeEvent", "bddb7fd34ee661ee", is_extensible=True),
    Record(CompleteEvent, "CompleteEvent", "5f72619cd42e9808", is_extensible=True),
    Record(CompletePumpAmmMigrationEvent, "CompletePumpAmmMigrationEvent", "bde95db95c94ea94", is_extensible=True),
)
SWAP_EVENTS: tuple[Record[Any], ...] = (
    Record(CreatePoolEvent, "CreatePoolEvent", "b1310cd2a076a774", is_extensible=True),
    Record(BuyEvent, "BuyEvent", "67f4521f2cf57777", is_extensible=True),
    Record(SellEvent, "SellEvent", "3e2f370aa503dc2a", is_extensible=True),
)
