"""Parts of a Meteora DLMM pair: the pair with its fee state, its bin arrays, the far bitmap and the token reserves.

First token = X, second = Y; prices are Y per X. A bin array holds 70 bins; of its bins only those that hold anything
are kept. `arrays` lists which bin arrays hold liquidity, as the program's bitmaps say it: a swap visits no other.
"""

from msgspec import Struct

from bus.pool_parts.base import PoolPart

BINS_PER_ARRAY = 70  #: fixed by the program
ARRAYS_NEAR = 512  #: indexes -512..511 are in the pair's own bitmap, those beyond in the extension account


class DlmmPair(PoolPart, frozen=True, array_like=True, gc=False, tag="dlmm_pair"):
    """LbPair: price, fee parameters and the state that moves the fee.

    Volatility is in ten-thousandths of a bin. The base fee is base_factor * bin_step_bps * 10 ^ (1 + power) billionths.
    """

    active_id: int
    bin_step_bps: int
    base_factor: int
    base_fee_power: int
    variable_fee_control: int
    filter_period_s: int
    decay_period_s: int
    reduction_bps: int
    volatility_max: int
    protocol_share_bps: int
    has_limit_orders: bool  #: the program fills orders in this pair
    takes_fee_in_y: bool  #: whichever way the swap goes; False = in the token that comes in
    volatility: int
    volatility_reference: int
    index_reference: int
    updated_s: int  #: of the last swap; moves the volatility references
    is_enabled: bool
    opens_at_s: int  #: swaps are refused before; 0 = open
    is_x_2022: bool  #: the mint is of Token-2022: its transfer fee must be known
    is_y_2022: bool
    arrays: tuple[int, ...]  #: ascending indexes of the near bin arrays with liquidity


class DlmmBin(Struct, frozen=True, array_like=True, gc=False):
    """What one bin holds, raw units. Order amounts are of X where `is_ask`, else of Y; providers' are filled first."""

    bin_id: int
    amount_x: int
    amount_y: int
    orders_begun: int = 0  #: what is left of the orders that a swap has already begun to fill
    orders_open: int = 0
    is_ask: bool = False


class DlmmBinArray(PoolPart, frozen=True, array_like=True, gc=False, tag="dlmm_bin_array"):
    """One array of bins, `index` * 70 the lowest of them; `bins` ascending, bins that hold nothing left out."""

    index: int
    bins: tuple[DlmmBin, ...]


class DlmmFarArrays(PoolPart, frozen=True, array_like=True, gc=False, tag="dlmm_far_arrays"):
    """BinArrayBitmapExtension: which far bin arrays hold liquidity; empty where the account does not exist."""

    arrays: tuple[int, ...]


class DlmmReserve(PoolPart, frozen=True, array_like=True, gc=False, tag="dlmm_reserve"):
    """The balance of a reserve account; optional: the program keeps it above what the bins hold."""

    is_x: bool
    amount: int
