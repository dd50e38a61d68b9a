"""The programs, mints and derived addresses of pump.fun and PumpSwap.

Seeds as derived by pump-sdk 2.0.0 and pump-swap-sdk 1.20.0, checked 2026-11 against 40 sets of addresses. Derivation
is a search, some 10 us each: what is asked again and again is remembered, within a limit.
"""

from functools import lru_cache

from solders.pubkey import Pubkey

from kernel.amm.pump_fees import OTHER_QUOTE, SOL_QUOTE, STABLE_QUOTE

REMEMBERED = 16_384  #: derived addresses kept, and as many token accounts: some 20 a coin, hundreds of coins watched

PUMP = Pubkey.from_string("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
PUMP_SWAP = Pubkey.from_string("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
PUMP_FEE_PROGRAM = Pubkey.from_string("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ")
SYSTEM = Pubkey.default()
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
NOBODY = Pubkey.default()  #: the zero key: no creator, or SOL as the quote of an old curve
WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")
WRAPPED_SOL_2022 = Pubkey.from_string("9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP")
USDC = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
_SOL_LIKE = frozenset(str(each) for each in (NOBODY, WRAPPED_SOL, WRAPPED_SOL_2022))


def quote_kind(mint: str) -> int:
    """Which fee schedule a quote token pays by: SOL-like 0, stable 1, any other 2 (`kernel.amm.pump_fees`)."""
    if mint in _SOL_LIKE:
        return SOL_QUOTE
    return STABLE_QUOTE if mint == str(USDC) else OTHER_QUOTE


@lru_cache(REMEMBERED)
def _derived(program: Pubkey, *seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(list(seeds), program)[0]


@lru_cache(REMEMBERED)
def token_account(owner: Pubkey, mint: Pubkey, token_program: Pubkey) -> Pubkey:
    """The associated token account of an owner, which may itself be a derived address."""
    return Pubkey.find_program_address([bytes(owner), bytes(token_program), bytes(mint)], ASSOCIATED)[0]


GLOBAL = _derived(PUMP, b"global")
QUOTE_CONTROL = _derived(PUMP, b"quote-control")
EVENT_AUTHORITY = _derived(PUMP, b"__event_authority")
VOLUME = _derived(PUMP, b"global_volume_accumulator")
FEE_CONFIG = _derived(PUMP_FEE_PROGRAM, b"fee_config", bytes(PUMP))
SWAP_GLOBAL = _derived(PUMP_SWAP, b"global_config")
SWAP_AUTHORITY = _derived(PUMP_SWAP, b"amm_global")
SWAP_EVENT_AUTHORITY = _derived(PUMP_SWAP, b"__event_authority")
SWAP_VOLUME = _derived(PUMP_SWAP, b"global_volume_accumulator")
SWAP_FEE_CONFIG = _derived(PUMP_FEE_PROGRAM, b"fee_config", bytes(PUMP_SWAP))


def bonding_curve(mint: Pubkey) -> Pubkey:
    """The account of a coin's curve."""
    return _derived(PUMP, b"bonding-curve", bytes(mint))


def bonding_curve_v2(mint: Pubkey) -> Pubkey:
    """The curve's second account, which the first kind of trade instructions takes at its end."""
    return _derived(PUMP, b"bonding-curve-v2", bytes(mint))


def creator_vault(creator: Pubkey) -> Pubkey:
    """Where a curve's creator fees go; its token account for quotes other than SOL."""
    return _derived(PUMP, b"creator-vault", bytes(creator))


def holder_rewards(mint: Pubkey) -> Pubkey:
    """The creator of a coin whose creator fees go to its holders."""
    return _derived(PUMP, b"holder-rewards", bytes(mint))


def pool_authority(mint: Pubkey) -> Pubkey:
    """The creator of a coin's canonical pool: it signs the migration."""
    return _derived(PUMP, b"pool-authority", bytes(mint))


def user_volume(user: Pubkey) -> Pubkey:
    """A wallet's account of what it traded on curves."""
    return _derived(PUMP, b"user_volume_accumulator", bytes(user))


def sharing_config(mint: Pubkey) -> Pubkey:
    """Who shares a coin's creator fees."""
    return _derived(PUMP_FEE_PROGRAM, b"sharing-config", bytes(mint))


def swap_pool(creator: Pubkey, base_mint: Pubkey, quote_mint: Pubkey, index: int = 0) -> Pubkey:
    """A PumpSwap pool."""
    return _derived(
        PUMP_SWAP, b"pool", index.to_bytes(2, "little"), bytes(creator), bytes(base_mint), bytes(quote_mint)
    )


def canonical_pool(mint: Pubkey, quote_mint: Pubkey) -> Pubkey:
    """The pool that a coin's curve will migrate to; known from its creation on."""
    return swap_pool(pool_authority(mint), mint, quote_mint)


def pool_v2(mint: Pubkey) -> Pubkey:
    """The second account of a coin's pools, which trades take at their end."""
    return _derived(PUMP_SWAP, b"pool-v2", bytes(mint))


def lp_mint(pool: Pubkey) -> Pubkey:
    """The mint of a pool's liquidity shares."""
    return _derived(PUMP_SWAP, b"pool_lp_mint", bytes(pool))


def boost_vault_authority(pool: Pubkey) -> Pubkey:
    """Owner of the vault that holds back part of a migrated curve's quote."""
    return _derived(PUMP_SWAP, b"boost_vault", bytes(pool))


def swap_creator_authority(creator: Pubkey) -> Pubkey:
    """Owner of the token account that a pool's creator fees go to."""
    return _derived(PUMP_SWAP, b"creator_vault", bytes(creator))


def swap_user_volume(user: Pubkey) -> Pubkey:
    """A wallet's account of what it traded on PumpSwap."""
    return _derived(PUMP_SWAP, b"user_volume_accumulator", bytes(user))
