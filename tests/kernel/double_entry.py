"""A slow, plain double-entry model of the ledger, in fractions: every event is a journal of lines that sum to zero.

It shares no code with the ledger and never rounds. Quote currency is USD here.
"""

from collections import defaultdict
from fractions import Fraction

from bus.events import Fill, FundingPaid


class DoubleEntry:
    """Accounts: cash, inventory at cost, realised, fees, gas, funding; by strategy and instrument."""

    def __init__(self) -> None:
        self.journal: list[list[tuple[tuple[str, ...], Fraction]]] = []
        self.qty: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self._seen: set[tuple[str, str]] = set()

    def fill(self, fill: Fill) -> None:
        """One execution, unit of quantity by unit of sign: first the part that closes, then the part that opens."""
        if fill.fill_id:
            if (fill.order_id, fill.fill_id) in self._seen:
                return
            self._seen.add((fill.order_id, fill.fill_id))
        key = (fill.strategy, fill.instrument)
        delta = Fraction(fill.qty) * (1 if fill.side == "buy" else -1)
        held = self.qty[key]
        closing = Fraction(0)
        if held * delta < 0:
            closing = delta if abs(delta) <= abs(held) else -held
        price = Fraction(fill.price)
        if closing:
            cost_out = self.balance("inventory", *key) * (-closing / held)
            self._post(
                (("cash", *key), -closing * price),
                (("inventory", *key), -cost_out),
                (("realised", *key), -(-closing * price - cost_out)),
            )
        opening = delta - closing
        if opening:
            self._post((("cash", *key), -opening * price), (("inventory", *key), opening * price))
        self._post((("cash", *key), -Fraction(fill.fee_usd)), (("fees", *key), Fraction(fill.fee_usd)))
        self._post((("cash", *key), -Fraction(fill.gas_usd)), (("gas", *key), Fraction(fill.gas_usd)))
        self.qty[key] = held + delta

    def funding(self, event: FundingPaid) -> None:
        """Income has a negative balance, as in any ledger of debits and credits."""
        amount = Fraction(event.amount_usd)
        key = (event.strategy, event.instrument)
        self._post((("cash", *key), amount), (("funding", *key), -amount))

    def balance(self, *account: str) -> Fraction:
        """Sum of all lines of accounts that start with these parts."""
        size = len(account)
        return sum(
            (amount for lines in self.journal for name, amount in lines if name[:size] == account), start=Fraction(0)
        )

    def _post(self, *lines: tuple[tuple[str, ...], Fraction]) -> None:
        assert sum(amount for _, amount in lines) == 0, lines
        self.journal.append(list(lines))
