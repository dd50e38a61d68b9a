"""Every page of a real kernel in a real browser: a quiet console, no serious finding of axe, nothing too wide."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bus.events import SettingsChanged
from tests.browser.axe import serious_findings
from tests.browser.conftest import Console
from tests.process.kernel_run import KernelRun, wait_for
from tests.process.recorded_log import RecordedLog

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

STRATEGY = ("dashboard", "performance", "trades", "positions", "opportunities", "settings", "guide", "logs")
SYSTEM = (
    "/", "/risk", "/execution", "/opportunities", "/balances", "/funding", "/events", "/alerts", "/logs", "/rpc",
    "/secrets", "/users", "/system", "/replays", "/replays/new", "/settings", "/settings/risk", "/settings/alerts",
    "/settings/history", "/settings/import",
)  # fmt: skip
PAGES = (*SYSTEM, *(f"/cex_dex_arb/{tab}" for tab in STRATEGY))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelRun]:
    """The demo, fast enough that there are orders soon."""
    folder = tmp_path_factory.mktemp("whole")
    made = KernelRun(folder / "data", "--profile", "demo", "--speed", "600", output=folder).wait_ready()
    yield made
    if made.process.poll() is None:
        made.stop()


def open_page(browser: Browser, run: KernelRun, scheme: str, width: int) -> tuple[Page, Console]:
    page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()  # type: ignore[arg-type]
    console = Console()
    console.watch(page)
    page.goto(run.said("dashboard"))
    return page, console


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1400), ("light", 390)])
def test_every_page_is_quiet_accessible_and_fits(run: KernelRun, browser: Browser, scheme: str, width: int) -> None:
    page, console = open_page(browser, run, scheme, width)
    base = run.said("dashboard").partition("/login")[0]
    found = []
    for path in PAGES:
        answer = page.goto(base + path)
        assert answer is not None and answer.status == 200, path
        page.locator("html[data-stream=live]").wait_for()
        found += [f"{path}: {each}" for each in serious_findings(page)]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            found.append(f"{path}: {wider} px wider than the window")
    page.context.close()
    assert not found, "\n".join(found)
    assert console.errors == []


def test_a_setting_that_is_changed_in_the_browser_is_used_by_the_kernel(run: KernelRun, browser: Browser) -> None:
    page, console = open_page(browser, run, "dark", 1400)
    base = run.said("dashboard").partition("/login")[0]
    page.goto(f"{base}/cex_dex_arb/settings")
    page.locator("html[data-stream=live]").wait_for()
    form = page.locator('[data-module="cex_dex_arb"]')
    field = form.locator('[name="f.min_profit_usd"]')
    field.fill("-3")
    form.locator("[data-save]").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("4321")
    form.locator("[data-save]").click()
    review = page.locator("#settings-review")
    expect(review).to_contain_text("4,321")
    review.locator('[name="why"]').fill("calm days")
    review.locator("[data-confirm]").click()
    expect(form).to_contain_text("version 1")
    wait_for(lambda: [each for each in RecordedLog(run.data).events if isinstance(each, SettingsChanged)], "the change")
    page.goto(f"{base}/settings/history")
    expect(page.locator("main")).to_contain_text("calm days")
    page.context.close()
    assert console.errors == [] or all("400" in each for each in console.errors)


def test_it_stops_within_the_second_with_pages_open(run: KernelRun, browser: Browser, tmp_path: Path) -> None:
    page, _ = open_page(browser, run, "dark", 1400)
    page.locator("html[data-stream=live]").wait_for()
    code, seconds = run.stop()
    expect(page.locator("html")).to_have_attribute("data-stream", "lost", timeout=15_000)
    page.context.close()
    assert code == 0
    print(f"stopped in {seconds:.2f} s")
