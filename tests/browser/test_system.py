"""The system pages in a real browser: quiet console, inert text, a keyboard path, a phone without side scrolling."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Served
from tests.shared_data import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Page]
PAGES = (
    "/risk",
    "/execution",
    "/opportunities",
    "/cex_dex_arb/opportunities",
    "/balances",
    "/funding",
    "/events",
    "/events?seq=1204440",
)


@pytest.fixture
def server() -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve_system"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    served = Served(process, process.stdout.readline().strip())
    yield served
    served.stop()


def live(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-stream", "live")


def test_every_page_is_quiet_on_a_desk_and_on_a_phone(open_page: Open, server: Served, console: Console) -> None:
    for width, height in ((1440, 900), (390, 844)):
        page = open_page(width, height)
        for path in PAGES:
            page.goto(server.url + path)
            live(page)
            hidden = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert hidden <= 0, f"{path} scrolls sideways by {hidden} px at {width} px"
            assert page.locator('img[src="x"]').count() == 0
    assert console.errors == []


def test_limits_move_in_place(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    page.goto(server.url + "/risk")
    live(page)
    used = page.locator('[data-cell="b.cex_dex_arb.budget.used"]')
    before, box = used.inner_text(), page.locator(".limits").first.bounding_box()
    expect(used).not_to_have_text(before)
    assert page.locator(".limits").first.bounding_box() == box
    assert console.errors == []


def test_a_reset_is_asked_for_with_a_reason_by_keyboard_alone(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    page.goto(server.url + "/risk")
    live(page)
    page.get_by_role("region", name="CEX against DEX").get_by_role("button", name="Reset breakers…").focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#ask-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.type("no")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()  # a reason of two letters is none
    page.keyboard.type(", venue is back")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    page.mouse.move(5, 5)
    expect(page.get_by_role("region", name="Resets")).to_contain_text("no, venue is back", timeout=10_000)
    assert console.errors == []


def test_the_tail_runs_pauses_and_opens_an_event(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    page.goto(server.url + "/events")
    live(page)
    first = page.locator('[data-cell="e.0.seq"]')
    before = first.inner_text()
    expect(first).not_to_have_text(before)
    page.get_by_role("link", name="Pause").click()
    rows = page.locator("table.events tbody tr")
    expect(rows).to_have_count(100)
    page.locator("table.events summary").first.press("Enter")
    expect(page.locator("table.events pre").first).to_contain_text(re.compile('"kind"'))
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(100)
    assert console.errors == []
