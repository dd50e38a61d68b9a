"""An executor that writes down what it is asked and answers only what a test feeds."""

from decimal import Decimal

from bus.events import OrderApproved


class FakeExecutor:
    """Calls as (action, order id), in order; reconciles with the quantity filled so far."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.filled: list[Decimal] = []

    def submit(self, order: OrderApproved) -> None:
        self.calls.append(("submit", order.order_id))

    def cancel(self, order: OrderApproved) -> None:
        self.calls.append(("cancel", order.order_id))

    def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        self.calls.append(("reconcile", order.order_id))
        self.filled.append(filled)

    def count(self, action: str) -> int:
        return sum(1 for each, _ in self.calls if each == action)
