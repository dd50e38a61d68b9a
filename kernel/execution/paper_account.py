"""Play money: a simulated balance per venue and asset, given once when the instrument is known, marked simulated."""

from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.events import BalanceUpdated, Bar, InstrumentListed, PoolState, PoolSwap, Quote, Trade
from bus.units import exact
from kernel.execution.paper_settings import PaperSettings
from kernel.ledger import Ledger
from kernel.market import Market

PRICED = (Quote, Trade, Bar, PoolState, PoolSwap)


class PaperAccount:
    """Credits quote balances at listing and base inventory at the first USD price of a spot or pool instrument."""

    def __init__(self, bus: Bus, market: Market, ledger: Ledger, settings: PaperSettings) -> None:
        self._bus = bus
        self._market = market
        self._ledger = ledger
        self._settings = settings
        self._unfunded: dict[str, InstrumentListed] = {}

    def attach(self) -> None:
        """Subscribe."""
        self._bus.subscribe(InstrumentListed, self._on_listed, STAGE_EXECUTION)

    def _on_listed(self, listed: InstrumentListed) -> None:
        if (listed.venue, listed.quote) not in self._ledger.balances:
            usd = self._market.usd_per_unit(listed.quote)
            if usd:
                self._credit(listed.venue, listed.quote, exact(self._settings.quote_balance_usd) / usd)
        if listed.kind != "perp" and (listed.venue, listed.base) not in self._ledger.balances:
            if not self._unfunded:
                for kind in PRICED:
                    self._bus.subscribe(kind, self._on_price, STAGE_EXECUTION)
            self._unfunded[listed.instrument] = listed

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
        if not self._unfunded:
            for kind in PRICED:
                self._bus.unsubscribe(kind, self._on_price)

    def _credit(self, venue: str, asset: str, total: Decimal) -> None:
        self._bus.publish(BalanceUpdated(ts_ns=self._bus.now_ns, venue=venue, asset=asset, total=total, simulated=True))
