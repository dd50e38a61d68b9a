"""Programs of Raydium and the addresses derived from them (checked 2026-11 against raydium-sdk-v2 0.2.73-alpha)."""

from functools import lru_cache

from solders.pubkey import Pubkey

CLMM = Pubkey.from_string("CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK")
CPMM = Pubkey.from_string("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AMM_V4 = Pubkey.from_string("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8")
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")

# Signers of the vaults; each is one address for all pools of its program.
CPMM_AUTHORITY = Pubkey.find_program_address([b"vault_and_lp_mint_auth_seed"], CPMM)[0]
AMM_V4_AUTHORITY = Pubkey.find_program_address([b"amm authority"], AMM_V4)[0]

# The arrays near the prices of some hundred pools.
_CACHED_ARRAYS = 1 << 14


@lru_cache(maxsize=_CACHED_ARRAYS)
def tick_array_address(pool: Pubkey, start: int) -> Pubkey:
    """Of the tick array that begins at tick `start` (an i32; big-endian in the seed)."""
    return Pubkey.find_program_address([b"tick_array", bytes(pool), start.to_bytes(4, "big", signed=True)], CLMM)[0]


def extension_address(pool: Pubkey) -> Pubkey:
    """Of the tick array bitmap extension of a CLMM pool."""
    return Pubkey.find_program_address([b"pool_tick_array_bitmap_extension", bytes(pool)], CLMM)[0]


def config_address(program: Pubkey, index: int) -> Pubkey:
    """Of fee tier `index` (a u16; big-endian in the seed) of the CLMM or CPMM program."""
    return Pubkey.find_program_address([b"amm_config", index.to_bytes(2, "big")], program)[0]
