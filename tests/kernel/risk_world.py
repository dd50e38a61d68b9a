"""A small world for tests of the gate: two venues, two pools, prices, balances, and every event that happened in it."""

from decimal import Decimal

import msgspec

from bus.bus import Bus
from bus.clock import NS_PER_S
from bus.events import (
    BalanceUpdated,
    Event,
    Expired,
    Fill,
    Filled,
    GasPrice,
    InstrumentListed,
    Landed,
    OrderApproved,
    OrderDenied,
    PoolState,
    Quote,
    Rejected,
    Reverted,
    SettingsChanged,
)
from bus.intents import Hop, PlaceOrder, Swap
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.risk import RiskGate
from kernel.risk_limits import GlobalLimits, RiskLimits

START_NS = 1_700_000_000 * NS_PER_S
SPOT, PERP = "binance:ETHUSDT", "binance_usdm:ETHUSDT"
POOL, POOL_30 = "uniswap_v3.polygon:USDC/WETH-500", "uniswap_v3.polygon:USDC/WETH-3000"
PRICE = 2_000.0
WIDE = {
    "budget_usd": 1e6,
    "max_notional_usd": 1e6,
    "max_position_usd": 1e6,
    "max_gross_exposure_usd": 1e6,
}


def listings(ts_ns: int) -> list[Event]:
    """A spot instrument with a lattice, a perpetual, two pools marked by themselves."""
    pool = InstrumentListed(
        ts_ns=ts_ns,
        instrument=POOL,
        venue="uniswap_v3.polygon",
        kind="pool",
        base="WETH",
        quote="USDC",
        underlying="ETH",
        base_decimals=18,
        quote_decimals=6,
        base_is_token0=False,
        fee_pips=500,
        tick_spacing=10,
        chain="polygon",
    )
    spot = InstrumentListed(
        ts_ns=ts_ns,
        instrument=SPOT,
        venue="binance",
        kind="spot",
        base="ETH",
        quote="USDT",
        underlying="ETH",
        tick_size="0.01",
        lot_size="0.0001",
        min_notional_usd="5",
    )
    return [
        spot,
        msgspec.structs.replace(spot, instrument=PERP, venue="binance_usdm", kind="perp"),
        pool,
        msgspec.structs.replace(pool, instrument=POOL_30, fee_pips=3_000, tick_spacing=60),
    ]


def sqrt_price(price: float) -> int:
    """Square-root price of the test pools for USDC per WETH."""
    return int((1e12 / price) ** 0.5 * 2**96)


class RiskWorld:
    """Bus, market, ledger and gate; `feed` records, `rebuilt` folds the record into a new world."""

    def __init__(
        self,
        limits: dict[str, RiskLimits] | None = None,
        whole: GlobalLimits | None = None,
        ceilings: GlobalLimits | None = None,
        is_empty: bool = False,
    ) -> None:
        self.arguments = (limits or {}, whole or GlobalLimits(), ceilings)
        self.bus = Bus()
        self.market = Market()
        self.ledger = Ledger(self.market)
        self.gate = RiskGate("r", self.arguments[0], self.arguments[1], self.ledger, self.market, ceilings)
        for fold in (self.market, self.ledger, self.gate):
            fold.attach(self.bus)
        self.now_ns = START_NS
        self.record: list[Event] = []
        self.cause_seq = 0
        if is_empty:
            return
        self.feed(*listings(START_NS))
        for venue, asset, total in (
            ("binance", "USDT", "100000"),
            ("binance", "ETH", "50"),
            ("binance_usdm", "USDT", "100000"),
            ("uniswap_v3.polygon", "USDC", "100000"),
            ("uniswap_v3.polygon", "WETH", "50"),
        ):
            self.balance(venue, asset, total)
        self.price(PRICE)

    def feed(self, *events: Event) -> None:
        for event in events:
            self.record.append(event)
            self.bus.feed((event,))

    def rebuilt(self) -> "RiskWorld":
        """A new process that read the record."""
        limits, whole, ceilings = self.arguments
        world = RiskWorld(limits, whole, ceilings, is_empty=True)
        world.now_ns, world.cause_seq = self.now_ns, self.cause_seq
        world.feed(*self.record)
        return world

    # the market

    def price(self, price: float, instruments: tuple[str, ...] = (SPOT, PERP, POOL, POOL_30)) -> None:
        """All instruments at one price now, gas too."""
        ts_ns = self.now_ns
        for instrument in instruments:
            if instrument in (POOL, POOL_30):
                state = PoolState(
                    ts_ns=ts_ns,
                    instrument=instrument,
                    block=1,
                    log_index=0,
                    sqrt_price_x96=sqrt_price(price),
                    tick=0,
                    liquidity=10**20,
                )
                self.feed(state)
            else:
                quote = Quote(
                    ts_ns=ts_ns,
                    instrument=instrument,
                    venue_ts_ns=0,
                    bid=price,
                    ask=price,
                    bid_qty=1.0,
                    ask_qty=1.0,
                )
                self.feed(quote)
        self.feed(GasPrice(ts_ns=ts_ns, chain="polygon", gas_price_wei=50 * 10**9, native_usd=0.5))

    def balance(self, venue: str, asset: str, total: str) -> None:
        self.feed(BalanceUpdated(ts_ns=self.now_ns, venue=venue, asset=asset, total=Decimal(total), simulated=True))

    def set_limits(self, name: str, limits: RiskLimits) -> None:
        text = msgspec.json.encode(limits).decode()
        self.feed(SettingsChanged(ts_ns=self.now_ns, strategy=name, settings_json=text, version=1))

    # orders

    def ask(
        self, intent: object, strategy: str = "s", is_unwind: bool = False
    ) -> "tuple[OrderApproved, ...] | OrderDenied":
        """Ask the gate and publish what it says, as the runner does."""
        self.cause_seq += 1
        verdict = self.gate.check(strategy, self.cause_seq, 0, intent, self.now_ns, is_unwind)  # type: ignore[arg-type]
        self.feed(*((verdict,) if isinstance(verdict, OrderDenied) else verdict))
        return verdict

    def approved(self, intent: object, strategy: str = "s", is_unwind: bool = False) -> OrderApproved:
        """The single order of an intent that must pass."""
        verdict = self.ask(intent, strategy, is_unwind)
        assert not isinstance(verdict, OrderDenied), (verdict.reason, verdict.scope, verdict.limit, verdict.asked)
        return verdict[0]

    def reason(self, intent: object, strategy: str = "s", is_unwind: bool = False) -> str:
        """Why not, "" when it passes."""
        verdict = self.ask(intent, strategy, is_unwind)
        return verdict.reason if isinstance(verdict, OrderDenied) else ""

    def _head(self, order: OrderApproved) -> dict[str, object]:
        return {"ts_ns": self.now_ns, "strategy": order.strategy, "order_id": order.order_id, "simulated": True}

    def fill(
        self,
        order: OrderApproved,
        qty: str | Decimal | None = None,
        price: float = PRICE,
        fee_usd: str = "0",
        fill_id: str = "",
        is_last: bool = True,
    ) -> Fill:
        """Execute (a part of) an order book order."""
        intent = order.intent
        assert isinstance(intent, PlaceOrder)
        fill = Fill(
            **self._head(order),  # type: ignore[arg-type]
            instrument=intent.instrument,
            side=intent.side,
            qty=Decimal(qty) if qty is not None else intent.qty,
            price=Decimal(str(price)),
            fee_usd=Decimal(fee_usd),
            fill_id=fill_id or f"{order.order_id}#{len(self.record)}",
        )
        self.feed(fill)
        if is_last:
            self.feed(Filled(**self._head(order)))  # type: ignore[arg-type]
        return fill

    def land(self, order: OrderApproved, qty: str, price: float = PRICE) -> None:
        """Execute a swap through one pool."""
        intent = order.intent
        assert isinstance(intent, Swap)
        fill = Fill(
            **self._head(order),  # type: ignore[arg-type]
            instrument=intent.route[0].pool,
            side=intent.base_side,
            qty=Decimal(qty),
            price=Decimal(str(price)),
            fill_id=f"{order.order_id}#0",
        )
        self.feed(fill, Landed(**self._head(order), tx=order.order_id, block=1))  # type: ignore[arg-type]

    def reject(self, order: OrderApproved) -> None:
        self.feed(Rejected(**self._head(order), reason="no"))  # type: ignore[arg-type]

    def expire(self, order: OrderApproved) -> None:
        self.feed(Expired(**self._head(order)))  # type: ignore[arg-type]

    def revert(self, order: OrderApproved, gas_usd: str = "1") -> None:
        gas = Decimal(gas_usd)
        self.feed(Reverted(**self._head(order), tx=order.order_id, block=1, gas_usd=gas, reason="no"))  # type: ignore[arg-type]


def buy(qty: str = "0.1", /, **changes: object) -> PlaceOrder:
    """An entry at market on the spot venue; 0.1 is worth 200 USD."""
    return order("buy", qty, **changes)


def sell(qty: str = "0.1", /, **changes: object) -> PlaceOrder:
    return order("sell", qty, **changes)


def close(side: str, qty: str, **changes: object) -> PlaceOrder:
    """A reduce-only order."""
    return order(side, qty, **{"is_reduce_only": True, "expected_net_usd": None, **changes})


def order(side: str, qty: str, /, **changes: object) -> PlaceOrder:
    fields: dict[str, object] = {
        "instrument": SPOT,
        "side": side,
        "qty": Decimal(qty),
        "notional_usd": Decimal(1),
        "expected_net_usd": Decimal(1),
    }
    return PlaceOrder(**{**fields, **changes})  # type: ignore[arg-type]


def swap(side: str = "buy", qty: str = "0.1", **changes: object) -> Swap:
    """A swap through the 5 bps pool for (about) `qty` WETH at 2000, 20 bps of room."""
    base, quote = int(Decimal(qty) * 10**18), int(Decimal(qty) * 2_000 * 10**6)
    amount_in, out = (quote, base) if side == "buy" else (base, quote)
    fields: dict[str, object] = {
        "route": (Hop(pool=POOL, is_zero_for_one=side == "buy"),),
        "amount_in": amount_in,
        "amount_out_min": out * 998 // 1000,
        "base_side": side,
        "gas_limit": 200_000,
        "gas_price_wei_max": 60 * 10**9,
        "gas_usd_max": Decimal("0.01"),
        "notional_usd": Decimal(1),
        "expected_net_usd": Decimal(1),
    }
    return Swap(**{**fields, **changes})  # type: ignore[arg-type]
