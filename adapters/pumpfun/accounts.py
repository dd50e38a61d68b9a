"""The accounts of pump.fun and PumpSwap, decoded and encoded.

Layouts of pump-sdk 2.0.0 and pump-swap-sdk 1.20.0 (2026-11). Accounts made earlier are shorter: 81, 115, 124 or 125
bytes for a BondingCurve (151 after `extend_account`), 211 or 243 for a Pool. Amounts are raw units, rates basis points.
"""

from typing import Annotated

from msgspec import Struct

from adapters.pumpfun.borsh import I128, KEY, U8, U16, U64, U128, Flag, Key, Many, Nested, Record

ZERO_KEY = "1" * 32  #: SOL as a curve's quote, or no creator
ZERO_KEYS_8 = (ZERO_KEY,) * 8

Keys7 = Annotated[tuple[str, ...], Many(KEY, 7)]
Keys8 = Annotated[tuple[str, ...], Many(KEY, 8)]


class BondingCurveAccount(Struct, frozen=True):
    """A coin's curve. `virtual_*` make the price, `real_*` are what can be sold and paid."""

    virtual_token_reserves: U64
    virtual_quote_reserves: U64
    real_token_reserves: U64
    real_quote_reserves: U64
    token_total_supply: U64
    complete: Flag
    creator: Key
    is_mayhem_mode: Flag = False
    is_cashback_coin: Flag = False
    quote_mint: Key = ZERO_KEY
    creator_fee_bps: U64 = 0
    can_edit_creator_fee: Flag = False
    is_holder_reward: Flag = False


class GlobalAccount(Struct, frozen=True):
    """What holds for all curves."""

    initialized: Flag
    authority: Key
    fee_recipient: Key
    initial_virtual_token_reserves: U64
    initial_virtual_sol_reserves: U64
    initial_real_token_reserves: U64
    token_total_supply: U64
    fee_basis_points: U64
    withdraw_authority: Key
    enable_migrate: Flag
    pool_migration_fee: U64
    creator_fee_basis_points: U64
    fee_recipients: Keys7
    set_creator_authority: Key
    admin_set_creator_authority: Key
    create_v2_enabled: Flag
    whitelist_pda: Key
    reserved_fee_recipient: Key
    mayhem_mode_enabled: Flag
    reserved_fee_recipients: Keys7
    is_cashback_enabled: Flag
    buyback_fee_recipients: Keys8
    buyback_basis_points: U64
    initial_virtual_quote_reserves: U64 = 0
    whitelisted_quote_mints: Annotated[tuple[str, ...], Many(KEY, 1)] = (ZERO_KEY,)
    creator_fee_configurable: Flag = False
    max_configurable_creator_fee_bps: U64 = 0
    holder_reward_claim_authority: Key = ZERO_KEY
    is_holder_reward_enabled: Flag = False


class FeeRates(Struct, frozen=True):
    """What a trade pays, basis points."""

    lp_fee_bps: U64
    protocol_fee_bps: U64
    creator_fee_bps: U64


class FeeTier(Struct, frozen=True):
    """The rates from a market cap on, in raw quote units whatever the name says."""

    market_cap_lamports_threshold: U128
    fees: Annotated[FeeRates, Nested(FeeRates)]


class FeeConfigAccount(Struct, frozen=True):
    """The schedule of one of the two programs."""

    bump: U8
    admin: Key
    flat_fees: Annotated[FeeRates, Nested(FeeRates)]
    fee_tiers: Annotated[tuple[FeeTier, ...], Many(Nested(FeeTier))]
    stable_fee_tiers: Annotated[tuple[FeeTier, ...], Many(Nested(FeeTier))] = ()
    exotic_flat_fees: Annotated[FeeRates, Nested(FeeRates)] = FeeRates(0, 0, 0)


class PoolAccount(Struct, frozen=True):
    """A PumpSwap pool. Its reserves are the balances of its two token accounts."""

    pool_bump: U8
    index: U16
    creator: Key
    base_mint: Key
    quote_mint: Key
    lp_mint: Key
    pool_base_token_account: Key
    pool_quote_token_account: Key
    lp_supply: U64
    coin_creator: Key = ZERO_KEY
    is_mayhem_mode: Flag = False
    is_cashback_coin: Flag = False
    virtual_quote_reserves: I128 = 0
    creator_fee_bps: U64 = 0
    can_edit_creator_fee: Flag = False
    is_holder_reward: Flag = False


class GlobalConfigAccount(Struct, frozen=True):
    """What holds for all PumpSwap pools. `disable_flags`: bit 3 buying, bit 4 selling."""

    admin: Key
    lp_fee_basis_points: U64
    protocol_fee_basis_points: U64
    disable_flags: U8
    protocol_fee_recipients: Keys8
    coin_creator_fee_basis_points: U64
    admin_set_coin_creator_authority: Key
    whitelist_pda: Key
    reserved_fee_recipient: Key
    mayhem_mode_enabled: Flag
    reserved_fee_recipients: Keys7
    is_cashback_enabled: Flag
    buyback_fee_recipients: Keys8 = ZERO_KEYS_8
    buyback_basis_points: U64 = 0
    boost_authority: Key = ZERO_KEY
    boost_enabled: Flag = False
    creator_fee_configurable: Flag = False
    max_configurable_creator_fee_bps: U64 = 0


BONDING_CURVE = Record(BondingCurveAccount, "BondingCurve", "17b7f83760d8ac60")
GLOBAL = Record(GlobalAccount, "Global", "a7e8e8b1c86c727f")
FEE_CONFIG = Record(FeeConfigAccount, "FeeConfig", "8f3492bbdb7b4c9b")
POOL = Record(PoolAccount, "Pool", "f19a6d0411b16dbc")
GLOBAL_CONFIG = Record(GlobalConfigAccount, "GlobalConfig", "95089ccaa0fcb0d9")
