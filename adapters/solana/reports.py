"""Makes the reports of Solana's executors: the one place that says what became of an order.

Exactly one terminal report per order and process: a second one is dropped here, whatever asked for it.
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from adapters.solana.outcome import Outcome
from bus.clock import Clock
from bus.events import Alert, Event, Expired, Fill, Filled, Landed, Rejected, Reverted, Submitted, Unknown
from bus.events.execution import NativeSpent
from bus.units import ZERO
from kernel.finance.lamports import SOL, SOL_DECIMALS

ENDED_MAX = 50_000  #: order ids remembered
REASON_CHARS_MAX = 600
Publish = Callable[[Event], None]


class Reports:
    """Publishes reports of one venue. `simulated` marks every one of them."""

    def __init__(
        self,
        publish: Publish,
        clock: Clock,
        *,
        venue: str,
        simulated: bool,
        native_usd: Callable[[], Decimal | None],
    ) -> None:
        self.simulated = simulated
        self._publish = publish
        self._clock = clock
        self._venue = venue
        self._native_usd = native_usd
        self._ended: set[str] = set()
        self._ended_order: deque[str] = deque()
        self._is_price_missing = False

    def has_ended(self, order_id: str) -> bool:
        """Whether its terminal report was published by this process."""
        return order_id in self._ended

    def submitted(self, strategy: str, order_id: str, signature: str) -> None:
        """It leaves now."""
        self._publish(Submitted(**self._head(strategy, order_id), venue_id=signature))

    def unknown(self, strategy: str, order_id: str, reason: str) -> None:
        """Nobody can tell yet."""
        if order_id not in self._ended:
            self._publish(Unknown(**self._head(strategy, order_id), reason=reason[:REASON_CHARS_MAX]))

    def rejected(self, strategy: str, order_id: str, reason: str) -> None:
        """Nothing was sent."""
        if self._end(order_id):
            self._publish(Rejected(**self._head(strategy, order_id), reason=reason[:REASON_CHARS_MAX]))

    def expired(self, strategy: str, order_id: str, reason: str) -> None:
        """It can no longer land and did not."""
        if self._end(order_id):
            self._publish(Expired(**self._head(strategy, order_id), reason=reason[:REASON_CHARS_MAX]))

    def reverted(self, strategy: str, order_id: str, signature: str, outcome: Outcome, reason: str) -> None:
        """In a block, failed; the fee is gone."""
        if self._end(order_id):
            self._spent(strategy, order_id, signature, outcome)
            gas_usd = self.gas_usd(outcome)
            self._publish(
                Reverted(
                    **self._head(strategy, order_id), tx=signature, block=outcome.slot, gas_usd=gas_usd,
                    reason=reason[:REASON_CHARS_MAX],
                )
            )  # fmt: skip

    def landed(
        self, strategy: str, order_id: str, signature: str, outcome: Outcome, fills: list[Fill], *, is_order: bool
    ) -> None:
        """In a block, done: what it spent, its fills, and the end (`is_order`: of an order that was filled)."""
        if not self._end(order_id):
            return
        self._spent(strategy, order_id, signature, outcome)
        for each in fills:
            self._publish(each)
        if is_order:
            self._publish(Filled(**self._head(strategy, order_id)))
        else:
            self._publish(Landed(**self._head(strategy, order_id), tx=signature, block=outcome.slot))

    def alert(self, severity: str, code: str, text: str) -> None:
        """Something a person should know."""
        self._publish(
            Alert(ts_ns=self._clock.now_ns(), severity=severity, source=self._venue, code=code, text=text[:1_000])
        )

    def now_ns(self) -> int:
        """Time of a report."""
        return self._clock.now_ns()

    def gas_usd(self, outcome: Outcome) -> Decimal:
        """Fee and tip in USD; 0 while SOL has no price, which is told once (`NativeSpent` has the lamports)."""
        gas_usd = self.lamports_usd(outcome.fee_lamports + outcome.tip_lamports)
        if gas_usd is None:
            if not self._is_price_missing:
                self._is_price_missing = True
                text = "SOL has no USD price: fees and tips of transactions are booked as 0 USD until it has one"
                self.alert("warning", "native_price_unknown", text)
            return ZERO
        self._is_price_missing = False
        return gas_usd

    def lamports_usd(self, lamports: int) -> Decimal | None:
        """What so many lamports are worth now; None while SOL has no price."""
        price = self._native_usd()
        if price is None or not price.is_finite() or price <= 0:
            return None
        return Decimal(lamports).scaleb(-SOL_DECIMALS) * price

    def _spent(self, strategy: str, order_id: str, signature: str, outcome: Outcome) -> None:
        self._publish(
            NativeSpent(
                **self._head(strategy, order_id), venue=self._venue, asset=SOL, decimals=SOL_DECIMALS,
                fee_raw=outcome.fee_lamports, tip_raw=outcome.tip_lamports, rent_raw=outcome.rent_lamports,
                tx=signature, block=outcome.slot,
            )
        )  # fmt: skip

    def _head(self, strategy: str, order_id: str) -> dict[str, Any]:
        return {
            "ts_ns": self._clock.now_ns(), "strategy": strategy, "order_id": order_id, "simulated": self.simulated,
        }  # fmt: skip

    def _end(self, order_id: str) -> bool:
        if order_id in self._ended:
            return False
        self._ended.add(order_id)
        self._ended_order.append(order_id)
        if len(self._ended_order) > ENDED_MAX:
            self._ended.discard(self._ended_order.popleft())
        return True
