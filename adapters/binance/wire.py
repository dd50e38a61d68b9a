"""Binance's public market messages as typed structs: combined-stream frames and the REST depth snapshot.

Field meanings from binance-spot-api-docs @a5e0bc3 (2026-07) and recorded USD-M and COIN-M frames of 2024-08. Unknown
fields are ignored, as new ones appear without notice. Times are milliseconds of the venue's clock.
"""

import msgspec
from msgspec import Raw, Struct

from kernel.errors import BadWire

Levels = list[tuple[float, float]]
SHOWN_CHARS_MAX = 120  #: of a bad frame in an error text
VALUE_MAX = 1e18  #: no price or quantity comes near it, and products of two stay finite
PRICE_MIN = 1e-18


class BookTicker(
    Struct,
    frozen=True,
    gc=False,
    rename={
        "update_id": "u",
        "symbol": "s",
        "bid": "b",
        "bid_qty": "B",
        "ask": "a",
        "ask_qty": "A",
        "event_ms": "E",
        "engine_ms": "T",
    },
):
    """Best bid and ask (`@bookTicker`). Spot sends no time: both are 0 there."""

    update_id: int
    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    event_ms: int = 0
    engine_ms: int = 0


class TradeTick(
    Struct,
    frozen=True,
    gc=False,
    rename={
        "event_ms": "E",
        "engine_ms": "T",
        "symbol": "s",
        "trade_id": "t",
        "price": "p",
        "qty": "q",
        "is_buyer_maker": "m",
        "origin": "X",
    },
):
    """One trade (`@trade`). Futures name an origin; only "MARKET" is a trade of the public book."""

    event_ms: int
    engine_ms: int
    symbol: str
    trade_id: int
    price: float
    qty: float
    is_buyer_maker: bool
    origin: str = "MARKET"


class DepthDiff(
    Struct,
    frozen=True,
    rename={
        "event_ms": "E",
        "engine_ms": "T",
        "symbol": "s",
        "first_id": "U",
        "last_id": "u",
        "previous_id": "pu",
        "bids": "b",
        "asks": "a",
    },
):
    """Changed levels (`@depth`). Futures link diffs by `previous_id`; spot has none (-1) and contiguous ids."""

    event_ms: int
    symbol: str
    first_id: int
    last_id: int
    bids: Levels
    asks: Levels
    engine_ms: int = 0
    previous_id: int = -1


class DepthSnapshot(
    Struct, frozen=True, rename={"last_id": "lastUpdateId", "event_ms": "E", "engine_ms": "T", "bids": "bids"}
):
    """The REST answer that a book starts from."""

    last_id: int
    bids: Levels
    asks: Levels
    symbol: str = ""
    event_ms: int = 0
    engine_ms: int = 0


class _Envelope(Struct, frozen=True):
    stream: str = ""
    data: Raw = Raw(b"")


Message = BookTicker | TradeTick | DepthDiff | DepthSnapshot

_envelope = msgspec.json.Decoder(_Envelope)
_snapshot = msgspec.json.Decoder(DepthSnapshot, strict=False)
_by_stream: dict[
    str, msgspec.json.Decoder[BookTicker] | msgspec.json.Decoder[TradeTick] | msgspec.json.Decoder[DepthDiff]
]
_by_stream = {
    "bookTicker": msgspec.json.Decoder(BookTicker, strict=False),
    "trade": msgspec.json.Decoder(TradeTick, strict=False),
    "depth": msgspec.json.Decoder(DepthDiff, strict=False),
}


def decode_frame(frame: bytes) -> Message | None:
    """One combined-stream frame, or one REST depth snapshot (an object without `stream`).

    Returns None for a stream that this adapter does not read. Raises `BadWire` for text that is not what it claims,
    and for prices or quantities that no market has (not finite, negative, beyond 1e18, price zero).
    """
    try:
        envelope = _envelope.decode(frame)
        if not envelope.stream:
            snapshot = _snapshot.decode(frame)
            _require_levels(snapshot.bids, snapshot.asks)
            return snapshot
        decoder = _by_stream.get(envelope.stream.partition("@")[2].partition("@")[0])
        if decoder is None:
            return None
        message: BookTicker | TradeTick | DepthDiff = decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        shown = bytes(frame[:SHOWN_CHARS_MAX]).decode("utf-8", "backslashreplace")
        raise BadWire(f"expected a Binance market frame, found {shown!r}: {error}") from error
    match message:
        case BookTicker():
            if not (PRICE_MIN < message.bid <= message.ask < VALUE_MAX):
                raise BadWire(f"expected 0 < bid <= ask, found bid {message.bid} ask {message.ask}")
            if not (0 <= message.bid_qty < VALUE_MAX and 0 <= message.ask_qty < VALUE_MAX):
                raise BadWire(f"expected quantities >= 0, found {message.bid_qty} and {message.ask_qty}")
        case TradeTick():
            if not (PRICE_MIN < message.price < VALUE_MAX and 0 < message.qty < VALUE_MAX):
                raise BadWire(f"expected price and qty > 0, found {message.price} and {message.qty}")
        case DepthDiff():
            if message.first_id > message.last_id:
                raise BadWire(f"expected U <= u, found {message.first_id} > {message.last_id}")
            _require_levels(message.bids, message.asks)
    return message


def _require_levels(bids: Levels, asks: Levels) -> None:
    for side in (bids, asks):
        for price, qty in side:
            if not (PRICE_MIN < price < VALUE_MAX and 0 <= qty < VALUE_MAX):
                raise BadWire(f"expected level price > 0 and qty >= 0, found {price} and {qty}")
