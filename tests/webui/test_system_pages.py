"""The system pages over real sockets: they render, stay inert, refuse what they should, and record who asked why."""

from collections.abc import AsyncIterator

import pytest

from tests.webui.client import Client
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.fake_system import FakeSystem
from tests.webui.serve import TOKEN
from webui.events_source import EventQuery
from webui.execution_source import OrderQuery
from webui.roles import Role
from webui.server import WebServer

PATHS = (
    "/risk",
    "/execution",
    "/opportunities",
    "/cex_dex_arb/opportunities",
    "/balances",
    "/funding",
    "/events",
    "/events?paused=1",
)


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem()


@pytest.fixture
async def client(system: FakeSystem) -> AsyncIterator[Client]:
    web = WebServer(FakeSource(), token=TOKEN, port=0, parts=system.parts())
    await web.start()
    made = Client(web.port)
    await made.login(TOKEN)
    yield made
    await web.stop()


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_renders_and_hostile_text_stays_text(client: Client, path: str) -> None:
    answer = await client.send("GET", path)
    assert answer.status == 200, answer.body
    assert HOSTILE not in answer.body
    for href in ("/risk", "/execution", "/opportunities", "/balances", "/funding", "/events"):
        assert f'class="navlink system" href="{href}"' in answer.body


@pytest.mark.parametrize("path", ["/execution", "/opportunities", "/funding", "/events?paused=1"])
async def test_a_database_that_is_away_is_said_and_the_rest_of_the_page_stays(
    client: Client, system: FakeSystem, path: str
) -> None:
    system.is_store_down = True
    answer = await client.send("GET", path)
    assert answer.status == 200
    assert "Not available now" in answer.body and "next attempt in 0.4 s" in answer.body


async def test_risk_marks_a_limit_from_80_percent_on_and_names_the_first(client: Client) -> None:
    body = (await client.send("GET", "/risk")).body
    assert "consecutive failures binds now, 100 % used" in body  # cex_dex_arb
    assert "open until it is reset" in body
    assert "/cex_dex_arb/settings#max_orders_per_minute" in body
    assert "/settings/risk#max_daily_loss_usd" in body
    assert 'data-state="warn"' in body and 'data-state="full"' in body


@pytest.mark.parametrize(
    ("path", "form", "recorded"),
    [
        ("/risk/reset", {"strategy": "cex_dex_arb"}, ("cex_dex_arb", "reset_breakers")),
        ("/risk/reset", {"strategy": ""}, ("", "reset_breakers")),
        ("/cex_dex_arb/halt", {}, ("cex_dex_arb", "halt")),
        ("/cex_dex_arb/flatten", {}, ("cex_dex_arb", "flatten")),
    ],
)
async def test_a_command_is_recorded_with_who_and_why(
    client: Client, system: FakeSystem, path: str, form: dict[str, str], recorded: tuple[str, str]
) -> None:
    asked = {"csrf": client.csrf, "reason": "  looked  at it "} | form
    assert (await client.send("POST", path, form=asked)).status == 303
    assert [(each[0], each[1], each[3]) for each in system.commands] == [(*recorded, "looked at it")]
    assert system.commands[0][2]


@pytest.mark.parametrize("path", ["/risk/reset", "/cex_dex_arb/halt", "/cex_dex_arb/flatten"])
async def test_a_command_without_reason_token_or_role_does_nothing(
    client: Client, system: FakeSystem, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"csrf": client.csrf, "reason": "looked at it", "strategy": "cex_dex_arb"}
    assert (await client.send("POST", path, form=form | {"reason": "x"})).status == 400
    assert (await client.send("POST", path, form=form | {"csrf": "no"})).status == 403
    monkeypatch.setattr("webui.roles.role_of", lambda request: Role.VIEWER)
    assert (await client.send("POST", path, form=form)).status == 403
    assert system.commands == []


async def test_a_command_to_nobody_is_refused(client: Client, system: FakeSystem) -> None:
    form = {"csrf": client.csrf, "reason": "looked at it", "strategy": "nobody"}
    for path in ("/risk/reset", "/nobody/halt", "/nobody/flatten"):
        assert (await client.send("POST", path, form=form)).status == 404
    assert system.commands == []


async def test_orders_are_asked_for_with_the_filters_and_older_ones_by_key(client: Client, system: FakeSystem) -> None:
    path = "/execution?strategy=cex_dex_arb&venue=binance&status=unknown&before=50"
    assert (await client.send("GET", path)).status == 200
    assert system.queries == [
        OrderQuery(strategy="cex_dex_arb", venue="binance", status="unknown", before_key="50", limit=50)
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/execution?status=sideways",
        "/execution?strategy=nobody",
        "/opportunities?min_net=lots",
        "/opportunities?min_net=1e999",
        "/opportunities?before=bad",
        "/events?kind=nothing",
        "/events?seq=-1",
        "/events?seq=99999999999999999999999",
        "/events?before=abc",
    ],
)
async def test_a_filter_that_is_no_choice_is_refused(client: Client, path: str) -> None:
    assert (await client.send("GET", path)).status == 400


async def test_lists_go_out_as_csv_with_formulas_made_inert(client: Client) -> None:
    orders = await client.send("GET", "/execution/orders.csv")
    assert orders.status == 200 and orders.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK(1)" in orders.body and len(orders.body.splitlines()) > 150
    seen = await client.send("GET", "/opportunities.csv?strategy=cex_dex_arb")
    assert "fees 1.50; gas 0.22; slippage 0.91" in seen.body


async def test_a_jump_shows_the_event_first_and_what_is_older(client: Client, system: FakeSystem) -> None:
    body = (await client.send("GET", "/events?seq=1204440")).body
    assert system.queries == [EventQuery(before_seq=1_204_441)]
    assert 'class="jumped"><td><a class="num" href="/events/1204440"' in body
    assert "before=1204341" in body


async def test_one_event_is_given_whole_or_not_at_all(client: Client) -> None:
    found = await client.send("GET", "/events/50")
    assert found.status == 200 and found.headers["content-type"] == "application/json"
    assert (await client.send("GET", "/events/1300001")).status == 404


async def test_live_topics_can_be_streamed_and_unknown_kinds_cannot(client: Client) -> None:
    for topic in ("risk", "execution", "opportunities", "balances", "funding", "events:fill"):
        reader, writer = await client.open("GET", f"/stream?topics={topic}")
        seen = b""
        while f'"topic":"{topic}"'.encode() not in seen:
            seen += await reader.readuntil(b"\n\n")
        writer.close()
    assert (await client.send("GET", "/stream?topics=events:nothing")).status == 400


async def test_positions_offer_to_close_all_of_them(client: Client) -> None:
    body = (await client.send("GET", "/cex_dex_arb/positions")).body
    assert 'action="/cex_dex_arb/flatten"' in body and "Close all positions" in body
