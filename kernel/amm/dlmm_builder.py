"""Folds the parts of one DLMM pair into its exact pool."""

from itertools import pairwise

from bus.pool_parts.base import PoolPart
from bus.pool_parts.dlmm import ARRAYS_NEAR, BINS_PER_ARRAY, DlmmBinArray, DlmmFarArrays, DlmmPair, DlmmReserve
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.dlmm import NO_FEE, DlmmPool
from kernel.amm.dlmm_arrays import ARRAYS_PER_SWAP
from kernel.amm.dlmm_fee import BPS
from kernel.amm.dlmm_price import BIN_ID_MAX, BIN_STEP_MAX
from kernel.amm.errors import PoolRefused

ARRAYS_KNOWN_MAX = 64  #: an array is 70 bins; with more, those farthest from the price are forgotten
FAR_END = 6_656  #: 512 near indexes and 12 rows of 512 beyond, each way
BASE_FEE_POWER_MAX = 9  #: a power of ten above it is beyond the unit of the fee itself
U32_MAX = (1 << 32) - 1
U64_MAX = (1 << 64) - 1


class DlmmBuilder:
    """A `PoolBuilder`. Needs the pair, the nearest array with liquidity of a side, and fees of Token-2022 mints."""

    def __init__(self, arrays_max: int = ARRAYS_PER_SWAP) -> None:
        self._arrays_max = arrays_max
        self._pair: DlmmPair | None = None
        self._arrays: dict[int, DlmmBinArray] = {}
        self._far: tuple[int, ...] | None = None
        self._fees: dict[bool, TokenFee] = {}
        self._reserves: dict[bool, int] = {}
        self._pool: DlmmPool | None = None

    def add(self, part: PoolPart) -> None:
        """Take a part; a part equal to the known one changes nothing. Raises `PoolRefused` (`state_inconsistent`)."""
        match part:
            case DlmmPair():
                check_pair(part)
                is_new, self._pair = part != self._pair, part
            case DlmmBinArray():
                check_array(part)
                is_new = part != self._arrays.get(part.index)
                self._arrays[part.index] = part
                self._forget()
            case DlmmFarArrays():
                _check_indexes(part.arrays, FAR_END)
                is_new, self._far = part.arrays != self._far, part.arrays
            case TokenFee():
                is_new = part != self._fees.get(part.is_first)
                self._fees[part.is_first] = part
            case DlmmReserve():
                is_new = part.amount != self._reserves.get(part.is_x)
                self._reserves[part.is_x] = part.amount
            case _:
                raise PoolRefused("state_inconsistent", f"{type(part).__name__} is no part of a DLMM pair")
        if is_new:
            self._pool = None

    def pool(self) -> DlmmPool | None:
        """The exact pool; None while a part that a quote needs was never seen. The same object until a part changes."""
        if self._pool is not None or self._pair is None:
            return self._pool
        pair, fees = self._pair, self._fees
        if (pair.is_x_2022 and True not in fees) or (pair.is_y_2022 and False not in fees):
            return None
        pool = DlmmPool(
            pair,
            dict(self._arrays),
            far=self._far,
            token_fees=(fees.get(True, NO_FEE), fees.get(False, NO_FEE)),
            reserves=(self._reserves.get(True), self._reserves.get(False)),
            arrays_max=self._arrays_max,
        )
        ahead = [pool.arrays_ahead(is_x_in)[:1] for is_x_in in (True, False)]
        if any(ahead) and not any(index in self._arrays for near in ahead for index in near):
            return None
        self._pool = pool
        return pool

    def _forget(self) -> None:
        if len(self._arrays) > ARRAYS_KNOWN_MAX:
            active = self._pair.active_id // BINS_PER_ARRAY if self._pair else 0
            del self._arrays[max(self._arrays, key=lambda index: (abs(index - active), index))]


def check_pair(pair: DlmmPair) -> None:
    """Refuse what the program cannot hold (`state_inconsistent`)."""
    limits = (
        ("active_id", abs(pair.active_id), BIN_ID_MAX),
        ("bin_step_bps", pair.bin_step_bps - 1, BIN_STEP_MAX - 1),
        ("base_factor", pair.base_factor, U32_MAX),
        ("base_fee_power", pair.base_fee_power, BASE_FEE_POWER_MAX),
        ("variable_fee_control", pair.variable_fee_control, U32_MAX),
        ("volatility_max", pair.volatility_max, U32_MAX),
        ("volatility", pair.volatility, U32_MAX),
        ("volatility_reference", pair.volatility_reference, U32_MAX),
        ("protocol_share_bps", pair.protocol_share_bps, BPS),
        ("reduction_bps", pair.reduction_bps, BPS),
    )
    for name, value, most in limits:
        if not 0 <= value <= most:
            raise PoolRefused("state_inconsistent", f"{name} of a DLMM pair is beyond 0..{most}: found {value}")
    _check_indexes(pair.arrays, ARRAYS_NEAR)


def check_array(array: DlmmBinArray) -> None:
    """Refuse bins that are not of this array, not ascending, or beyond a u64 (`state_inconsistent`)."""
    before, end = array.index * BINS_PER_ARRAY - 1, (array.index + 1) * BINS_PER_ARRAY
    for held in array.bins:
        if not before < held.bin_id < end:
            raise PoolRefused(
                "state_inconsistent",
                f"bins of array {array.index} ascend and stay below {end}, found {held.bin_id} after {before}",
            )
        before = held.bin_id
        amounts = (held.amount_x, held.amount_y, held.orders_begun, held.orders_open)
        if min(amounts) < 0 or max(amounts) > U64_MAX:
            raise PoolRefused("state_inconsistent", f"amounts of bin {held.bin_id} are no u64: {amounts}")


def _check_indexes(indexes: tuple[int, ...], end: int) -> None:
    ascends = all(low < high for low, high in pairwise(indexes))
    if not ascends or (indexes and not -end <= indexes[0] <= indexes[-1] < end):
        raise PoolRefused("state_inconsistent", f"array indexes ascend within {-end}..{end - 1}, found {indexes[:8]}")
