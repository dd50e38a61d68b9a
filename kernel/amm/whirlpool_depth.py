"""Depth of a Whirlpool in floats, for sizing alone: one segment a step, seen from the wallet.

Within a step token A sold at price p (a square root) gives L * p * d / (L / p + d) of token B, and token B sold gives
(L / p) * d / (L * p + d) of token A, with d net of the pool's fee. A token's transfer fee takes a share up to a most;
where the most is reached a segment is cut in two.
"""

from collections.abc import Iterator
from math import inf

from kernel.amm.pool import Segment
from kernel.amm.token_fee import BPS
from kernel.amm.whirlpool_amounts import FEE_UNIT
from kernel.amm.whirlpool_table import SwapTable

_Q64 = float(1 << 64)


def depth(table: SwapTable, is_a_to_b: bool, fees: tuple[int, int, int, int]) -> Iterator[Segment]:
    """`fees`: bps and most of the token that goes in, bps and most of the one that comes out."""
    bps_in, max_in, bps_out, max_out = fees
    for number, step in table.all_steps():
        if not step.liquidity or step.sqrt_price == step.sqrt_price_end:
            continue
        price, liquidity = step.sqrt_price / _Q64, float(step.liquidity)
        kept = 1 - step.rate / FEE_UNIT
        if is_a_to_b:
            rate, curve = price * price * kept, kept * price / liquidity
        else:
            rate, curve = kept / (price * price), kept / (price * liquidity)
        start, end = float(table.ins[number]), float(table.ins[number + 1])
        found: list[Segment] = [Segment(start, end, float(table.outs[number]), rate, curve)]
        if bps_in:
            found = [each for one in found for each in _taxed_in(one, bps_in, max_in)]
        if bps_out:
            found = [each for one in found for each in _taxed_out(one, bps_out, max_out)]
        yield from found


def _cut(segment: Segment, width: float) -> tuple[Segment, Segment]:
    """Two segments that meet `width` of input behind the start of this one."""
    start, end, out, rate, curve = segment
    bend = 1 + curve * width
    return (
        Segment(start, start + width, out, rate, curve),
        Segment(start + width, end, out + rate * width / bend, rate / (bend * bend), curve / bend),
    )


def _taxed_in(segment: Segment, bps: int, most: int) -> Iterator[Segment]:
    """The segment by what leaves the wallet, when a share of it never reaches the pool."""
    kept = 1 - bps / BPS
    untaxed_from = most * BPS / bps * kept
    parts: tuple[Segment, ...] = (segment,)
    if segment.in_start < untaxed_from < segment.in_end:
        parts = _cut(segment, untaxed_from - segment.in_start)
    for start, end, out, rate, curve in parts:
        if start >= untaxed_from:
            yield Segment(start + most, end + most, out, rate, curve)
        elif kept:
            yield Segment(start / kept, end / kept, out, rate * kept, curve * kept)


def _taxed_out(segment: Segment, bps: int, most: int) -> Iterator[Segment]:
    """The segment by what arrives in the wallet."""
    kept = 1 - bps / BPS
    untaxed_from = most * BPS / bps
    wanted = untaxed_from - segment.out_start
    room = segment.rate - segment.curve * wanted
    width = wanted / room if room > 0 else inf
    parts: tuple[Segment, ...] = (segment,)
    if 0 < width < segment.in_end - segment.in_start:
        parts = _cut(segment, width)
    for number, (start, end, out, rate, curve) in enumerate(parts):
        if wanted <= 0 or number:
            yield Segment(start, end, out - most, rate, curve)
        else:
            yield Segment(start, end, out * kept, rate * kept, curve)
