"""Turns one market's decoded messages into events: quotes, trades, a synced book, and a `FeedGap` at each hole."""

from adapters.binance.book import Binance, BookSync
from adapters.binance.wire import BookTicker, DepthDiff, DepthSnapshot, Levels, Message, TradeTick
from bus.clock import NS_PER_MS
from bus.events import BookLevels, Event, FeedGap, Quote, Trade
from kernel.errors import BadWire


class MarketStream:
    """The state that live feed and capture import share: book sync, last ids, time of the last good book.

    `contract_usd` > 0 marks an inverse contract: quantities arrive in contracts of that many USD and leave in base
    units (contracts * contract_usd / price), like everywhere else.
    """

    def __init__(
        self, *, source: str, instrument: str, symbol: str, market: Binance, contract_usd: float = 0.0
    ) -> None:
        self.book = BookSync(market)
        self._source = source
        self._instrument = instrument
        self._symbol = symbol
        self._contract_usd = contract_usd
        self._quote_id = -1
        self._trade_id = -1
        self._book_ts_ns = 0

    def on_message(self, ts_ns: int, message: Message) -> list[Event]:
        """Events of one message received at `ts_ns`; raises `BadWire` for another symbol's or a repeated message."""
        if message.symbol and message.symbol != self._symbol:
            raise BadWire(f"expected symbol {self._symbol}, found {message.symbol}")
        match message:
            case BookTicker():
                return [self._quote(ts_ns, message)]
            case TradeTick():
                return [self._trade(ts_ns, message)]
            case DepthDiff():
                return self._diff(ts_ns, message)
            case DepthSnapshot():
                return self._snapshot(ts_ns, message)

    def _quote(self, ts_ns: int, ticker: BookTicker) -> Quote:
        if ticker.update_id <= self._quote_id:
            raise BadWire(f"expected a bookTicker id above {self._quote_id}, found {ticker.update_id}: old or repeated")
        self._quote_id = ticker.update_id
        return Quote(
            ts_ns=ts_ns,
            instrument=self._instrument,
            venue_ts_ns=_venue_ns(ticker.engine_ms, ticker.event_ms),
            bid=ticker.bid,
            ask=ticker.ask,
            bid_qty=self._base_qty(ticker.bid, ticker.bid_qty),
            ask_qty=self._base_qty(ticker.ask, ticker.ask_qty),
        )

    def _trade(self, ts_ns: int, tick: TradeTick) -> Trade:
        if tick.trade_id <= self._trade_id:
            raise BadWire(f"expected a trade id above {self._trade_id}, found {tick.trade_id}: old or repeated")
        if tick.origin != "MARKET":
            raise BadWire(f"expected a trade of the public book, found origin {tick.origin!r}")
        self._trade_id = tick.trade_id
        return Trade(
            ts_ns=ts_ns,
            instrument=self._instrument,
            venue_ts_ns=_venue_ns(tick.engine_ms, tick.event_ms),
            price=tick.price,
            qty=self._base_qty(tick.price, tick.qty),
            is_buy=not tick.is_buyer_maker,
        )

    def _diff(self, ts_ns: int, diff: DepthDiff) -> list[Event]:
        was_synced, last_id = self.book.is_synced, self.book.last_id
        if self.book.on_diff(diff):
            self._book_ts_ns = ts_ns
            return [self._levels(ts_ns, diff)]
        if was_synced and not self.book.is_synced:
            found = diff.first_id if diff.previous_id < 0 else diff.previous_id
            return [
                FeedGap(
                    ts_ns=ts_ns,
                    source=self._source,
                    instrument=self._instrument,
                    from_ts_ns=self._book_ts_ns,
                    to_ts_ns=ts_ns,
                    reason=f"book diff does not follow id {last_id} (found {found}); book void until a snapshot",
                )
            ]
        return []

    def _snapshot(self, ts_ns: int, snapshot: DepthSnapshot) -> list[Event]:
        following = self.book.on_snapshot(snapshot)
        if following is None:
            return []
        self._book_ts_ns = ts_ns
        whole = BookLevels(
            ts_ns=ts_ns,
            instrument=self._instrument,
            venue_ts_ns=_venue_ns(snapshot.engine_ms, snapshot.event_ms),
            is_snapshot=True,
            first_id=snapshot.last_id,
            last_id=snapshot.last_id,
            bids=self._side(snapshot.bids, is_bids=True),
            asks=self._side(snapshot.asks, is_bids=False),
        )
        return [whole, *(self._levels(ts_ns, diff) for diff in following)]

    def _levels(self, ts_ns: int, diff: DepthDiff) -> BookLevels:
        return BookLevels(
            ts_ns=ts_ns,
            instrument=self._instrument,
            venue_ts_ns=_venue_ns(diff.engine_ms, diff.event_ms),
            is_snapshot=False,
            first_id=diff.first_id,
            last_id=diff.last_id,
            bids=self._side(diff.bids, is_bids=True),
            asks=self._side(diff.asks, is_bids=False),
        )

    def _side(self, levels: Levels, *, is_bids: bool) -> tuple[tuple[float, float], ...]:
        ordered = sorted(levels, reverse=is_bids)
        if self._contract_usd:
            return tuple((price, qty * self._contract_usd / price) for price, qty in ordered)
        return tuple(ordered)

    def _base_qty(self, price: float, qty: float) -> float:
        return qty * self._contract_usd / price if self._contract_usd else qty


def _venue_ns(engine_ms: int, event_ms: int) -> int:
    """The matching engine's time where sent, else the event's, else 0."""
    return (engine_ms or event_ms) * NS_PER_MS
