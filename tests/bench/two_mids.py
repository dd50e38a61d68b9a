"""The workload of the peer comparison: compare two mids on every quote, send an order about every 1000."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from bus.events import Expired, Filled, Quote
from bus.events.base import Event
from bus.intents import Intent, PlaceOrder
from kernel.strategy import Settings, Strategy, View
from tests.bench.feed import A

LOT = Decimal("0.01")  #: small enough for ten strategies to be filled by one displayed size


class TwoMidsSettings(Settings, frozen=True, kw_only=True):
    """One order per this many quotes."""

    every: int = 1000


class TwoMidsView(View, frozen=True, kw_only=True):
    """Orders so far."""

    orders: int


class TwoMids(Strategy[TwoMidsSettings]):
    """Buys where the mid is lower and sells it again, in turns, whatever it earns."""

    name: ClassVar[str] = "two_mids"
    title: ClassVar[str] = "Two mids"
    idea: ClassVar[str] = "A load, not a strategy."
    wants: ClassVar[tuple[type[Event], ...]] = (Quote, Filled, Expired)
    Settings: ClassVar[type[Any]] = TwoMidsSettings

    def __init__(self, settings: TwoMidsSettings, market: Any) -> None:
        super().__init__(settings, market)
        self.mid_a = 0.0
        self.mid_b = 0.0
        self.every = self.left = settings.every
        self.is_long = False
        self.orders = 0

    def on_event(self, event: Any) -> Iterable[Intent]:
        if type(event) is Quote:
            if event.instrument == A:
                self.mid_a = (event.bid + event.ask) * 0.5
            else:
                self.mid_b = (event.bid + event.ask) * 0.5
            self.left -= 1
            if self.left or self.mid_b - self.mid_a < -1e9:
                return ()
            self.left = self.every
            return self._order()
        if type(event) is Filled:
            self.is_long = not self.is_long
        return ()

    def _order(self) -> Iterable[Intent]:
        self.orders += 1
        notional = LOT * Decimal(int(self.mid_a))
        if self.is_long:
            return (PlaceOrder(instrument=A, side="sell", qty=LOT, is_reduce_only=True, notional_usd=notional),)
        return (PlaceOrder(instrument=A, side="buy", qty=LOT, notional_usd=notional, expected_net_usd=Decimal(1)),)

    def view(self) -> TwoMidsView:
        return TwoMidsView(orders=self.orders)

    def is_flat(self) -> bool:
        return not self.is_long
