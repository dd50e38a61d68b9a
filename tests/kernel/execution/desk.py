"""A venue, a router and a recorder: orders go in as if the gate had approved them, reports come out."""

from decimal import Decimal
from typing import Any

import msgspec

from bus.bus import Bus
from bus.events import REPORTS, TERMINAL_REPORTS, ClockTick, Event, Fill, OrderApproved
from bus.intents import PlaceOrder, Swap
from kernel.execution.paper import PaperVenue
from kernel.execution.paper_funding import PaperFunding
from kernel.execution.paper_settings import PaperSettings
from kernel.execution.router import Router
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.pools import Pools
from tests.builders import PERP, T0, approved, listed, quote

LATENCY_NS = 50_000_000
CALM: dict[str, Any] = {"latency_jitter_ms": 0, "inclusion_jitter_ms": 0, "swap_fail_pct": 0.0}


class Desk:
    """The simulated venue behind a router; two listed instruments, one quote each at T0."""

    def __init__(self, *, seed: int = 0, is_priced: bool = True, **paper: Any) -> None:
        self.bus = Bus()
        self.market = Market()
        self.pools = Pools(self.market)
        self.ledger = Ledger(self.market)
        settings = msgspec.convert({**CALM, **paper}, PaperSettings)
        venue = PaperVenue(self.bus, self.market, self.pools, settings, seed)
        self.router = Router(self.bus, self.market, {"*": venue})
        for fold in (self.market, self.pools, self.ledger):
            fold.attach(self.bus)
        self.router.attach()
        PaperFunding(self.bus, self.market, self.ledger).attach()
        self.seen: list[tuple[int, bool, Event]] = []
        self.bus.tap(lambda seq, is_derived, event: self.seen.append((seq, is_derived, event)))
        self.feed(listed(), listed(PERP))
        if is_priced:
            self.feed(quote(T0), quote(T0, instrument=PERP))

    def feed(self, *events: Event) -> None:
        self.bus.feed(events)

    def order(self, intent: PlaceOrder | Swap, at_ns: int = T0, order_id: str = "t-s-1-0", **changes: Any) -> str:
        """An approved order; returns its id."""
        self.feed(approved(intent, order_id, ts_ns=at_ns, **changes))  # type: ignore[arg-type]
        return order_id

    def cancel(self, order_id: str, at_ns: int) -> None:
        """Ask to take it back at a time."""
        self.tick(at_ns)
        self.router.cancel("s", order_id)

    def tick(self, at_ns: int) -> None:
        """Time passes."""
        self.feed(ClockTick(ts_ns=at_ns))

    def events(self, *kinds: type[Any]) -> list[Any]:
        return [event for _, _, event in self.seen if isinstance(event, kinds)]

    def reports(self, order_id: str = "t-s-1-0") -> list[str]:
        """Names of an order's reports."""
        return [type(each).__name__ for each in self.events(*REPORTS) if each.order_id == order_id]

    def fills(self, order_id: str = "t-s-1-0") -> list[tuple[str, str]]:
        """(quantity, price) of an order's fills as text."""
        return [
            (f"{each.qty.normalize():f}", f"{each.price.normalize():f}")
            for each in self.events(Fill)
            if each.order_id == order_id
        ]

    def reason(self, order_id: str = "t-s-1-0") -> str:
        """Of the terminal report."""
        (last,) = [each for each in self.events(*TERMINAL_REPORTS) if each.order_id == order_id]
        return str(getattr(last, "reason", ""))

    def approvals(self) -> list[OrderApproved]:
        return self.events(OrderApproved)


def usd(text: str) -> Decimal:
    return Decimal(text)
