"""Replays in a real browser: one run to its end, two compared, a sweep, a cancel; hostile strings stay text."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kernel.compose.live import BUNDLED_LOG
from persistence.event_log import EventLogReader, EventLogWriter
from tests.browser.conftest import Console, Open, Served
from tests.shared_data import PROJECT
from tests.webui.fake_replays import DONE, OTHER, RUNNING, SWEEP, VERIFY

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

FAKE_PATHS = (
    "/replays", "/replays/new", f"/replays/{DONE}", f"/replays/{RUNNING}", f"/replays/{VERIFY}", f"/replays/{SWEEP}",
    f"/replays/{SWEEP}/cells/0", f"/replays/compare?ids={DONE},{OTHER}",
)  # fmt: skip
END_MS = 60_000  #: a replay takes a second on a quiet machine
TIMES_LONGER = 12  #: of the bundled log: long enough that a person, or this test, can cancel it


def serve_replays(where: str) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve_replays", "0", where], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return Served(process, process.stdout.readline().strip())


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """Real replays in a data folder of their own, unless a test asks for made-up ones."""
    served = serve_replays(getattr(request, "param", None) or str(tmp_path))
    yield served
    served.stop()


def start(page: Page, server: Served, **fields: str) -> None:
    page.goto(server.url + "/replays/new")
    page.get_by_role("checkbox", name="drift_funding_arb").check()
    for name, value in fields.items():
        page.locator(f'[name="{name}"]').fill(value)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-stream", "live")


def until_done(page: Page) -> None:
    expect(page.locator(".statebig")).to_have_text("done", timeout=END_MS)


@pytest.mark.parametrize("server", ["FAKE"], indirect=True)
@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (1440, "light"), (390, "dark")])
def test_every_page_is_clean_inert_and_fits(
    open_page: Open, server: Served, console: Console, width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    for path in FAKE_PATHS:
        page.goto(server.url + path)
        expect(page.locator("html")).to_have_attribute("data-stream", "live")
        for chart in page.locator("[data-replay-chart] .plot").all():
            expect(chart.locator("canvas")).to_be_visible()
        assert page.locator("img[src='x']").count() == 0, path
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], f"{path} scrolls sideways: {sizes}"
    assert console.errors == []


def test_a_replay_runs_to_its_end_under_the_pointer_and_two_are_compared(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    start(page, server, name="as it was")
    page.mouse.move(700, 500)  # over the part that will be replaced
    until_done(page)
    expect(page.locator("[data-replay-chart] canvas")).to_be_visible()
    expect(page.locator(".replay")).to_contain_text("Assumptions")
    start(page, server, name="dear", path0="drift_funding_arb.perp_taker_fee_bps", value0="50")
    until_done(page)
    page.goto(server.url + "/replays")
    for box in page.locator('[name="ids"]').all():
        box.check()
    page.get_by_role("button", name="Compare ticked").click()
    expect(page.locator(".lines span")).to_have_count(2)
    expect(page.get_by_label("Settings that differ")).to_contain_text("drift_funding_arb.perp_taker_fee_bps")
    expect(page.locator(".differs")).to_have_count(1)
    page.locator("[data-replay-chart] summary").click()
    expect(page.locator("[data-replay-chart] tbody tr").nth(10)).to_be_visible()
    assert console.errors == []


def test_a_sweep_of_two_by_two_fills_its_map_and_a_cell_opens_its_run(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    page.goto(server.url + "/replays/new")
    page.locator('[value="sweep"]').focus()
    page.keyboard.press("Space")
    page.get_by_role("checkbox", name="drift_funding_arb").check()
    for name, value in (
        ("vary0", "drift_funding_arb.perp_taker_fee_bps"), ("values0", "1, 50"),
        ("vary1", "drift_funding_arb.spot_taker_fee_bps"), ("values1", "1, 40"),
    ):  # fmt: skip
        page.locator(f'[name="{name}"]').fill(value)
    expect(page.locator("[data-count]")).to_contain_text("2 × 2 = 4")
    page.keyboard.press("Enter")
    until_done(page)
    expect(page.locator(".heat td a")).to_have_count(4)
    expect(page.locator(".heat")).to_contain_text("★")
    page.locator(".heat td a").first.click()
    expect(page.locator("h1")).to_contain_text("Run 1 of 4")
    expect(page.locator("[data-replay-chart] canvas")).to_be_visible()
    assert console.errors == []


def test_a_running_replay_is_cancelled_and_deleted(
    open_page: Open, server: Served, console: Console, tmp_path: Path
) -> None:
    write_long_log(tmp_path / "logs-in" / "long.evl")
    page = open_page()
    page.goto(server.url + "/replays/new")
    page.locator('[name="log"]').select_option("in:long.evl")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".statebig")).to_have_text("running")
    page.get_by_role("button", name="Cancel").last.click()
    expect(page.locator(".statebig")).to_have_text("cancelled")
    expect(page.locator(".replay")).to_contain_text("cancelled by dashboard")
    page.locator(".sure summary").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("main")).to_contain_text("No replay yet.")
    assert console.errors == []


def test_a_wrong_value_comes_back_with_its_bounds_at_its_row(open_page: Open, server: Served) -> None:
    page = open_page()
    page.goto(server.url + "/replays/new")
    page.get_by_role("button", name="Another setting").click()
    page.locator('[name="path3"]').fill("cex_dex_arb.min_profit_usd")
    expect(page.locator(".setrow").nth(3)).to_contain_text("a number from 0.01 to 100,000 (USD)")
    page.locator('[name="value3"]').fill("-5")
    page.keyboard.press("Enter")
    expect(page.locator('[aria-invalid="true"]')).to_have_value("-5")
    expect(page.locator(".setrow .failed")).to_contain_text("found -5")


def write_long_log(path: Path) -> None:
    reader = EventLogReader(BUNDLED_LOG)
    log = EventLogWriter(path, reader.header)
    seq = 0
    blocks = list(reader.blocks())
    for _ in range(TIMES_LONGER):
        for block in blocks:
            for event in block.events:
                seq += 1
                log.append(seq, False, event)
    log.close()
