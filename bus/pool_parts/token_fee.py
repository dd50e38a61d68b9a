"""The transfer fee that a Token-2022 mint takes on every transfer, as valid in the epoch at which it was read."""

from bus.pool_parts.base import PoolPart


class TokenFee(PoolPart, frozen=True, array_like=True, gc=False, tag="token_fee"):
    """Of the pool's first (a, x, 0) or second token. `fee_bps` 0 = the mint takes none."""

    is_first: bool
    fee_bps: int
    fee_max: int  #: raw units per transfer
