"""Play money: a simulated balance per venue and asset, given once when the instrument is known, marked simulated."""

from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.events import BalanceUpdated, Bar, InstrumentListed, PoolState, PoolSwap, Quote, Trade
from bus.events.base import Event
from bus.units import exact
from kernel.execution.paper_settings import PaperSettings
from kernel.ledger import Ledger
from kernel.market import Market

POOL_PRICES: tuple[type[Event], ...] = (PoolState, PoolSwap)
BOOK_PRICES: tuple[type[Event], ...] = (Quote, Trade, Bar)


class PaperAccount:
    """Credits quote balances at listing and base inventory at the first USD price of a spot or pool instrument."""

    def __init__(self, bus: Bus, market: Market, ledger: Ledger, settings: PaperSettings) -> None:
        self._bus = bus
        self._market = market
        self._ledger = ledger
        self._settings = settings
        self._unfunded: dict[str, InstrumentListed] = {}
        self._watched: set[bool] = set()  #: True = pool prices, False = order-book prices

    def apply(self, settings: PaperSettings) -> None:
        """New settings, for what happens from here on."""
        self._settings = settings

    def attach(self) -> None:
        """Subscribe."""
        self._bus.subscribe(InstrumentListed, self._on_listed, STAGE_EXECUTION)

    def _on_listed(self, listed: InstrumentListed) -> None:
        if (listed.venue, listed.quote) not in self._ledger.balances:
            usd = self._market.usd_per_unit(listed.quote)
            if usd:
                self._credit(listed.venue, listed.quote, exact(self._settings.quote_balance_usd) / usd)
        if listed.kind != "perp" and (listed.venue, listed.base) not in self._ledger.balances:
            self._unfunded[listed.instrument] = listed
            self._watch()

    def _on_price(self, event: Quote | Trade | Bar | PoolState | PoolSwap) -> None:
        listed = self._unfunded.get(event.instrument)
        if listed is None:
            return
        mark = self._market.price(event.instrument)
        usd = self._market.quote_usd(event.instrument)
        if mark is None or usd is None or mark[0] <= 0:
            return
        del self._unfunded[event.instrument]
        if (listed.venue, listed.base) not in self._ledger.balances:
            qty = exact(self._settings.base_balance_usd) / (exact(mark[0]) * usd)
            self._credit(listed.venue, listed.base, qty.quantize(Decimal("0.00000001")))
        self._watch()

    def _watch(self) -> None:
        """Look only at the kinds of price that somebody still waits for."""
        kinds = {listed.kind == "pool" for listed in self._unfunded.values()}
        for is_pool, prices in ((True, POOL_PRICES), (False, BOOK_PRICES)):
            if (is_pool in kinds) != (is_pool in self._watched):
                for kind in prices:
                    if is_pool in kinds:
                        self._bus.subscribe(kind, self._on_price, STAGE_EXECUTION)
                    else:
                        self._bus.unsubscribe(kind, self._on_price)
        self._watched = kinds

    def _credit(self, venue: str, asset: str, total: Decimal) -> None:
        self._bus.publish(BalanceUpdated(ts_ns=self._bus.now_ns, venue=venue, asset=asset, total=total, simulated=True))
