"""Folds the state and the vault balances of one Raydium AMM v4 pool into its exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import RaydiumAmmV4State, VaultBalance
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_amm_v4 import RaydiumAmmV4Pool
from kernel.amm.token_fee import U64_MAX


class RaydiumAmmV4Builder:
    """`kernel.amm.pool.PoolBuilder`. State and both balances are needed."""

    def __init__(self) -> None:
        self._state: RaydiumAmmV4State | None = None
        self._balances: list[int | None] = [None, None]
        self._pool: RaydiumAmmV4Pool | None = None

    def add(self, part: PoolPart) -> None:
        """Take a part; others' parts are ignored. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, RaydiumAmmV4State):
            if not 0 <= part.fee_numerator < part.fee_denominator or part.owed_a < 0 or part.owed_b < 0:
                raise PoolRefused(
                    "state_inconsistent",
                    f"a fee of {part.fee_numerator}/{part.fee_denominator}, owed {part.owed_a} and {part.owed_b}",
                )
            self._state = part
        elif isinstance(part, VaultBalance):
            if not 0 <= part.amount <= U64_MAX:
                raise PoolRefused("state_inconsistent", f"a vault balance of {part.amount} is not a u64")
            self._balances[0 if part.is_first else 1] = part.amount
        else:
            return
        self._pool = None

    def pool(self) -> RaydiumAmmV4Pool | None:
        """The exact pool, the same object until a part changes; None until all needed parts were seen."""
        state, (first, second) = self._state, self._balances
        if self._pool is None and state is not None and first is not None and second is not None:
            self._pool = RaydiumAmmV4Pool(state, (first - state.owed_a, second - state.owed_b))
        return self._pool
