"""Prefix sums over the whole steps of a Raydium CLMM swap: any amount costs one bisection and one partial step.

`gates[k]` is the least amount that completes step k and may go on; `spent[k]`, `gained[k]`, `fees[k]` are the sums of
the first k steps. A gate can lie above what was spent: orders are filled whole only by an input whose output would
exceed them, and then take less than that input.
"""

from bisect import bisect_right
from collections.abc import Iterator

from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_path import Stretch
from kernel.amm.raydium_clmm_steps import (
    FEE_UNIT,
    amounts_between,
    compute_step,
    match_orders,
    order_input,
    order_price,
)
from kernel.amm.token_fee import U64_MAX

# A swap of more steps does not fit into the 1.4 million compute units of a transaction, so a quote would be void;
# also bounds the memory of a table, about 600 bytes a step.
STEPS_MAX = 4096
_NEVER = U64_MAX + 1


class RaydiumClmmLadder:
    """The table of one pool state, one direction, one fee state, one kind of amount (exact input or output)."""

    __slots__ = ("_path", "end", "fees", "gained", "gates", "is_a_to_b", "is_exact_in", "is_fee_in", "spent", "steps")

    def __init__(self, path: Iterator[Stretch], is_a_to_b: bool, is_exact_in: bool, is_fee_in: bool) -> None:
        self._path = path
        self.is_a_to_b, self.is_exact_in, self.is_fee_in = is_a_to_b, is_exact_in, is_fee_in
        self.steps: list[Stretch] = []
        self.gates: list[int] = []
        self.spent, self.gained, self.fees = [0], [0], [0]
        self.end: PoolRefused | None = None  #: why there are no more steps

    def swap(self, amount: int) -> tuple[int, int]:
        """(the other amount, fee) of a swap of that amount. Raises `PoolRefused`."""
        gates = self.gates
        while (not gates or gates[-1] <= amount) and self.extend():
            pass
        whole = bisect_right(gates, amount)
        left = amount - self.spent[whole]
        other, fee = self.gained[whole], self.fees[whole]
        if left:
            if whole == len(self.steps):
                end = self.end
                assert end is not None
                raise PoolRefused(end.reason, str(end).partition(": ")[2])
            price, target, liquidity, rate, unfilled = self.steps[whole]
            if unfilled:
                added_in, added_out, added_fee, _, _ = match_orders(
                    price, 0, unfilled, left, rate, self.is_exact_in, self.is_a_to_b, self.is_fee_in
                )
            elif gates[whole] != _NEVER:
                part = _part_for_input if self.is_exact_in else _part_for_output
                added, added_fee = part(price, liquidity, rate, left, self.is_a_to_b, self.is_fee_in)
                return self._checked(other + added), fee + added_fee
            else:
                _, added_in, added_out, added_fee = compute_step(
                    price, target, liquidity, left, rate, self.is_exact_in, self.is_a_to_b, self.is_fee_in
                )
            fee += added_fee
            if self.is_exact_in:
                other += added_out
            else:
                other += added_in + added_fee if self.is_fee_in else added_in
        return self._checked(other), fee

    @staticmethod
    def _checked(other: int) -> int:
        if other > U64_MAX:
            raise PoolRefused("arithmetic_overflow", f"the swap moves {other}, above a u64")
        return other

    def extend(self) -> bool:
        """Add the next step; False where there is none."""
        if self.end is not None:
            return False
        if len(self.steps) == STEPS_MAX:
            self.end = PoolRefused("depth_unknown", f"the amount needs more than {STEPS_MAX} steps, which no swap may")
            return False
        try:
            step = next(self._path)
            gate, spent, gained, fee = self._order(step) if step.unfilled else self._stretch(step)
        except PoolRefused as refused:
            self.end = refused
            return False
        self.steps.append(step)
        # A swap whose amount is used up ends before a step that would give nothing, and is not charged for it.
        gate = min(_NEVER, self.spent[-1] + max(gate, 1))
        if self.gates and self.gates[-1] > gate:
            gate = self.gates[-1]
        self.gates.append(gate)
        self.spent.append(self.spent[-1] + spent)
        self.gained.append(self.gained[-1] + gained)
        self.fees.append(self.fees[-1] + fee)
        return True

    def _stretch(self, step: Stretch) -> tuple[int, int, int, int]:
        """(gate, spent, gained, fee) of a whole step along liquidity."""
        price, target, liquidity, rate, _ = step
        amount_in, amount_out = amounts_between(price, target, liquidity, self.is_a_to_b)
        if amount_in > U64_MAX or amount_out > U64_MAX:
            return _NEVER, 0, 0, 0
        keep = FEE_UNIT - rate
        if self.is_fee_in:
            fee = -(-amount_in * rate // keep)
            paid = amount_in + fee
            return (paid, paid, amount_out, fee) if self.is_exact_in else (amount_out, amount_out, paid, fee)
        fee = -(-amount_out * rate // FEE_UNIT)
        if self.is_exact_in:
            return amount_in, amount_in, amount_out - fee, fee
        return _gate_of_net(amount_out, keep), amount_out - fee, amount_in, fee

    def _order(self, step: Stretch) -> tuple[int, int, int, int]:
        """(gate, spent, gained, fee) of filling all orders of a tick."""
        unfilled, rate, is_a_to_b = step.unfilled, step.fee_rate, self.is_a_to_b
        keep = FEE_UNIT - rate
        price = order_price(step.price_x64, is_a_to_b)
        try:
            amount_in = order_input(unfilled, price, is_a_to_b)
        except PoolRefused:
            return _NEVER, 0, 0, 0
        fee = -(-amount_in * rate // keep) if self.is_fee_in else -(-unfilled * rate // FEE_UNIT)
        if self.is_exact_in:
            # Least input whose output exceeds the orders.
            gate = -(-(unfilled + 1 << 64) // price) if is_a_to_b else -(-(unfilled + 1) * price >> 64)
            if self.is_fee_in:
                return -(-gate * FEE_UNIT // keep), amount_in + fee, unfilled, fee
            return gate, amount_in, unfilled - fee, fee
        if self.is_fee_in:
            return unfilled, unfilled, amount_in + fee, fee
        return _gate_of_net(unfilled, keep), unfilled - fee, amount_in, fee


def _part_for_input(
    price_x64: int, liquidity: int, rate: int, amount_in: int, is_a_to_b: bool, is_fee_in: bool
) -> tuple[int, int]:
    """(output after fee, fee) of an input that does not complete its step: `compute_step` without what is known."""
    usable = amount_in * (FEE_UNIT - rate) // FEE_UNIT if is_fee_in else amount_in
    if is_a_to_b:
        scaled = liquidity << 64
        next_x64 = -(-scaled * price_x64 // (scaled + usable * price_x64))
        moved = price_x64 - next_x64
        out = liquidity * moved >> 64
        if is_fee_in:
            return out, amount_in + -scaled * moved // (price_x64 * next_x64)
    else:
        moved = (usable << 64) // liquidity
        out = (liquidity << 64) * moved // (price_x64 * (price_x64 + moved))
        if is_fee_in:
            return out, amount_in + (-liquidity * moved >> 64)
    fee = -(-out * rate // FEE_UNIT)
    return out - fee, fee


def _part_for_output(
    price_x64: int, liquidity: int, rate: int, amount_out: int, is_a_to_b: bool, is_fee_in: bool
) -> tuple[int, int]:
    """(input with fee, fee) for an output that does not complete its step: `compute_step` without what is known."""
    keep = FEE_UNIT - rate
    gross = amount_out if is_fee_in else -(-amount_out * FEE_UNIT // keep)
    if is_a_to_b:
        moved = -(-(gross << 64) // liquidity)
        amount_in = -((-liquidity << 64) * moved // (price_x64 * (price_x64 - moved)))
        if not is_fee_in:
            gross = liquidity * moved >> 64
    else:
        scaled = liquidity << 64
        next_x64 = -(-scaled * price_x64 // (scaled - gross * price_x64))
        moved = next_x64 - price_x64
        amount_in = -(-liquidity * moved >> 64)
        if not is_fee_in:
            gross = scaled * moved // (price_x64 * next_x64)
    if is_fee_in:
        fee = -(-amount_in * rate // keep)
        return amount_in + fee, fee
    # What the rounded price gives beyond the output asked for is at least the fee's share, and all of it is taken.
    return amount_in, gross - amount_out


def _gate_of_net(gross: int, keep: int) -> int:
    """Least output after fee whose gross, rounded up, reaches `gross`."""
    return (gross - 1) * keep // FEE_UNIT + 1 if gross else 0
