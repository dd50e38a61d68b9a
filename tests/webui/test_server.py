import asyncio
import signal
import time

import msgspec
import pytest

from kernel.errors import ConfigError
from tests.webui.client import Client, parse
from tests.webui.fake_source import HOSTILE, NAMES, FakeSource
from tests.webui.serve import TOKEN
from webui.guard import BODY_MAX, CSP
from webui.server import WebServer
from webui.stream import CLIENTS_MAX

PAGES = [
    "/",
    *(f"/{name}/{kind}" for name in NAMES for kind in ("dashboard", "performance", "trades", "positions")),
    "/cex_dex_arb/trades/run7-cex_dex_arb-88-0",
]


async def first_frames(reader: asyncio.StreamReader, count: int) -> bytes:
    """Reads on until that many `data:` lines came."""
    raw = b""
    while raw.count(b'data: {"topic"') < count:
        more = await asyncio.wait_for(reader.read(65536), 5)
        assert more, f"the stream ended after {raw[-200:]!r}"
        raw += more
    return raw


# who may come in


async def test_the_link_logs_in_with_a_strict_cookie_and_leaves_the_token_behind(guest: Client) -> None:
    answer = await guest.login(TOKEN)
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"kernel_session_{guest.port}=")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert (await guest.send("GET", "/")).status == 200


async def test_a_link_clicked_on_another_site_still_leads_in(guest: Client) -> None:
    answer = await guest.send("GET", f"/login?token={TOKEN}", {"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200
    assert 'http-equiv="refresh" content="0; url=/"' in answer.body


async def test_the_form_logs_in_and_goes_where_it_was_asked(guest: Client) -> None:
    form = {"token": TOKEN, "next": "/cex_dex_arb/trades"}
    answer = await guest.send("POST", "/login", form=form)
    assert (answer.status, answer.headers["location"]) == (303, "/cex_dex_arb/trades")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/login?next=/login"]
)
async def test_no_redirect_leaves_this_server(guest: Client, target: str) -> None:
    answer = await guest.send("POST", "/login", form={"token": TOKEN, "next": target})
    assert (answer.status, answer.headers["location"]) == (303, "/")


async def test_wrong_tokens_are_refused_and_then_slowed_down(guest: Client) -> None:
    answers = [await guest.send("POST", "/login", form={"token": "wrong" * 8}) for _ in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 9
    assert (await guest.send("GET", f"/login?token={TOKEN}")).status == 429


async def test_without_a_session_pages_go_to_the_login_and_data_is_refused(guest: Client) -> None:
    page = await guest.send("GET", "/cex_dex_arb/trades")
    assert (page.status, page.headers["location"]) == (303, "/login?next=/cex_dex_arb/trades")
    for path in ("/stream?topics=overview", "/data/equity", "/data/session", "/cex_dex_arb/trades.csv"):
        assert (await guest.send("GET", path, {"Accept": "*/*"})).status == 401
    assert (await guest.send("POST", "/kill", form={"reason": "stop it"})).status == 401


async def test_log_out_ends_the_session(client: Client) -> None:
    assert (await client.send("POST", "/logout", form={"csrf": "wrong"})).status == 403
    assert (await client.send("POST", "/logout", form={"csrf": client.csrf})).status == 303
    assert (await client.send("GET", "/data/session")).status == 303


# what the guard keeps out


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "192.168.1.5:8080"])
async def test_another_host_name_is_refused_even_with_a_session(client: Client, host: str) -> None:
    answer = await client.send("GET", "/", {"Host": host})
    assert answer.status in (400, 421)
    assert "10,2" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "[::1]:8080"])
async def test_loopback_names_on_any_port_are_known(client: Client, host: str) -> None:
    assert (await client.send("GET", "/", {"Host": host})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": "wrong"},
        {},
    ],
)
async def test_a_forged_kill_does_nothing(client: Client, source: FakeSource, headers: dict[str, str]) -> None:
    token = {} if "X-CSRF-Token" in headers or not headers else {"X-CSRF-Token": client.csrf}
    answer = await client.send("POST", "/kill", headers | token, {"reason": "forged"})
    assert answer.status == 403
    assert not source.kill_switch.is_on


async def test_a_large_body_is_refused_announced_or_not(client: Client) -> None:
    headers = {"X-CSRF-Token": client.csrf}
    assert (await client.send("POST", "/kill", headers, {"reason": "x" * BODY_MAX})).status == 413
    reader, writer = await client.open("POST", "/kill", headers | {"Transfer-Encoding": "chunked"})
    chunk = b"x" * 16384
    for _ in range(BODY_MAX // len(chunk) + 2):
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    writer.write(b"0\r\n\r\n")
    raw = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert not raw or parse(raw).status >= 400


async def test_every_answer_carries_the_strict_headers(client: Client, guest: Client) -> None:
    for answer in (
        await client.send("GET", "/"),
        await client.send("GET", "/static/main.js"),
        await client.send("GET", "/nothing/here"),
        await guest.send("GET", "/login"),
        await guest.send("GET", "/", {"Host": "evil.example"}),
    ):
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in answer.headers


async def test_static_files_do_not_lead_out_of_their_folder(client: Client) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py"):
        assert (await client.send("GET", path)).status == 404


# what the pages say


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_renders_without_live_markup_from_the_chain(client: Client, path: str) -> None:
    answer = await client.send("GET", path)
    assert answer.status == 200
    assert HOSTILE not in answer.body
    assert "<script>" not in answer.body and " style=" not in answer.body and " onclick=" not in answer.body


async def test_hostile_text_arrives_escaped(client: Client) -> None:
    answer = await client.send("GET", "/cex_dex_arb/dashboard")
    assert "&lt;img src=x onerror=alert(1)&gt;" in answer.body


async def test_all_pages_work_with_nothing_known(client: Client, source: FakeSource) -> None:
    source.is_empty = True
    answer = await client.send("GET", "/")
    assert answer.status == 200
    assert "No strategy is running." in answer.body
    assert (await client.send("GET", "/cex_dex_arb/dashboard")).status == 404


async def test_unknown_pages_strategies_and_orders_are_404(client: Client) -> None:
    for path in ("/x", "/nobody/dashboard", "/cex_dex_arb/settings", "/cex_dex_arb/trades/none", "/nobody/trades.csv"):
        answer = await client.send("GET", path)
        assert answer.status == 404
        assert "<h1>404" in answer.body


async def test_a_fault_of_ours_is_a_500_page_and_the_server_goes_on(client: Client, source: FakeSource) -> None:
    source.is_broken = True
    answer = await client.send("GET", "/")
    assert answer.status == 500
    assert "The fault is ours" in answer.body and "made to fail" not in answer.body
    source.is_broken = False
    assert (await client.send("GET", "/")).status == 200


async def test_a_lost_database_degrades_the_page_and_nothing_else(client: Client, source: FakeSource) -> None:
    source.is_store_down = True
    for path in ("/cex_dex_arb/trades", "/cex_dex_arb/performance", "/cex_dex_arb/trades/run7-1"):
        answer = await client.send("GET", path)
        assert answer.status == 200
        assert "Not available now." in answer.body
    assert "did not answer" in msgspec.json.decode((await client.send("GET", "/data/equity")).body)["error"]
    assert (await client.send("GET", "/cex_dex_arb/trades.csv")).status == 503
    assert (await client.send("POST", "/kill", {"X-CSRF-Token": client.csrf}, {"reason": "no database"})).status == 303
    assert source.kill_switch.is_on


async def test_chart_amounts_are_text_and_gaps_are_null(client: Client) -> None:
    data = msgspec.json.decode((await client.send("GET", "/data/equity?strategy=cex_dex_arb&period=7d")).body)
    assert data["equity"][0] == "10000.0"
    assert data["equity"][125] is None and data["drawdown"][125] is None
    assert max(float(value) for value in data["drawdown"] if value is not None) == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/data/equity?period=9y", "period: expected one of 1h, 24h, 7d, 30d, all"),
        ("/cex_dex_arb/performance?period=x", "period: expected one of"),
        ("/cex_dex_arb/trades?side=up", "side: expected buy or sell"),
        ("/cex_dex_arb/trades?outcome=x", "outcome: expected gain, loss or open"),
        ("/stream?topics=strategy:nobody", "there is no topic"),
        ("/stream?topics=a,b,c,d,e,f,g", "expected at most"),
    ],
)
async def test_an_absurd_question_gets_one_clear_answer(client: Client, path: str, said: str) -> None:
    answer = await client.send("GET", path, {"Accept": "*/*"})
    assert answer.status == 400
    assert said in answer.body


async def test_paging_reaches_every_trade_once(client: Client) -> None:
    seen: list[str] = []
    path = "/cex_dex_arb/trades"
    while path:
        body = (await client.send("GET", path)).body
        seen += [part.partition('"')[0] for part in body.split('data-href="')[1:]]
        older = body.rpartition('">Older</a>')[0].rpartition('href="')[2]
        path = f"/cex_dex_arb/trades{older.replace('&amp;', '&')}" if ">Older<" in body else ""
    assert len(seen) == len(set(seen)) == 120


async def test_csv_holds_exact_numbers_and_no_formula(client: Client) -> None:
    answer = await client.send("GET", "/cex_dex_arb/trades.csv")
    lines = answer.body.strip().split("\r\n")
    assert len(lines) == 121
    assert ",0.4182200,2412.11812,1008.79,filled," in lines[1]
    assert answer.headers["content-disposition"] == 'attachment; filename="trades.csv"'


# what the operator does


async def test_kill_needs_a_reason_and_shows_on_every_page_until_reset(client: Client, source: FakeSource) -> None:
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    refused = await client.send("POST", "/kill", headers, {"reason": " a "})
    assert refused.status == 400
    assert "reason: expected 3 to 200 characters, found 1" in refused.body
    assert (await client.send("POST", "/kill", headers, {"reason": f"looks {HOSTILE}"})).status == 204
    assert source.kill_switch.is_on and source.kill_switch.by == "dashboard"
    page = await client.send("GET", "/cex_dex_arb/trades")
    assert 'data-kill="on"' in page.body and HOSTILE not in page.body
    assert (await client.send("POST", "/kill/reset", headers, {"reason": "checked"})).status == 204
    assert not source.kill_switch.is_on


async def test_a_command_reaches_its_strategy_and_only_known_words_do(client: Client, source: FakeSource) -> None:
    headers = {"X-CSRF-Token": client.csrf}
    answer = await client.send("POST", "/cex_dex_arb/command", headers, {"command": "pause"})
    assert (answer.status, answer.headers["location"]) == (303, "/cex_dex_arb/dashboard")
    assert (await client.send("POST", "/cex_dex_arb/command", headers, {"command": "explode"})).status == 400
    assert (await client.send("POST", "/nobody/command", headers, {"command": "pause"})).status == 404
    assert source.commands == [("cex_dex_arb", "pause", "dashboard")]


# the stream and the end


async def test_a_stream_carries_the_shell_and_what_was_asked(client: Client, server: WebServer) -> None:
    reader, writer = await client.open("GET", "/stream?topics=overview,strategy:cex_dex_arb")
    raw = await first_frames(reader, 3)
    assert b"content-type: text/event-stream" in raw
    for topic in (b"shell", b"overview", b"strategy:cex_dex_arb"):
        assert b'data: {"topic":"%s","full":true' % topic in raw
    assert server.streams == 1
    writer.close()
    async with asyncio.timeout(2):
        while server.streams:
            await asyncio.sleep(0.01)


async def test_too_many_streams_are_refused_kindly(client: Client) -> None:
    opened = [await client.open("GET", "/stream") for _ in range(CLIENTS_MAX)]
    for reader, _ in opened:
        await asyncio.wait_for(reader.readuntil(b"retry: 1000"), 5)
    answer = await client.send("GET", "/stream")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    for _, writer in opened:
        writer.close()


async def test_a_stream_task_that_failed_starts_again(client: Client, source: FakeSource) -> None:
    reader, writer = await client.open("GET", "/stream?topics=overview")
    await first_frames(reader, 2)
    source.is_broken = True
    with pytest.raises(TimeoutError):  # silence: the task has failed
        while True:
            await asyncio.wait_for(reader.read(65536), 0.6)
    source.is_broken = False
    assert b"topic" in await first_frames(reader, 1)
    writer.close()


async def test_stop_with_open_and_stuck_streams_takes_less_than_a_second(source: FakeSource) -> None:
    web = WebServer(source, token=TOKEN, port=0)
    await web.start()
    client = Client(web.port)
    await client.login(TOKEN)
    opened = [await client.open("GET", "/stream?topics=overview") for _ in range(5)]
    for reader, _ in opened:
        await first_frames(reader, 2)
    _, stuck = await client.open("GET", "/cex_dex_arb/trades.csv")
    stuck.transport.pause_reading()  # type: ignore[attr-defined]
    _, half = await asyncio.open_connection("127.0.0.1", web.port)
    half.write(b"POST /kill HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
    began = time.perf_counter()
    await web.stop()
    assert time.perf_counter() - began < 1
    for reader, writer in opened:
        await asyncio.wait_for(reader.read(), 1)
        writer.close()
    for writer in (stuck, half):
        writer.close()
    with pytest.raises(OSError):
        await client.open("GET", "/")


async def test_signals_stay_with_the_kernel(source: FakeSource) -> None:
    both = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(each) for each in both]
    web = WebServer(source, token=TOKEN, port=0)
    await web.start()
    during = [signal.getsignal(each) for each in both]
    await web.stop()
    assert before == during == [signal.getsignal(each) for each in both]


async def test_the_server_starts_again_after_a_stop(source: FakeSource) -> None:
    web = WebServer(source, token=TOKEN, port=0)
    for _ in range(2):
        await web.start()
        assert (await Client(web.port).send("GET", "/login")).status == 200
        await web.stop()
    await web.stop()


def test_a_public_address_needs_tls(source: FakeSource) -> None:
    with pytest.raises(ConfigError, match=r"expected a loopback address, found '0\.0\.0\.0'"):
        WebServer(source, token=TOKEN, host="0.0.0.0")
    with pytest.raises(ConfigError, match="expected a loopback address"):
        WebServer(source, token=TOKEN, host="kernel.example")
    with pytest.raises(ConfigError, match="allowed_hosts: expected the names by which browsers reach"):
        WebServer(source, token=TOKEN, host="0.0.0.0", is_behind_tls_proxy=True)
    names = frozenset({"kernel.example"})
    WebServer(source, token=TOKEN, host="0.0.0.0", is_behind_tls_proxy=True, allowed_hosts=names)


def test_a_short_token_is_refused(source: FakeSource) -> None:
    with pytest.raises(ConfigError, match="at least 16 characters, found 5"):
        WebServer(source, token="short")


async def test_a_taken_port_says_what_to_do(source: FakeSource, server: WebServer) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1:\d+ .*--port"):
        await WebServer(source, token=TOKEN, port=server.port).start()
