"""Simple exact pools behind the contract of all pools: constant product with fee, and bins of fixed price."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from math import inf

from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment

FEE_UNIT = 1_000_000


class ConstantProduct:
    """x * y = k, fee on the input, output rounded down. The reserves are those of tokens a and b."""

    def __init__(self, reserve_a: int, reserve_b: int, fee_pips: int = 3000) -> None:
        self.reserve_a, self.reserve_b, self.fee_pips = reserve_a, reserve_b, fee_pips

    def _sides(self, is_a_to_b: bool) -> tuple[int, int]:
        return (self.reserve_a, self.reserve_b) if is_a_to_b else (self.reserve_b, self.reserve_a)

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        if amount_in <= 0:
            raise PoolRefused("amount_too_small", f"expected amount_in > 0, found {amount_in}")
        into, out_of = self._sides(is_a_to_b)
        kept = amount_in * (FEE_UNIT - self.fee_pips)
        out = kept * out_of // (into * FEE_UNIT + kept)
        return PoolQuote(amount_in, out, amount_in - kept // FEE_UNIT)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        into, out_of = self._sides(is_a_to_b)
        if not 0 < amount_out < out_of:
            raise PoolRefused("insufficient_liquidity", f"asked {amount_out} of {out_of}")
        left = out_of - amount_out
        amount_in = -(-into * amount_out * FEE_UNIT // (left * (FEE_UNIT - self.fee_pips)))
        return self.quote_in(is_a_to_b, amount_in, now_s)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        into, out_of = self._sides(is_a_to_b)
        return out_of / into * (1 - self.fee_pips / FEE_UNIT) if into else 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        into, out_of = self._sides(is_a_to_b)
        if into and out_of:
            kept = 1 - self.fee_pips / FEE_UNIT
            yield Segment(0.0, inf, 0.0, out_of / into * kept, kept / into)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> "tuple[PoolQuote, ConstantProduct]":
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        a, b = (amount_in, -quote.amount_out) if is_a_to_b else (-quote.amount_out, amount_in)
        return quote, ConstantProduct(self.reserve_a + a, self.reserve_b + b, self.fee_pips)


class FixedPriceBins:
    """Bins as (numerator, denominator of b per a, amount of a, amount of b), best for a seller of a first.

    A seller of a empties the b of `bids`, a seller of b the a of `asks`; each bin is used up before the next. Fees in
    pips of what goes in, one for each bin. Rounding is against the trader; out of bins is refused.
    """

    def __init__(self, bids: list[tuple[int, int, int, int]], asks: list[tuple[int, int, int, int]]) -> None:
        #: per direction: (out per in as a fraction, most out, fee pips)
        self.sides = {True: bids, False: asks}
        self._most_in = {
            side: list(accumulate((self._all_of(each) for each in bins), initial=0))
            for side, bins in self.sides.items()
        }
        self._most_out = {
            side: list(accumulate((each[2] for each in bins), initial=0)) for side, bins in self.sides.items()
        }

    @staticmethod
    def _all_of(each: tuple[int, int, int, int]) -> int:
        num, den, most_out, fee_pips = each
        net = -(-most_out * den // num)
        return -(-net * FEE_UNIT // (FEE_UNIT - fee_pips))

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        ins = self._most_in[is_a_to_b]
        if amount_in <= 0:
            raise PoolRefused("amount_too_small", f"expected amount_in > 0, found {amount_in}")
        if amount_in > ins[-1]:
            raise PoolRefused("arrays_exhausted", f"{amount_in} in is more than all bins take, {ins[-1]}")
        at = bisect_left(ins, amount_in) - 1
        num, den, most_out, fee_pips = self.sides[is_a_to_b][at]
        net = (amount_in - ins[at]) * (FEE_UNIT - fee_pips) // FEE_UNIT
        out = self._most_out[is_a_to_b][at] + min(net * num // den, most_out)
        return PoolQuote(amount_in, out, 0)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        outs = self._most_out[is_a_to_b]
        if not 0 < amount_out <= outs[-1]:
            raise PoolRefused("insufficient_liquidity", f"asked {amount_out} of {outs[-1]}")
        at = bisect_left(outs, amount_out) - 1
        num, den, _, fee_pips = self.sides[is_a_to_b][at]
        part = self._all_of((num, den, amount_out - outs[at], fee_pips))
        return PoolQuote(self._most_in[is_a_to_b][at] + part, amount_out, 0)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        for segment in self.segments(is_a_to_b, now_s):
            return segment.rate
        return 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        ins, outs = self._most_in[is_a_to_b], self._most_out[is_a_to_b]
        for at, (num, den, most_out, fee_pips) in enumerate(self.sides[is_a_to_b]):
            # A bin of few units costs, for rounding, more than its price says.
            rate = min(num / den * (1 - fee_pips / FEE_UNIT), most_out / (ins[at + 1] - ins[at]))
            yield Segment(float(ins[at]), float(ins[at + 1]), float(outs[at]), rate, 0.0)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> "tuple[PoolQuote, FixedPriceBins]":
        raise NotImplementedError("sizing never asks a pool for its state after a swap")
