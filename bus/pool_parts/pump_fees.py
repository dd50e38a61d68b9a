"""The fee schedule of the pump fee program, which the bonding curve and PumpSwap share; one per program."""

from bus.pool_parts.base import PoolPart


class PumpFees(PoolPart, frozen=True, array_like=True, gc=False, tag="pump_fees"):
    """The FeeConfig account: basis points as (providers, protocol, creator), tiers with their market cap in front.

    `is_present` False = the account does not exist, so the programs fall back to their global account.
    """

    is_present: bool
    flat: tuple[int, int, int] = (0, 0, 0)
    tiers: tuple[tuple[int, int, int, int], ...] = ()  #: (market cap in raw quote units, the three fees)
    stable_tiers: tuple[tuple[int, int, int, int], ...] = ()  #: for USDC quotes; empty = `tiers` hold
    exotic: tuple[int, int, int] = (0, 0, 0)  #: for all other quotes; zeros = `flat` holds
