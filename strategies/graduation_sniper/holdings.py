"""Open positions and orders on their way, by pool: a fold of verdicts and reports, nothing is believed without them."""

from msgspec import Struct

from bus.clock import NS_PER_MS, NS_PER_S
from bus.events import Fill, Landed, OrderApproved, Report
from strategies.graduation_sniper.position import Exit, Position

VERDICT_WAIT_NS = NS_PER_S  #: an ask that got neither verdict nor order in this event time is forgotten
RETRY_FIRST_NS = 400 * NS_PER_MS
RETRY_MAX_NS = 10 * NS_PER_S


class Ask(Struct, kw_only=True):
    """An order that was asked for."""

    opportunity: str
    pool: str
    creator: str
    asked_ns: int
    exit: Exit | None = None  #: None = a purchase
    tip_lamports: int = 0
    order_id: str = ""


class Holdings:
    """Positions of coins, one per pool, with at most one order each at a time."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.asks: dict[str, Ask] = {}  #: by pool
        self.closed = 0
        self.realised_lamports = 0  #: of closed positions: sold less paid
        self._retry_ns: dict[str, int] = {}
        self._by_opportunity: dict[str, Ask] = {}
        self._by_order: dict[str, Ask] = {}

    # asking -------------------------------------------------------------------------------------------------------

    def busy(self, pool: str, now_ns: int) -> bool:
        """Whether an order of this pool is on its way, or a failed one is waited out."""
        ask = self.asks.get(pool)
        if ask is not None:
            if ask.order_id or now_ns - ask.asked_ns <= VERDICT_WAIT_NS:
                return True
            self._drop(ask)
        return now_ns < self._retry_ns.get(pool, 0)

    def taken(self, creator: str | None = None) -> int:
        """Positions and purchases on their way, of one creator or of all."""
        owners = [each.creator for each in self.positions.values()]
        owners += [each.creator for pool, each in self.asks.items() if each.exit is None and pool not in self.positions]
        return len(owners) if creator is None else owners.count(creator)

    def ask(self, ask: Ask) -> None:
        """Remember that an order was asked for; nothing is held because of it."""
        self.asks[ask.pool] = self._by_opportunity[ask.opportunity] = ask

    # verdicts and reports -----------------------------------------------------------------------------------------

    def on_approved(self, order: OrderApproved) -> None:
        """An order of ours."""
        ask = self._by_opportunity.get(order.intent.opportunity)
        if ask is not None:
            ask.order_id = order.order_id
            self._by_order[order.order_id] = ask

    def on_denied(self, opportunity: str, now_ns: int) -> Ask | None:
        """The gate refused it."""
        ask = self._by_opportunity.get(opportunity)
        if ask is None or ask.order_id:
            return None
        self._drop(ask)
        self._fail(ask, now_ns)
        return ask

    def on_fill(self, fill: Fill) -> Position | None:
        """Coins came or went; returns the position when this opened it."""
        ask = self._by_order.get(fill.order_id)
        if ask is None:
            return None
        position = self.positions.get(ask.pool)
        if fill.side == "buy":
            is_new = position is None
            if position is None:
                position = self.positions[ask.pool] = Position(
                    pool=ask.pool, creator=ask.creator, opened_ns=fill.ts_ns, heard_ns=fill.ts_ns
                )
            position.bought_raw += fill.amount_out_raw
            position.held_raw += fill.amount_out_raw
            position.cost_lamports += fill.amount_in_raw
            return position if is_new else None
        if position is not None:
            position.held_raw -= fill.amount_in_raw
            position.sold_lamports += fill.amount_out_raw
        return None

    def on_terminal(self, report: Report) -> Ask | None:
        """The order is over; returns what it was."""
        ask = self._by_order.pop(report.order_id, None)
        if ask is None:
            return None
        self._drop(ask)
        position = self.positions.get(ask.pool)
        if not isinstance(report, Landed):
            self._fail(ask, report.ts_ns)
        elif position is not None and ask.exit is not None:
            position.failed_exits = 0
            position.tiers_done = max(position.tiers_done, ask.exit.tiers_done)
        if position is not None and position.held_raw <= 0:
            del self.positions[ask.pool]
            self.closed += 1
            self.realised_lamports += position.sold_lamports - position.cost_lamports
        return ask

    def _fail(self, ask: Ask, now_ns: int) -> None:
        position = self.positions.get(ask.pool)
        if ask.exit is None or position is None:
            return
        self._retry_ns[ask.pool] = now_ns + min(RETRY_MAX_NS, RETRY_FIRST_NS << min(position.failed_exits, 10))
        position.failed_exits += 1

    def retry_ns(self, pool: str) -> int:
        """When a failed exit may be tried again; 0 = now."""
        return self._retry_ns.get(pool, 0)

    def _drop(self, ask: Ask) -> None:
        self._by_opportunity.pop(ask.opportunity, None)
        if self.asks.get(ask.pool) is ask:
            del self.asks[ask.pool]
