"""Judges the rows of a stepped series: order, repeats, jumps, missing steps."""

from adapters.importing.cells import BadRow

STEPS_COMPARED_MAX = 10  #: across a longer hole a price may well have moved beyond the bound


class Series:
    """Last row of one series. `step_ns` 0 = the series has no regular step and no gaps."""

    __slots__ = ("_jump_max", "_price", "_seen_ns", "_step_ns", "kept_ns")

    def __init__(self, step_ns: int, jump_pct_max: float) -> None:
        self.kept_ns = -1  #: time of the last kept row, -1 before the first
        self._seen_ns = -1
        self._step_ns = step_ns
        self._jump_max = jump_pct_max / 100
        self._price = 0.0

    def judge(self, time_ns: int, price: float = 0.0) -> None:
        """Raise `BadRow` for a row that goes back, repeats a time, or jumps from the last kept price.

        `price` 0 = not judged. The bound does not hold across a hole of more than ten steps.
        """
        if time_ns == self._seen_ns:
            raise BadRow("repeats the time of the row before it: duplicate")
        if time_ns < self._seen_ns:
            raise BadRow(f"goes back {(self._seen_ns - time_ns) / 1e9:g} s: unsorted")
        is_near = self._step_ns == 0 or time_ns - self._seen_ns <= STEPS_COMPARED_MAX * self._step_ns
        self._seen_ns = time_ns
        if price and self._price and is_near and abs(price / self._price - 1) > self._jump_max:
            raise BadRow(
                f"jumps from {self._price:g} to {price:g}, more than {self._jump_max * 100:g} %; "
                "raise jump_pct_max if this is real"
            )

    def keep(self, time_ns: int, price: float = 0.0) -> int:
        """Take the row as kept; returns how many steps are missing before it."""
        missing = 0
        if self.kept_ns >= 0 and self._step_ns:
            missing = max(0, round((time_ns - self.kept_ns) / self._step_ns) - 1)
        self.kept_ns = time_ns
        if price:
            self._price = price
        return missing
