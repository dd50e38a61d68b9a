"""The system pages' sources over a running kernel: what they say is what the folds and the log hold."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.events import OrderDenied
from bus.units import ZERO
from kernel.compose.dashboard import Dashboard
from kernel.compose.live import KernelProcess
from kernel.compose.system_pages import system_parts
from kernel.profile import load_profile
from webui.balances_part import BalancesPart
from webui.events_part import EventsPart
from webui.events_source import EventQuery
from webui.execution_part import ExecutionPart
from webui.execution_source import OrderQuery
from webui.funding_part import FundingPart
from webui.opportunities_part import OpportunitiesPart
from webui.opportunities_source import CandidateQuery
from webui.part import Part
from webui.risk_part import RiskPart

pytestmark = pytest.mark.slow
SPEED = 5_000.0
WAIT_S = 20.0


class Running:
    """A kernel with its pages."""

    def __init__(self, process: KernelProcess, parts: tuple[Part, ...]) -> None:
        self.process = process
        self._parts = {type(each): each for each in parts}

    def source(self, part: type[Part], name: str) -> Any:
        return getattr(self._parts[part], name)

    async def until(self, is_there: Any) -> None:
        """Wait for the log to hold more; the test fails when it never does."""
        seen = asyncio.Event()
        self.process.core.bus.tap(lambda *_: seen.set() if is_there() else None)
        await asyncio.wait_for(seen.wait(), WAIT_S)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    profile = load_profile("demo", {})
    profile = msgspec.structs.replace(profile, feed=msgspec.structs.replace(profile.feed, speed=SPEED))
    process = KernelProcess(profile, tmp_path, is_with_db=False)
    await process.start()
    Dashboard(process, None)
    yield Running(process, system_parts(process, None))
    await process.stop()
    process.release()


async def test_every_page_follows_the_demo(running: Running) -> None:
    core = running.process.core
    await running.until(lambda: core.ledger.books(None).fills >= 4 and core.bus.seq > 3_000)
    risk = running.source(RiskPart, "_risk").look()
    assert [scope.name for scope in risk.scopes] == ["", *core.runner.slots]
    budget = next(bar for bar in risk.scopes[0].bars if bar.name == "budget")
    assert budget.limit == 60_000 and budget.used is not None and budget.used > 0

    orders = (await running.source(ExecutionPart, "_execution").orders(OrderQuery())).rows
    assert {row.status for row in orders} & {"filled", "landed"}
    assert all(row.strategy in core.runner.slots for row in orders)

    seen = (await running.source(OpportunitiesPart, "_opportunities").candidates(CandidateQuery())).rows
    assert seen and seen[0].costs and seen == tuple(sorted(seen, key=lambda row: -row.seq))

    balances = running.source(BalancesPart, "_balances").look()
    assert {(row.venue, row.asset) for row in balances.rows} == set(core.ledger.balances)
    assert all(row.total == core.ledger.balances[row.venue, row.asset] for row in balances.rows)

    funding = await running.source(FundingPart, "_funding").table()
    assert funding.rows and all(len(row.hours) == 168 for row in funding.rows)


async def test_the_events_page_reads_the_log_and_the_tail_stops_listening(running: Running) -> None:
    events, bus = running.source(EventsPart, "_events"), running.process.core.bus
    assert events.tail("") == ()
    await running.until(lambda: bus.seq > 2_000)
    tail = events.tail("")
    assert [row.seq for row in tail] == list(range(tail[0].seq, tail[0].seq - len(tail), -1))
    assert {row.kind for row in events.tail("funding")} <= {"funding"}
    running.process.log.flush()
    page = await events.page(EventQuery(before_seq=1_501))
    assert [row.seq for row in page.rows] == list(range(1_500, 1_400, -1))
    one = await events.event(1_500)
    assert one is not None and msgspec.json.decode(one.json)["kind"] == page.rows[0].kind
    fills = await events.page(EventQuery(kind="balance"))
    assert fills.rows and {row.kind for row in fills.rows} == {"balance"}
    events._stop_listening()  # what the timer does when nobody has looked for a while
    seq = bus.seq
    await running.until(lambda: bus.seq > seq + 100)
    assert events._rings == {}


async def test_a_reset_and_denials_are_counted_with_their_limit_and_reason(running: Running) -> None:
    core, risk = running.process.core, running.source(RiskPart, "_risk")
    risk.reset_breakers("cex_dex_arb", "looked at it", "ann")
    core.bus.publish(
        OrderDenied(
            ts_ns=running.process.clock.now_ns(),
            strategy="cex_dex_arb",
            cause_seq=1,
            index=0,
            reason="daily_loss",
            scope="global",
            limit="500",
            asked="512",
            opportunity="",
            notional_usd=ZERO,
        )
    )
    seq = core.bus.seq
    await running.until(lambda: core.bus.seq > seq + 50)
    look = risk.look()
    assert [(row.strategy, row.by, row.reason) for row in look.resets] == [("cex_dex_arb", "ann", "looked at it")]
    told = next(row for row in look.denials if row.reason == "daily_loss")
    assert (told.limit, told.asked, told.unit, told.last_day) == ("500", "512", "USD", 1)


async def test_a_broken_view_does_not_harm_trading(running: Running) -> None:
    events, core = running.source(EventsPart, "_events"), running.process.core
    events.tail("")
    events._rings.clear()  # every event now fails in the view
    seq = core.bus.seq
    await running.until(lambda: core.bus.seq > seq + 200)
    assert not running.process.is_failed
    assert all(slot.state == "running" for slot in core.runner.slots.values())
