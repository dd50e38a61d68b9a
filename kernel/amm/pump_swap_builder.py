"""Folds the accounts of a PumpSwap pool into the exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapSupply, PumpSwapTerms, PumpSwapVault
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pump_fees import U64_MAX
from kernel.amm.pump_swap import PumpSwap


class PumpSwapBuilder:
    """Needs the pool, both vaults, the coin's supply, the program's terms and its fee schedule, in any order."""

    def __init__(self) -> None:
        self._state: PumpSwapState | None = None
        self._terms: PumpSwapTerms | None = None
        self._fees: PumpFees | None = None
        self._base: int | None = None
        self._quote: int | None = None
        self._supply: int | None = None
        self._pool: PumpSwap | None = None
        self._is_barred = False

    def add(self, part: PoolPart) -> None:
        """Take a part; others than a PumpSwap pool's are passed over. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, PumpSwapState):
            self._state = part
        elif isinstance(part, PumpSwapVault):
            if not 0 <= part.amount <= U64_MAX:
                raise PoolRefused("state_inconsistent", f"a vault's balance must fit a u64, found {part.amount}")
            if part.is_first:
                self._base = part.amount
            else:
                self._quote = part.amount
        elif isinstance(part, PumpSwapSupply):
            self._supply = part.amount
        elif isinstance(part, PumpSwapTerms):
            self._terms = part
        elif isinstance(part, PumpFees):
            if part.is_present and not part.tiers:
                raise PoolRefused("state_inconsistent", "the fee schedule has no tiers")
            self._fees = part
        elif isinstance(part, TokenFee) and part.fee_bps:
            self._is_barred, self._pool = True, None
            raise PoolRefused("state_inconsistent", "the mint takes a transfer fee, which PumpSwap does not price")
        else:
            return
        self._pool = None

    def pool(self) -> PumpSwap | None:
        """The exact pool; None while a part is missing. The same object until a part changes."""
        if self._pool is None and not self._is_barred and self._state and self._terms and self._fees:
            base, quote, supply = self._base, self._quote, self._supply
            if base is not None and quote is not None and supply is not None:
                self._pool = PumpSwap(self._state, self._terms, self._fees, base, quote, supply)
        return self._pool
