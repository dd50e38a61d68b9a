"""The bins of a DLMM pair in the order in which one direction empties them, with running sums of whole bins.

What a whole bin takes and gives does not depend on the swap, only on the fee state at its start; so sums of whole
bins are kept, extended as far as swaps reach, and a quote is a bisection and one partial bin.

A bin is passed when something of the swap is left behind it. For an exact input that is: the input left at the bin
buys at least one net unit more than the bin sells. For an exact output: what is still wanted, fee on output included,
is at least what the bin holds. A bin whose whole output goes into the fee (one unit, fee on output) costs an exact
output nothing: the SDK walks over it; an exact input pays for it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kernel.amm.dlmm_fee import exclude_fee, include_fee
from kernel.amm.dlmm_step import Step, Taken
from kernel.amm.errors import PoolRefused

U64_MAX = (1 << 64) - 1


class Reach(NamedTuple):
    """A swap along a ladder: sums over the bins passed and the last one, raw units."""

    amount_in: int
    amount_out: int
    fee: int
    protocol_fee: int
    passed: int  #: bins emptied and left behind
    surplus: int  #: kept by the protocol beyond its fee, of what comes out; 0 for an exact input
    last: Taken | None  #: in the bin where the swap ends; None = it ends with that bin, emptied


class Ladder:
    """Steps of one direction and fee state. `end` says why there are no more steps, once they are used up."""

    __slots__ = (
        "_end",
        "_source",
        "dust",
        "fee",
        "gross_in",
        "net_out",
        "pass_in",
        "pass_out",
        "protocol_fee",
        "steps",
    )

    def __init__(self, source: Iterator[Step], end: Callable[[], PoolRefused]) -> None:
        self._source: Iterator[Step] | None = source
        self._end = end
        self.steps: list[Step] = []
        self.gross_in = [0]  #: before each step, one entry more than steps
        self.net_out = [0]
        self.fee = [0]
        self.protocol_fee = [0]
        self.dust = [(0, 0, 0)]  #: of bins that give nothing: input, fee, protocol fee
        self.pass_in: list[int] = []  #: least gross input from the start that passes the step
        self.pass_out: list[int] = []  #: least net output from the start that empties it

    def extend(self) -> bool:
        """One step more; False where there is none."""
        source = self._source
        step = None if source is None else next(source, None)
        if step is None:
            self._source = None
            return False
        whole = step.whole()
        before_in, before_out = self.gross_in[-1], self.net_out[-1]
        if step.is_fee_on_input:
            self.pass_in.append(before_in + include_fee(step.total_in + 1, step.rate))
            self.pass_out.append(before_out + step.total_out)
        else:
            self.pass_in.append(before_in + step.total_in + 1)
            self.pass_out.append(before_out + exclude_fee(step.total_out - 1, step.rate) + 1)
        self.gross_in.append(before_in + whole.amount_in)
        self.net_out.append(before_out + whole.amount_out)
        self.fee.append(self.fee[-1] + whole.fee)
        self.protocol_fee.append(self.protocol_fee[-1] + whole.protocol_fee)
        dust = self.dust[-1]
        if not whole.amount_out:
            dust = (dust[0] + whole.amount_in, dust[1] + whole.fee, dust[2] + whole.protocol_fee)
        self.dust.append(dust)
        self.steps.append(step)
        return True

    def reach_in(self, amount_in: int) -> Reach:
        """An exact gross input above 0. Raises `PoolRefused` where the steps end before it."""
        passes = self.pass_in
        while not passes or passes[-1] <= amount_in:
            if not self.extend():
                raise self._end()
        at = bisect_right(passes, amount_in)
        last = self.steps[at].part_in(amount_in - self.gross_in[at])
        return Reach(
            amount_in,
            self.net_out[at] + last.amount_out,
            self.fee[at] + last.fee,
            self.protocol_fee[at] + last.protocol_fee,
            at,
            0,
            last,
        )

    def reach_out(self, amount_out: int) -> Reach:
        """An exact net output above 0. Raises `PoolRefused` where the steps end before it or the input passes a u64."""
        passes = self.pass_out
        while (not passes or passes[-1] <= amount_out) and self.extend():
            pass
        at = bisect_right(passes, amount_out)
        dust_in, dust_fee, dust_protocol_fee = self.dust[at]
        amount_in, fee = self.gross_in[at] - dust_in, self.fee[at] - dust_fee
        protocol_fee = self.protocol_fee[at] - dust_protocol_fee
        left = amount_out - self.net_out[at]
        surplus, last = 0, None
        if left:
            if at == len(self.steps):
                raise self._end()
            last = self.steps[at].part_out(left)
            amount_in += last.amount_in
            fee += last.fee
            protocol_fee += last.protocol_fee
            surplus = last.surplus
        if amount_in > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{amount_out} out would take {amount_in} in, more than a u64")
        return Reach(amount_in, amount_out, fee, protocol_fee, at, surplus, last)
