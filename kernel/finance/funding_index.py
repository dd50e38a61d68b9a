"""Funding as venues that keep cumulative indices keep it: what was paid is the difference of two indices, exactly.

Sign of an index, everywhere: it grows by what a LONG PAYS per base unit. A position pays (or gets) its base quantity
times the index's growth since its own last settlement; longs by the long index, shorts by the short one. The two differ
where the venue cannot pay one side in full. Rate times time is never a payment: hours may be skipped or capped.
"""

from msgspec import Struct

from kernel.errors import BadInput

SECONDS_PER_HOUR = 3_600
PAYMENT_MAX = (1 << 63) - 1  #: programs keep payments in an i64


class FundingIndex(Struct, frozen=True, kw_only=True, gc=False):
    """A market's indices at one slot, raw as the program stores them."""

    instrument: str
    slot: int  #: 0 = unknown
    long_index: int  #: 1 / index_scale quote per base
    short_index: int
    last_rate_long: int  #: growth of the long index at the last settlement
    last_rate_short: int
    settled_s: int  #: the last settlement, unix seconds of the chain; 0 = never
    interval_s: int  #: the venue's period
    price_scale: int
    oracle_twap: int  #: at the last settlement, 1 / price_scale quote per base; the rates are parts of this price
    mark_twap: int  #: now
    index_scale: int

    def per_hour_to_long(self) -> float | None:
        """The last settled rate as a fraction of the price per hour, as paid TO a long: negative = longs pay.

        None = never settled, or no price to relate it to.
        """
        return self._per_hour(self.last_rate_long, -1)

    def per_hour_to_short(self) -> float | None:
        """The same as paid to a short. Not always the opposite: the receiving side may be capped."""
        return self._per_hour(self.last_rate_short, 1)

    def _per_hour(self, rate: int, sign: int) -> float | None:
        if self.settled_s <= 0 or self.oracle_twap <= 0 or self.interval_s <= 0:
            return None
        fraction = rate * self.price_scale / (self.index_scale * self.oracle_twap)
        return sign * fraction * SECONDS_PER_HOUR / self.interval_s + 0.0

    def of(self, base_raw: int) -> int:
        """The index that a position of this sign settles by."""
        return self.long_index if base_raw > 0 else self.short_index


def funding_payment(base_raw: int, index_from: int, index_to: int, divisor: int) -> int:
    """What a position gets (positive) or pays (negative) between two values of its index, in raw quote units.

    `divisor` = index scale * base scale / quote scale. The amount is cut towards zero, whoever pays, as the programs
    of Drift v2 and Velocity do (`calculate_funding_payment`: three divisions of a magnitude, which are one). Raises
    `BadInput` beyond what a program could pay.

    A long of 2 (base 9 decimals) while the index grew by 0.05 quote per base pays 0.1 (quote 6 decimals):

    >>> funding_payment(2_000_000_000, 0, 50_000_000, 10**12)
    -100000
    """
    growth = index_to - index_from
    amount = abs(growth) * abs(base_raw) // divisor
    if amount > PAYMENT_MAX:
        raise BadInput(f"expected a payment of at most {PAYMENT_MAX} raw units, found {amount}")
    return -amount if (growth > 0) == (base_raw > 0) else amount
