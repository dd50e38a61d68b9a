"""Folds the accounts of a pump.fun bonding curve into the exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.bonding_curve import BondingCurve
from kernel.amm.errors import PoolRefused


class BondingCurveBuilder:
    """Needs the curve, the program's terms and its fee schedule, in any order."""

    def __init__(self) -> None:
        self._curve: PumpCurve | None = None
        self._terms: PumpCurveTerms | None = None
        self._fees: PumpFees | None = None
        self._pool: BondingCurve | None = None
        self._is_barred = False

    def add(self, part: PoolPart) -> None:
        """Take a part; others than a curve's are passed over. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, PumpCurve):
            self._curve = self._pool = None
            if min(part.virtual_base, part.virtual_quote, part.real_base, part.real_quote, part.creator_fee_bps) < 0:
                raise PoolRefused("state_inconsistent", "a reserve or fee of the curve is negative")
            if not part.is_complete and (part.real_base >= part.virtual_base or part.real_quote > part.virtual_quote):
                raise PoolRefused("state_inconsistent", "an open curve has more real reserves than virtual ones")
            self._curve = part
        elif isinstance(part, PumpCurveTerms):
            self._terms, self._pool = part, None
        elif isinstance(part, PumpFees):
            if part.is_present and not part.tiers:
                raise PoolRefused("state_inconsistent", "the fee schedule has no tiers")
            self._fees, self._pool = part, None
        elif isinstance(part, TokenFee) and part.fee_bps:
            self._is_barred, self._pool = True, None
            raise PoolRefused("state_inconsistent", "the mint takes a transfer fee, which no curve's mint does")

    def pool(self) -> BondingCurve | None:
        """The exact pool; None while a part is missing. The same object until a part changes."""
        if self._pool is None and not self._is_barred and self._curve and self._terms and self._fees:
            self._pool = BondingCurve(self._curve, self._terms, self._fees)
        return self._pool
