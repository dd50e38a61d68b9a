"""NautilusTrader 1.231 on the like workload: quotes of two instruments, one market order of 0.01 per 1000 quotes.

Prints one JSON object. Only `engine.run()` is timed (CPU seconds); building the data is told apart. Logging is off, the
account is CASH, no latency model: its fastest settings. Usage: python nautilus_two_mids.py TICKS STRATEGIES
"""

import json
import resource
import sys
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from tests.bench.feed import A, quotes

VENUE = Venue("SIM")


class TwoMidsConfig(StrategyConfig, frozen=True):
    first: InstrumentId
    second: InstrumentId
    every: int = 1000


class TwoMids(Strategy):
    def __init__(self, config: TwoMidsConfig) -> None:
        super().__init__(config)
        self.first, self.second, self.every = config.first, config.second, config.every
        self.mid_a = self.mid_b = 0.0
        self.count = 0
        self.orders = 0
        self.is_long = False

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(self.first)
        self.subscribe_quote_ticks(self.first)
        self.subscribe_quote_ticks(self.second)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        mid = (float(tick.bid_price) + float(tick.ask_price)) * 0.5
        if tick.instrument_id == self.first:
            self.mid_a = mid
        else:
            self.mid_b = mid
        self.count += 1
        if self.count % self.every or self.mid_b - self.mid_a < -1e9:
            return
        self.orders += 1
        side = OrderSide.SELL if self.is_long else OrderSide.BUY
        self.submit_order(self.order_factory.market(self.first, side, self.instrument.make_qty(Decimal("0.01"))))

    def on_order_filled(self, event) -> None:
        self.is_long = not self.is_long


def pair(name: str) -> CurrencyPair:
    symbol = Symbol(name)
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, VENUE),
        raw_symbol=symbol,
        base_currency=Currency.from_str("ETH"),
        quote_currency=USDT,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        ts_event=0,
        ts_init=0,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
    )


def main() -> None:
    ticks, strategies = int(sys.argv[1]), int(sys.argv[2])
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True), run_analysis=False
        )
    )
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.CASH,
        starting_balances=[Money(100_000_000, USDT), Money(10_000, Currency.from_str("ETH"))],
    )
    first, second = pair("ETHUSDT"), pair("ETHUSDC")
    engine.add_instrument(first)
    engine.add_instrument(second)
    began = time.process_time()
    data = [
        QuoteTick(
            (first if event.instrument == A else second).id,
            Price(event.bid, 2),
            Price(event.ask, 2),
            Quantity(event.bid_qty, 3),
            Quantity(event.ask_qty, 3),
            event.ts_ns,
            event.ts_ns,
        )
        for event in quotes(ticks)
    ]
    engine.add_data(data)
    build_s = time.process_time() - began
    made = []
    for number in range(strategies):
        strategy = TwoMids(TwoMidsConfig(first=first.id, second=second.id, every=1000, order_id_tag=f"{number:03d}"))
        engine.add_strategy(strategy)
        made.append(strategy)
    began = time.process_time()
    engine.run()
    cpu_s = time.process_time() - began
    print(
        json.dumps(
            {
                "ticks": ticks,
                "strategies": strategies,
                "cpu_s": cpu_s,
                "build_s": build_s,
                "orders": sum(each.orders for each in made),
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
