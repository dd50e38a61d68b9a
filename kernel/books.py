"""Money by strategy: running totals, and the snapshot that gate, pages and replay read."""

from decimal import Decimal

from msgspec import Struct

from bus.units import ZERO


class Totals(Struct, kw_only=True):
    """Running sums since the start of the run. Only the ledger writes them."""

    realised_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    gas_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    slippage_usd: Decimal = ZERO
    turnover_usd: Decimal = ZERO  #: sum of |qty| * price of fills that have a USD value
    fills: int = 0
    unconverted_fills: int = 0
    closed: int = 0  #: positions that came back to flat
    profitable: int = 0  #: of those, with P&L above zero after fees, gas and funding


class Books(Struct, frozen=True, kw_only=True):
    """A strategy's (or the kernel's) money at one moment, in USD.

    `pnl_usd` = realised + unrealised - fees - gas + funding. Slippage is inside the prices already.
    """

    realised_usd: Decimal
    unrealised_usd: Decimal  #: of the positions that have a mark
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal
    slippage_usd: Decimal
    exposure_usd: Decimal  #: sum of |qty| * mark, not netted, of the positions that have a mark
    turnover_usd: Decimal
    pnl_usd: Decimal
    unpriced: int  #: open positions without a mark or without a USD value of their quote currency: left out
    unconverted_fills: int  #: fills whose realised P&L is in `Ledger.unconverted`, not in `realised_usd`
    fills: int
    closed: int
    profitable: int
