"""The accounts of the Raydium CPMM program: pool and fee tier. Layouts as of 2026; every byte is kept."""

from typing import Self

from msgspec import Struct
from msgspec.structs import astuple
from solders.pubkey import Pubkey

from adapters.raydium.layout import Layout

_POOL = Layout(
    "Raydium CPMM PoolState",
    bytes.fromhex("f7ede3f5d7c3de46"),
    [*["key"] * 10, *["u8"] * 5, *["u64"] * 7, "u8", "u8", 6, "u64", "u64", 224],
)
_CONFIG = Layout(
    "Raydium CPMM AmmConfig",
    bytes.fromhex("daf42168cbcb2b6f"),
    ["u8", "u8", "u16", *["u64"] * 4, "key", "key", "u64", "u64", 112],
)


class CpmmPoolState(Struct, frozen=True):
    """The pool, 637 bytes. Fees owed lie in the vaults and do not trade."""

    config: Pubkey
    creator: Pubkey
    vault_a: Pubkey
    vault_b: Pubkey
    lp_mint: Pubkey
    mint_a: Pubkey
    mint_b: Pubkey
    token_program_a: Pubkey
    token_program_b: Pubkey
    observation: Pubkey
    authority_bump: int
    status: int
    lp_decimals: int
    decimals_a: int
    decimals_b: int
    lp_supply: int
    protocol_fees_a: int
    protocol_fees_b: int
    fund_fees_a: int
    fund_fees_b: int
    open_time_s: int
    recent_epoch: int
    creator_fee_on: int
    enable_creator_fee: int  #: 0 or 1
    padding_a: bytes
    creator_fees_a: int
    creator_fees_b: int
    padding_b: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_POOL.decode(data))

    def encode(self) -> bytes:
        return _POOL.encode(astuple(self))


class CpmmConfig(Struct, frozen=True):
    """The fee tier, 236 bytes. Rates of 1,000,000."""

    bump: int
    disable_create_pool: int
    index: int
    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int
    create_pool_fee: int
    protocol_owner: Pubkey
    fund_owner: Pubkey
    creator_fee_rate: int
    creator_fee_share_rate: int
    padding: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises `UnknownLayout`."""
        return cls(*_CONFIG.decode(data))

    def encode(self) -> bytes:
        return _CONFIG.encode(astuple(self))
