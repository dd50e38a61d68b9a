"""What every exact pool can answer, whatever its curve: quotes in and out, depth for sizing, its state after a swap.

`is_a_to_b`: the first token of the pool (a, x, 0, base) goes in, the second comes out. Amounts are raw units at the
wallet: what leaves it and what arrives in it, pool fees and transfer fees of the tokens included. `now_s` is the unix
time that the program's clock would show; pools whose fees do not move ignore it. All quotes are exact to the unit
and raise `PoolRefused` where the program refuses or the known state does not reach.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

from bus.pool_parts.base import PoolPart


class PoolQuote(NamedTuple):
    """A swap as the program would do it."""

    amount_in: int  #: leaves the wallet; below what was offered only where the program takes less
    amount_out: int  #: arrives in the wallet
    fee: int  #: the pool's own (providers, protocol, creator), raw units of the token it is taken in


class Segment(NamedTuple):
    """A stretch of depth between two changes of liquidity or fee, in floats for search alone.

    For d = amount_in - in_start, 0 <= d <= in_end - in_start: amount_out is out_start + rate * d / (1 + curve * d).
    Constant product and concentrated liquidity have `curve` > 0, a bin of fixed price has 0. Fees are in `rate`.
    """

    in_start: float
    in_end: float  #: inf where the curve has no end
    out_start: float
    rate: float  #: out per in at the start
    curve: float


class Pool(Protocol):
    """An immutable state; tables that make quotes fast are made when first needed and kept with it."""

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output, where the program has it; the least input that gets it elsewhere. Raises `PoolRefused`."""

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included; 0.0 where nothing can be swapped. Never raises."""

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """Depth from the present price on, lazily; ends where the known state or the liquidity ends."""

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Self]:
        """The swap of `quote_in` and the pool's state behind it. Raises `PoolRefused`."""


class PoolBuilder(Protocol):
    """Folds the parts of one pool as they arrive, in any order."""

    def add(self, part: PoolPart) -> None:
        """Take a part. Raises `PoolRefused` (`state_inconsistent`) for one that contradicts itself."""

    def pool(self) -> Pool | None:
        """The exact pool; None while a part that a quote needs was never seen. The same object until a part changes."""
