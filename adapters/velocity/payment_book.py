"""Funding payments of one user account: each is booked once, and what no event told of is a number, not a silence.

The account keeps the sum of all payments of its life. Its growth less the payments that were logged must be nothing;
anything else was missed (a cut log, a lost connection) and is shown, never invented as a payment of some market.
"""

from adapters.drift import FundingPayment, PerpUser

REMEMBERED_MAX = 10_000  #: payments kept against repetition; over a year of hourly payments of one market


class PaymentBook:
    """Payments since the first reading of the account. Slots order both sources."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], None] = {}
        self._first: tuple[int, int] | None = None  #: (slot, lifetime sum) of the first reading
        self._latest: tuple[int, int] = (0, 0)
        self._booked = 0  #: logged after the first reading and not after the latest
        self._ahead: list[tuple[int, int]] = []  #: logged after the latest reading

    def on_payment(self, payment: FundingPayment, slot: int) -> bool:
        """Whether this payment is new."""
        key = (payment.market_index, payment.ts, payment.user_last_cumulative_funding)
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._ahead.append((slot, payment.funding_payment))
        self._settle()
        return True

    def on_user(self, user: PerpUser) -> None:
        """A reading of the account."""
        if user.slot < self._latest[0]:
            return
        self._latest = (user.slot, user.cumulative_perp_funding)
        if self._first is None:
            self._first = self._latest
        self._settle()

    def _settle(self) -> None:
        if self._first is None:
            return
        for slot, amount in self._ahead:
            if self._first[0] < slot <= self._latest[0]:
                self._booked += amount
        self._ahead = [each for each in self._ahead if each[0] > self._latest[0]]

    def unexplained(self) -> int:
        """Raw quote units that the account received (+) or paid (-) since the first reading and no event told of."""
        return 0 if self._first is None else self._latest[1] - self._first[1] - self._booked
