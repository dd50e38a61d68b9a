"""Random numbers that are the same on every platform: only arithmetic that IEEE 754 fixes, no logarithm or cosine."""

from random import Random

ROOT_3 = 1.7320508075688772


class Draws:
    """One named stream of a seed; streams do not disturb each other."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = Random(f"{seed}:{name}")
        self.unit = self._random.random  #: in [0, 1)

    def bell(self) -> float:
        """Mean 0, variance 1, bell-shaped, within +-3.5: the sum of four uniform numbers."""
        unit = self.unit
        return (unit() + unit() + unit() + unit() - 2.0) * ROOT_3

    def between(self, low: float, high: float) -> float:
        """Uniform."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.unit() * (high - low + 1))

    def is_so(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def heavy(self, low: float, high: float) -> float:
        """Many small, few large: density falls with the square of the size, cut at `high`."""
        return min(high, low / (1.0 - self.unit()))
