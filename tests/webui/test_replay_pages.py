"""The replay pages over real sockets, with made-up replays."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kernel.replay_job import JobSpec, Vary
from tests.webui.client import Client
from tests.webui.fake_replays import DONE, OTHER, RUNNING, SWEEP, VERIFY, FakeReplays
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.serve import TOKEN
from webui.replay_pages import ReplayPages
from webui.roles import Role
from webui.server import WebServer

PATHS = (
    "/replays", "/replays/new", f"/replays/new?from={SWEEP}", f"/replays/{DONE}", f"/replays/{RUNNING}",
    f"/replays/{VERIFY}", f"/replays/{SWEEP}", f"/replays/{SWEEP}?metric=fills", f"/replays/{SWEEP}/cells/0",
    f"/replays/compare?ids={DONE},{OTHER},{SWEEP}.1",
)  # fmt: skip


@pytest.fixture
def replays(tmp_path: Path) -> FakeReplays:
    return FakeReplays(tmp_path)


@pytest.fixture
async def client(replays: FakeReplays) -> AsyncIterator[Client]:
    web = WebServer(FakeSource(), token=TOKEN, port=0, parts=(ReplayPages(replays),))
    await web.start()
    made = Client(web.port)
    await made.login(TOKEN)
    yield made
    await web.stop()


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_served_says_simulated_and_shows_hostile_text_as_text(client: Client, path: str) -> None:
    answer = await client.send("GET", path)
    assert answer.status == 200, answer.body
    assert '<span class="tag" title="simulated' in answer.body
    assert HOSTILE not in answer.body


async def test_a_difference_links_to_its_event_and_names_the_other_code(client: Client) -> None:
    body = (await client.send("GET", f"/replays/{VERIFY}")).body
    assert 'href="/events?seq=3056"' in body and "0.1+x" in body


async def test_runs_side_by_side_show_where_their_settings_differ(client: Client) -> None:
    body = (await client.send("GET", f"/replays/compare?ids={DONE}&ids={OTHER}")).body
    assert "cex_dex_arb.a" in body and "cex_dex_arb.same" not in body
    assert body.count('class="r num clip differs"') == 1
    assert "+12.34" in body and "\u22123.00" in body
    gone = (await client.send("GET", f"/replays/compare?ids={DONE},ffffffffff")).body
    assert "left out: ffffffffff" in gone


@pytest.mark.parametrize("ids", ["", ",".join(f"{at:010x}" for at in range(7))])
async def test_too_few_and_too_many_are_refused_in_words(client: Client, ids: str) -> None:
    answer = await client.send("GET", f"/replays/compare?ids={ids}")
    assert answer.status == 400 and "expected 1 to 6 replays" in answer.body


async def test_the_map_marks_gain_loss_best_and_what_is_missing(client: Client) -> None:
    body = (await client.send("GET", f"/replays/{SWEEP}")).body
    assert 'class="r num gain1"' in body and 'class="r num loss5"' in body and 'class="r num gain3"' in body
    assert body.count("★") == 2  # the legend and the best
    assert body.count("refused") == 1
    assert body.count('title="not run yet"') == 2
    assert (await client.send("GET", f"/replays/{SWEEP}?metric=__class__")).status == 400


async def test_the_curve_of_a_run_is_exact_text(client: Client) -> None:
    answer = msgspec.json.decode((await client.send("GET", f"/replays/equity?ids={DONE}")).body)
    assert [line["label"] for line in answer["lines"]] == ["cex_dex_arb"]
    assert answer["lines"][0]["usd"][:3] == ["0", "1", "2"]
    both = msgspec.json.decode((await client.send("GET", f"/replays/equity?ids={DONE},{SWEEP}.2")).body)
    assert [line["label"] for line in both["lines"]] == [f"#1 {HOSTILE}", "#5 a=1, b=5"]


async def test_files_are_guarded_against_formulas_and_come_as_downloads(client: Client) -> None:
    sweep = await client.send("GET", f"/replays/{SWEEP}/sweep.csv")
    assert sweep.headers["content-disposition"] == f'attachment; filename="replay-{SWEEP}-sweep.csv"'
    assert "'=2+3" in sweep.body and "\n=2+3" not in sweep.body
    report = await client.send("GET", f"/replays/{DONE}/report.html")
    assert report.headers["content-disposition"].startswith("attachment") and "report" in report.body
    assert (await client.send("GET", f"/replays/{OTHER}/report.html")).status == 404
    curve = await client.send("GET", f"/replays/{DONE}/equity.csv")
    assert curve.body.splitlines()[1].startswith("cex_dex_arb,2024-08-08T00:00:00.000+00:00,")


async def test_a_form_becomes_a_job(client: Client, replays: FakeReplays) -> None:
    form = {
        "csrf": client.csrf, "mode": "sweep", "log": "sample:demo.evl", "profile": "demo", "name": " a  b ",
        "strategy": "cex_dex_arb", "path0": "cex_dex_arb.a", "value0": "3", "vary0": "paper.b", "values0": "1, 2,,3",
    }  # fmt: skip
    answer = await client.send("POST", "/replays", form=form)
    assert (answer.status, answer.headers["location"]) == (303, f"/replays/{RUNNING}")
    expected = JobSpec(
        mode="sweep", log="sample:demo.evl", profile="demo", name="a b", strategies=("cex_dex_arb",),
        assignments=("cex_dex_arb.a=3",), vary=(Vary(path="paper.b", values=("1", "2", "3")),),
    )  # fmt: skip
    assert replays.asked == [("submit", expected, "dashboard")]


async def test_a_refused_form_comes_back_as_typed_with_the_text_at_its_row(client: Client) -> None:
    form = {"csrf": client.csrf, "mode": "simulate", "log": "x", "path0": "cex_dex_arb.a", "value0": "bad"}
    answer = await client.send("POST", "/replays", form=form)
    assert answer.status == 400
    assert 'value="bad" aria-invalid="true"' in answer.body and "expected a number, found &lt;img" in answer.body
    many = ",".join(map(str, range(21)))
    form = {
        "csrf": client.csrf,
        "mode": "sweep",
        "log": "x",
        "vary0": "a.b",
        "values0": many,
        "vary1": "a.c",
        "values1": many,
    }
    answer = await client.send("POST", "/replays", form=form)
    assert answer.status == 400 and "21 × 21 = 441 runs, the limit is 400" in answer.body


@pytest.mark.parametrize("command", ["cancel", "again", "delete"])
async def test_commands_need_the_page_s_token(client: Client, replays: FakeReplays, command: str) -> None:
    job_id = RUNNING if command == "cancel" else DONE
    assert (await client.send("POST", f"/replays/{job_id}/{command}", form={"csrf": "x"})).status == 403
    assert replays.asked == []
    assert (await client.send("POST", f"/replays/{job_id}/{command}", form={"csrf": client.csrf})).status == 303
    assert replays.asked[0][:2] == (command, job_id)


async def test_what_is_over_cannot_be_cancelled(client: Client) -> None:
    answer = await client.send("POST", f"/replays/{DONE}/cancel", form={"csrf": client.csrf})
    assert answer.status == 409 and "is done already" in answer.body


async def test_a_viewer_reads_and_starts_nothing(
    client: Client, replays: FakeReplays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.roles.role_of", lambda request: Role.VIEWER)
    monkeypatch.setattr("webui.rendering.role_of", lambda request: Role.VIEWER)
    for path in ("/replays", "/replays/new", f"/replays/{DONE}", f"/replays/{RUNNING}"):
        body = (await client.send("GET", path)).body
        assert "role operator" in body, path
    for command in (f"{DONE}/again", f"{RUNNING}/cancel", f"{DONE}/delete"):
        assert (await client.send("POST", f"/replays/{command}", form={"csrf": client.csrf})).status == 403
    assert (await client.send("POST", "/replays", form={"csrf": client.csrf})).status == 403
    assert replays.asked == []


async def test_the_list_is_paged_by_number(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.replay_pages.SHOWN", 2)
    first = (await client.send("GET", "/replays")).body
    assert f"/replays/{SWEEP}" in first and f"/replays/{DONE}" not in first and 'href="?before=4"' in first
    last = (await client.send("GET", "/replays?before=2")).body
    assert f"/replays/{DONE}" in last and f"/replays/{SWEEP}" not in last and "Older" not in last
    assert (await client.send("GET", "/replays?before=x")).status == 400


async def test_progress_is_streamed(client: Client) -> None:
    reader, writer = await client.open("GET", f"/stream?topics=replays,replay:{RUNNING}")
    seen = b""
    while seen.count(f'"r.{RUNNING}.percent"'.encode()) < 4:
        seen += await reader.readuntil(b"\n\n")
    writer.close()
    assert (await client.send("GET", "/stream?topics=replay:ffffffffff")).status == 400


@pytest.mark.parametrize("path", ["/replays/ffffffffff", "/replays/..%2f..%2fetc", f"/replays/{SWEEP}/cells/5"])
async def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    assert (await client.send("GET", path)).status == 404
