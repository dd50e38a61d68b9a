"""Raw WebSocket captures: lines of `<receive time in ns> <frame>`, decoded by the live adapter's own code.

Order is that of the local receive clock. The venue's time goes into `venue_ts_ns` and orders nothing: in the recorded
sets the receiver runs 1.27 s behind the exchange (research/market-data.md, section 4).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from adapters.binance.book import Binance
from adapters.binance.market_stream import MarketStream
from adapters.binance.wire import DepthSnapshot, decode_frame
from adapters.importing.cells import FIRST_TIME_NS, LAST_TIME_NS
from adapters.importing.lines import read_lines
from adapters.importing.source import Source
from adapters.importing.tally import Tally
from bus.events import Event, FeedGap, Quote, Trade
from kernel.errors import BadWire


class WsCapture(Source, frozen=True, kw_only=True, tag="ws_capture"):
    """One market's capture of bookTicker, trade and depth streams with the REST snapshot inline.

    Several `paths` continue each other: a second day needs no snapshot of its own.
    """

    instrument: str
    market: Binance
    symbol: str  #: the venue's name, upper case
    contract_usd: Annotated[float, Meta(ge=0, le=1e9)] = (
        0.0  #: inverse contracts: USD a contract; quantities become base units
    )

    @property
    def subject(self) -> str:
        return self.instrument

    @property
    def instruments(self) -> tuple[str, ...]:
        return (self.instrument,)

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        stream = MarketStream(
            source=self.source_name,
            instrument=self.instrument,
            symbol=self.symbol,
            market=self.market,
            contract_usd=self.contract_usd,
        )
        offset_ns = self.offset_ns
        last_ns = 0
        last_price, jump_max = 0.0, self.jump_pct_max / 100
        for path in files:
            with tally.reading(path):
                for tally.line, line in read_lines(path):
                    if not line:
                        continue
                    tally.rows_read += 1
                    stamp, _, frame = line.partition(b" ")
                    if not (len(stamp) == 19 and stamp.isdigit() and FIRST_TIME_NS <= int(stamp) < LAST_TIME_NS):
                        tally.refuse(f"expected a receive time of 19 digits in ns, found {stamp[:40]!r}")
                        continue
                    received_ns = int(stamp)
                    if received_ns < last_ns:
                        tally.refuse(f"receive time goes back {(last_ns - received_ns) / 1e9:g} s: unsorted")
                        continue
                    last_ns = received_ns
                    try:
                        message = decode_frame(frame)
                        if message is None:
                            tally.rows_passed_over += 1
                            continue
                        events = stream.on_message(received_ns + offset_ns, message)
                    except BadWire as bad:
                        tally.refuse(bad)
                        continue
                    price = _price(events)
                    if price:
                        if last_price and abs(price / last_price - 1) > jump_max:
                            tally.refuse(f"jumps from {last_price:g} to {price:g}, more than {self.jump_pct_max:g} %")
                            continue
                        last_price = price
                    tally.rows_kept += 1
                    if not events:
                        tally.withhold(
                            "snapshot that does not fit"
                            if isinstance(message, DepthSnapshot)
                            else "diff older than the book or waiting for a snapshot"
                        )
                    for event in events:
                        if isinstance(event, FeedGap):
                            tally.gap(event.from_ts_ns, event.to_ts_ns, event.reason)
                        yield event


def _price(events: list[Event]) -> float:
    """The price that a message tells, 0 for book messages."""
    match events:
        case [Quote() as quote]:
            return (quote.bid + quote.ask) / 2
        case [Trade() as trade]:
            return trade.price
    return 0.0
