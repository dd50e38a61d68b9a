"""Folds the accounts of a Raydium LaunchLab pool into the exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.launchlab import CONSTANT_PRODUCT, FIXED_PRICE, LINEAR_PRICE, MIGRATED, LaunchLab


class LaunchLabBuilder:
    """Needs the pool, its global config and its platform config, in any order; knows of a coin's transfer fee."""

    def __init__(self) -> None:
        self._state: LaunchLabState | None = None
        self._terms: LaunchLabTerms | None = None
        self._platform: LaunchLabPlatform | None = None
        self._base_fee: TokenFee | None = None
        self._pool: LaunchLab | None = None
        self._is_barred = False

    def add(self, part: PoolPart) -> None:
        """Take a part; others than LaunchLab's are passed over. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, LaunchLabState):
            self._state = self._pool = None
            if not 0 <= part.status <= MIGRATED or part.virtual_base <= 0 or part.total_base_sell <= 0:
                raise PoolRefused("state_inconsistent", f"status {part.status}, virtual base {part.virtual_base}")
            if min(part.virtual_quote, part.real_base, part.real_quote) < 0:
                raise PoolRefused("state_inconsistent", "a reserve of the pool is negative")
            self._state = part
        elif isinstance(part, LaunchLabTerms):
            if not CONSTANT_PRODUCT <= part.curve_type <= LINEAR_PRICE:
                raise PoolRefused("state_inconsistent", f"expected a curve of type 0, 1 or 2, found {part.curve_type}")
            self._terms = part
        elif isinstance(part, LaunchLabPlatform):
            self._platform = part
        elif isinstance(part, TokenFee):
            if not part.is_first and part.fee_bps:
                self._is_barred, self._pool = True, None
                raise PoolRefused(
                    "state_inconsistent", "the quote takes a transfer fee, which LaunchLab does not price"
                )
            if part.is_first:
                self._base_fee = part
        else:
            return
        self._pool = None
        self._check()

    def pool(self) -> LaunchLab | None:
        """The exact pool; None while a part is missing. The same object until a part changes."""
        state, terms, platform = self._state, self._terms, self._platform
        if self._pool is None and not self._is_barred and state and terms and platform:
            self._pool = LaunchLab(state, terms, platform, self._base_fee)
        return self._pool

    def _check(self) -> None:
        state, terms = self._state, self._terms
        if state is None or terms is None:
            return
        most = max(state.real_base, state.total_base_sell)  # sold by the end: the curve must reach that far
        base, quote = state.virtual_base - most, state.virtual_quote + state.real_quote
        if terms.curve_type == CONSTANT_PRODUCT and min(base, quote) <= 0:
            self._state = None
            raise PoolRefused("state_inconsistent", f"a constant product needs reserves, found {base} and {quote}")
        if terms.curve_type == FIXED_PRICE and state.virtual_quote <= 0:
            self._state = None
            raise PoolRefused("state_inconsistent", "a fixed price must be above zero")
