"""A strategy's holding in one instrument from flat to flat, by average cost.

The cost basis is kept as an exact sum of quote currency beside the quantity, not as a rounded price: a partial close
takes its share of the cost (settled on 1e-24) and leaves exactly the rest, so rounding never makes or loses money.
"""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from bus.units import ZERO
from kernel.finance.money import READING, absolute, add, minus, share, subtract


class Position(Struct, kw_only=True):
    """An open position. Only the ledger writes it; amounts count from its opening (see `Ledger.totals` for all time).

    `cost_quote` has the sign of `qty`: what was paid for a long, minus what was received for a short.
    """

    strategy: str
    instrument: str
    venue: str
    is_long: bool
    opened_ts_ns: int
    updated_ts_ns: int
    qty: Decimal = ZERO  #: base units, negative = short
    cost_quote: Decimal = ZERO
    realised_usd: Decimal = ZERO  #: of partial closes, before fees
    fees_usd: Decimal = ZERO
    gas_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO  #: positive = received
    slippage_usd: Decimal = ZERO  #: already inside the prices; reported, never subtracted
    turnover_usd: Decimal = ZERO
    fills: int = 0
    unconverted_fills: int = 0  #: in a quote currency without a USD value at the time; not in the USD amounts
    simulated: bool = False  #: at least one of its fills was
    holders: ClassVar[int] = 1

    @property
    def size(self) -> Decimal:
        """Base units held, without the sign."""
        return absolute(self.qty)

    @property
    def avg_price(self) -> Decimal:
        """Quote per base, rounded to 28 digits for reading; 0 when flat. Sums use `cost_quote`."""
        return READING.divide(self.cost_quote, self.qty) if self.qty else ZERO

    @property
    def net_usd(self) -> Decimal:
        """What it has earned so far without the open part: realised - fees - gas + funding."""
        return add(subtract(subtract(self.realised_usd, self.fees_usd), self.gas_usd), self.funding_usd)

    def trade(self, qty: Decimal, amount_quote: Decimal) -> Decimal:
        """Add signed base and its signed quote value; returns realised P&L in quote currency.

        A reduction must not pass zero (the ledger splits a fill that does).
        """
        if not self.qty or (qty > 0) == (self.qty > 0):
            self.qty = add(self.qty, qty)
            self.cost_quote = add(self.cost_quote, amount_quote)
            return ZERO
        rest = add(self.qty, qty)
        released = share(self.cost_quote, minus(qty), self.qty) if rest else self.cost_quote
        self.qty = rest
        self.cost_quote = subtract(self.cost_quote, released)
        return subtract(minus(amount_quote), released)


class Held(Struct, kw_only=True):
    """The same instrument over all strategies, so that valuing the whole does not take a look at each position."""

    qty: Decimal = ZERO  #: longs minus shorts, base units
    size: Decimal = ZERO  #: longs plus shorts
    cost_quote: Decimal = ZERO
    holders: int = 0  #: open positions


class ClosedTrade(Struct, frozen=True, kw_only=True):
    """A position that came back to flat: the unit of win rate and profit factor (one leg, not one hedge)."""

    strategy: str
    instrument: str
    is_long: bool
    opened_ts_ns: int
    closed_ts_ns: int
    pnl_usd: Decimal | None  #: realised - fees - gas + funding; None when a fill had no USD value
    turnover_usd: Decimal
    fills: int
    simulated: bool
