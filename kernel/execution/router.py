"""From approved order to executor: finds the venue, knows what is open, and refuses what nobody can execute."""

from decimal import Decimal

from bus.bus import STAGE_EXECUTION, STAGE_FOLD, Bus
from bus.clock import NS_PER_S
from bus.events import TERMINAL_REPORTS, Fill, OrderApproved, Rejected, Report, Unknown
from bus.intents import PlaceOrder, Swap
from bus.units import ZERO
from kernel.execution.executor import Executor
from kernel.market import Market

UNKNOWN_POLL_FIRST_NS = NS_PER_S
UNKNOWN_POLL_MAX_NS = 60 * NS_PER_S


def instrument_of(intent: PlaceOrder | Swap) -> str:
    """The instrument that names the venue of an order: its own, or the first pool of a route."""
    return intent.instrument if isinstance(intent, PlaceOrder) else intent.route[0].pool


class Router:
    """Open orders of the whole kernel, and the executors by venue ("*" serves venues that have none of their own)."""

    def __init__(self, bus: Bus, market: Market, executors: dict[str, Executor]) -> None:
        self._bus = bus
        self._market = market
        self._executors = executors
        self.open: dict[str, OrderApproved] = {}
        self._filled: dict[str, Decimal] = {}  #: base quantity reported so far, open orders only
        self._polled: set[str] = set()  #: open orders of unknown outcome, each with one alarm
        self.is_recovering = False  #: folding an old log: remember orders, send nothing

    def attach(self) -> None:
        """Subscribe: orders at the execution stage, terminal reports as a fold."""
        self._bus.subscribe(OrderApproved, self._on_order, STAGE_EXECUTION)
        self._bus.subscribe(Fill, self._on_fill, STAGE_FOLD)
        self._bus.subscribe(Unknown, self._on_unknown, STAGE_EXECUTION)
        for kind in TERMINAL_REPORTS:
            self._bus.subscribe(kind, self._on_terminal, STAGE_FOLD)

    def _executor(self, order: OrderApproved) -> Executor | None:
        venue = self._market.venue_of(instrument_of(order.intent))
        return self._executors.get(venue) or self._executors.get("*")

    def _on_order(self, order: OrderApproved) -> None:
        if order.order_id in self.open:
            return
        self.open[order.order_id] = order
        if self.is_recovering:
            return
        executor = self._executor(order)
        if executor is None:
            self._bus.publish(
                Rejected(
                    ts_ns=self._bus.now_ns,
                    strategy=order.strategy,
                    order_id=order.order_id,
                    simulated=False,
                    reason=f"no_executor: nothing executes orders for {instrument_of(order.intent)}",
                )
            )
            return
        executor.submit(order)

    def _on_fill(self, fill: Fill) -> None:
        order = self.open.get(fill.order_id)
        if order is not None and (fill.pool or fill.instrument) == instrument_of(order.intent):
            self._filled[fill.order_id] = self._filled.get(fill.order_id, ZERO) + fill.qty

    def _on_terminal(self, report: Report) -> None:
        self.open.pop(report.order_id, None)
        self._filled.pop(report.order_id, None)
        self._polled.discard(report.order_id)

    def _on_unknown(self, report: Unknown) -> None:
        """Ask again, with growing pauses, until the venue answers; a simulated venue answers by itself."""
        if report.simulated or self.is_recovering or report.order_id not in self.open:
            return
        if report.order_id not in self._polled:
            self._polled.add(report.order_id)
            self._poll(report.order_id, UNKNOWN_POLL_FIRST_NS)

    def _poll(self, order_id: str, pause_ns: int) -> None:
        def again(_: int) -> None:
            order = self.open.get(order_id)
            if order is None:
                return
            executor = self._executor(order)
            if executor is not None:
                executor.reconcile(order, self._filled.get(order_id, ZERO))
            self._poll(order_id, min(2 * pause_ns, UNKNOWN_POLL_MAX_NS))

        self._bus.at(self._bus.now_ns + pause_ns, again)

    def cancel(self, strategy: str, order_id: str) -> bool:
        """Ask the venue to take one of the strategy's orders back; False when it has no such open order."""
        order = self.open.get(order_id)
        if order is None or order.strategy != strategy:
            return False
        executor = self._executor(order)
        if executor is not None and not self.is_recovering:
            executor.cancel(order)
        return True

    def cancel_all(self, strategy: str | None = None) -> int:
        """Ask to take back all open orders (of one strategy); returns how many."""
        orders = [each for each in self.open.values() if strategy is None or each.strategy == strategy]
        for order in orders:
            self.cancel(order.strategy, order.order_id)
        return len(orders)

    def reconcile(self) -> int:
        """After a restart: ask every executor about each order without a terminal report; returns how many."""
        orders = list(self.open.values())
        for order in orders:
            executor = self._executor(order)
            if executor is not None:
                executor.reconcile(order, self._filled.get(order.order_id, ZERO))
        return len(orders)
