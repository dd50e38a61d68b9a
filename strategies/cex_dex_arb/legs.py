"""The two legs of a pair as last heard of: a CEX book (or a bar in its stead) and a pool."""

import math
from decimal import Decimal

from bus.events import Bar, InstrumentListed, Quote
from strategies.cex_dex_arb.basis import Basis

WRAPPED = {"WETH": "ETH", "WBTC": "BTC", "WPOL": "POL", "MATIC": "POL", "WMATIC": "POL"}
BRIDGED = {"USDC.e": "USDC", "USDbC": "USDC"}


class Book:
    """Best bid and ask of a CEX instrument; from a bar both are its close and `is_coarse` says so."""

    __slots__ = ("ask", "ask_qty", "bid", "bid_qty", "is_coarse", "listed", "mid", "pairs", "ts_ns")

    def __init__(self, listed: InstrumentListed) -> None:
        self.listed = listed
        self.pairs: tuple[Pair, ...] = ()
        self.bid = self.ask = self.mid = 0.0  #: mid 0.0 = no usable price
        self.bid_qty = self.ask_qty = 0.0  #: shown sizes, or the bar's volume
        self.ts_ns = 0
        self.is_coarse = False

    def on_quote(self, quote: Quote) -> None:
        """Take a quote; a crossed or empty one is no price."""
        self.bid, self.ask = quote.bid, quote.ask
        self.bid_qty, self.ask_qty = quote.bid_qty, quote.ask_qty
        self.mid = (quote.bid + quote.ask) / 2 if 0.0 < quote.bid <= quote.ask else 0.0
        self.ts_ns = quote.ts_ns
        self.is_coarse = False

    def on_bar(self, bar: Bar) -> bool:
        """Take a bar's close, unless quotes are known: then bars tell nothing more. Returns whether it was taken."""
        if self.ts_ns and not self.is_coarse:
            return False
        self.bid = self.ask = self.mid = max(bar.close, 0.0)
        self.bid_qty = self.ask_qty = bar.volume
        self.ts_ns = bar.ts_ns
        self.is_coarse = True
        return True


class PoolLeg:
    """A pool's price for signals; exact states are in `Pools`."""

    __slots__ = ("is_sampled", "listed", "pairs", "price", "ts_ns")

    def __init__(self, listed: InstrumentListed) -> None:
        self.listed = listed
        self.pairs: tuple[Pair, ...] = ()
        self.price = 0.0  #: quote per base; 0.0 = none yet
        self.ts_ns = 0
        self.is_sampled = False


class Pair:
    """A pool beside the CEX instrument of the same underlying. `book` None or `refusal` set: watched, never traded."""

    __slots__ = (
        "basis", "book", "excess", "floor", "last_net_usd", "last_size_usd", "last_why_not", "name", "noted_ns", "pool",
        "record", "refusal", "refused_ns", "stale_ns", "traded_version",
    )  # fmt: skip

    def __init__(self, pool: PoolLeg, book: Book | None, name: str, refusal: str, basis: Basis) -> None:
        self.pool = pool
        self.book = book
        self.name = name  #: as in pairs_to_monitor: the underlying and the pool's dollar
        self.refusal = refusal
        self.basis = basis
        self.floor = math.inf  #: |excess| that no cost stack can survive below
        self.record = 0.0  #: largest |excess| seen; a new one is priced in full even below the floor, to be shown
        self.excess: float | None = None  #: log gap less the usual one; > 0 = the pool is dear
        self.stale_ns = 0  #: a look that waits for the other leg
        self.refused_ns = 0
        self.noted_ns = 0
        self.traded_version = -1
        self.last_net_usd: Decimal | None = None  #: of the last priced candidate
        self.last_size_usd: Decimal | None = None
        self.last_why_not = ""


def pair_name(listed: InstrumentListed) -> str:
    """The name under which settings know a pool: "ETH/USDC" for WETH against bridged USDC, "WBTC/USDC" for BTC."""
    base = WRAPPED.get(listed.underlying, listed.underlying)
    return f"{'WBTC' if base == 'BTC' else base}/{BRIDGED.get(listed.quote, listed.quote)}"


def underlying_of(listed: InstrumentListed) -> str:
    """The asset that joins the legs, unwrapped."""
    return WRAPPED.get(listed.underlying, listed.underlying)
