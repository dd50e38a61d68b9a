"""Grafana dashboards as data: three for operators, and one with every metric of the catalogue.

`python -m kernel.compose.ops` writes them to ops/grafana/dashboards. They look at one datasource by its fixed uid.
"""

import json
from typing import Any

from msgspec import Struct

from kernel.metrics import metric_catalogue as m
from kernel.metrics.metric_catalogue import CATALOGUE, Metric

DATASOURCE = {"type": "prometheus", "uid": "kernel-prometheus"}
COLUMNS = 24
SCHEMA_VERSION = 39  #: of Grafana 10 and newer, which migrate older ones
RATE = "[$__rate_interval]"


class Panel(Struct, frozen=True, kw_only=True):
    """One panel. `targets` are (PromQL, legend)."""

    title: str
    targets: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    help: str = ""


class Board(Struct, frozen=True, kw_only=True):
    """One dashboard. `by_strategy` gives it the choice of strategies."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    by_strategy: bool = False


def _panel(metric: Metric, title: str, legend: str, expr: str = "", **rest: Any) -> Panel:
    """A panel of one metric, with the catalogue's unit and meaning; `expr` where it is more than the metric itself."""
    rest = {"unit": metric.unit, "help": metric.help, **rest}
    return Panel(title=title, targets=((expr or metric.name, legend),), **rest)


def _rate(metric: Metric, title: str, legend: str, labels: str, match: str = "", **rest: Any) -> Panel:
    expr = f"sum by ({labels}) (rate({metric.name}{match}{RATE}))"
    return _panel(metric, title, legend, expr, **{"unit": "cps", **rest})


def _quantiles(metric: Metric, title: str, labels: str = "", match: str = "", **rest: Any) -> Panel:
    by = f"{labels}, le" if labels else "le"
    legend = "".join(f" {{{{{each}}}}}" for each in metric.labels)
    targets = tuple(
        (f"histogram_quantile({q}, sum by ({by}) (rate({metric.name}_bucket{match}{RATE})))", f"p{q * 100:g}{legend}")
        for q in (0.5, 0.99)
    )
    return Panel(title=title, targets=targets, **{"unit": metric.unit, "help": metric.help, **rest})


_OF = '{strategy=~"$strategy"}'

OVERVIEW = Board(
    uid="kernel-overview",
    title="Kernel: overview",
    panels=(
        _panel(m.READY, "Ready", "{{instance}}", kind="stat", width=4),
        _panel(m.KILL_SWITCH, "Kill switch", "all", 'kernel_kill_switch_on{scope="all"}', kind="stat", width=4),
        _panel(m.PNL_TODAY, "P&L today", "simulated {{simulated}}", kind="stat", width=4),
        _panel(m.PNL, "P&L", "simulated {{simulated}}", kind="stat", width=4),
        _panel(m.EXPOSURE, "Exposure", "simulated {{simulated}}", kind="stat", width=4),
        _panel(m.UNPRICED, "Positions without a price", "", kind="stat", width=4),
        _panel(m.STRATEGY_PNL, "P&L by strategy", "{{strategy}} (simulated {{simulated}})", width=12),
        _panel(m.STRATEGY_EXPOSURE, "Exposure by strategy", "{{strategy}} (simulated {{simulated}})", width=12),
        _panel(m.STATE, "State", "{{strategy}} {{state}}", "kernel_strategy_state == 1"),
        _panel(m.RISK_USE, "Fullest limits", "{{scope}} {{limit}}", "topk(8, kernel_risk_use_ratio)"),
        _rate(m.ALERTS, "Alerts", "{{severity}}", "severity"),
        _panel(m.VENUE_AGE, "Age of data", "{{venue}}"),
        _panel(m.VENUE_UP, "Venues up", "{{venue}}"),
        _panel(m.ORPHANS, "Orphan legs", "{{strategy}}"),
    ),
)

STRATEGIES = Board(
    uid="kernel-strategies",
    title="Kernel: strategies",
    by_strategy=True,
    panels=(
        _panel(m.STRATEGY_PNL, "P&L", "{{strategy}}", m.STRATEGY_PNL.name + _OF, width=12),
        _panel(m.STRATEGY_PNL_TODAY, "P&L today", "{{strategy}}", m.STRATEGY_PNL_TODAY.name + _OF, width=12),
        _panel(m.STRATEGY_COSTS, "Costs", "{{strategy}} {{cost}}", m.STRATEGY_COSTS.name + _OF),
        _panel(m.STRATEGY_EXPOSURE, "Exposure", "{{strategy}}", m.STRATEGY_EXPOSURE.name + _OF),
        _panel(m.STRATEGY_POSITIONS, "Positions", "{{strategy}}", m.STRATEGY_POSITIONS.name + _OF),
        _rate(m.FUNNEL, "Funnel", "{{strategy}} {{stage}}", "strategy, stage", _OF, width=12),
        _rate(m.WHY_NOT, "Why not", "{{strategy}} {{reason}}", "strategy, reason", _OF, width=12),
        _rate(m.DENIED, "Denied by the gate", "{{strategy}} {{reason}}", "strategy, reason", _OF),
        _rate(m.FILLS, "Fills", "{{strategy}}", "strategy", _OF),
        _panel(m.STRATEGY_OPEN_ORDERS, "Open orders", "{{strategy}}", m.STRATEGY_OPEN_ORDERS.name + _OF),
        _quantiles(m.EVENT_TO_INTENT, "Event to intent", "strategy", _OF),
        _panel(m.HANDLER, "Handler time", "{{strategy}} {{quantile}}", m.HANDLER.name + _OF),
        _panel(m.STRATEGY_EVENT_AGE, "Last event heard", "{{strategy}}", m.STRATEGY_EVENT_AGE.name + _OF),
        _panel(m.UNKNOWN_AGE, "Oldest unknown order", "{{strategy}}", m.UNKNOWN_AGE.name + _OF),
        _panel(m.ORPHANS, "Orphan legs", "{{strategy}}", m.ORPHANS.name + _OF),
        _panel(m.RISK_USE, "Use of limits", "{{scope}} {{limit}}", m.RISK_USE.name + '{scope=~"$strategy|all"}'),
    ),
)

PLATFORM = Board(
    uid="kernel-platform",
    title="Kernel: platform",
    panels=(
        _quantiles(m.LOOP_LAG, "Loop lag"),
        _rate(m.EVENTS, "Events", "", "instance"),
        _panel(m.QUEUE, "Bus queue", "{{instance}}"),
        _rate(m.CPU, "CPU", "{{instance}}", "instance", unit="percentunit"),
        _panel(m.RSS, "Memory", "{{instance}}"),
        _panel(m.OPEN_FDS, "Open descriptors", "{{instance}}"),
        _panel(m.FEED_CONNECTED, "Feeds connected", "{{feed}}"),
        _panel(m.FEED_AGE, "Feed age", "{{feed}}"),
        Panel(
            title="Feed trouble per hour",
            targets=tuple(
                (f"increase({each.name}[1h])", f"{{{{feed}}}} {word}")
                for each, word in (
                    (m.FEED_RECONNECTS, "reconnects"), (m.FEED_RESYNCS, "resyncs"), (m.FEED_MALFORMED, "malformed"),
                )
            ),
        ),
        _panel(m.RPC_AVAILABLE, "RPC endpoints available", "{{provider}} {{chain}}"),
        _panel(m.RPC_LATENCY, "RPC latency", "{{endpoint}} {{chain}}"),
        _rate(m.RPC_CALLS, "RPC calls", "{{endpoint}} {{result}}", "endpoint, result"),
        _panel(m.RPC_HEAD_LAG, "RPC head lag", "{{endpoint}} {{chain}}"),
        _panel(m.GAS_RESERVE, "Gas reserve", "{{chain}}"),
        _panel(m.DATABASE_LAG, "Database lag", "{{instance}}"),
        _panel(m.DATABASE_STATE, "Database", "{{state}}", "kernel_database_state == 1"),
        _rate(m.LOG_LINES, "Log lines", "{{module}}", "module"),
        _rate(m.LOG_DROPPED, "Log lines lost", "{{module}}", "module"),
        _panel(m.STREAMS, "Dashboard streams", "{{instance}}"),
    ),
)  # fmt: skip


def _everything() -> Board:
    panels = []
    for metric in CATALOGUE.values():
        legend = " ".join(f"{{{{{each}}}}}" for each in metric.labels) or "{{instance}}"
        if metric.kind == "histogram":
            panels.append(_quantiles(metric, metric.name, ", ".join(metric.labels)))
        elif metric.kind == "counter":
            labels = ", ".join(metric.labels) or "instance"
            panels.append(_rate(metric, metric.name, legend, labels))
        else:
            panels.append(_panel(metric, metric.name, legend))
    return Board(uid="kernel-metrics", title="Kernel: every metric", panels=tuple(panels))


def boards() -> tuple[Board, ...]:
    """All dashboards."""
    return (OVERVIEW, STRATEGIES, PLATFORM, _everything())


def board_json(board: Board) -> str:
    """A dashboard as Grafana's file provider reads it."""
    panels: list[dict[str, Any]] = []
    x = y = row_height = 0
    for number, panel in enumerate(board.panels, start=1):
        height = 4 if panel.kind == "stat" else 8
        if x + panel.width > COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        panels.append(_panel_json(number, panel, {"x": x, "y": y, "w": panel.width, "h": height}))
        x, row_height = x + panel.width, max(row_height, height)
    table = {
        "uid": board.uid,
        "title": board.title,
        "tags": ["kernel"],
        "timezone": "utc",
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"},
        "schemaVersion": SCHEMA_VERSION,
        "templating": {"list": [_strategy_choice()] if board.by_strategy else []},
        "panels": panels,
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def _panel_json(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(panel.targets)
        ],
    }


def _strategy_choice() -> dict[str, Any]:
    query = f"label_values({m.STATE.name}, strategy)"
    return {
        "name": "strategy",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "strategy"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }
