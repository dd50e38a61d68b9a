"""What the accounts of a Raydium LaunchLab pool say; the coin is the first token (base), the quote the second."""

from bus.pool_parts.base import PoolPart


class LaunchLabState(PoolPart, frozen=True, array_like=True, gc=False, tag="launchlab"):
    """The PoolState account. Raw token units; what `virtual_*` mean depends on the type of the curve."""

    status: int  #: 0 selling, 1 sold and waiting for migration, 2 migrated
    supply: int
    total_base_sell: int
    virtual_base: int
    virtual_quote: int
    real_base: int  #: coins sold so far
    real_quote: int
    total_quote_fund_raising: int


class LaunchLabTerms(PoolPart, frozen=True, array_like=True, gc=False, tag="launchlab_terms"):
    """The GlobalConfig account: type of the curve (0 constant product, 1 fixed price, 2 linear) and protocol fee."""

    curve_type: int
    trade_fee_rate: int  #: millionths


class LaunchLabPlatform(PoolPart, frozen=True, array_like=True, gc=False, tag="launchlab_platform"):
    """The PlatformConfig account: what the launching site and the coin's creator take, millionths."""

    fee_rate: int
    creator_fee_rate: int
