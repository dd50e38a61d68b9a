"""Replays from the command line: a log, settings, and what came of it as one object."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bus.bus import STAGE_VIEW, Bus
from bus.clock import NS_PER_MINUTE, NS_PER_S
from bus.events import Bar, Fill, OrderApproved, PoolState, StrategySampled
from bus.units import exact
from kernel.compose.code_version import code_version
from kernel.compose.registry import STRATEGIES, spec_of_header, spec_of_profile, strategy_kind, with_settings
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.errors import ConfigError
from kernel.finance.drawdown import Drawdown
from kernel.finance.money import plain_text
from kernel.finance.statistics import summarise
from kernel.log import LogHeader
from kernel.position import ClosedTrade
from kernel.profile import load_profile
from kernel.replay import Progress, Simulation, Verification, simulate, verify
from kernel.report import ReportInput, StrategyReport, TradeRow
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.runner import Slot
from persistence.event_log import EventLogReader

EQUITY_POINTS_MAX = 4_000
TRADES_KEPT_MAX = 20_000
HASH_CHUNK = 1 << 20
MARKET_ONLY = ("import", "simulated")  #: header profiles of logs that hold inputs alone
SCANNED_EVENTS = 200_000  #: enough to meet every source of a log


class Collector:
    """Curves and trades of one simulation, bounded: a long curve is thinned to every second point, again and again."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.equity: dict[str, list[tuple[int, Decimal]]] = {}
        self.drawdowns: dict[str, Drawdown] = {}
        self.trades: dict[str, list[TradeRow]] = {}
        self.orders: dict[str, int] = {}
        self.closed: dict[str, list[ClosedTrade]] = {}
        self._strides: dict[str, tuple[int, int]] = {}
        bus.subscribe(StrategySampled, self._on_sample, STAGE_VIEW)
        bus.subscribe(Fill, self._on_fill, STAGE_VIEW)
        bus.subscribe(OrderApproved, self._on_order, STAGE_VIEW)

    def on_closed(self, trade: ClosedTrade) -> None:
        """A position came back to flat."""
        self.closed.setdefault(trade.strategy, []).append(trade)

    def _on_sample(self, sample: StrategySampled) -> None:
        name = sample.strategy
        pnl = sample.realised_usd + sample.unrealised_usd - sample.fees_usd - sample.gas_usd + sample.funding_usd
        self.drawdowns.setdefault(name, Drawdown()).sample(pnl)
        stride, count = self._strides.get(name, (1, 0))
        curve = self.equity.setdefault(name, [])
        if count % stride == 0:
            curve.append((sample.ts_ns, pnl))
        if len(curve) > EQUITY_POINTS_MAX:
            del curve[1::2]
            stride *= 2
        self._strides[name] = (stride, count + 1)

    def _on_fill(self, fill: Fill) -> None:
        rows = self.trades.setdefault(fill.strategy, [])
        if len(rows) < TRADES_KEPT_MAX:
            rows.append(
                TradeRow(
                    ts_ns=fill.ts_ns,
                    instrument=fill.instrument,
                    side=fill.side,
                    qty=plain_text(fill.qty),
                    price=plain_text(fill.price),
                    fee_usd=plain_text(fill.fee_usd),
                    gas_usd=plain_text(fill.gas_usd),
                    slippage_usd=plain_text(fill.slippage_usd),
                    order_id=fill.order_id,
                    seq=self._bus.seq,
                    simulated=fill.simulated,
                )
            )

    def _on_order(self, order: OrderApproved) -> None:
        self.orders[order.strategy] = self.orders.get(order.strategy, 0) + 1


class ReplayOutcome(msgspec.Struct, kw_only=True):
    """A simulation with everything that a report or `--json` shows."""

    simulation: Simulation
    collector: Collector
    spec: CoreSpec
    assumptions: tuple[str, ...]
    log_path: str


def spec_for(
    reader: EventLogReader, names: list[str], assignments: list[str], profile: str = ""
) -> tuple[CoreSpec, list[str]]:
    """What to run on a log: as a profile says, or as the log recorded, or all strategies; then `--strategy`, `--set`.

    Also returns notes on what was adapted to the log's coarseness.
    """
    spec, is_bare = base_spec(reader.header, names, profile)
    spec, notes = adapted_spec(reader, spec) if is_bare else (spec, [])
    return with_settings(spec, assignments), notes


def base_spec(header: LogHeader, names: list[str], profile: str = "") -> tuple[CoreSpec, bool]:
    """Strategies and settings before `--set`; and whether they are bare defaults, to be adapted to the log."""
    if profile or header.strategies:
        spec = spec_of_profile(load_profile(profile), "sim") if profile else spec_of_header(header)
        if names:
            have = {each.kind.name: each for each in spec.strategies}
            chosen = tuple(have.get(name) or StrategySpec(kind=strategy_kind(name)) for name in names)
            spec = msgspec.structs.replace(spec, strategies=chosen)
        return spec, False
    strategies = tuple(StrategySpec(kind=strategy_kind(name)) for name in (names or sorted(STRATEGIES)))
    return CoreSpec(run="sim", strategies=strategies), True


def adapted_spec(reader: EventLogReader, spec: CoreSpec) -> tuple[CoreSpec, list[str]]:
    """The gate's limits on stale prices raised to what the log's own steps need, and a note that says so."""
    step_s = _price_step_s(reader)
    if not step_s:
        return spec, []
    limits: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for name in ("max_price_age_ms", "max_chain_age_ms"):
        limits[name] = max(2 * step_s * 1000, getattr(RiskLimits(), name))
        whole[name] = max(2 * step_s * 1000, getattr(GlobalLimits(), name))
    strategies = tuple(msgspec.structs.replace(each, limits=limits) for each in spec.strategies)
    note = (
        f"Prices in this log are up to {_span(step_s)} apart: the gate's limits on stale prices and gas are"
        f" raised to {_span(2 * step_s)} for this replay."
    )
    return msgspec.structs.replace(spec, strategies=strategies, global_limits=whole), [note]


def _price_step_s(reader: EventLogReader) -> int:
    """The coarsest price step among the bars and sampled pools at the start of the log, in seconds; 0 = none."""
    step_ns = 0
    seen = 0
    for block in reader.blocks():
        for event in block.events:
            if type(event) is Bar:
                step_ns = max(step_ns, event.close_ts_ns - event.open_ts_ns)
            elif type(event) is PoolState and event.is_sampled:
                step_ns = max(step_ns, NS_PER_MINUTE)
        seen += len(block.events)
        if seen > SCANNED_EVENTS:
            break
    return -(-step_ns // NS_PER_S)


def _span(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def run_simulation(
    path: Path,
    names: list[str],
    assignments: list[str],
    *,
    is_what_if: bool,
    profile: str = "",
    progress: Progress | None = None,
) -> ReplayOutcome:
    """Simulate a log. Raises `ConfigError` for settings that do not fit, `BadInput` for a log that does not."""
    reader = EventLogReader(path)
    spec, notes = spec_for(reader, names, assignments, profile)
    return simulate_spec(reader, spec, notes, assignments, is_what_if=is_what_if, progress=progress)


def simulate_spec(
    reader: EventLogReader,
    spec: CoreSpec,
    notes: Sequence[str],
    assignments: Sequence[str],
    *,
    is_what_if: bool,
    progress: Progress | None = None,
) -> ReplayOutcome:
    """Simulate with a spec that has its assignments already. Raises as `run_simulation`."""
    collectors: list[Collector] = []

    def prepare(core: Core) -> None:
        collector = Collector(core.bus)
        core.ledger.watch_closed(collector.on_closed)
        collectors.append(collector)

    overridden = frozenset(text.partition(".")[0] for text in assignments)
    try:
        simulation = simulate(
            reader, spec, is_what_if=is_what_if, overridden=overridden, prepare=prepare, progress=progress
        )
    except msgspec.ValidationError as error:
        raise ConfigError(f"settings: {error}") from error
    core = simulation.core
    assumptions = [*notes, *core.paper_settings.assumptions()]
    for listed in core.market.instruments.values():
        if listed.note:
            assumptions.append(f"{listed.instrument}: {listed.note}")
    if reader.header.note:
        assumptions.insert(0, f"Data: {reader.header.note}")
    return ReplayOutcome(
        simulation=simulation,
        collector=collectors[0],
        spec=spec,
        assumptions=tuple(assumptions),
        log_path=str(reader.path),
    )


def as_json(outcome: ReplayOutcome, mode: str) -> dict[str, Any]:
    """The object of `--json`."""
    simulation = outcome.simulation
    return {
        "mode": mode,
        "events": simulation.events,
        "seconds": round(simulation.seconds, 3),
        "digest": simulation.digest,
        "simulated": True,
        "strategies": {
            name: _strategy_json(outcome, slot) for name, slot in sorted(simulation.core.runner.slots.items())
        },
        "assumptions": list(outcome.assumptions),
    }


def _costs(outcome: ReplayOutcome, name: str) -> dict[str, str]:
    books = outcome.simulation.core.ledger.books(name)
    return {
        "fees": plain_text(books.fees_usd),
        "gas": plain_text(books.gas_usd),
        "slippage": plain_text(books.slippage_usd),
        "funding": plain_text(books.funding_usd),
    }


def _positions(outcome: ReplayOutcome, name: str) -> list[dict[str, str]]:
    core = outcome.simulation.core
    rows = []
    for position in sorted(core.ledger.positions_of(name), key=lambda each: each.instrument):
        mark = core.market.mark(position.instrument)
        rows.append(
            {
                "instrument": position.instrument,
                "qty": plain_text(position.qty),
                "avg_price": plain_text(position.avg_price),
                "mark": "" if mark is None else plain_text(exact(mark[0])),
                "funding_usd": plain_text(position.funding_usd),
            }
        )
    return rows


def _max_drawdown(outcome: ReplayOutcome, name: str) -> str:
    drawdown = outcome.collector.drawdowns.get(name)
    return plain_text(drawdown.max_drawdown_usd if drawdown is not None else Decimal(0))


def _strategy_json(outcome: ReplayOutcome, slot: Slot) -> dict[str, Any]:
    name = slot.name
    funnel = slot.strategy.funnel
    return {
        "state": slot.state,
        "reason": slot.reason,
        "seen": funnel.seen,
        "priced": funnel.priced,
        "intents": slot.intents,
        "denied": dict(sorted(slot.denied.items())),
        "orders": outcome.collector.orders.get(name, 0),
        "fills": slot.fills,
        "why_not": dict(sorted(funnel.why_not.items())),
        "pnl_usd": plain_text(outcome.simulation.core.ledger.books(name).pnl_usd),
        "costs": _costs(outcome, name),
        "max_drawdown_usd": _max_drawdown(outcome, name),
        "positions": _positions(outcome, name),
    }


def as_report(outcome: ReplayOutcome, mode: str, sha256: str = "") -> ReportInput:
    """The input of the HTML report. `sha256` of the log, where it is known already."""
    simulation = outcome.simulation
    return ReportInput(
        title=f"Replay of {Path(outcome.log_path).name}",
        log_path=outcome.log_path,
        log_sha256=sha256 or log_sha256(Path(outcome.log_path)),
        log_events=simulation.events,
        run_mode=mode,
        digest=simulation.digest,
        code_version=code_version(),
        started_ts_ns=simulation.first_ts_ns,
        ended_ts_ns=simulation.last_ts_ns,
        assumptions=outcome.assumptions,
        strategies=tuple(_strategy_report(outcome, slot) for _, slot in sorted(simulation.core.runner.slots.items())),
    )


def _strategy_report(outcome: ReplayOutcome, slot: Slot) -> StrategyReport:
    name = slot.name
    strategy = slot.strategy
    funnel = strategy.funnel
    core = outcome.simulation.core
    collector = outcome.collector
    books = core.ledger.books(name)
    curve = collector.equity.get(name, [])
    closed = collector.closed.get(name, [])
    capital = exact(float(core.gate.limits_for(name).budget_usd))
    return StrategyReport(
        name=name,
        title=strategy.title,
        idea=strategy.idea,
        settings={key: _shown(value) for key, value in msgspec.structs.asdict(strategy.settings).items()},
        seen=funnel.seen,
        priced=funnel.priced,
        intents=slot.intents,
        approved=slot.approved,
        denied=dict(sorted(slot.denied.items())),
        orders=collector.orders.get(name, 0),
        fills=slot.fills,
        why_not=dict(sorted(funnel.why_not.items())),
        pnl_usd=plain_text(books.pnl_usd),
        costs=_costs(outcome, name),
        max_drawdown_usd=_max_drawdown(outcome, name),
        positions=_positions(outcome, name),
        equity=[(ts_ns, plain_text(pnl)) for ts_ns, pnl in curve],
        trades=collector.trades.get(name, []),
        best_rejected=None if funnel.best_rejected is None else msgspec.to_builtins(funnel.best_rejected),
        warnings=strategy.assumptions(),
        closed=books.closed,
        profitable=books.profitable,
        statistics=summarise(
            curve,
            closed,
            capital_usd=capital,
            turnover_usd=books.turnover_usd,
            open_since_ns=[each.opened_ts_ns for each in core.ledger.positions_of(name)],
        ),
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def log_sha256(log: Path | EventLogReader) -> str:
    """SHA-256 of a log file, or of the segments of a folder in order; of a frozen reader, as far as it reads."""
    reader = EventLogReader(log) if isinstance(log, Path) else log
    digest = hashlib.sha256()
    for segment in reader.segments:
        left = segment.end
        with segment.path.open("rb") as file:
            while chunk := file.read(HASH_CHUNK if left is None else min(HASH_CHUNK, left)):
                digest.update(chunk)
                left = None if left is None else left - len(chunk)
    return digest.hexdigest()


def run_verification(log: Path | EventLogReader, progress: Progress | None = None) -> Verification:
    """Verify a recorded log, run by run. Raises `ConfigError` for a log of market data that no run made."""
    reader = EventLogReader(log) if isinstance(log, Path) else log
    if reader.header.profile in MARKET_ONLY:
        raise ConfigError(
            f"{reader.path} holds market data and no recorded run, so there is nothing to verify;"
            " leave --mode away to simulate, or give the log folder of a run (data/log)"
        )
    return verify(reader.segments, spec_of_header, progress=progress)
