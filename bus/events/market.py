"""Prices, trades, books and bars of order-book venues. Prices are in quote currency per base unit."""

from bus.events.base import Event


class Quote(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="quote"):
    """Best bid and ask."""

    instrument: str
    venue_ts_ns: int  #: the venue's own time, 0 where it sends none
    bid: float
    ask: float
    bid_qty: float
    ask_qty: float


class Trade(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="trade"):
    """One public trade; `is_buy` is the taker's side."""

    instrument: str
    venue_ts_ns: int
    price: float
    qty: float
    is_buy: bool


class Bar(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="bar"):
    """A price bar, known at its close: `ts_ns` is never before `close_ts_ns`."""

    instrument: str
    open_ts_ns: int
    close_ts_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float  #: base units; 0.0 where the source has none


class BookLevels(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="book"):
    """Book levels as (price, quantity) pairs, best first; a quantity of 0 removes the level unless `is_snapshot`."""

    instrument: str
    venue_ts_ns: int
    is_snapshot: bool
    first_id: int
    last_id: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class InstrumentListed(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="instrument"):
    """What an instrument is. Comes before the first price of it.

    `kind`: spot, perp or pool. `underlying` joins the same asset over venues (ETH and WETH are "ETH").
    `mark_from` names the instrument whose price values positions in this one ("" = its own price).
    """

    instrument: str  #: "venue:NAME", unique
    venue: str
    kind: str
    base: str
    quote: str
    underlying: str
    tick_size: str = "0"  #: decimal text; "0" = no lattice
    lot_size: str = "0"
    min_notional_usd: str = "0"
    base_decimals: int = 0  #: on-chain decimals, pools only
    quote_decimals: int = 0
    base_is_token0: bool = False
    fee_pips: int = 0  #: pool fee in hundredths of a basis point
    tick_spacing: int = 0
    chain: str = ""
    mark_from: str = ""
    note: str = ""  #: a caveat shown wherever the instrument is shown (coarse data, inferred kind)
    family: str = ""  #: kind of an exact pool that is told in parts (whirlpool, dlmm, pump_swap …); "" = a V3 pool
    address: str = ""  #: of the pool's account
    base_mint: str = ""
    quote_mint: str = ""
