"""The executor of a replay: what it would send was sent in the recorded run, and what came back stands in the log."""

from decimal import Decimal

from bus.events import OrderApproved


class RecordedExecutor:
    """Does nothing: the reports of its venue are inputs of the log."""

    def submit(self, order: OrderApproved) -> None:
        """Its reports follow in the log."""

    def cancel(self, order: OrderApproved) -> None:
        """Likewise."""

    def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        """Likewise."""
