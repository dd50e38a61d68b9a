"""The API as a program meets it: who may, what is refused and how it is said, numbers as text, pages of lists."""

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.errors import StoreError
from tests.webui.api_server import OWNER_TOKEN, TOKENS, ApiServer
from tests.webui.fake_replays import DONE, RUNNING, SWEEP
from tests.webui.fake_source import HOSTILE, FakeSource
from webui.api import table
from webui.api_operation import Operation
from webui.api_sources import ApiSources
from webui.periods import PERIODS
from webui.roles import Role

V1 = "/api/v1"
ROWS = table(FakeSource(), ApiSources(), dict)
PATH = {"name": "cex_dex_arb", "module": "risk", "order_id": "run7-cex_dex_arb-7-0", "replay_id": DONE, "seq": "912"}
REASON = "tried in a test"


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def value(self) -> Any:
        return msgspec.json.decode(self.raw)

    @property
    def code(self) -> str:
        code: str = self.value["error"]["code"]
        assert self.headers["x-refusal"] == code
        return code


class Script:
    """A program with an API token, or with whatever headers it is given."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "admin",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        sent = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        data = raw if raw is not None else msgspec.json.encode(body) if body is not None else None
        connection.request(method, V1 + path, data, sent | (headers or {}))
        found: HTTPResponse = connection.getresponse()
        answer = Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        connection.close()
        return answer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(tmp_path) as made:
        yield made


@pytest.fixture
def script(server: ApiServer) -> Script:
    return Script(server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    """For tests that change nothing: a server takes a third of a second."""
    with ApiServer(tmp_path_factory.mktemp("api")) as made:
        yield Script(made)


def path_of(row: Operation) -> str:
    values = PATH | {"module": "kernel" if row.group == "Logs" else "risk"}
    return row.path.format(**{name: values[name] for name in row.path_names})


# who may ------------------------------------------------------------------------------------------------------------


def test_nobody_without_a_token_learns_anything(shared: Script) -> None:
    for row in ROWS:
        answer = shared.ask(row.method, path_of(row), role="")
        assert (answer.status, answer.code) == (401, "login_required"), row.name


def test_a_viewer_reads_everything_that_is_not_for_others_and_changes_nothing(shared: Script) -> None:
    for row in ROWS:
        answer = shared.ask(row.method, path_of(row), role="viewer")
        if row.role is Role.VIEWER:
            assert answer.status == 200, row.name
        else:
            assert (answer.status, answer.code) == (403, "role"), row.name
    assert not shared.server.source.commands and not shared.server.source.kill_switch.is_on


def test_whatever_changes_something_needs_an_operator() -> None:
    assert [row.name for row in ROWS if row.method != "GET" and row.role < Role.OPERATOR] == []


def test_a_browsers_session_needs_its_csrf_token_and_learns_it_here(script: Script) -> None:
    login = HTTPConnection("127.0.0.1", script.server.port, timeout=10)
    login.request("GET", f"/login?token={OWNER_TOKEN}")
    cookie = {"Cookie": login.getresponse().getheader("set-cookie", "").partition(";")[0]}
    login.close()
    session = script.ask("GET", "/session", role="", headers=cookie).value
    assert (session["user"], session["role"], session["is_token"]) == ("owner", "admin", False)
    without = script.ask("POST", "/kill", {"reason": REASON}, role="", headers=cookie)
    assert (without.status, without.code) == (403, "csrf")
    with_it = script.ask(
        "POST", "/kill", {"reason": REASON}, role="", headers=cookie | {"X-CSRF-Token": session["csrf"]}
    )
    assert with_it.value["is_on"] is True


def test_a_token_sees_itself_and_gets_no_csrf_token(shared: Script) -> None:
    assert shared.ask("GET", "/session", role="viewer").value == {
        "user": "api:viewer", "role": "viewer", "is_token": True, "is_fresh": False, "csrf": None,
    }  # fmt: skip


# what is refused ----------------------------------------------------------------------------------------------------


def test_another_method_is_refused_with_those_that_work(shared: Script) -> None:
    answer = shared.ask("PUT", "/kill", {"reason": REASON})
    assert (answer.status, answer.code) == (405, "method")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
    assert shared.ask("POST", "/overview").status == 405


def test_head_answers_like_get_without_a_body(shared: Script) -> None:
    answer = shared.ask("HEAD", "/overview")
    assert (answer.status, answer.raw, answer.headers["content-type"]) == (200, b"", "application/json")


@pytest.mark.parametrize("path", ["/nothing", "/overview/", "", "/strategies/x/trades/y/z", "/../login"])
def test_what_is_not_there_is_a_404_in_json(shared: Script, path: str) -> None:
    answer = shared.ask("GET", path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=6", "limit"),
        ("limti=5", "limti"),
        ("side=up", "side"),
        ("instrument=a%00b", "instrument"),
        (f"before={'1' * 121}", "before"),
        ("before=x", "before"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(shared: Script, query: str, field: str) -> None:
    answer = shared.ask("GET", f"/strategies/cex_dex_arb/trades?{query}")
    assert (answer.status, answer.code, answer.value["error"]["field"]) == (400, "bad_parameter", field)


@pytest.mark.parametrize("query", ["reason=%ff%fe%fd", "reason", "a=b;c", "&".join(f"p{i}=1" for i in range(51))])
def test_a_query_that_cannot_be_read_is_refused(shared: Script, query: str) -> None:
    assert shared.ask("DELETE", f"/kill?{query}").status == 400


@pytest.mark.parametrize(
    ("raw", "status", "code", "field"),
    [
        (b"", 400, "bad_json", None),
        (b"{", 400, "bad_json", None),
        (b'{"reason": "\xff\xff\xff\xff"}', 400, "bad_json", None),
        (b'{"reason": "\\ud800abc"}', 400, "bad_json", None),
        (b"[]", 422, "invalid", None),
        (b"{}", 422, "invalid", "reason"),
        (b'{"reason": 7}', 422, "invalid", "reason"),
        (b'{"reason": "ab"}', 422, "invalid", "reason"),
        (b'{"reason": "      "}', 422, "invalid", "reason"),
        (b'{"reason": "abc\\u0000"}', 422, "invalid", "reason"),
        ('{"reason": "\u2003\u2003\u2003"}'.encode(), 422, "invalid", "reason"),
        (b'{"reason": "' + b"a" * 201 + b'"}', 422, "invalid", "reason"),
        (b'{"reason": "good", "by": "me"}', 422, "invalid", "by"),
        (b'{"reason": "' + b"a" * 70_000 + b'"}', 413, "too_large", None),
    ],
)
def test_a_body_that_cannot_be_is_refused(shared: Script, raw: bytes, status: int, code: str, field: str) -> None:
    answer = shared.ask("POST", "/kill", raw=raw)
    assert (answer.status, answer.code, answer.value["error"]["field"]) == (status, code, field)
    assert not shared.server.source.kill_switch.is_on


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""],
)
def test_a_body_of_another_type_is_refused(shared: Script, media: str) -> None:
    answer = shared.ask("POST", "/kill", {"reason": REASON}, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "media_type")


def test_a_body_where_none_is_taken_is_refused(shared: Script) -> None:
    assert shared.ask("DELETE", "/kill?reason=abc", {"reason": REASON}).status == 400


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(script: Script) -> None:
    script.server.source.is_store_down = script.server.settings.is_down = True
    for path in ("/strategies/cex_dex_arb/trades", "/equity", "/settings/history"):
        answer = script.ask("GET", path)
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store", "5")
    assert script.ask("POST", "/kill", {"reason": REASON}).status == 200


def test_a_fault_of_ours_is_500_in_json_and_tells_nothing_of_it(script: Script) -> None:
    script.server.source.is_broken = True
    answer = script.ask("GET", "/overview")
    assert (answer.status, answer.code) == (500, "fault")
    assert b"made to fail" not in answer.raw


def test_a_password_in_an_error_does_not_leave(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise StoreError("cannot reach postgres://kernel:hunter22@db/kernel")

    monkeypatch.setattr(script.server.source, "performance", refuse)
    answer = script.ask("GET", "/strategies/cex_dex_arb/performance")
    assert answer.status == 503 and b"hunter22" not in answer.raw


def test_a_part_that_this_run_does_not_have_says_so(tmp_path: Path) -> None:
    with ApiServer(tmp_path, ApiSources()) as server:
        for row in ROWS:
            if "not_enabled" in row.errors:
                body = msgspec.json.decode(row.example) if row.body is not None else None
                answer = Script(server).ask(row.method, path_of(row), body)
                assert (answer.status, answer.code) == (404, "not_enabled"), row.name


# what is answered ---------------------------------------------------------------------------------------------------


def test_amounts_and_times_are_exact_text_and_unknown_is_null(shared: Script) -> None:
    seen = shared.ask("GET", "/overview").value
    assert isinstance(seen["now_ns"], str) and int(seen["now_ns"]) > 2**53
    assert isinstance(seen["equity_usd"], str) and float(seen["equity_usd"]) > 0
    assert seen["exposures"][-1] == {
        "venue": "uniswap_v3.polygon", "asset": HOSTILE, "qty": "1000000", "value_usd": None,
    }  # fmt: skip
    assert isinstance(seen["seq"], int)


def test_the_kill_switch_is_set_with_who_and_why_and_lifted_again(script: Script) -> None:
    assert script.ask("GET", "/kill").value["is_on"] is False
    was_set = script.ask("POST", "/kill", {"reason": f"  {HOSTILE}  "}, role="operator").value
    assert (was_set["is_on"], was_set["reason"], was_set["by"]) == (True, HOSTILE, "dashboard: api:operator")
    lifted = script.ask("DELETE", "/kill?reason=all+is+well", role="operator").value
    assert (lifted["is_on"], lifted["reason"]) == (False, "all is well")


def test_a_strategy_is_commanded_and_the_answer_is_its_new_state(script: Script) -> None:
    assert script.ask("POST", "/strategies/cex_dex_arb/command", {"command": "pause"}).value["state"] == "paused"
    assert script.server.source.commands == [("cex_dex_arb", "pause", "dashboard: api:admin")]
    assert script.ask("POST", "/strategies/nobody/command", {"command": "pause"}).status == 404
    assert script.ask("POST", "/strategies/cex_dex_arb/command", {"command": "sell all"}).status == 422


def test_trades_come_by_pages_without_gap_or_repetition(shared: Script) -> None:
    keys: list[str] = []
    path = "/strategies/cex_dex_arb/trades?limit=50"
    following: str | None = ""
    while following is not None:
        page = shared.ask("GET", f"{path}&before={following}").value
        keys += [row["key"] for row in page["trades"]]
        following = page["next"]
    assert keys == [f"{i:06d}" for i in range(119, -1, -1)]


def test_the_story_of_an_order_is_told_and_an_unknown_one_is_not(shared: Script) -> None:
    story = shared.ask("GET", "/strategies/cex_dex_arb/trades/run7-cex_dex_arb-7-0").value
    assert ["amount out, raw", str(2**255 + 1)] in story["steps"][3]["facts"]
    assert shared.ask("GET", "/strategies/cex_dex_arb/trades/other").status == 404
    assert shared.ask("GET", "/strategies/nobody/trades/run7-x").status == 404


def test_periods_are_those_of_the_pages(shared: Script) -> None:
    for period in PERIODS:
        assert shared.ask("GET", f"/equity?period={period}").status == 200
    assert shared.ask("GET", "/equity?period=2h").status == 400


def test_settings_are_saved_with_who_and_why_and_restored(script: Script) -> None:
    before = {row["field"]["name"]: row["value"] for row in script.ask("GET", "/settings/risk").value["rows"]}
    saved = script.ask(
        "PATCH", "/settings/risk", {"values": {"budget_usd": 4321.5}, "version": 0, "reason": REASON}
    ).value
    assert saved == {"module": "risk", "version": 1}
    entry = script.ask("GET", "/settings/history?module=risk").value["entries"][0]
    assert (entry["who"], entry["why"]) == ("dashboard: api:admin", REASON)
    assert (entry["changes"][0]["old"], entry["changes"][0]["new"]) == (before["budget_usd"], 4321.5)
    back = script.ask("POST", "/settings/risk/restore", {"to": 0, "version": 1, "reason": REASON}).value
    after = {row["field"]["name"]: row["value"] for row in script.ask("GET", "/settings/risk").value["rows"]}
    assert back["version"] == 2 and after == before


def test_values_that_are_not_taken_come_back_each_with_its_reason(shared: Script) -> None:
    values = {"budget_usd": -1, "no_such": 1}
    answer = shared.ask("PATCH", "/settings/risk", {"values": values, "version": 0, "reason": REASON})
    assert (answer.status, answer.code) == (422, "refused")
    assert set(answer.value["error"]["errors"]) == {"budget_usd", "no_such"}
    preview = shared.ask("POST", "/settings/risk/preview", {"values": values})
    assert (preview.status, set(preview.value["errors"])) == (200, {"budget_usd", "no_such"})


def test_a_version_that_is_not_the_last_is_a_conflict(shared: Script) -> None:
    answer = shared.ask("PATCH", "/settings/risk", {"values": {"budget_usd": 4321.5}, "version": 7, "reason": REASON})
    assert (answer.status, answer.code) == (409, "conflict")


def test_an_export_is_imported_again_and_changes_nothing(script: Script) -> None:
    export = script.ask("GET", "/settings.toml?modules=risk,paper")
    assert export.headers["content-type"].startswith("application/toml")
    done = script.ask("POST", "/settings/import", {"toml": export.raw.decode(), "reason": REASON})
    assert done.value["versions"] == {}
    changed = {"toml": "[risk]\nbudget_usd = 4321.5\n", "reason": REASON}
    seen = script.ask("POST", "/settings/import", changed | {"is_preview": True}).value
    assert seen["versions"] == {} and seen["previews"]["risk"]["changes"][0]["key"] == "budget_usd"
    assert script.ask("POST", "/settings/import", changed).value["versions"] == {"risk": 1}
    assert script.ask("GET", "/settings.toml?modules=nobody").status == 404


@pytest.mark.parametrize("toml", ["x", "a = " + "[" * 40_000, "a = " + "9" * 50_000, "[risk]\nbudget_usd = nan"])
def test_toml_that_cannot_be_is_refused_and_never_a_fault(shared: Script, toml: str) -> None:
    answer = shared.ask("POST", "/settings/import", {"toml": toml, "reason": REASON})
    assert (answer.status, answer.code) == (422, "refused")


def test_log_lines_come_newest_first_and_a_broken_one_is_marked(shared: Script) -> None:
    assert shared.ask("GET", "/logs").value == {"modules": ["kernel"]}
    page = shared.ask("GET", "/logs/kernel?limit=1").value
    assert page["lines"][0]["is_malformed"] is True
    rest = shared.ask("GET", f"/logs/kernel?before={page['next']}").value
    assert [line["event"] for line in rest["lines"]] == [HOSTILE, "started"]
    assert rest["lines"][1]["fields"] == {"seq": str(2**60)}
    assert shared.ask("GET", "/logs/..%2f").status == 404


def test_rpc_endpoints_are_told_without_any_address(shared: Script) -> None:
    answer = shared.ask("GET", "/rpc/endpoints")
    assert [each["latency_ms"] for each in answer.value["endpoints"]] == [12.5, None]
    assert b"://" not in answer.raw


# the other parts ----------------------------------------------------------------------------------------------------


def test_orders_and_candidates_come_by_pages_and_filters_reach_the_tables(script: Script) -> None:
    first = script.ask("GET", "/execution/orders?limit=50&venue=binance&status=filled").value
    assert len(first["orders"]) == 50 and first["next"] == "50"
    assert script.ask("GET", f"/execution/orders?before={first['next']}").value["orders"][0]["key"] == "50"
    query = script.server.system.queries[0]
    assert (query.venue, query.status) == ("binance", "filled")
    found = script.ask("GET", "/opportunities?net_usd_min=-0.5&why_not=stale_pool")
    assert found.status == 200 and str(script.server.system.queries[-1].net_usd_min) == "-0.5"
    for bad in ("1e9", "x", "NaN", "1" * 41):
        answer = script.ask("GET", f"/opportunities?net_usd_min={bad}")
        assert (answer.status, answer.value["error"]["field"]) == (400, "net_usd_min")
    assert script.ask("GET", "/opportunities?before=bad").value["error"]["field"] == "before"
    assert script.ask("GET", "/execution/orders?strategy=nobody").status == 404


def test_a_strategy_is_halted_and_flattened_with_who_and_why(script: Script) -> None:
    for command in ("halt", "flatten"):
        answer = script.ask("POST", f"/strategies/cex_dex_arb/{command}", {"reason": REASON})
        assert (answer.status, answer.raw) == (204, b"")
        assert script.server.system.commands[-1] == ("cex_dex_arb", command, "dashboard: api:admin", REASON)
    assert script.ask("POST", "/strategies/nobody/halt", {"reason": REASON}).status == 404


def test_breakers_are_reset_of_a_strategy_that_is_there_or_of_all(script: Script) -> None:
    assert script.ask("POST", "/risk/reset", {"strategy": "nobody", "reason": REASON}).status == 404
    assert not script.server.system.commands
    for strategy in ("cex_dex_arb", ""):
        assert script.ask("POST", "/risk/reset", {"strategy": strategy, "reason": REASON}).status == 200
        assert script.server.system.commands[-1] == (strategy, "reset_breakers", "dashboard: api:admin", REASON)


def test_events_are_read_by_number_and_a_kind_that_is_none_is_refused(shared: Script) -> None:
    page = shared.ask("GET", "/events?kind=fill&limit=5").value
    assert page["kinds"] == ["fill", "quote", "settings"] and page["events"]
    assert shared.ask("GET", "/events?kind=nothing").value["error"]["field"] == "kind"
    seq = page["events"][0]["seq"]
    assert shared.ask("GET", f"/events/{seq}").value["seq"] == seq
    for bad in ("x", "-1", "1" * 30, "%C2%B2"):
        assert shared.ask("GET", f"/events/{bad}").status == 404


def test_a_replay_is_started_watched_cancelled_and_forgotten(script: Script) -> None:
    asked = {"mode": "what-if", "log": "run", "assignments": ["cex_dex_arb.min_profit_usd=5"]}
    assert script.ask("POST", "/replays", asked, role="operator").value["id"] == RUNNING
    kind, spec, by = script.server.replays.asked[0]
    assert (kind, by, spec.assignments) == ("submit", "dashboard: api:operator", ("cex_dex_arb.min_profit_usd=5",))
    refused = script.ask("POST", "/replays", asked | {"assignments": ["cex_dex_arb.a=bad"]})
    assert (refused.status, refused.code, list(refused.value["error"]["errors"])) == (422, "refused", ["cex_dex_arb.a"])
    assert script.ask("POST", "/replays", asked | {"mode": "sweep"}).code == "refused"
    assert script.ask("DELETE", f"/replays/{RUNNING}").code == "conflict"
    assert script.ask("POST", f"/replays/{RUNNING}/cancel").value["state"] == "cancelled"
    assert script.ask("POST", f"/replays/{RUNNING}/cancel").code == "conflict"
    assert script.ask("DELETE", f"/replays/{RUNNING}").status == 204
    assert script.ask("GET", f"/replays/{RUNNING}").status == 404


def test_replays_come_newest_first_and_a_sweep_shows_its_cells_on_its_own(shared: Script) -> None:
    page = shared.ask("GET", "/replays?limit=2").value
    assert [job["number"] for job in page["replays"]] == [5, 4] and page["next"] == 4
    assert page["replays"][0]["cells"] == []
    assert [job["number"] for job in shared.ask("GET", "/replays?before=4").value["replays"]] == [3, 2, 1]
    assert len(shared.ask("GET", f"/replays/{SWEEP}").value["cells"]) == 4
    result = shared.ask("GET", f"/replays/{DONE}/result").value
    assert result["report"]["strategies"][0]["equity"][1] == [str(1_723_075_200_000_000_000 + 60_000_000_000), "1"]
    assert shared.ask("GET", f"/replays/{SWEEP}/result").status == 404
