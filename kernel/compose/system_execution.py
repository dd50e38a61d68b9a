"""The execution page's source: the router's open orders, hedges, and orders from Postgres or from the run's memory."""

from decimal import Decimal

from bus.clock import NS_PER_MS
from bus.events import OrderDenied, StrategyCommand
from bus.intents import PlaceOrder
from bus.units import ZERO
from kernel.compose.dashboard_memory import OrderRecord
from kernel.compose.live import KernelProcess
from kernel.compose.system_memory import CARRIED, SystemMemory, average_price
from kernel.execution.router import instrument_of
from persistence import order_history
from persistence.postgres import Database
from webui.execution_source import (
    ExecutionLook,
    HedgeRow,
    OpenOrder,
    OrderList,
    OrderQuery,
    OrderTrace,
    OrphanRow,
)

OPEN_SHOWN = 200
VENUES_MAX = 100
MEMORY_NOTE = "from the memory of this run"
QUEUES = "The simulated venue takes each order at once: there are no queues."
QUEUES_LIVE = "How many orders wait per venue is not told in this version."
DENIED_KIND = ""


class SystemExecution:
    """Implements `webui.execution_source.ExecutionSource`."""

    def __init__(self, process: KernelProcess, memory: SystemMemory, database: Database | None) -> None:
        self._process = process
        self._core = process.core
        self._memory = memory
        self._database = database

    def look(self) -> ExecutionLook:
        now_ns = self._now_ns()
        rows = [self._open(record, now_ns) for record in self._memory.open.values()]
        rows.sort(key=lambda each: (each.status != "unknown", -each.age_ms, each.order_id))
        return ExecutionLook(
            open=tuple(rows[:OPEN_SHOWN]),
            orphans=self._orphans(now_ns),
            hedges=self._hedges(now_ns),
            queues=QUEUES if self._core.is_simulated else QUEUES_LIVE,
            version=self._memory.version,
        )

    def command(self, strategy: str, command: str, by: str, reason: str) -> None:
        self._core.bus.publish(
            StrategyCommand(
                ts_ns=self._process.clock.now_ns(), strategy=strategy, command=command, by=by, reason=reason
            )
        )

    async def orders(self, query: OrderQuery) -> OrderList:
        names = tuple(self._core.runner.slots)
        modules = (query.strategy,) if query.strategy else names
        venues = tuple(sorted({each.venue for each in self._core.market.instruments.values()})[:VENUES_MAX])
        if self._database is not None:
            page = await order_history.orders(
                self._database,
                modules,
                status=query.status,
                venue=query.venue,
                before_key=query.before_key,
                limit=query.limit,
            )
            rows = tuple(_stored(row) for row in page.rows)
            return OrderList(rows=rows, next_key=page.next_key, searched_to_ns=page.searched_to_ns, venues=venues)
        return self._remembered(query, modules, venues)

    # live -------------------------------------------------------------------------------------------------------

    def _now_ns(self) -> int:
        return max(self._process.clock.now_ns(), self._core.bus.now_ns)

    def _open(self, record: OrderRecord, now_ns: int) -> OpenOrder:
        order, intent = record.order, record.order.intent
        instrument = instrument_of(intent)
        is_order = isinstance(intent, PlaceOrder)
        is_carried = not record.reports and order.order_id in self._memory.carried
        return OpenOrder(
            order_id=order.order_id,
            strategy=order.strategy,
            venue=self._core.market.venue_of(instrument),
            instrument=instrument,
            side=intent.side if isinstance(intent, PlaceOrder) else intent.base_side,
            kind="order" if is_order else "swap",
            qty=intent.qty if isinstance(intent, PlaceOrder) else None,
            limit_price=intent.limit_price if isinstance(intent, PlaceOrder) else None,
            notional_usd=intent.notional_usd,
            filled_qty=record.qty,
            status="unknown" if is_carried else record.status,
            age_ms=max(0, now_ns - order.ts_ns) // NS_PER_MS,
            group=order.group,
            is_reduce_only=intent.is_reduce_only,
            is_unwind=order.is_unwind,
            simulated=self._core.is_simulated,
            note=CARRIED if is_carried else _reason(record),
        )

    def _orphans(self, now_ns: int) -> tuple[OrphanRow, ...]:
        rows = []
        for strategy, group in self._core.hedges.orphans:
            told = self._memory.orphans.get(group)
            rows.append(
                OrphanRow(
                    strategy=strategy,
                    group=group,
                    instrument=told.instrument if told is not None else "",
                    side=told.side if told is not None else "",
                    qty=told.qty if told is not None else None,
                    action=told.action if told is not None else "",
                    age_ms=max(0, now_ns - told.ts_ns) // NS_PER_MS if told is not None else None,
                )
            )
        return tuple(rows)

    def _hedges(self, now_ns: int) -> tuple[HedgeRow, ...]:
        groups: dict[str, list[OrderRecord]] = {}
        for record in self._memory.open.values():
            if record.order.group and record.order.deadline_ns:
                groups.setdefault(record.order.group, []).append(record)
        return tuple(
            HedgeRow(
                strategy=legs[0].order.strategy,
                group=group,
                open_legs=len(legs),
                instruments=tuple(instrument_of(leg.order.intent) for leg in legs),
                due_ms=(legs[0].order.deadline_ns - now_ns) // NS_PER_MS,
            )
            for group, legs in groups.items()
        )

    # without a database -----------------------------------------------------------------------------------------

    def _remembered(self, query: OrderQuery, modules: tuple[str, ...], venues: tuple[str, ...]) -> OrderList:
        memory = self._memory
        rows = [self._trace(each) for each in (*memory.finished.values(), *memory.open.values())]
        rows += [_denial(seq, event) for seq, event in memory.denied]
        rows.sort(key=lambda each: each.key, reverse=True)
        chosen = [
            each
            for each in rows
            if each.strategy in modules
            and (not query.venue or each.venue == query.venue)
            and (not query.status or each.status == query.status)
            and (not query.before_key or each.key < query.before_key)
        ]
        page = tuple(chosen[: query.limit])
        return OrderList(
            rows=page,
            next_key=page[-1].key if len(chosen) > query.limit else "",
            note=MEMORY_NOTE,
            venues=venues,
        )

    def _trace(self, record: OrderRecord) -> OrderTrace:
        shown = self._open(record, record.order.ts_ns)
        last_ts_ns = record.reports[-1][1].ts_ns if record.reports else record.order.ts_ns
        return OrderTrace(
            key=f"{record.seq:020d}",
            ts_ns=record.order.ts_ns,
            order_id=shown.order_id,
            strategy=shown.strategy,
            venue=shown.venue,
            instrument=shown.instrument,
            side=shown.side,
            kind=shown.kind,
            qty=shown.qty,
            filled_qty=record.qty,
            average_price=average_price(record),
            notional_usd=shown.notional_usd,
            status=record.status,
            reason=_reason(record),
            fee_usd=record.fees_usd,
            gas_usd=record.gas_usd,
            slippage_usd=record.slippage_usd if record.qty else None,
            expected_net_usd=record.order.intent.expected_net_usd,
            group=shown.group,
            took_ms=max(0, last_ts_ns - record.order.ts_ns) // NS_PER_MS,
            is_unwind=shown.is_unwind,
            simulated=shown.simulated,
        )


def _reason(record: OrderRecord) -> str:
    for _, report in reversed(record.reports):
        reason: str = getattr(report, "reason", "")
        if reason:
            return reason
    return ""


def _denial(seq: int, event: OrderDenied) -> OrderTrace:
    return OrderTrace(
        key=f"{seq:020d}",
        ts_ns=event.ts_ns,
        order_id="",
        strategy=event.strategy,
        venue="",
        instrument="",
        side="",
        kind=DENIED_KIND,
        qty=None,
        filled_qty=ZERO,
        average_price=None,
        notional_usd=event.notional_usd,
        status="denied",
        reason=event.reason,
    )


def _stored(row: order_history.OrderRow) -> OrderTrace:
    is_denied = row.status == "denied"
    nothing: Decimal | None = None
    return OrderTrace(
        key=row.key,
        ts_ns=row.ts_ns,
        order_id=row.order_id,
        strategy=row.module,
        venue=row.venue,
        instrument=row.instrument,
        side=row.side,
        kind="order" if row.kind == "place_order" else row.kind,
        qty=row.qty,
        filled_qty=row.filled_qty,
        average_price=row.average_price,
        notional_usd=row.notional_usd,
        status=row.status,
        reason=row.reason,
        fee_usd=nothing if is_denied else row.fee_usd,
        gas_usd=nothing if is_denied else row.gas_usd,
        tip_usd=row.tip_usd,
        slippage_usd=row.slippage_usd,
        expected_net_usd=row.expected_net_usd,
        realised_usd=row.realised_usd,
        gap_reason=row.gap_reason,
        group=row.hedge_group,
        tx_hash=row.tx_hash,
        took_ms=row.took_ns // NS_PER_MS,
        is_unwind=row.is_unwind,
        simulated=row.simulated,
    )
