"""Events and orders for tests, with everything defaulted that a test does not care about."""

from decimal import Decimal
from typing import Any

from bus.events import Bar, Fill, FundingRate, InstrumentListed, OrderApproved, Quote, Trade
from bus.intents import PlaceOrder

SPOT = "binance:ETHUSDT"
PERP = "binance_usdm:ETHUSDT"
T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def listed(instrument: str = SPOT, **changes: Any) -> InstrumentListed:
    fields: dict[str, Any] = {
        "ts_ns": T0,
        "instrument": instrument,
        "venue": instrument.partition(":")[0],
        "kind": "perp" if "usdm" in instrument or "perp" in instrument else "spot",
        "base": "ETH",
        "quote": "USDT",
        "underlying": "ETH",
        "tick_size": "0.01",
        "lot_size": "0.001",
    }
    return InstrumentListed(**{**fields, **changes})


def quote(ts_ns: int = T0, bid: float = 2000.0, ask: float = 2000.1, qty: float = 5.0, **changes: Any) -> Quote:
    fields: dict[str, Any] = {
        "ts_ns": ts_ns,
        "instrument": SPOT,
        "venue_ts_ns": 0,
        "bid": bid,
        "ask": ask,
        "bid_qty": qty,
        "ask_qty": qty,
    }
    return Quote(**{**fields, **changes})


def trade(ts_ns: int = T0, price: float = 2000.0, qty: float = 1.0, is_buy: bool = True, **changes: Any) -> Trade:
    fields: dict[str, Any] = {"ts_ns": ts_ns, "instrument": SPOT, "venue_ts_ns": 0}
    return Trade(**{**fields, "price": price, "qty": qty, "is_buy": is_buy, **changes})


def bar(close_ts_ns: int, price: float = 2000.0, minutes: int = 1, **changes: Any) -> Bar:
    fields: dict[str, Any] = {
        "ts_ns": close_ts_ns,
        "instrument": SPOT,
        "open_ts_ns": close_ts_ns - minutes * MINUTE,
        "close_ts_ns": close_ts_ns,
        "open": price,
        "high": price,
        "low": price,
        "close": price,
        "volume": 1000.0,
    }
    return Bar(**{**fields, **changes})


def funding(settle_ts_ns: int, rate: float, instrument: str = PERP, **changes: Any) -> FundingRate:
    fields: dict[str, Any] = {
        "ts_ns": settle_ts_ns + SECOND,
        "instrument": instrument,
        "settle_ts_ns": settle_ts_ns,
        "interval_h": 1.0,
        "rate_per_hour": rate,
    }
    return FundingRate(**{**fields, **changes})


def place(side: Any = "buy", qty: str = "1", **changes: Any) -> PlaceOrder:
    fields: dict[str, Any] = {
        "instrument": SPOT,
        "side": side,
        "qty": Decimal(qty),
        "notional_usd": Decimal(qty) * 2000,
        "expected_net_usd": Decimal(1),
    }
    return PlaceOrder(**{**fields, **changes})


def approved(intent: PlaceOrder | None = None, order_id: str = "t-s-1-0", **changes: Any) -> OrderApproved:
    """As the gate would make it; for tests of what comes behind the gate."""
    fields: dict[str, Any] = {"ts_ns": T0, "strategy": "s", "order_id": order_id, "cause_seq": 1}
    return OrderApproved(**{**fields, "intent": intent or place(), **changes})


def fill(order_id: str = "t-s-1-0", side: Any = "buy", qty: str = "1", price: str = "2000", **changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "ts_ns": T0,
        "strategy": "s",
        "order_id": order_id,
        "simulated": True,
        "instrument": SPOT,
        "side": side,
        "qty": Decimal(qty),
        "price": Decimal(price),
    }
    return Fill(**{**fields, **changes})
