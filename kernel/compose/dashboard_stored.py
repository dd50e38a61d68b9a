"""History for the pages from Postgres: `persistence.history` in the shapes of `webui.history`."""

from decimal import Decimal

from bus.units import exact
from kernel.finance.statistics import DEFINITIONS, Statistics, summarise
from persistence import history as stored
from persistence.postgres import Database
from webui import history
from webui.snapshot import CostItem
from webui.typeset import decimal, usd, words

NOTE = "from the database"
OF_POSITIONS = frozenset({"win_rate", "profit_factor", "turnover"})  #: sums of the tables, not of the curve
WINS = {key: (title, definition) for key, title, definition in DEFINITIONS}


def statistics_of(found: Statistics) -> dict[str, history.Statistic]:
    """Figures of merit, typeset, by key."""
    return {
        key: history.Statistic(title=title, text=_figure(key, getattr(found, key)), definition=definition)
        for key, title, definition in DEFINITIONS
    }


def _figure(key: str, value: float | Decimal | int | None) -> str:
    if value is None:
        return ""
    number = value if isinstance(value, Decimal) else exact(float(value))
    if key == "max_drawdown_usd":
        return usd(number)
    if key in ("total_return", "max_drawdown", "win_rate", "exposure"):
        return f"{decimal(number * 100, 2)} %"
    return decimal(number, 2)


async def equity(
    database: Database, name: str | None, since_ns: int, points_max: int, base_usd: Decimal
) -> history.EquitySeries:
    """Samples on top of `base_usd`."""
    found = await stored.equity(database, name, since_ns, points_max)
    return history.EquitySeries(
        points=tuple((each.ts_ns, base_usd + each.pnl_usd) for each in found.points),
        marks=tuple(history.EquityMark(ts_ns=each.ts_ns, kind=each.kind, text=each.text) for each in found.marks),
        simulated=found.simulated,
        note=NOTE,
    )


async def trades(database: Database, query: history.TradeQuery) -> history.TradeList:
    """Filled orders, newest first."""
    page = await stored.trades(
        database,
        stored.TradeQuery(
            module=query.strategy,
            before_key=query.before_key,
            limit=query.limit,
            instrument=query.instrument,
            side=query.side,
            outcome=query.outcome,
        ),
    )
    rows = tuple(
        history.TradeRow(
            key=each.key,
            ts_ns=each.ts_ns,
            order_id=each.order_id,
            instrument=each.instrument,
            venue=each.venue,
            side=each.side,
            qty=each.qty,
            price=each.price,
            notional_usd=each.notional_usd,
            status=each.status,
            fees_usd=each.fees_usd,
            gas_usd=each.gas_usd,
            slippage_usd=each.slippage_usd,
            expected_net_usd=each.expected_net_usd,
            pnl_usd=each.pnl_usd,
            simulated=each.simulated,
        )
        for each in page.rows
    )
    return history.TradeList(rows=rows, next_key=page.next_key, instruments=page.instruments, note=NOTE)


async def performance(database: Database, name: str, since_ns: int, capital_usd: Decimal) -> history.Performance:
    """Sums of the tables and figures of the stored curve, all of the same period."""
    found = await stored.performance(database, name, since_ns)
    points = (await stored.equity(database, name, since_ns, stored.POINTS_MAX)).points
    curve = {each.ts_ns: each.pnl_usd for each in points}
    figures = statistics_of(summarise(sorted(curve.items()), capital_usd=capital_usd))
    held = sum(1 for each in points if each.exposure_usd > 0)
    share = f"{decimal(Decimal(100 * held) / len(points), 1)} %" if points else ""
    figures["exposure"] = history.Statistic(
        title="Time in market", text=share, definition="Share of the period's samples with a position open."
    )
    statistics = tuple(each for key, each in figures.items() if key not in OF_POSITIONS)
    return history.Performance(
        pnl_usd=found.pnl_usd,
        statistics=(*statistics, *_of_positions(found)),
        costs=(
            CostItem("fees", found.fees_usd),
            CostItem("gas", found.gas_usd),
            CostItem("slippage (inside prices)", found.slippage_usd),
            CostItem("funding paid", -found.funding_usd),
        ),
        by_day=_buckets(found.by_day),
        by_instrument=_buckets(found.by_instrument),
        by_venue=_buckets(found.by_venue),
        realisations=tuple(
            history.Realisation(each.opportunity, each.expected_usd, each.realised_usd, each.reason)
            for each in found.realisations
        ),
        simulated=found.simulated,
        note=f"{NOTE}; closed positions count one leg each",
    )


def _of_positions(found: stored.Performance) -> tuple[history.Statistic, ...]:
    closed = found.wins + found.losses
    rate = f"{decimal(Decimal(100 * found.wins) / closed, 1)} %" if closed else ""
    factor = decimal(found.gross_gain_usd / -found.gross_loss_usd, 2) if found.gross_loss_usd else ""
    return (
        history.Statistic(title=WINS["win_rate"][0], text=rate, definition=WINS["win_rate"][1]),
        history.Statistic(title=WINS["profit_factor"][0], text=factor, definition=WINS["profit_factor"][1]),
        history.Statistic(
            title="Turnover",
            text=usd(found.turnover_usd),
            unit="USD",
            definition="Value of all fills, both directions.",
        ),
    )


def _buckets(found: tuple[stored.Bucket, ...]) -> tuple[history.Bucket, ...]:
    return tuple(history.Bucket(each.label, each.pnl_usd, each.count) for each in found)


async def story(database: Database, name: str, order_id: str) -> history.Story | None:
    """The life of an order."""
    found = await stored.story(database, name, order_id)
    if found is None:
        return None
    steps = [
        history.StoryStep(
            seq=each.seq,
            ts_ns=each.ts_ns,
            title=words(each.kind),
            facts=tuple((words(label), text) for label, text in each.facts),
        )
        for each in found.steps
    ]
    if found.pnl_usd is not None:
        facts = (("net of its fees and gas", f"{usd(found.pnl_usd, is_signed=True)} USD"),)
        last_ns = found.steps[-1].ts_ns if found.steps else 0
        steps.append(history.StoryStep(seq=None, ts_ns=last_ns, title="realised", facts=facts))
    return history.Story(
        order_id=order_id, instrument=found.instrument, side=found.side, steps=tuple(steps), simulated=found.simulated
    )
