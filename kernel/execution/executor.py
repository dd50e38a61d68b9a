"""What the router needs of a venue's executor. Submitting never waits: answers come back as report events."""

from decimal import Decimal
from typing import Protocol

from bus.events import OrderApproved


class Executor(Protocol):
    """One venue's way out. For every order it makes exactly one terminal report, whatever happens."""

    def submit(self, order: OrderApproved) -> None:
        """Take an approved order."""

    def cancel(self, order: OrderApproved) -> None:
        """Try to take an order back; the answer is a report."""

    def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        """After a restart or an unknown outcome: find out what became of an order without a terminal report.

        `filled` is the base quantity that reports have already told of.
        """
