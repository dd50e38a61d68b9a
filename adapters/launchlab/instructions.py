"""Trades on a LaunchLab curve.

Account order of the program's IDL 0.2.0, then three that it does not name: the system program and the vaults of
platform and creator for the quote (raydium-sdk-v2 0.2.73). No golden case covers these; simulate before the first use.
Amounts are raw units of 64 bits; no referrer takes a share.
"""

import struct

from msgspec import Struct
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.launchlab.accounts import LAUNCHLAB
from adapters.pumpfun.addresses import SYSTEM

BUY_EXACT_IN = bytes.fromhex("faea0d7bd59c13ec")
SELL_EXACT_IN = bytes.fromhex("9527de9bd37c981a")
AUTHORITY = Pubkey.find_program_address([b"vault_auth_seed"], LAUNCHLAB)[0]
EVENT_AUTHORITY = Pubkey.find_program_address([b"__event_authority"], LAUNCHLAB)[0]
NO_SHARE = 0


class LaunchLabTrade(Struct, frozen=True, kw_only=True):
    """Who trades which coin; token accounts and programs as (coin, quote)."""

    user: Pubkey
    pool: Pubkey
    global_config: Pubkey
    platform_config: Pubkey
    creator: Pubkey
    mints: tuple[Pubkey, Pubkey]
    vaults: tuple[Pubkey, Pubkey]
    token_accounts: tuple[Pubkey, Pubkey]
    token_programs: tuple[Pubkey, Pubkey]


def buy_exact_in(trade: LaunchLabTrade, budget: int, coins_min: int) -> Instruction:
    """At least `coins_min` for a budget of quote units, fees included."""
    return Instruction(LAUNCHLAB, BUY_EXACT_IN + struct.pack("<QQQ", budget, coins_min, NO_SHARE), _accounts(trade))


def sell_exact_in(trade: LaunchLabTrade, coins: int, proceeds_min: int) -> Instruction:
    """Exactly `coins` for at least `proceeds_min` quote units after fees."""
    return Instruction(LAUNCHLAB, SELL_EXACT_IN + struct.pack("<QQQ", coins, proceeds_min, NO_SHARE), _accounts(trade))


def fee_vault(owner: Pubkey, quote_mint: Pubkey) -> Pubkey:
    """Where the fees of a platform or a creator wait in a quote."""
    return Pubkey.find_program_address([bytes(owner), bytes(quote_mint)], LAUNCHLAB)[0]


def _accounts(trade: LaunchLabTrade) -> list[AccountMeta]:
    keys = (
        (trade.user, True, True),
        (AUTHORITY, False, False),
        (trade.global_config, False, False),
        (trade.platform_config, False, False),
        (trade.pool, False, True),
        *((each, False, True) for each in (*trade.token_accounts, *trade.vaults)),
        *((each, False, False) for each in (*trade.mints, *trade.token_programs)),
        (EVENT_AUTHORITY, False, False),
        (LAUNCHLAB, False, False),
        (SYSTEM, False, False),
        (fee_vault(trade.platform_config, trade.mints[1]), False, True),
        (fee_vault(trade.creator, trade.mints[1]), False, True),
    )
    return [AccountMeta(key, is_signer, is_writable) for key, is_signer, is_writable in keys]
