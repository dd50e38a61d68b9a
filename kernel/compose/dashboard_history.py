"""History for the pages: from Postgres while it answers, else from the memory of the run; the note says which."""

import contextlib
from collections.abc import Sequence
from decimal import Decimal

from bus.events import Fill, Report, StrategySampled
from bus.units import ZERO, exact
from kernel.compose import dashboard_stored
from kernel.compose.dashboard_memory import DashboardMemory, OrderRecord, pnl_of
from kernel.core import Core
from kernel.errors import StoreError
from kernel.execution.router import instrument_of
from kernel.finance.statistics import summarise
from kernel.position import ClosedTrade
from persistence.postgres import Database
from webui import history
from webui.snapshot import CostItem
from webui.typeset import price, quantity, usd, words

CLOSED_MAX = 5_000
MEMORY_NOTE = "from the memory of this run"


class DashboardHistory:
    """Answers the pages' questions about the past."""

    def __init__(self, core: Core, memory: DashboardMemory, database: Database | None) -> None:
        self._core = core
        self._memory = memory
        self._database = database
        self._closed: list[ClosedTrade] = []
        core.ledger.watch_closed(self._on_closed)

    def _on_closed(self, trade: ClosedTrade) -> None:
        self._closed.append(trade)
        if len(self._closed) > CLOSED_MAX:
            del self._closed[: CLOSED_MAX // 2]

    async def equity(self, name: str | None, since_ns: int, points_max: int, base_usd: Decimal) -> history.EquitySeries:
        """Samples since a moment, thinned to at most `points_max`, on top of `base_usd`."""
        if self._database is not None:
            with contextlib.suppress(StoreError):
                return await dashboard_stored.equity(self._database, name, since_ns, points_max, base_usd)
        samples = [each for each in self._memory.samples.get(name or "", ()) if each.ts_ns >= since_ns]
        chosen = _thinned(samples, points_max)
        return history.EquitySeries(
            points=tuple((each.ts_ns, base_usd + pnl_of(each)) for each in chosen),
            marks=tuple(
                history.EquityMark(ts_ns=mark.ts_ns, kind=mark.kind, text=mark.text)
                for mark in self._memory.marks
                if mark.ts_ns >= since_ns
            ),
            simulated=self._core.is_simulated,
            note=MEMORY_NOTE,
        )

    async def trades(self, query: history.TradeQuery) -> history.TradeList:
        """Filled orders, newest first, by keyset."""
        if self._database is not None:
            with contextlib.suppress(StoreError):
                return await dashboard_stored.trades(self._database, query)
        records = self._memory.records(query.strategy)
        instruments = tuple(sorted({instrument_of(each.order.intent) for each in records}))
        rows: list[history.TradeRow] = []
        next_key = ""
        for record in records:
            row = self._trade(record)
            if query.before_key and row.key >= query.before_key:
                continue
            if (query.instrument and row.instrument != query.instrument) or (query.side and row.side != query.side):
                continue
            if query.outcome and query.outcome != _outcome(row):
                continue
            if len(rows) == query.limit:
                next_key = rows[-1].key
                break
            rows.append(row)
        return history.TradeList(rows=tuple(rows), next_key=next_key, instruments=instruments, note=MEMORY_NOTE)

    def _trade(self, record: OrderRecord) -> history.TradeRow:
        order = record.order
        intent = order.intent
        instrument = instrument_of(intent)
        fills = [report for _, report in record.reports if isinstance(report, Fill)]
        usd_rate = self._core.market.quote_usd(instrument)
        return history.TradeRow(
            key=f"{record.seq:020d}",
            ts_ns=order.ts_ns,
            order_id=order.order_id,
            instrument=instrument,
            venue=self._core.market.venue_of(instrument),
            side=fills[0].side,
            qty=record.qty,
            price=record.value / record.qty,
            notional_usd=None if usd_rate is None else record.value * usd_rate,
            status=record.status,
            fees_usd=record.fees_usd,
            gas_usd=record.gas_usd,
            slippage_usd=record.slippage_usd,
            expected_net_usd=intent.expected_net_usd,
            pnl_usd=None,
            simulated=fills[0].simulated,
        )

    async def performance(self, name: str, since_ns: int) -> history.Performance:
        """Figures over the samples and closed positions of the period."""
        core = self._core
        capital = exact(float(core.gate.limits_for(name).budget_usd))
        if self._database is not None:
            with contextlib.suppress(StoreError):
                return await dashboard_stored.performance(self._database, name, since_ns, capital)
        samples = [each for each in self._memory.samples.get(name, ()) if each.ts_ns >= since_ns]
        closed = [each for each in self._closed if each.strategy == name and each.closed_ts_ns >= since_ns]
        curve = [(each.ts_ns, pnl_of(each)) for each in samples]
        open_since = [each.opened_ts_ns for each in core.ledger.positions_of(name)]
        found = summarise(curve, closed, capital_usd=capital, open_since_ns=open_since)
        return history.Performance(
            pnl_usd=curve[-1][1] - curve[0][1] if len(curve) > 1 else None,
            statistics=tuple(dashboard_stored.statistics_of(found).values()),
            costs=self._costs(name, samples, since_ns),
            by_day=_by(closed, lambda each: _day(each.closed_ts_ns)),
            by_instrument=_by(closed, lambda each: each.instrument),
            by_venue=_by(closed, lambda each: each.instrument.partition(":")[0]),
            simulated=core.is_simulated,
            note=f"{MEMORY_NOTE}; closed positions count one leg each",
        )

    def _costs(self, name: str, samples: Sequence[StrategySampled], since_ns: int) -> tuple[CostItem, ...]:
        """Of the period: differences of its samples, and the slippage of its orders."""
        if len(samples) < 2:
            return ()
        first, last = samples[0], samples[-1]
        slippage = sum((each.slippage_usd for each in self._memory.records(name) if each.order.ts_ns >= since_ns), ZERO)
        return (
            CostItem("fees", last.fees_usd - first.fees_usd),
            CostItem("gas", last.gas_usd - first.gas_usd),
            CostItem("slippage (inside prices)", slippage),
            CostItem("funding paid", first.funding_usd - last.funding_usd),
        )

    async def story(self, name: str, order_id: str) -> history.Story | None:
        """Cause, opportunity, verdict, reports: of this run from memory, which has no lag, else from the tables."""
        record = self._memory.orders.get(order_id)
        if record is None or record.order.strategy != name:
            if self._database is None:
                return None
            return await dashboard_stored.story(self._database, name, order_id)
        order, intent = record.order, record.order.intent
        steps = []
        known = self._memory.opportunities.get(intent.opportunity)
        if known is not None:
            seq, seen = known
            facts = [
                ("cause seq", str(seen.cause_seq)),
                ("size", f"{usd(seen.size_usd)} USD"),
                ("gross", usd(seen.gross_usd)),
            ]
            facts += [(words(each.name), usd(-each.usd)) for each in seen.costs]
            facts.append(("expected net", f"{usd(seen.expected_net_usd)} USD"))
            steps.append(history.StoryStep(seq=seq, ts_ns=seen.ts_ns, title="opportunity", facts=tuple(facts)))
        verdict = [("cause seq", str(order.cause_seq)), ("notional", f"{usd(intent.notional_usd)} USD")]
        if order.group:
            verdict.append(("hedge", order.group))
        if order.is_unwind:
            verdict.append(("made by", "the kernel, to end a position"))
        steps.append(
            history.StoryStep(seq=record.seq, ts_ns=order.ts_ns, title="approved by the gate", facts=tuple(verdict))
        )
        for seq, report in record.reports:
            steps.append(history.StoryStep(seq=seq, ts_ns=report.ts_ns, title=_title(report), facts=_facts(report)))
        side = next((report.side for _, report in record.reports if isinstance(report, Fill)), "")
        return history.Story(
            order_id=order_id,
            instrument=instrument_of(intent),
            side=side or getattr(intent, "side", "") or getattr(intent, "base_side", ""),
            steps=tuple(steps),
            simulated=self._core.is_simulated,
        )


def _thinned(samples: Sequence[StrategySampled], points_max: int) -> list[StrategySampled]:
    if len(samples) <= points_max:
        return list(samples)
    step = -(-len(samples) // points_max)
    return [*samples[:-1:step], samples[-1]]


def _outcome(row: history.TradeRow) -> str:
    if row.pnl_usd is None:
        return "open"
    return "gain" if row.pnl_usd > 0 else "loss"


def _title(report: Report) -> str:
    return words(str(type(report).__struct_config__.tag))


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, str]] = []
    if isinstance(report, Fill):
        facts = [
            ("quantity", quantity(report.qty)),
            ("price", price(report.price)),
            ("fee", f"{usd(report.fee_usd)} USD"),
            ("gas", f"{usd(report.gas_usd)} USD"),
            ("slippage", f"{usd(report.slippage_usd)} USD"),
        ]
    for name in ("reason", "tx", "venue_id"):
        text = getattr(report, name, "")
        if text:
            facts.append((words(name), text))
    return tuple(facts)


def _day(ts_ns: int) -> str:
    from kernel.compose.log_commands import utc_text

    return utc_text(ts_ns)[:10]


def _by(closed: Sequence[ClosedTrade], label) -> tuple[history.Bucket, ...]:  # type: ignore[no-untyped-def]
    sums: dict[str, tuple[Decimal, int]] = {}
    for trade in closed:
        if trade.pnl_usd is not None:
            pnl, count = sums.get(label(trade), (ZERO, 0))
            sums[label(trade)] = (pnl + trade.pnl_usd, count + 1)
    return tuple(history.Bucket(key, pnl, count) for key, (pnl, count) in sorted(sums.items()))
