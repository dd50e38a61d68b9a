"""What the accounts of a pool say, part by part; one file per kind of pool. Raw integers, exact."""

from bus.pool_parts.token_fee import TokenFee

AnyPoolPart = TokenFee

__all__ = ["AnyPoolPart", "TokenFee"]
