"""What the accounts of a pump.fun bonding curve say; the coin is the first token (base), the quote the second."""

from bus.pool_parts.base import PoolPart


class PumpCurve(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_curve"):
    """The BondingCurve account. Raw token units."""

    virtual_base: int
    virtual_quote: int
    real_base: int  #: coins left to sell; the curve is complete when none are
    real_quote: int
    supply: int
    is_complete: bool
    has_creator: bool  #: False = creator fees are not taken
    is_mayhem: bool
    creator_fee_bps: int  #: the coin's own creator fee, 0 = by schedule
    quote_kind: int  #: 0 SOL, 1 USDC, 2 any other


class PumpCurveTerms(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_curve_terms"):
    """The Global account, as far as it decides quotes."""

    protocol_fee_bps: int
    creator_fee_bps: int
    is_creator_fee_configurable: bool  #: whether a coin's own creator fee counts
    initial_real_base: int  #: coins for sale at the start, raw
