"""Frames decode to typed messages or to one clear error; unknown fields and streams do no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.binance.wire import BookTicker, DepthDiff, DepthSnapshot, TradeTick, decode_frame
from kernel.errors import BadWire


def test_the_four_messages_decode() -> None:
    assert decode_frame(
        b'{"stream":"abcusdt@bookTicker","data":{"e":"bookTicker","u":5,"s":"ABCUSDT","b":"1.5","B":"2","a":"1.6",'
        b'"A":"3","T":17,"E":18,"new":{"x":1}}}'
    ) == BookTicker(5, "ABCUSDT", 1.5, 2.0, 1.6, 3.0, 18, 17)
    assert decode_frame(
        b'{"stream":"abcusdt@trade","data":{"e":"trade","E":3,"T":2,"s":"ABCUSDT","t":9,"p":"1.5","q":"4",'
        b'"X":"MARKET","m":true}}'
    ) == TradeTick(3, 2, "ABCUSDT", 9, 1.5, 4.0, True)
    assert decode_frame(
        b'{"stream":"abcusdt@depth@0ms","data":{"e":"depthUpdate","E":3,"T":2,"s":"ABCUSDT","U":1,"u":4,"pu":0,'
        b'"b":[["1.5","0"]],"a":[]}}'
    ) == DepthDiff(3, "ABCUSDT", 1, 4, [(1.5, 0.0)], [], 2, 0)
    assert decode_frame(b'{"lastUpdateId":7,"bids":[["1.5","2"]],"asks":[]}') == DepthSnapshot(7, [(1.5, 2.0)], [])


def test_a_stream_that_is_not_read_is_none() -> None:
    assert decode_frame(b'{"stream":"abcusdt@aggTrade","data":{"e":"aggTrade"}}') is None
    assert decode_frame(b'{"stream":"abcusdt@depth20@100ms","data":{"lastUpdateId":1}}') is None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "expected a Binance market frame"),
        (b"Websocket connection established.", "expected a Binance market frame"),
        (b"[]", "expected a Binance market frame"),
        (b'{"result":null,"id":1}', "lastUpdateId"),
        (b'{"stream":"x@trade","data":{"E":1,"T":1,"s":"X","t":1,"p":"0","q":"1","m":true}}', "price and qty > 0"),
        (b'{"stream":"x@trade","data":{"E":1,"T":1,"s":"X","t":1,"p":"nan","q":"1","m":true}}', "price and qty > 0"),
        (b'{"stream":"x@trade","data":{"E":1,"T":1,"s":"X","t":1,"p":"1","q":"inf","m":true}}', "price and qty > 0"),
        (b'{"stream":"x@trade","data":{"E":1,"T":1,"s":"X","t":1,"p":"1e400","q":"1","m":true}}', "out of range"),
        (b'{"stream":"x@bookTicker","data":{"u":1,"s":"X","b":"2","B":"1","a":"1","A":"1"}}', "bid <= ask"),
        (b'{"stream":"x@bookTicker","data":{"u":1,"s":"X","b":"1","B":"-1","a":"1","A":"1"}}', "quantities"),
        (b'{"stream":"x@depth","data":{"E":1,"s":"X","U":5,"u":4,"b":[],"a":[]}}', "U <= u"),
        (b'{"stream":"x@depth","data":{"E":1,"s":"X","U":4,"u":4,"b":[["-1","1"]],"a":[]}}', "level price"),
        (b'{"lastUpdateId":7,"bids":[["1","nan"]],"asks":[]}', "level price"),
        (b'{"lastUpdateId":7,"bids":[["1","1e308"]],"asks":[]}', "level price"),
        (b'{"other":' + b"[" * 100_000, "recursion"),
    ],
)
def test_a_poison_frame_is_bad_wire(frame: bytes, message: str) -> None:
    with pytest.raises(BadWire, match=message):
        decode_frame(frame)


@given(st.binary(max_size=80))
def test_random_bytes_are_bad_wire(frame: bytes) -> None:
    with pytest.raises(BadWire):
        decode_frame(frame)
