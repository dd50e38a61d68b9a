"""Every page kind of the strategies' part, in both themes and at phone width, without a serious finding."""

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import serious_findings
from tests.browser.conftest import Served

pytestmark = pytest.mark.browser

PAGES = (
    "/", "/cex_dex_arb/dashboard", "/cex_dex_arb/performance", "/cex_dex_arb/trades", "/cex_dex_arb/positions",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_serious_finding(server: Served, browser: Browser, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{server.url}/login")
    findings = {"/login": serious_findings(page)}
    page.goto(server.login_url)
    for path in PAGES:
        page.goto(server.url + path)
        page.locator("html[data-stream=live]").wait_for()
        findings[path] = serious_findings(page)
    context.close()
    lines = [f"{path}: {each}" for path, found in findings.items() for each in found]
    assert not lines, "\n".join(lines)
