"""The guard from outside, over real sockets, in front of routes as other parts bring them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kernel.strategy import convert_settings
from tests.webui.client import Answer, Client, parse
from tests.webui.guarded import Guarded
from tests.webui.hands import Hands
from tests.webui.people import API_TOKEN, OPERATOR_TOKEN, PASSWORD, everybody, token, write
from webui import body as body_module
from webui.access import Access
from webui.body import BODY_MAX, UPLOAD_BYTES_MAX
from webui.guard import ALLOW, CSP
from webui.session import Session
from webui.settings import DashboardSettings

TOKEN = "test-token-test-token-test-token"
JSON = {"Accept": "application/json"}


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def guarded(tmp_path: Path, hands: Hands) -> AsyncIterator[Guarded]:
    server = Guarded(Access(TOKEN, accounts=write(tmp_path, everybody()), clock=hands))
    await server.start()
    yield server
    await server.stop()


def come_in(guarded: Guarded, name: str = "") -> Client:
    """A client with a session, as the login gives it (which has tests of its own and costs a password check)."""
    sessions = guarded.access.sessions
    session: Session | None
    if name:
        account = guarded.access.accounts.user(name) if guarded.access.accounts else None
        assert account is not None
        session = sessions.open_for(account)
    else:
        session = sessions.login(TOKEN)
    assert session is not None
    client = Client(guarded.port)
    client.cookie, client.csrf = f"{guarded.access.cookie_name}={session.session_id}", session.csrf
    return client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **JSON}


# CSRF


@pytest.mark.parametrize("kind", ["none", "wrong", "of another session", "empty", "non-ascii"])
async def test_without_its_own_token_no_session_does_anything(guarded: Guarded, kind: str) -> None:
    client, other = come_in(guarded), come_in(guarded)
    given = {"none": None, "wrong": "x" * 43, "of another session": other.csrf, "empty": "", "non-ascii": "é"}[kind]
    for path in ("/page", "/kill", "/x/command", "/logout", "/reauth", "/api/v1/echo"):
        as_header = {} if given is None else {"X-CSRF-Token": given}
        as_field = {} if given is None else {"csrf": given}
        for answer in (
            await client.send("POST", path, JSON | as_header, {"reason": "forged"}),
            await client.send("POST", path, JSON, {"reason": "forged"} | as_field),
        ):
            assert (answer.status, answer.headers["x-refusal"]) == (403, "csrf")
    assert guarded.access.sessions.is_live(client.cookie.partition("=")[2])


async def test_the_token_passes_as_header_form_field_and_json_field(guarded: Guarded) -> None:
    client = come_in(guarded)
    assert (await client.post("/page", {"a": "1"})).status == 200
    assert (await client.send("POST", "/page", form={"a": "1", "csrf": client.csrf})).status == 200
    raw = msgspec.json.encode({"csrf": client.csrf})
    assert (await send_raw(client, "/page", {"Content-Type": "application/json"}, raw)).status == 200
    assert (await send_raw(client, "/page", {"Content-Type": "text/plain"}, raw)).status == 403
    assert (await client.send("DELETE", "/page", {"X-CSRF-Token": client.csrf})).status == 200


async def test_the_handler_gets_the_body_that_the_guard_read(guarded: Guarded) -> None:
    client = come_in(guarded)
    fields = {"csrf": client.csrf, "text": "ü & = 1", "empty": ""}
    answer = await client.send("POST", "/form", form=fields)
    assert answer.body == repr(sorted(fields.items()))


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://["}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_another_site_does_nothing_even_with_the_token(guarded: Guarded, headers: dict[str, str]) -> None:
    client = come_in(guarded)
    answer = await client.post("/page", headers=headers)
    assert (answer.status, answer.headers["x-refusal"]) == (403, "other_site")
    assert (await client.send("POST", "/login", headers, {"token": TOKEN})).status == 403


async def test_another_site_cannot_fetch_data_and_may_link_to_a_page(guarded: Guarded) -> None:
    client = come_in(guarded)
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await client.send("GET", "/page", foreign)).status == 200
    for path in ("/data/x", "/api/v1/echo", "/metrics"):
        assert (await client.send("GET", path, foreign)).status == 403
    assert (await client.send("GET", "/page", foreign | {"Sec-Fetch-Mode": "no-cors"})).status == 403


# hosts and methods


async def test_a_rebound_or_doubled_host_name_is_refused_before_all_else(guarded: Guarded) -> None:
    client = come_in(guarded)
    for path in ("/page", "/login", "/static/main.js", "/api/v1/echo"):
        answer = await client.send("GET", path, {"Host": "evil.example"})
        assert (answer.status, answer.headers["x-refusal"]) == (421, "unknown_host")
    answer = await client.send("GET", "/page", {"Host": f"127.0.0.1\r\nHost: 127.0.0.1:{guarded.port}"})
    assert answer.status in (400, 421)


async def test_unknown_methods_are_told_what_is_allowed(guarded: Guarded) -> None:
    client = come_in(guarded)
    answer = await client.send("TRACE", "/page")
    assert (answer.status, answer.headers["allow"]) == (405, ALLOW)
    answer = await client.send("PATCH", "/page", {"X-CSRF-Token": client.csrf})
    assert answer.status == 405 and "POST" in answer.headers["allow"]
    answer = await client.send("OPTIONS", "/api/v1/echo", {"Origin": "https://evil.example"})
    assert (answer.status, answer.headers["allow"]) == (204, ALLOW)
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_head_answers_without_a_body_and_opens_no_stream(guarded: Guarded) -> None:
    client = come_in(guarded)
    answer = await client.send("HEAD", "/page")
    assert (answer.status, answer.body) == (200, "")
    answer = await client.send("HEAD", "/stream")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


# who needs no session


async def test_only_health_login_and_static_files_need_no_session(guarded: Guarded) -> None:
    guest = Client(guarded.port)
    for path in ("/healthz", "/readyz", "/login"):
        assert (await guest.send("GET", path, JSON)).status == 200
    for path in (
        "/metrics/",
        "/page",
        "/healthz/x",
        "/healthzx",
        "/data/x",
        "/reauth",
        "//healthz",
        "/login/",
        "/x/../healthz",
    ):
        answer = await guest.send("GET", path, JSON)
        assert (answer.status, answer.headers["x-refusal"]) == (401, "login_required"), path
    for path in ("/page", "/reauth", "/logout", "/kill"):
        assert (await guest.send("POST", path, JSON, {})).status == 401


async def test_the_api_says_no_in_json_and_pages_in_words(guarded: Guarded) -> None:
    guest = Client(guarded.port)
    assert (await guest.send("GET", "/page")).status == 303
    answer = await guest.send("GET", "/api/v1/echo")
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.body) == {
        "error": {"code": "login_required", "message": "log in first", "field": None}
    }
    answer = await guest.send("GET", "/page", JSON)
    assert answer.body == "log in first"
    client = come_in(guarded)
    answer = await client.send("GET", "/api/v1/none", JSON)
    assert msgspec.json.decode(answer.body)["error"]["code"] == "not_found"


async def test_every_refusal_carries_the_strict_headers(guarded: Guarded) -> None:
    guest = Client(guarded.port)
    for answer in (
        await guest.send("GET", "/api/v1/echo", JSON),
        await guest.send("GET", "/page", {"Host": "evil.example"}),
        await guest.send("TRACE", "/page"),
        await guest.send("GET", "/metrics", bearer("wrong")),
    ):
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["cache-control"] == "no-store"


# API tokens


async def test_an_api_token_reads_the_api_and_metrics_and_nothing_else(guarded: Guarded) -> None:
    guest = Client(guarded.port)
    for path in ("/api/v1/echo", "/metrics"):
        answer = await guest.send("GET", path, bearer(API_TOKEN))
        assert (answer.status, answer.body.split()[0]) == (200, "api:prometheus")
    for path in ("/page", "/data/x", "/stream", "/data/sessions", "/apix", "/metricsx"):
        answer = await guest.send("GET", path, bearer(API_TOKEN))
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (await guest.send("GET", "/api/v1/echo", {"Authorization": f"bearer  {API_TOKEN} "})).status == 200


async def test_a_cookie_does_not_help_a_wrong_api_token(guarded: Guarded) -> None:
    client = come_in(guarded)
    for wrong in ("", "wrong", TOKEN, API_TOKEN + "x", client.cookie.partition("=")[2]):
        answer = await client.send("GET", "/api/v1/echo", bearer(wrong))
        assert (answer.status, answer.headers["x-refusal"]) == (401, "token"), wrong
    answer = await client.send("POST", "/api/v1/echo", bearer(API_TOKEN), {})
    assert (answer.status, answer.headers["x-refusal"]) == (403, "role")  # the viewer's, although the cookie is admin's


async def test_an_api_token_needs_no_csrf_token_and_keeps_to_its_role(guarded: Guarded) -> None:
    guest = Client(guarded.port)
    assert (await guest.send("POST", "/api/v1/echo", bearer(OPERATOR_TOKEN), {})).status == 200
    answer = await guest.send("POST", "/api/v1/danger", bearer(OPERATOR_TOKEN), {})
    assert "needs the role admin; you are logged in as operator" in answer.body


async def test_a_revoked_api_token_is_out_at_once_and_ends_its_stream(guarded: Guarded, tmp_path: Path) -> None:
    guest, sessions = Client(guarded.port), guarded.access.sessions
    assert (await guest.send("GET", "/api/v1/echo", bearer(API_TOKEN))).status == 200
    session = sessions.bearer(API_TOKEN)
    assert session is not None and sessions.is_live(session.session_id)
    write(tmp_path, msgspec.structs.replace(everybody(), tokens=()))
    assert (await guest.send("GET", "/api/v1/echo", bearer(API_TOKEN))).status == 401
    assert not sessions.is_live(session.session_id)


async def test_the_id_of_an_api_token_is_no_cookie(guarded: Guarded) -> None:
    session = guarded.access.sessions.bearer(OPERATOR_TOKEN)
    assert session is not None
    guest = Client(guarded.port)
    guest.cookie = f"{guarded.access.cookie_name}={session.session_id}"
    assert (await guest.send("GET", "/page", JSON)).status == 401


# roles


async def test_a_viewer_posts_nothing_but_log_out(guarded: Guarded) -> None:
    vera = come_in(guarded, "vera")
    assert (await vera.send("GET", "/page")).status == 200
    for method in ("POST", "PUT", "DELETE"):
        for path in ("/page", "/kill", "/x/command", "/api/v1/echo", "/danger", "/logout/", "/none"):
            answer = await vera.send(method, path, {"X-CSRF-Token": vera.csrf} | JSON, {"command": "stop"})
            assert (answer.status, answer.headers["x-refusal"]) == (403, "role"), path
    assert (await vera.post("/logout")).status == 303
    assert (await vera.send("GET", "/page", JSON)).status == 401


async def test_an_operator_acts_and_does_not_administrate(guarded: Guarded) -> None:
    otto = come_in(guarded, "otto")
    assert (await otto.post("/page")).status == 200
    answer = await otto.post("/danger")
    assert (answer.status, answer.headers["x-refusal"]) == (403, "role")


# the second proof


@pytest.mark.slow
async def test_a_fresh_proof_is_asked_and_lasts_five_minutes(guarded: Guarded, hands: Hands) -> None:
    anna = come_in(guarded, "anna")
    answer = await anna.post("/danger")
    assert (answer.status, answer.headers["x-refusal"], answer.headers["x-reauth-with"]) == (
        403,
        "reauth_required",
        "password",
    )
    answer = await anna.post("/api/v1/danger")
    assert msgspec.json.decode(answer.body)["error"]["code"] == "reauth_required"
    for wrong in ("", "wrong password", TOKEN):
        answer = await anna.post("/reauth", {"secret": wrong})
        assert (answer.status, answer.headers["x-refusal"]) == (403, "wrong_secret")
    assert (await anna.post("/danger")).status == 403
    assert (await anna.post("/reauth", {"secret": PASSWORD})).status == 204
    assert (await anna.post("/danger")).body == "done"
    other = come_in(guarded, "anna")
    assert (await other.post("/danger")).status == 403
    hands.now_s += 301
    assert (await anna.post("/danger")).headers["x-refusal"] == "reauth_required"


async def test_the_owner_proves_with_the_token_by_page_or_json(guarded: Guarded) -> None:
    owner = come_in(guarded)
    assert (await owner.post("/danger")).headers["x-reauth-with"] == "token"
    page = await owner.send("GET", "/reauth?next=/page")
    assert "access token" in page.body and owner.csrf in page.body
    form = {"secret": "wrong", "next": "/page", "csrf": owner.csrf}
    assert "That is not the access token" in (await owner.send("POST", "/reauth", form=form)).body
    answer = await owner.send("POST", "/reauth", form=form | {"secret": TOKEN})
    assert (answer.status, answer.headers["location"]) == (303, "/page")
    assert (await owner.post("/danger")).status == 200
    raw = msgspec.json.encode({"secret": TOKEN})
    headers = {"Content-Type": "application/json", "X-CSRF-Token": owner.csrf} | JSON
    assert (await send_raw(owner, "/reauth", headers, raw)).status == 204
    for bad in (b"[]", b'{"secret":1}', b"\xff", b'{"secret":"' + b"x" * 600 + b'"}'):
        assert (await send_raw(owner, "/reauth", headers, bad)).status == 400


async def test_guessing_at_the_proof_is_slowed_down_like_a_login(guarded: Guarded) -> None:
    owner = come_in(guarded)
    statuses = [(await owner.post("/reauth", {"secret": "wrong"})).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    answer = await owner.post("/reauth", {"secret": TOKEN})
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")


async def test_an_api_token_can_never_do_what_needs_a_proof(guarded: Guarded, tmp_path: Path) -> None:
    write(tmp_path, msgspec.structs.replace(everybody(), tokens=(token("root", "admin", "kt_root"),)))
    answer = await Client(guarded.port).send("POST", "/api/v1/danger", bearer("kt_root"), {})
    assert (answer.status, answer.headers["x-refusal"]) == (403, "session_required")


# rates


async def test_actions_have_a_burst_and_a_rate_and_a_stop_has_neither(guarded: Guarded, hands: Hands) -> None:
    client, other = come_in(guarded), come_in(guarded)
    settings = convert_settings(DashboardSettings, {"actions_burst": 3, "actions_per_min": 60})
    guarded.access.apply(settings)
    assert [(await client.post("/page")).status for _ in range(4)] == [200, 200, 200, 429]
    answer = await client.post("/page")
    assert (answer.headers["retry-after"], answer.headers["x-refusal"]) == ("1", "rate")
    for _ in range(5):
        assert (await client.post("/kill")).status == 200
        assert (await client.post("/x/command", {"command": "stop"})).status == 200
        assert (await client.post("/x/command", {"command": "pause"})).status == 200
    assert (await client.post("/x/command", {"command": "start"})).status == 429
    assert (await client.post("/page", {"command": "stop"})).status == 429
    assert (await other.post("/page")).status == 200
    assert (await client.send("GET", "/page")).status == 200
    hands.now_s += 1
    assert (await client.post("/page")).status == 200
    assert (await client.post("/page")).status == 429


async def test_reads_have_a_generous_rate_by_session_and_by_api_token(guarded: Guarded) -> None:
    client, guest = come_in(guarded), Client(guarded.port)
    guarded.access.apply(convert_settings(DashboardSettings, {"reads_burst": 10, "reads_per_min": 10}))
    assert [(await client.send("GET", "/page")).status for _ in range(11)] == [200] * 10 + [429]
    assert (await client.send("GET", "/static/none")).status == 404
    answers = [await guest.send("GET", "/api/v1/echo", bearer(API_TOKEN)) for _ in range(11)]
    assert [each.status for each in answers] == [200] * 10 + [429]
    assert msgspec.json.decode(answers[-1].body)["error"]["code"] == "rate"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await client.post("/kill")).status == 200


# bodies


async def send_raw(client: Client, path: str, headers: dict[str, str], raw: bytes, length: int | None = None) -> Answer:
    sent = headers | {"Content-Length": str(len(raw) if length is None else length)}
    reader, writer = await client.open("POST", path, sent)
    writer.write(raw)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return parse(answer)


@pytest.mark.parametrize("path", ["/page", "/settings/import"])
async def test_a_body_has_the_limit_of_its_route(guarded: Guarded, path: str) -> None:
    client = come_in(guarded)
    most = UPLOAD_BYTES_MAX if path == "/settings/import" else BODY_MAX
    headers = {"X-CSRF-Token": client.csrf}
    answer = await send_raw(client, path, headers, b"x" * most)
    assert (answer.status, answer.body.split()[1]) == (200, str(most))
    answer = await send_raw(client, path, headers, b"", length=most + 1)
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    for length in ("-1", "1e9", "9" * 30):
        reader, writer = await client.open("POST", path, headers | {"Content-Length": length})
        assert (await asyncio.wait_for(reader.read(), 5)).split()[1] in (b"400", b"413")
        writer.close()


async def test_a_body_that_grows_without_announcing_it_is_cut_at_the_limit(guarded: Guarded) -> None:
    client = come_in(guarded)
    headers = {"X-CSRF-Token": client.csrf, "Transfer-Encoding": "chunked"}
    for size, status in ((BODY_MAX, 200), (BODY_MAX + 1, 413)):
        reader, writer = await client.open("POST", "/page", headers)
        for at in range(0, size, 16384):
            part = b"x" * min(16384, size - at)
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        writer.write(b"0\r\n\r\n")
        assert parse(await asyncio.wait_for(reader.read(), 5)).status == status
        writer.close()


async def test_a_body_that_comes_too_slowly_is_given_up(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "BODY_S", 0.05)
    client = come_in(guarded)
    answer = await send_raw(client, "/page", {"X-CSRF-Token": client.csrf}, b"half", length=100)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    guest = Client(guarded.port)
    assert (await send_raw(guest, "/login", {}, b"half", length=100)).status == 408


async def test_a_form_of_a_hundred_thousand_fields_is_one_refusal(guarded: Guarded) -> None:
    client = come_in(guarded)
    form = b"a=&" * 20_000 + b"csrf=" + client.csrf.encode()
    answer = await send_raw(client, "/page", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    assert (answer.status, answer.headers["x-refusal"]) == (403, "csrf")


# addresses


async def test_forwarded_addresses_are_not_believed_without_a_proxy(guarded: Guarded, tmp_path: Path) -> None:
    client = come_in(guarded)
    assert (await client.send("GET", "/page", {"X-Forwarded-For": "9.9.9.9"})).body.split()[2] == "127.0.0.1"
    behind = Guarded(Access(TOKEN, is_behind_proxy=True, is_tls=True, accounts=guarded.access.accounts))
    await behind.start()
    try:
        client = come_in(behind)
        answer = await client.send("GET", "/page", {"X-Forwarded-For": "9.9.9.9, 8.8.8.8"})
        assert answer.body.split()[2] == "8.8.8.8"
        guesses = [
            await client.send("POST", "/login", {"X-Forwarded-For": f"{at}.1.1.1, 8.8.8.8"}, {"token": "wrong"})
            for at in range(6)
        ]
        assert [each.status for each in guesses] == [401] * 5 + [429]
        elsewhere = await client.send("POST", "/login", {"X-Forwarded-For": "8.8.8.8, 7.7.7.7"}, {"token": TOKEN})
        assert elsewhere.status == 303
    finally:
        await behind.stop()
