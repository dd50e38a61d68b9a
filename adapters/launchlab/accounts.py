"""The accounts of Raydium LaunchLab, decoded and encoded.

Layouts of raydium-sdk-v2 0.2.73 (429 and 371 bytes) and of the program's IDL 0.2.0 (PlatformConfig), 2026-11. Amounts
are raw units, rates millionths of the quote. Base is the coin ("A" in Raydium's SDK), quote what it is sold for ("B").
"""

from typing import Annotated

from msgspec import Struct
from solders.pubkey import Pubkey

from adapters.pumpfun.borsh import U8, U16, U64, Key, Nested, Raw, Record

LAUNCHLAB = Pubkey.from_string("LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj")


class VestingSchedule(Struct, frozen=True):
    """Coins locked at launch: raw units, seconds."""

    total_locked_amount: U64
    cliff_period: U64
    unlock_period: U64
    start_time: U64
    allocated_share_amount: U64


class PoolStateAccount(Struct, frozen=True):
    """A coin's curve. `status`: 0 selling, 1 sold, 2 migrated; `token_program_flag`: bit 0 = base on Token-2022."""

    epoch: U64
    auth_bump: U8
    status: U8
    base_decimals: U8
    quote_decimals: U8
    migrate_type: U8
    supply: U64
    total_base_sell: U64
    virtual_base: U64
    virtual_quote: U64
    real_base: U64
    real_quote: U64
    total_quote_fund_raising: U64
    quote_protocol_fee: U64
    platform_fee: U64
    migrate_fee: U64
    vesting_schedule: Annotated[VestingSchedule, Nested(VestingSchedule)]
    global_config: Key
    platform_config: Key
    base_mint: Key
    quote_mint: Key
    base_vault: Key
    quote_vault: Key
    creator: Key
    token_program_flag: U8
    amm_creator_fee_on: U8
    platform_vesting_share: U64
    reserved: Annotated[bytes, Raw(54)]


class GlobalConfigAccount(Struct, frozen=True):
    """What holds for all pools of one kind of curve and one quote."""

    epoch: U64
    curve_type: U8
    index: U16
    migrate_fee: U64
    trade_fee_rate: U64
    max_share_fee_rate: U64
    min_base_supply: U64
    max_lock_rate: U64
    min_base_sell_rate: U64
    min_base_migrate_rate: U64
    min_quote_fund_raising: U64
    quote_mint: Key
    protocol_fee_owner: Key
    migrate_fee_owner: Key
    migrate_to_amm_wallet: Key
    migrate_to_cpswap_wallet: Key
    reserved: Annotated[bytes, Raw(128)]


class PlatformConfigAccount(Struct, frozen=True):
    """The launching site, as far as it decides quotes; its later fields (curve parameters) are passed over."""

    epoch: U64
    platform_fee_wallet: Key
    platform_nft_wallet: Key
    platform_scale: U64
    creator_scale: U64
    burn_scale: U64
    fee_rate: U64
    name: Annotated[bytes, Raw(64)]
    web: Annotated[bytes, Raw(256)]
    img: Annotated[bytes, Raw(256)]
    cpswap_config: Key
    creator_fee_rate: U64


POOL_STATE = Record(PoolStateAccount, "PoolState", "f7ede3f5d7c3de46")
GLOBAL_CONFIG = Record(GlobalConfigAccount, "GlobalConfig", "95089ccaa0fcb0d9")
PLATFORM_CONFIG = Record(PlatformConfigAccount, "PlatformConfig", "a04e8000f853e6a0", is_extensible=True)
