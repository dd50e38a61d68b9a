"""Folds state, fee tier, vault balances and transfer fees of one Raydium CPMM pool into its exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.constant_product import FEE_UNIT
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from kernel.amm.token_fee import BPS, U64_MAX


class RaydiumCpmmBuilder:
    """`kernel.amm.pool.PoolBuilder`. State, config and both balances are needed; an untold mint takes no fee."""

    def __init__(self) -> None:
        self._state: RaydiumCpmmState | None = None
        self._config: RaydiumCpmmConfig | None = None
        self._balances: list[int | None] = [None, None]
        self._fees = [(0, 0), (0, 0)]
        self._pool: RaydiumCpmmPool | None = None

    def add(self, part: PoolPart) -> None:
        """Take a part; others' parts are ignored. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, RaydiumCpmmState):
            if part.creator_fee_on not in (0, 1, 2) or part.owed_a < 0 or part.owed_b < 0:
                raise _inconsistent(f"creator fee on {part.creator_fee_on}, owed {part.owed_a} and {part.owed_b}")
            self._state = part
        elif isinstance(part, RaydiumCpmmConfig):
            _check_config(part)
            self._config = part
        elif isinstance(part, VaultBalance):
            if not 0 <= part.amount <= U64_MAX:
                raise _inconsistent(f"a vault balance of {part.amount} is not a u64")
            self._balances[0 if part.is_first else 1] = part.amount
        elif isinstance(part, TokenFee):
            if not (0 <= part.fee_bps <= BPS and 0 <= part.fee_max <= U64_MAX):
                raise _inconsistent(f"a transfer fee of {part.fee_bps} bps, at most {part.fee_max}")
            self._fees[0 if part.is_first else 1] = (part.fee_bps, part.fee_max)
        else:
            return
        self._pool = None

    def pool(self) -> RaydiumCpmmPool | None:
        """The exact pool, the same object until a part changes; None until all needed parts were seen."""
        state, config, (first, second) = self._state, self._config, self._balances
        if self._pool is None and state is not None and config is not None and first is not None and second is not None:
            reserves = (first - state.owed_a, second - state.owed_b)
            self._pool = RaydiumCpmmPool(state, config, reserves, (self._fees[0], self._fees[1]))
        return self._pool


def _check_config(config: RaydiumCpmmConfig) -> None:
    rates = (config.trade_fee_rate, config.creator_fee_rate, config.protocol_fee_rate, config.fund_fee_rate)
    if min(rates) < 0 or rates[0] + rates[1] >= FEE_UNIT or rates[2] + rates[3] > FEE_UNIT:
        raise _inconsistent(f"expected trade + creator below {FEE_UNIT} and shares up to it, found {rates}")


def _inconsistent(message: str) -> PoolRefused:
    return PoolRefused("state_inconsistent", message)
