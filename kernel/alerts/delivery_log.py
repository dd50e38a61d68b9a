"""What became of the latest messages, for the alerts page."""

from collections import deque

from msgspec import Struct

DELIVERIES_MAX = 500  #: rows of the page; a day of a busy system


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one channel. status: sending, delivered, retrying, refused or given up."""

    number: int  #: rises by one
    ts_ns: int  #: wall time of the latest change
    channel: str
    severity: str
    title: str
    status: str
    attempts: int
    error: str = ""  #: why not, without secrets


class DeliveryLog:
    """A ring, and totals by channel and status."""

    def __init__(self) -> None:
        self._ring: deque[Delivery] = deque(maxlen=DELIVERIES_MAX)
        self._number = 0
        self.totals: dict[tuple[str, str], int] = {}  #: (channel, delivered | refused | given up) -> messages

    def next_number(self) -> int:
        """The number of a new delivery."""
        self._number += 1
        return self._number

    def put(self, delivery: Delivery) -> None:
        """A new delivery, or a later state of one that is still in the ring."""
        for index in range(len(self._ring) - 1, -1, -1):
            if self._ring[index].number == delivery.number:
                self._ring[index] = delivery
                break
            if self._ring[index].number < delivery.number:
                self._ring.append(delivery)
                break
        else:
            self._ring.append(delivery)
        if delivery.status in ("delivered", "refused", "given up"):
            key = (delivery.channel, delivery.status)
            self.totals[key] = self.totals.get(key, 0) + 1

    def newest(self, limit: int = 50) -> tuple[Delivery, ...]:
        """At most `limit` deliveries, newest first."""
        return tuple(list(self._ring)[: -limit - 1 : -1])
