"""Simulated funding payments: at real settlement rows, on the position held at the stamp, never by elapsed time."""

from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.events import Alert, FundingPaid, FundingRate
from bus.units import exact
from kernel.ledger import Ledger
from kernel.market import Market

STAMPS_MAX = 4_096  #: remembered (instrument, stamp) pairs, against duplicate rows


class PaperFunding:
    """Books one payment per strategy, perp and settlement stamp."""

    def __init__(self, bus: Bus, market: Market, ledger: Ledger) -> None:
        self._bus = bus
        self._market = market
        self._ledger = ledger
        self._paid: dict[tuple[str, int], None] = {}

    def attach(self) -> None:
        """Subscribe."""
        self._bus.subscribe(FundingRate, self._on_rate, STAGE_EXECUTION)

    def _on_rate(self, rate: FundingRate) -> None:
        if rate.is_estimate:
            return
        held = [
            position
            for position in self._ledger.positions.values()
            if position.instrument == rate.instrument
            and position.qty
            and 0 < position.opened_ts_ns <= rate.settle_ts_ns
        ]
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
        for position in held:
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
            amount: Decimal = position.qty * per_unit
            self._bus.publish(
                FundingPaid(
                    ts_ns=self._bus.now_ns,
                    strategy=position.strategy,
                    instrument=rate.instrument,
                    settle_ts_ns=rate.settle_ts_ns,
                    amount_usd=str(amount),
                    position_qty=str(position.qty),
                    simulated=True,
                )
            )
