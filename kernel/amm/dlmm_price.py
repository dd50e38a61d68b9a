"""The price of a DLMM bin, Q64.64 of raw Y per raw X, as the program computes it.

price(id) = (1 + bin_step / 10000) ^ id by squaring in 64.64 fixed point. The program works on the inverse of the base,
so that every factor stays below one, and inverts at the end where the exponent is positive; each product is rounded
down. Meteora lb_clmm, dlmm package 1.9.14, checked 2026-11 against its outputs. Worked number: step 100, id 1 ->
18631211514446647132.
"""

from functools import lru_cache

from kernel.amm.errors import PoolRefused

BIN_ID_MAX = 443_636  #: 1.0001 ^ id stays within 64 bits before the point; the program allows -max..max
BIN_STEP_MAX = 10_000  #: a step that doubles the price; above it the base no longer fits the program's own arithmetic
_ONE = 1 << 64
_U128_MAX = (1 << 128) - 1
_PRICES_KEPT = 1 << 16  #: about 6 MB; some hundred pools with all bins near their price


@lru_cache(maxsize=_PRICES_KEPT)
def price_q64(bin_id: int, bin_step_bps: int) -> int:
    """The bin's price, Q64.64. Raises `PoolRefused` where the program has none."""
    if not 0 < bin_step_bps <= BIN_STEP_MAX:
        raise PoolRefused("state_inconsistent", f"a bin step is 1..{BIN_STEP_MAX} bps, found {bin_step_bps}")
    exponent = abs(bin_id)
    if exponent > BIN_ID_MAX:
        raise PoolRefused("price_out_of_range", f"bin ids are {-BIN_ID_MAX}..{BIN_ID_MAX}, found {bin_id}")
    if not exponent:
        return _ONE
    factor = _U128_MAX // (_ONE + (bin_step_bps << 64) // 10_000)
    result = _ONE
    while exponent:
        if exponent & 1:
            result = result * factor >> 64
        factor = factor * factor >> 64
        exponent >>= 1
    if not result:
        raise PoolRefused("price_out_of_range", f"bin {bin_id} at a step of {bin_step_bps} bps is beyond Q64.64")
    return _U128_MAX // result if bin_id > 0 else result
