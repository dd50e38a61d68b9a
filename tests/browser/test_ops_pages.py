"""The operations pages in a real browser: quiet console, hostile text inert, keyboard, phone, forms and dialogs."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious_findings
from tests.browser.conftest import Console, Served
from tests.shared_data import PROJECT
from tests.webui.serve import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ("/logs?module=cex_dex_arb", "/cex_dex_arb/logs", "/alerts", "/rpc", "/secrets", "/users", "/system")


@pytest.fixture
def served() -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve_ops"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http://"), f"the server did not start: {line!r}"
    made = Served(process, line)
    yield made
    made.stop()


def _open(browser: Browser, served: Served, console: Console, width: int = 1440, scheme: str = "dark") -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    console.watch(page)
    page.goto(served.login_url)
    return page


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (1440, "light"), (390, "dark")])
def test_every_page_is_quiet_accessible_and_fits(
    browser: Browser, served: Served, console: Console, width: int, scheme: str
) -> None:
    page = _open(browser, served, console, width, scheme)
    found: dict[str, object] = {}
    for path in PAGES:
        page.goto(served.url + path)
        page.locator("html[data-stream=live]").wait_for()
        assert page.locator("img[src=x]").count() == 0
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[path] = "scrolls sideways"
        if findings := serious_findings(page):
            found[path] = findings
    page.context.close()
    assert found == {}
    assert console.errors == []


def test_an_alert_is_chosen_and_resolved_by_keyboard(browser: Browser, served: Served, console: Console) -> None:
    page = _open(browser, served, console)
    page.goto(f"{served.url}/alerts")
    box = page.locator("input[name=id]").first
    box.focus()
    page.keyboard.press("Space")
    page.locator("input[name=note]").fill("seen")
    page.locator("button[value=resolved]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("1 resolved")
    page.goto(f"{served.url}/alerts?status=resolved")
    expect(page.locator(".alerttable tbody tr")).to_have_count(1)
    expect(page.locator(".alerttable")).to_contain_text("seen")
    assert console.errors == []


def test_a_secret_is_set_after_the_token_was_asked_again(browser: Browser, served: Served) -> None:
    page = _open(browser, served, Console())
    page.goto(f"{served.url}/secrets")
    page.get_by_role("button", name="Set another name").click()
    dialog = page.locator("#secret-dialog")
    dialog.locator("input[name=name]").fill("RPC_KEY_MY_NODE")
    dialog.locator("input[name=value]").fill("planted-in-the-browser-0123")
    page.keyboard.press("Enter")
    page.locator("#reauth-dialog input").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("RPC_KEY_MY_NODE stored, version 1")
    assert "planted-in-the-browser" not in page.content()
    assert page.locator("input[name=value]").input_value() == ""


def test_a_token_is_shown_once_and_gone_when_the_dialog_closes(browser: Browser, served: Served) -> None:
    page = _open(browser, served, Console())
    page.goto(f"{served.url}/users")
    expect(page.locator("#sessions")).to_contain_text("this one")
    page.get_by_role("button", name="Make a token").click()
    page.locator("#token-dialog input[name=name]").fill("grafana")
    page.locator("#token-dialog .primary").click()
    page.locator("#reauth-dialog input").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#token-dialog output")).to_contain_text("kt_")
    page.locator("#token-dialog [data-close]").click()
    expect(page.locator("section[aria-label='API tokens'] tbody")).to_contain_text("grafana")
    assert "kt_" not in page.content()


def test_an_endpoint_is_edited_in_a_dialog_and_a_refused_url_is_told_there(browser: Browser, served: Served) -> None:
    page = _open(browser, served, Console())
    page.goto(f"{served.url}/rpc")
    expect(page.locator(".opschart canvas")).to_have_count(1)
    page.get_by_role("button", name="Edit").first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("RPC_KEY_MY_NODE")
    dialog.locator("input[name=url]").fill("https://x/secretkey0123456789")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".failed")).to_contain_text("url: something in it may be a key")
    dialog.locator("input[name=url]").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_have_text("ETHEREUM_RPC my node saved")
