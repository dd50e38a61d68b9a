"""Operations pages over a real socket: who may, what is shown, and that nothing of a value comes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import structlog

from tests.webui.client import Answer, Client
from tests.webui.fake_source import HOSTILE
from tests.webui.people import API_TOKEN, PASSWORD
from tests.webui.serve import TOKEN
from tests.webui.serve_ops import OpsServer
from webui.accounts import load_accounts

SYSTEM_PAGES = ("/logs", "/alerts", "/rpc", "/secrets", "/users", "/system", "/cex_dex_arb/logs")


@pytest.fixture
async def ops(tmp_path: Path) -> AsyncIterator[OpsServer]:
    server = OpsServer(tmp_path)
    await server.web.start()
    yield server
    await server.web.stop()


@pytest.fixture
async def owner(ops: OpsServer) -> Client:
    made = Client(ops.web.port)
    await made.login(TOKEN)
    return made


@pytest.fixture
async def fresh(owner: Client) -> Client:
    """The owner, who entered the token again just now."""
    assert (await owner.post("/reauth", {"secret": TOKEN})).status < 400
    return owner


async def _as(ops: OpsServer, name: str) -> Client:
    made = Client(ops.web.port)
    await made.login_user(name, PASSWORD)
    assert made.csrf
    return made


async def _page(client: Client, path: str) -> str:
    answer = await client.send("GET", path)
    assert answer.status == 200, answer.body[:300]
    return answer.body


@pytest.mark.parametrize("path", SYSTEM_PAGES)
async def test_every_page_renders_and_hostile_text_stays_text(owner: Client, path: str) -> None:
    page = await _page(owner, path)
    assert "<h1" in page and HOSTILE not in page


async def test_the_rail_and_the_tabs_lead_to_them(owner: Client) -> None:
    page = await _page(owner, "/cex_dex_arb/dashboard")
    assert all(f'href="{path}"' in page for path in SYSTEM_PAGES)


# logs -----------------------------------------------------------------------------------------------------------------


async def test_logs_show_malformed_lines_as_text_and_page_to_older_ones(owner: Client) -> None:
    page = await _page(owner, "/logs?module=cex_dex_arb")
    assert "malformed" in page and "half a line &lt;img" in page
    assert "run7-249" in page and "run7-100" not in page
    older = page.partition('aria-label="Paging"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = await _page(owner, older)
    assert "run7-249" not in second and "run7-120" in second


async def test_logs_are_filtered_and_the_download_is_what_is_shown(owner: Client) -> None:
    answer = await owner.send("GET", "/logs.jsonl?module=cex_dex_arb&level=error&text=run7-24")
    lines = [msgspec.json.decode(line) for line in answer.body.splitlines()]
    assert {line["order"] for line in lines if "order" in line} == {"run7-243", "run7-247"}
    assert "attachment" in answer.headers["content-disposition"]
    assert (await owner.send("GET", "/logs.jsonl?module=../etc")).status == 400
    assert "log kind: expected" in await _page(owner, "/logs?kind=passwords")


async def test_a_paused_log_listens_to_nothing(owner: Client) -> None:
    assert 'data-topics="logs:kernel"' in await _page(owner, "/logs")
    paused = await _page(owner, "/logs?follow=off")
    assert 'data-topics=""' in paused and 'data-region="loglines"' not in paused


async def test_a_new_line_changes_the_version_that_the_stream_tells(ops: OpsServer, owner: Client) -> None:
    reader, writer = await owner.open("GET", "/stream?topics=logs:kernel")
    seen = b""
    while b"v.loglines" not in seen:
        seen += await asyncio.wait_for(reader.readuntil(b"\n\n"), 5)
    ops.logs.event("kernel", 2, event="more")
    seen = b""
    while b"v.loglines" not in seen:
        seen += await asyncio.wait_for(reader.readuntil(b"\n\n"), 5)
    writer.close()


# alerts ---------------------------------------------------------------------------------------------------------------


async def test_an_operator_acknowledges_with_a_note_and_a_viewer_cannot(ops: OpsServer) -> None:
    operator, viewer = await _as(ops, "otto"), await _as(ops, "vera")
    form = {"id": ops.alerts.rows[3].id, "status": "acknowledged", "note": "looked at it"}
    assert (await viewer.post("/alerts/mark", form)).status == 403
    assert ops.alerts.rows[3].status == "open"
    answer = await operator.post("/alerts/mark", form)
    assert answer.status == 200 and "1 acknowledged" in answer.body
    mark = ops.alerts.rows[3].marks[0]
    assert (mark.by, mark.note) == ("dashboard: otto", "looked at it")
    assert "looked at it" in await _page(operator, "/alerts?status=acknowledged")
    assert "disabled" in (await _page(viewer, "/alerts")).partition("markbar")[2].partition("</div>")[0]


async def test_alerts_page_by_key_and_refuse_what_is_no_key(owner: Client) -> None:
    page = await _page(owner, "/alerts")
    assert "number 59" in page and "number 9" not in page.replace("number 59", "")
    assert "number 9" in await _page(owner, "/alerts?status=all&before=10")
    assert (await owner.send("GET", "/alerts?before=x")).status == 400


async def test_alerts_without_a_database_say_so_and_still_show_the_channels(ops: OpsServer, owner: Client) -> None:
    ops.alerts.is_away = True
    page = await _page(owner, "/alerts")
    assert "Not available now." in page and "telegram:42" in page


async def test_a_test_message_names_its_sender(ops: OpsServer, owner: Client) -> None:
    assert (await owner.post("/alerts/test")).status == 200
    assert ops.alerts.tests == ["dashboard"]


@pytest.mark.parametrize("form", [{"id": "x", "status": "open"}, {"status": "resolved"}, {}])
async def test_a_mark_that_is_none_is_refused(ops: OpsServer, owner: Client, form: dict[str, str]) -> None:
    assert (await owner.post("/alerts/mark", form)).status == 400
    assert ops.alerts.marks == 0


# rpc ------------------------------------------------------------------------------------------------------------------


async def test_only_an_admin_changes_endpoints(ops: OpsServer, owner: Client) -> None:
    operator = await _as(ops, "otto")
    form = {"provider_type": "ETHEREUM_RPC", "label": "my node"}
    for action in ("save", "switch", "delete", "check"):
        assert (await operator.post(f"/rpc/{action}", form)).status == 403
    assert ops.rpc.calls == [] and ops.rpc.saved == []
    assert "answers" in (await owner.post("/rpc/check", form)).body
    await owner.post("/rpc/switch", {**form, "enabled": "false"})
    await owner.post("/rpc/delete", form)
    assert [each[0] for each in ops.rpc.calls] == ["check", "switch", "delete"]
    await owner.post("/rpc/save", {**form, "url": "https://x/{KEY}", "priority": "7", "weight": "0.5", "version": "4"})
    saved, by = ops.rpc.saved[0]
    assert (saved.priority, saved.weight, saved.version, by) == (7, 0.5, 4, "dashboard")


@pytest.mark.parametrize("bad", [{"priority": "much"}, {"priority": "1.5"}, {"weight": "nan"}, {"burst": "1e99"}])
async def test_a_number_that_is_none_names_its_field(ops: OpsServer, owner: Client, bad: dict[str, str]) -> None:
    answer = await owner.post("/rpc/save", {"provider_type": "ETHEREUM_RPC", "label": "a", "url": "https://x", **bad})
    assert answer.status == 400 and next(iter(bad)) in answer.body
    assert ops.rpc.saved == []


async def test_a_refused_url_does_not_come_back(owner: Client) -> None:
    form = {"provider_type": "ETHEREUM_RPC", "label": "a", "url": "https://x/v2/secretkey0123456789"}
    answer = await owner.post("/rpc/save", form)
    assert answer.status == 400 and "secretkey0123456789" not in answer.body


async def test_usage_keeps_hours_without_calls_as_gaps(owner: Client) -> None:
    table = msgspec.json.decode((await owner.send("GET", "/rpc/usage?period=24h")).body)
    assert len(table["ts"]) == 24 and table["calls"][9] is None and table["calls"][8] is not None
    assert (await owner.send("GET", "/rpc/usage?period=1y")).status == 400
    assert (await owner.send("GET", "/rpc/usage.csv")).body.startswith("hour_utc,calls")


# secrets --------------------------------------------------------------------------------------------------------------

VALUE = "planted-value-7f3a9c2e51d84b60"


async def test_a_value_goes_in_and_comes_out_nowhere(ops: OpsServer, fresh: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        answers = [
            await fresh.post("/secrets/set", {"name": "RPC_KEY_MY_NODE", "value": VALUE, "version": "0"}),
            await fresh.post("/secrets/set", {"name": VALUE + " ", "value": VALUE}),
            await fresh.post("/secrets/set", {"name": f"bad {VALUE}", "value": VALUE}),
            await fresh.post("/secrets/set", {"name": "JITO_AUTH_UUID", "value": VALUE}),
            await fresh.post("/secrets/set", {"name": "RPC_KEY_B", "value": VALUE * 800}),
            await fresh.post("/secrets/set", {"name": "RPC_KEY_B", "value": VALUE, "version": VALUE}),
            await fresh.post("/secrets/rotate"),
        ]
        answers += [await fresh.send("GET", path) for path in SYSTEM_PAGES]
    assert ops.secrets.kept["RPC_KEY_MY_NODE"][0].reveal() == VALUE
    assert "RPC_KEY_MY_NODE" in next(each.body for each in answers if "<h1>Secrets" in each.body)
    refused = [each for each in answers if each.status >= 400]
    assert len(refused) >= 4
    assert [each.body[:200] for each in answers if VALUE in _whole(each)] == []
    assert VALUE not in repr(logs)


def _whole(answer: Answer) -> str:
    return repr(answer.headers) + answer.body


async def test_secrets_are_for_admins_who_proved_it_just_now(ops: OpsServer, owner: Client) -> None:
    operator = await _as(ops, "otto")
    assert (await operator.send("GET", "/secrets")).status == 403
    form = {"name": "RPC_KEY_A", "value": VALUE}
    for path in ("/secrets/set", "/secrets/delete", "/secrets/rotate", "/users/add", "/users/change", "/users/token"):
        stale = await owner.post(path, form)
        assert (stale.status, stale.headers["x-refusal"]) == (403, "reauth_required")
        assert (await operator.post(path, form)).status == 403
    assert ops.secrets.kept == {} and ops.secrets.rotations == 0


async def test_a_secret_is_deleted_once(ops: OpsServer, fresh: Client) -> None:
    await fresh.post("/secrets/set", {"name": "RPC_KEY_A", "value": VALUE})
    assert (await fresh.post("/secrets/delete", {"name": "RPC_KEY_A", "version": "1"})).status == 200
    assert (await fresh.post("/secrets/delete", {"name": "RPC_KEY_A", "version": "1"})).status == 400


# users ----------------------------------------------------------------------------------------------------------------


async def test_users_are_added_changed_and_removed(ops: OpsServer, fresh: Client, tmp_path: Path) -> None:
    path = tmp_path / "dashboard.users.json"
    new = {"name": "nina", "role": "viewer", "password": "a long pass phrase", "again": "a long pass phrase"}
    assert (await fresh.post("/users/add", {**new, "again": "another one here"})).status == 400
    assert (await fresh.post("/users/add", new)).status == 200
    assert (await fresh.post("/users/add", new)).status == 400
    for action, more in (("role", {"role": "operator"}), ("disable", {}), ("enable", {}), ("disable", {})):
        assert (await fresh.post("/users/change", {"name": "nina", "action": action, **more})).status == 200
    nina = next(each for each in load_accounts(path).users if each.name == "nina")
    assert (nina.role, nina.disabled) == ("operator", True)
    page = await _page(fresh, "/users")
    assert "nina" in page and "argon2" not in page
    assert (await fresh.post("/users/change", {"name": "nina", "action": "remove"})).status == 200
    assert (await fresh.post("/users/change", {"name": "nina", "action": "remove"})).status == 400
    assert (await fresh.post("/users/change", {"name": "vera", "action": "promote"})).status == 400
    assert "nina" not in {each.name for each in load_accounts(path).users}


async def test_a_changed_user_is_out_at_once(ops: OpsServer, fresh: Client) -> None:
    operator = await _as(ops, "otto")
    assert (await operator.send("GET", "/users")).status == 200
    await fresh.post("/users/change", {"name": "otto", "action": "disable"})
    assert (await operator.send("GET", "/users")).status in (302, 303, 401)


async def test_an_api_token_is_shown_once_works_and_is_revoked(fresh: Client, ops: OpsServer) -> None:
    made = await fresh.post("/users/token", {"name": "grafana", "role": "viewer"})
    token = msgspec.json.decode(made.body)["token"]
    assert token.startswith("kt_") and made.headers["cache-control"] == "no-store"
    assert token not in await _page(fresh, "/users")
    assert (await fresh.post("/users/token/revoke", {"name": "grafana"})).status == 200
    assert (await fresh.post("/users/token/revoke", {"name": "grafana"})).status == 400


async def test_a_viewer_sees_own_sessions_and_nobody_else(ops: OpsServer) -> None:
    page = await _page(await _as(ops, "vera"), "/users")
    assert "Your sessions" in page and "anna" not in page and "prometheus" not in page


async def test_an_api_token_of_a_viewer_opens_none_of_the_pages(ops: OpsServer) -> None:
    guest = Client(ops.web.port)
    for path in SYSTEM_PAGES:
        answer = await guest.send("GET", path, {"Authorization": f"Bearer {API_TOKEN}", "Accept": "application/json"})
        assert answer.status in (401, 403), path


# system ---------------------------------------------------------------------------------------------------------------


async def test_the_system_page_is_honest_about_what_is_not_there(owner: Client) -> None:
    page = await _page(owner, "/system")
    for text in ("not in this version", "edited", "812 MB", "DATABASE_URL", "embedded Postgres", "16.4"):
        assert text in page
