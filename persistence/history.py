"""The past as pages ask for it, from the projected tables. Plain frozen values; the composition adapts them to pages.

Every function raises `StoreError` while the database is away. Times are UTC nanoseconds of event time, amounts exact.
`module` is a strategy's name. Lists walk by key: pass the `key` of the last row to get what is older.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bus.clock import NS_PER_DAY
from bus.units import ZERO
from persistence import history_sql as sql
from persistence.page_key import FAR_NS, key_of, parse_key
from persistence.postgres import Database
from persistence.projection_opportunities import opportunity_uuid

LIMIT_MAX = 500
POINTS_MAX = 5_000
WHOLE = ""  #: the module of samples of the whole kernel


class EquityPoint(Struct, frozen=True, kw_only=True):
    """A minute sample. `pnl_usd` = realised + unrealised - fees - gas + funding; `unpriced` positions are left out."""

    ts_ns: int
    pnl_usd: Decimal
    realised_usd: Decimal
    unrealised_usd: Decimal
    exposure_usd: Decimal
    unpriced: int


class Mark(Struct, frozen=True, kw_only=True):
    """Something worth a line on the time axis. kind: kill_switch, restarted or settings."""

    ts_ns: int
    kind: str
    text: str


class Equity(Struct, frozen=True, kw_only=True):
    """Samples oldest first, thinned to the last one of each span of `span_ns` (0 = all of them)."""

    points: tuple[EquityPoint, ...]
    marks: tuple[Mark, ...]
    simulated: bool
    span_ns: int


class TradeQuery(Struct, frozen=True, kw_only=True):
    """Which filled orders to list, newest first. Empty filters mean all; `outcome`: gain, loss or open."""

    module: str
    before_key: str = ""
    limit: int = 50
    instrument: str = ""
    side: str = ""
    outcome: str = ""
    simulated: bool | None = None
    from_ns: int = 0
    to_ns: int = FAR_NS


class TradeRow(Struct, frozen=True, kw_only=True):
    """An order that was filled, wholly or in part. `pnl_usd` is net of its fees and gas; None: it closed nothing."""

    key: str
    ts_ns: int
    order_id: str
    instrument: str
    venue: str
    side: str
    qty: Decimal
    price: Decimal | None
    notional_usd: Decimal | None
    status: str
    fees_usd: Decimal
    gas_usd: Decimal
    slippage_usd: Decimal
    expected_net_usd: Decimal | None
    pnl_usd: Decimal | None
    simulated: bool


class TradePage(Struct, frozen=True, kw_only=True):
    """A slice; `next_key` "" = there are no older ones. `instruments`: all that the module ever held."""

    rows: tuple[TradeRow, ...]
    next_key: str
    instruments: tuple[str, ...]


class PositionRow(Struct, frozen=True, kw_only=True):
    """A position from flat to flat; `closed_ts_ns` None = open. `net_usd` = realised - fees - gas + funding."""

    key: str
    ts_ns: int
    opened_ts_ns: int
    closed_ts_ns: int | None
    instrument: str
    venue: str
    is_long: bool
    qty: Decimal
    average_cost: Decimal | None
    mark_price: Decimal | None
    unrealised_usd: Decimal | None
    realised_usd: Decimal
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal
    net_usd: Decimal
    turnover_usd: Decimal
    fills: int
    simulated: bool


class PositionPage(Struct, frozen=True, kw_only=True):
    """A slice of positions by their latest change."""

    rows: tuple[PositionRow, ...]
    next_key: str


class Bucket(Struct, frozen=True, kw_only=True):
    """P&L of one UTC day (`label` YYYY-MM-DD), instrument or venue; `count`: closed positions, of a day its fills."""

    label: str
    pnl_usd: Decimal
    count: int


class Realisation(Struct, frozen=True, kw_only=True):
    """What an opportunity was expected to earn and what it did, with the class of the gap."""

    opportunity: str
    ts_ns: int
    expected_usd: Decimal
    realised_usd: Decimal
    reason: str
    simulated: bool


class Performance(Struct, frozen=True, kw_only=True):
    """A period of one module. Costs are positive when paid; slippage is inside prices already.

    P&L, costs and funnel are differences of samples, so they include what is still open. None: no sample in the period.
    Wins and losses are of positions closed in it (fully valued ones), net of fees, gas and funding.
    """

    pnl_usd: Decimal | None
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal
    slippage_usd: Decimal
    turnover_usd: Decimal
    funnel: Mapping[str, int]  #: seen, priced, approved, denied, fills
    why_not: tuple[tuple[str, int], ...]  #: reasons of strategy and gate with counts, commonest first
    wins: int
    losses: int
    gross_gain_usd: Decimal
    gross_loss_usd: Decimal  #: <= 0
    by_day: tuple[Bucket, ...]
    by_instrument: tuple[Bucket, ...]
    by_venue: tuple[Bucket, ...]
    realisations: tuple[Realisation, ...]
    simulated: bool


class StoryStep(Struct, frozen=True, kw_only=True):
    """One event in the life of an order, with its facts as (label, text)."""

    seq: int
    ts_ns: int
    kind: str  #: opportunity, approved, denied, or the kind of report
    facts: tuple[tuple[str, str], ...]


class Story(Struct, frozen=True, kw_only=True):
    """Cause, opportunity, verdict, every report, in the order of the log; then what it earned."""

    order_id: str
    run_id: str
    cause_seq: int
    instrument: str
    side: str
    status: str
    steps: tuple[StoryStep, ...]
    pnl_usd: Decimal | None
    simulated: bool


class Exposure(Struct, frozen=True, kw_only=True):
    """Open positions at one venue at their latest marks; `unpriced` of them have none and are left out."""

    venue: str
    exposure_usd: Decimal
    positions: int
    unpriced: int


class ProjectedThrough(Struct, frozen=True, kw_only=True):
    """How far the tables follow the log."""

    run_id: str
    seq: int
    ts_ns: int


async def projected_through(database: Database) -> ProjectedThrough | None:
    """The last projected event; None before the first."""
    async with database.acquire() as connection:
        record = await connection.fetchrow(sql.PROJECTED_THROUGH)
    return None if record is None else ProjectedThrough(**dict(record))


async def equity(database: Database, name: str | None, since_ns: int, points_max: int) -> Equity:
    """Samples of a module, or of the whole kernel (None), since a moment; at most `points_max` points."""
    module = name if name is not None else WHOLE
    points_max = max(2, min(points_max, POINTS_MAX))
    async with database.acquire() as connection:
        span = await connection.fetchrow(sql.EQUITY_SPAN, module, since_ns)
        if span is None or span["lowest"] is None:
            return Equity(points=(), marks=(), simulated=True, span_ns=0)
        width = 0
        if span["samples"] > points_max:
            width = -(-(span["highest"] - span["lowest"] + 1) // points_max)
        records = await connection.fetch(sql.EQUITY, module, since_ns, span["lowest"], max(1, width))
        marks = await connection.fetch(sql.MARKS, since_ns, span["highest"], module)
    return Equity(
        points=tuple(EquityPoint(**dict(record)) for record in records),
        marks=tuple(Mark(**dict(record)) for record in reversed(marks)),
        simulated=span["simulated"],
        span_ns=width,
    )


async def trades(database: Database, query: TradeQuery) -> TradePage:
    """A slice of a module's filled orders, newest first. Raises `ValueError` for a key that is none."""
    limit = max(1, min(query.limit, LIMIT_MAX))
    before_ns, before_id = parse_key(query.before_key)
    async with database.acquire() as connection:
        records = await connection.fetch(
            sql.TRADES, query.module, before_ns, before_id, query.instrument or None, query.side or None,
            query.simulated, query.from_ns, query.to_ns, query.outcome or None, limit + 1,
        )  # fmt: skip
        instruments = await connection.fetch(sql.INSTRUMENTS, query.module)
    rows = tuple(TradeRow(key=key_of(record), **_without_id(record)) for record in records[:limit])
    return TradePage(
        rows=rows,
        next_key=rows[-1].key if len(records) > limit else "",
        instruments=tuple(record["instrument"] for record in instruments),
    )


async def positions(
    database: Database, module: str, *, status: str = "", before_key: str = "", limit: int = 50
) -> PositionPage:
    """A slice of a module's positions by latest change, newest first; `status`: open, closed or "" for both."""
    limit = max(1, min(limit, LIMIT_MAX))
    before_ns, before_id = parse_key(before_key)
    async with database.acquire() as connection:
        records = await connection.fetch(sql.POSITIONS, module, before_ns, before_id, status or None, limit + 1)
    rows = tuple(PositionRow(key=key_of(record), **_without_id(record)) for record in records[:limit])
    return PositionPage(rows=rows, next_key=rows[-1].key if len(records) > limit else "")


async def performance(database: Database, name: str, since_ns: int, realisations_max: int = 200) -> Performance:
    """What a module did since a moment, by the tables alone."""
    async with database.acquire() as connection:
        sums = await connection.fetchrow(sql.PERIOD, name, since_ns)
        fills = await connection.fetchrow(sql.PERIOD_FILLS, name, since_ns)
        why_not = await connection.fetch(sql.WHY_NOT, name, since_ns)
        days = await connection.fetch(sql.BY_DAY, name, since_ns, NS_PER_DAY)
        closed = await connection.fetch(sql.CLOSED, name, since_ns)
        realised = await connection.fetch(sql.REALISATIONS, name, since_ns, min(realisations_max, LIMIT_MAX))
    is_known = sums is not None and sums["pnl_usd"] is not None
    return Performance(
        pnl_usd=sums["pnl_usd"] if sums is not None and is_known else None,
        fees_usd=_amount(sums, "fees_usd"),
        gas_usd=_amount(sums, "gas_usd"),
        funding_usd=_amount(sums, "funding_usd"),
        slippage_usd=_amount(fills, "slippage_usd"),
        turnover_usd=_amount(fills, "turnover_usd"),
        funnel={
            each: (sums[each] or 0) if sums is not None else 0
            for each in ("seen", "priced", "approved", "denied", "fills")
        },
        why_not=tuple((record["reason"], record["count"]) for record in why_not),
        wins=sum(record["wins"] for record in closed),
        losses=sum(record["losses"] for record in closed),
        gross_gain_usd=sum((record["gain_usd"] for record in closed), ZERO),
        gross_loss_usd=sum((record["loss_usd"] for record in closed), ZERO),
        by_day=tuple(Bucket(**dict(record)) for record in days),
        by_instrument=_buckets(closed, "instrument"),
        by_venue=_buckets(closed, "venue"),
        realisations=tuple(Realisation(**dict(record)) for record in realised),
        simulated=sums["simulated"] if sums is not None and is_known else True,
    )


async def story(database: Database, name: str, order_id: str) -> Story | None:
    """The life of an order of a module; None when it is not known."""
    async with database.acquire() as connection:
        order = await connection.fetchrow(sql.ORDER, name, order_id)
        if order is None:
            return None
        seen = None
        if order["opportunity"] is not None:
            row_id = opportunity_uuid(order["run_id"], name, order["opportunity"])
            seen = await connection.fetchrow(sql.OPPORTUNITY, row_id)
        fills = await connection.fetch(sql.FILLS, order_id)
    told = order["metadata"]
    steps = []
    if seen is not None:
        steps.append(StoryStep(seq=seen["seq"], ts_ns=seen["ts_ns"], kind="opportunity", facts=_seen_facts(seen)))
    verdict = "denied" if order["status"] == "denied" else "approved"
    first_seq = order["seq"] if verdict == "denied" else told.get("approved_seq", order["cause_seq"])
    steps.append(StoryStep(seq=first_seq, ts_ns=order["ts_ns"], kind=verdict, facts=_order_facts(order)))
    by_seq = {(record["run_id"], record["seq"]): record for record in fills}
    for report in told.get("reports", ()):
        fill = by_seq.get((report["run"], report["seq"]))
        facts = _fill_facts(fill) if fill is not None else _told(("", report["text"]))
        steps.append(StoryStep(seq=report["seq"], ts_ns=report["ts_ns"], kind=report["kind"], facts=facts))
    realised = [record["realised_pnl_usd"] for record in fills if record["realised_pnl_usd"] is not None]
    return Story(
        order_id=order_id,
        run_id=order["run_id"],
        cause_seq=order["cause_seq"],
        instrument=order["instrument"],
        side=order["side"] or "",
        status=order["status"],
        steps=tuple(steps),
        pnl_usd=sum(realised, ZERO) - order["fee_usd"] - order["gas_usd"] if realised else None,
        simulated=order["simulated"],
    )


async def exposures(database: Database, module: str | None = None) -> tuple[Exposure, ...]:
    """Open positions by venue, of one module or of all."""
    async with database.acquire() as connection:
        records = await connection.fetch(sql.EXPOSURES, module)
    return tuple(Exposure(**dict(record)) for record in records)


def _without_id(record: Any) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}


def _amount(record: Any, name: str) -> Decimal:
    value: Decimal | None = record[name] if record is not None else None
    return ZERO if value is None else value


def _buckets(closed: list[Any], label: str) -> tuple[Bucket, ...]:
    sums: dict[str, tuple[Decimal, int]] = {}
    for record in closed:
        pnl_usd, count = sums.get(record[label], (ZERO, 0))
        sums[record[label]] = (pnl_usd + record["gain_usd"] + record["loss_usd"], count + record["closed"])
    return tuple(
        Bucket(label=name, pnl_usd=pnl_usd, count=count)
        for name, (pnl_usd, count) in sorted(sums.items(), key=lambda each: (-each[1][0], each[0]))
    )


def _told(*pairs: tuple[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((label, str(value)) for label, value in pairs if value is not None and value != "")


def _seen_facts(seen: Any) -> tuple[tuple[str, str], ...]:
    costs = [(each["name"], each["usd"]) for each in seen["costs"]]
    return _told(
        ("size_usd", seen["size_usd"]),
        ("gross_usd", seen["gross_usd"]),
        *costs,
        ("expected_net_usd", seen["expected_net_usd"]),
        ("why_not", seen["why_not"]),
        ("realised_usd", seen["realised_pnl_usd"]),
        ("gap", seen["gap_reason"]),
    )


def _order_facts(order: Any) -> tuple[tuple[str, str], ...]:
    told = order["metadata"]
    return _told(
        ("reason", order["reason"] if order["status"] == "denied" else None),
        ("limit", told.get("limit")),
        ("asked", told.get("asked")),
        ("side", order["side"]),
        ("qty", order["qty"]),
        ("limit_price", order["limit_price"]),
        ("amount_in_raw", order["amount_in_raw"]),
        ("amount_out_min_raw", order["amount_out_min_raw"]),
        ("notional_usd", order["notional_usd"]),
        ("expected_net_usd", order["expected_net_usd"]),
        ("group", order["hedge_group"]),
    )


def _fill_facts(fill: Any) -> tuple[tuple[str, str], ...]:
    return _told(
        ("side", fill["side"]),
        ("qty", fill["qty"]),
        ("price", fill["price"]),
        ("notional_usd", fill["notional_usd"]),
        ("fee_usd", fill["fee_usd"]),
        ("gas_usd", fill["gas_usd"]),
        ("slippage_usd", fill["slippage_usd"]),
        ("realised_usd", fill["realised_pnl_usd"]),
    )
