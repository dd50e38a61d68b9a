"""The dialog that asks for the password or token again, in a real browser under the real content policy."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Console, Served
from tests.shared_data import PROJECT
from tests.webui.people import PASSWORD
from tests.webui.serve import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def served() -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve_guarded"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http://"), f"the server did not start: {line!r}"
    made = Served(process, line)
    yield made
    made.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_the_owner_is_asked_once_for_both_requests_and_not_again(page: Page, served: Served, console: Console) -> None:
    page.goto(served.login_url)
    page.click("#go")
    dialog = page.locator("#reauth-dialog")
    expect(dialog).to_have_count(1)
    expect(dialog.locator("label")).to_contain_text("Access token")
    expect(dialog.locator("input")).to_be_focused()
    dialog.locator("input").fill("wrong")
    dialog.get_by_text("Confirm", exact=True).click()
    expect(dialog.locator(".failed")).to_have_text("That is not the access token of this login.")
    dialog.locator("input").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("#said")).to_have_text("200 200")
    console.watch(page)
    page.click("#go")
    expect(page.locator("#said")).to_have_text("200 200")
    expect(dialog).to_have_count(0)
    assert console.errors == []


def test_a_user_logs_in_by_the_form_and_may_think_better_of_it(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/login?next=/try")
    page.fill("input[name=name]", "anna")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status))
    page.click("#go")
    for _ in range(250):  # until both requests are answered: one that comes after Escape would ask anew
        if len(answers) >= 2:
            break
        page.wait_for_timeout(20)
    dialog = page.locator("#reauth-dialog")
    expect(dialog.locator("label")).to_contain_text("Password")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#said")).to_have_text("403 403")
    page.click("#go")
    dialog.locator("input").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("200 200")
