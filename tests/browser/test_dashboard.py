import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open, Served, serve
from tests.webui.fake_source import HOSTILE
from webui import typeset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

PATHS = (
    "/",
    "/cex_dex_arb/dashboard",
    "/cex_dex_arb/performance",
    "/cex_dex_arb/trades",
    "/cex_dex_arb/trades/run7-cex_dex_arb-88-0",
    "/drift_funding_arb/positions",
    "/launch_sniper/dashboard",
)


def live(page: Page) -> None:
    """Waits for the stream."""
    expect(page.locator("html")).to_have_attribute("data-stream", "live")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (1440, "light"), (390, "dark")])
def test_every_page_is_clean_live_and_fits(
    open_page: Open, server: Served, console: Console, width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    for path in PATHS:
        page.goto(server.url + path)
        live(page)
        for chart in page.locator(".plot").all():
            expect(chart.locator("canvas")).to_be_visible()
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], f"{path} scrolls sideways: {sizes}"
        assert page.evaluate("getComputedStyle(document.body).color") == (
            "rgb(22, 32, 43)" if scheme == "light" else "rgb(230, 235, 241)"
        )
    assert console.errors == []


def test_values_change_in_place_without_moving_anything(open_page: Open, console: Console) -> None:
    page = open_page()
    live(page)
    row = page.locator('[data-cell="s.cex_dex_arb.today"]')
    before, box = row.inner_text(), page.locator(".strategies").bounding_box()
    expect(row).not_to_have_text(before)
    assert re.fullmatch(r"[+−]?[\d,]+\.\d\d", row.inner_text())
    assert page.locator(".strategies").bounding_box() == box
    assert console.errors == []


def test_new_rows_arrive_without_a_reload(open_page: Open, console: Console) -> None:
    page = open_page()
    live(page)
    region = page.locator('[data-region="recent"]')
    before = region.get_attribute("data-version")
    page.evaluate("window.isSamePage = true")
    page.mouse.move(5, 5)
    expect(region).not_to_have_attribute("data-version", str(before), timeout=20_000)
    assert page.evaluate("window.isSamePage") is True
    assert console.errors == []


def test_kill_needs_a_reason_and_a_held_button_and_covers_every_page(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    live(page)
    page.keyboard.press("k")
    dialog = page.locator("#kill-dialog")
    expect(dialog).to_be_visible()
    hold = dialog.locator(".hold")
    hold.click(delay=1200)
    expect(dialog).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-kill", "off")
    dialog.locator("input").fill(f"odd {HOSTILE}")
    hold.click()
    expect(page.locator("body")).to_have_attribute("data-kill", "off")
    hold.click(delay=1200)
    expect(dialog).to_be_hidden()
    expect(page.locator("body")).to_have_attribute("data-kill", "on")
    expect(page.locator(".notice.killed")).to_contain_text(f"“odd {HOSTILE}” by dashboard")
    page.goto(server.url + "/cex_dex_arb/trades")
    expect(page.locator(".notice.killed")).to_be_visible()
    page.locator("#open-reset").click()
    page.locator("#reset-dialog input").fill("looked at it")
    page.locator("#reset-dialog .hold").click(delay=1200)
    expect(page.locator(".notice.killed")).to_be_hidden()
    assert console.errors == []


def test_kill_works_by_keyboard_alone(open_page: Open, console: Console) -> None:
    page = open_page()
    live(page)
    page.keyboard.press("k")
    page.keyboard.type("no mouse here")
    page.keyboard.press("Enter")
    expect(page.locator("#kill-dialog .hold")).to_be_focused()
    page.keyboard.down("Enter")
    expect(page.locator("body")).to_have_attribute("data-kill", "on")
    page.keyboard.up("Enter")
    assert console.errors == []


def test_a_strategy_is_paused_and_stopped_with_a_question(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    page.goto(server.url + "/cex_dex_arb/dashboard")
    live(page)
    state = page.locator('.statebig [data-cell="h.state"]')
    page.get_by_role("button", name="Pause").click()
    expect(state).to_have_text("paused")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#confirm-dialog").get_by_role("button", name="Cancel").click()
    expect(state).to_have_text("paused")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#confirm-yes").click()
    expect(state).to_have_text("disabled")
    assert console.errors == []


def test_hostile_symbols_are_text(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    for path in PATHS:
        page.goto(server.url + path)
        live(page)
        page.wait_for_timeout(600)
        assert page.locator("img[src='x']").count() == 0
    page.goto(server.url + "/cex_dex_arb/dashboard")
    expect(page.locator('[data-cell="fig.token"]')).to_have_text(HOSTILE)
    assert console.errors == []


def test_a_lost_kernel_greys_the_page_counts_down_and_comes_back(open_page: Open, server: Served) -> None:
    page = open_page()
    live(page)
    port = int(server.url.rpartition(":")[2])
    shown = page.locator("#stream-age")
    server.stop()
    expect(page.locator("html")).to_have_attribute("data-stream", "lost")
    expect(page.locator("#lost")).to_contain_text("Connection lost")
    expect(page.locator("#lost-next")).to_contain_text(re.compile("Trying"))
    assert page.evaluate("getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"
    expect(shown).to_have_attribute("data-tone", "warn", timeout=8_000)
    again = serve(port=port)
    try:
        expect(page.locator("#lost-next a")).to_have_text("Log in again", timeout=20_000)
        page.goto(again.login_url)
        live(page)
        expect(page.locator("#lost")).to_be_hidden()
    finally:
        again.stop()


def test_a_frozen_kernel_is_noticed_by_its_silence_and_found_again(open_page: Open, server: Served) -> None:
    page = open_page()
    live(page)
    server.process.send_signal(signal.SIGSTOP)
    expect(page.locator("html")).to_have_attribute("data-stream", "lost", timeout=15_000)
    server.process.send_signal(signal.SIGCONT)
    expect(page.locator("html")).to_have_attribute("data-stream", "live", timeout=20_000)
    expect(page.locator("#lost")).to_be_hidden()
    row = page.locator('[data-cell="s.cex_dex_arb.today"]')
    expect(row).not_to_have_text(row.inner_text())


def test_the_keyboard_reaches_pages_help_and_search(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    live(page)
    page.keyboard.press("g")
    page.keyboard.press("1")
    expect(page).to_have_url(server.url + "/cex_dex_arb/dashboard")
    live(page)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(server.url + "/cex_dex_arb/trades")
    live(page)
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("drift pos")
    page.keyboard.press("Enter")
    expect(page).to_have_url(server.url + "/drift_funding_arb/positions")
    live(page)
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(server.url + "/")
    assert console.errors == []


def test_the_theme_is_chosen_and_kept(open_page: Open, console: Console) -> None:
    page = open_page(scheme="dark")
    live(page)
    page.locator("#theme").click()
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(246, 247, 249)"
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert console.errors == []


def test_times_are_in_the_viewers_zone(open_page: Open, server: Served, console: Console) -> None:
    page = open_page(timezone_id="Asia/Kolkata")
    page.goto(server.url + "/cex_dex_arb/trades")
    live(page)
    shown = page.locator("time[data-ms]").nth(1)
    minutes = page.evaluate("new Date().getTimezoneOffset()")
    assert minutes == -330
    title = shown.get_attribute("title") or ""
    here, utc = re.findall(r"(\d\d):(\d\d):\d\d", title)[:2]
    assert (int(here[0]) * 60 + int(here[1]) - int(utc[0]) * 60 - int(utc[1])) % 1440 == 330
    assert console.errors == []


def test_browser_and_server_typeset_ages_alike(open_page: Open) -> None:
    page = open_page()
    values = [0, 340, 9_999, 10_000, 59_999, 60_000, 192_000, 3_599_999, 7_440_000, 86_400_000, 442_800_000]
    script = "async (values) => { const { duration } = await import('/static/ages.js'); return values.map(duration); }"
    assert page.evaluate(script, values) == [typeset.duration(value) for value in values]


def test_the_login_page_refuses_a_wrong_token_and_takes_the_right_one(
    browser, server: Served, console: Console
) -> None:
    page = browser.new_context().new_page()
    console.watch(page)
    page.goto(server.url + "/cex_dex_arb/trades")
    expect(page).to_have_url(server.url + "/login?next=/cex_dex_arb/trades")
    token = server.login_url.rpartition("=")[2]
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(server.url + "/cex_dex_arb/trades")
    live(page)
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(server.url + "/login")
    assert console.errors == []
    page.get_by_label("Access token").fill("wrong token, sorry")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".failed")).to_have_text("That is not the token of this kernel.")
    page.context.close()
