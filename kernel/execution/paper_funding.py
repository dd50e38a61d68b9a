"""Simulated funding payments: at real settlement rows, on the position held at the stamp, never by elapsed time."""

from collections import deque
from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.events import Alert, Fill, FundingPaid, FundingRate
from bus.units import ZERO, exact, sign
from kernel.ledger import Ledger
from kernel.market import Market

FILLS_MAX = 256  #: remembered per strategy and perp: more than any has between a stamp and the row that tells of it
STAMPS_MAX = 4_096  #: remembered (instrument, stamp) pairs, against duplicate rows


class PaperFunding:
    """Books one payment per strategy, perp and settlement stamp."""

    def __init__(self, bus: Bus, market: Market, ledger: Ledger) -> None:
        self._bus = bus
        self._market = market
        self._ledger = ledger
        self._paid: dict[tuple[str, int], None] = {}
        self._fills: dict[tuple[str, str], deque[tuple[int, Decimal]]] = {}  #: (time, signed quantity)

    def attach(self) -> None:
        """Subscribe."""
        self._bus.subscribe(Fill, self._on_fill, STAGE_EXECUTION)
        self._bus.subscribe(FundingRate, self._on_rate, STAGE_EXECUTION)

    def _on_fill(self, fill: Fill) -> None:
        listed = self._market.instruments.get(fill.instrument)
        if listed is not None and listed.kind == "perp":
            fills = self._fills.setdefault((fill.strategy, fill.instrument), deque(maxlen=FILLS_MAX))
            fills.append((fill.ts_ns, sign(fill.side) * fill.qty))

    def _held(self, rate: FundingRate) -> list[tuple[str, Decimal]]:
        """(strategy, signed quantity) held at the stamp: what is held now without the fills since."""
        held = []
        for (strategy, instrument), fills in self._fills.items():
            if instrument == rate.instrument:
                position = self._ledger.positions.get((strategy, instrument))
                since = sum((qty for ts_ns, qty in fills if ts_ns > rate.settle_ts_ns), ZERO)
                qty = (ZERO if position is None else position.qty) - since
                if qty:
                    held.append((strategy, qty))
        return held

    def _on_rate(self, rate: FundingRate) -> None:
        if rate.is_estimate:
            return
        held = self._held(rate)
        if not held:
            return
        stamp = (rate.instrument, rate.settle_ts_ns)
        if stamp in self._paid:
            return
        self._paid[stamp] = None
        if len(self._paid) > STAMPS_MAX:
            del self._paid[next(iter(self._paid))]
        price = rate.mark_price or (self._market.mark(rate.instrument) or (0.0, 0))[0]
        quote_usd = self._market.quote_usd(rate.instrument)
        for strategy, qty in held:
            if price <= 0 or quote_usd is None:
                self._bus.publish(
                    Alert(
                        ts_ns=self._bus.now_ns,
                        severity="warning",
                        source="paper",
                        code="funding_unpriced",
                        text=f"{rate.instrument}: funding at {rate.settle_ts_ns} not booked, no mark price is known",
                    )
                )
                continue
            per_unit = exact(price) * exact(rate.rate_per_hour) * exact(rate.interval_h) * quote_usd
            amount = qty * per_unit
            self._bus.publish(
                FundingPaid(
                    ts_ns=self._bus.now_ns,
                    strategy=strategy,
                    instrument=rate.instrument,
                    settle_ts_ns=rate.settle_ts_ns,
                    amount_usd=str(amount),
                    position_qty=str(qty),
                    simulated=True,
                )
            )
