"""Settings in a real browser: change and see it used, errors at the field, conflicts, rollback, keyboard, phone."""

import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Console, Open, Served
from tests.shared_data import PROJECT
from tests.webui.fake_source import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

STRATEGY = "/cex_dex_arb/settings"
PATHS = (
    "/settings",
    STRATEGY,
    "/cex_dex_arb/guide",
    "/drift_funding_arb/guide",
    "/settings/risk",
    "/settings/paper",
    "/settings/dashboard",
    "/settings/history",
    "/settings/cex_dex_arb/restore?version=0",
    "/settings/import",
)


def serve_settings(mode: str) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve_settings", "0", mode], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http://"), f"the server did not start: {line!r}"
    return Served(process, line)


@pytest.fixture
def server() -> Iterator[Served]:
    """The settings pages with some history; takes the place of the dashboard's server."""
    served = serve_settings("HISTORY")
    yield served
    served.stop()


def show(page: Page, server: Served, path: str = STRATEGY) -> None:
    page.goto(server.url + path)
    expect(page.locator("html")).to_have_attribute("data-stream", "live")


def row(page: Page, name: str, module: str = "cex_dex_arb") -> Locator:
    return page.locator(f'[data-module="{module}"] .setting[data-name="{name}"]')


def box(page: Page, name: str, module: str = "cex_dex_arb") -> Locator:
    return page.locator(f'[id="f-{module}-{name}"]')


def somebody_saves(page: Page, server: Served, **asked: str) -> None:
    answer = page.request.get(f"{server.url}/made-up/save?{urlencode(asked)}")
    assert answer.ok, answer.text()


def save(page: Page, why: str = "a good reason", module: str = "cex_dex_arb") -> Locator:
    page.locator(f'[data-module="{module}"] [data-save]').click()
    dialog = page.locator("#settings-review")
    expect(dialog).to_be_visible()
    dialog.locator('[name="why"]').fill(why)
    dialog.locator("[data-confirm]").click()
    return dialog


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (1440, "light"), (390, "dark")])
def test_every_page_is_clean_live_and_fits(
    open_page: Open, server: Served, console: Console, width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    for path in PATHS:
        show(page, server, path)
        sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], f"{path} scrolls sideways: {sizes}"
        assert page.locator("img[src=x]").count() == 0
    assert console.errors == []


def test_a_change_is_reviewed_saved_and_in_use_without_leaving_the_page(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    show(page, server)
    page.evaluate("window.isSamePage = true")
    box(page, "min_spread_threshold").fill("0.45")
    expect(row(page, "min_spread_threshold")).to_have_attribute("data-changed", "")
    page.locator('[data-module="cex_dex_arb"] [data-save]').click()
    dialog = page.locator("#settings-review")
    expect(dialog.locator("tbody tr")).to_have_text(["Smallest spread0.3 %0.45 %"])
    dialog.locator("[data-confirm]").click()
    expect(dialog).to_be_visible()  # no reason, no save
    dialog.locator('[name="why"]').fill("calmer market")
    dialog.locator("[data-confirm]").click()
    expect(dialog).to_be_hidden()
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 3, in use since")
    expect(row(page, "min_spread_threshold")).not_to_have_attribute("data-changed", "")
    expect(row(page, "min_spread_threshold").locator(".src")).to_have_text("database")
    page.mouse.move(5, 5)
    expect(page.locator(".changes").first).to_contain_text("calmer market", timeout=10_000)
    assert page.evaluate("window.isSamePage") is True
    show(page, server, "/cex_dex_arb/guide")
    expect(page.locator("tr", has_text="min_spread_threshold").locator(".inuse")).to_have_text("0.45")
    assert console.errors == []


def test_a_bad_value_is_refused_at_its_field_which_gets_the_focus(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    show(page, server)
    box(page, "leg_deadline_ms").fill("5")
    box(page, "min_profit_usd").fill("lots")
    page.locator('[data-module="cex_dex_arb"] [data-save]').click()
    wrong = row(page, "min_profit_usd").locator(".wrong")
    expect(wrong).to_have_text("expected a number from 0.01 to 100,000 (USD), found 'lots'")
    expect(row(page, "leg_deadline_ms").locator(".wrong")).to_contain_text("from 100 to 30,000")
    expect(box(page, "min_profit_usd")).to_be_focused()
    assert str(wrong.get_attribute("id")) in str(box(page, "min_profit_usd").get_attribute("aria-describedby"))
    expect(box(page, "min_profit_usd")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#settings-review")).to_be_hidden()
    page.locator('[data-module="cex_dex_arb"] [data-discard]').click()
    expect(box(page, "min_profit_usd")).to_have_value("3")
    expect(wrong).to_be_hidden()
    assert console.errors == []


def test_a_save_needs_nothing_but_the_keyboard(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    box(page, "min_spread_threshold").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    expect(page.locator('#settings-review [name="why"]')).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_be_focused()
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 3")
    assert console.errors == []


def test_lists_maps_and_order_can_be_edited(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    venues = row(page, "cex_venues")
    venues.get_by_label("Move simulated up").click()
    venues.get_by_role("checkbox", name="binance_usdm").uncheck()
    save(page)
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 3")
    page.reload()
    names = [each.strip() for each in venues.locator(".option label").all_inner_texts()]
    assert names[:2] == ["binance", "simulated"]
    show(page, server, "/settings/paper")
    fees = row(page, "taker_bps", "paper")
    count = fees.locator(".pair").count()
    fees.get_by_label("Remove bybit").click()
    fees.locator("[data-add]").click()
    page.keyboard.type("kraken")
    page.keyboard.press("Tab")
    page.keyboard.type("26")
    save(page, module="paper")
    expect(page.locator('[data-module="paper"] .news')).to_contain_text("Saved as version 1")
    page.reload()
    assert fees.locator(".pair").count() == count
    assert "kraken" in [each.input_value() for each in fees.locator('[name="f.taker_bps.name"]').all()]
    row(page, "taker_bps", "paper").locator("[data-use]").click()
    expect(fees).to_have_attribute("data-changed", "")
    assert "bybit" in [each.input_value() for each in fees.locator('[name="f.taker_bps.name"]').all()]
    page.locator('[data-module="paper"] [data-discard]').click()
    expect(fees).not_to_have_attribute("data-changed", "")
    assert console.errors == []


def test_anothers_save_appears_and_never_overwrites_typing(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    box(page, "leg_deadline_ms").fill("2222")
    box(page, "max_slippage_bps").fill("33")
    somebody_saves(page, server, module="cex_dex_arb", name="min_profit_usd", value="7.5", who="ana")
    expect(box(page, "min_profit_usd")).to_have_value("7.5")
    expect(row(page, "min_profit_usd").locator(".meanwhile")).to_have_text("changed by ana just now")
    somebody_saves(page, server, module="cex_dex_arb", name="max_slippage_bps", value="44", who=HOSTILE)
    note = row(page, "max_slippage_bps").locator(".meanwhile")
    expect(note).to_have_text(f"{HOSTILE} saved 44 here just now; what you typed is kept.")
    expect(box(page, "max_slippage_bps")).to_have_value("33")
    expect(box(page, "leg_deadline_ms")).to_have_value("2222")
    page.locator('[data-module="cex_dex_arb"] [data-save]').click()
    lines = page.locator("#settings-review tbody tr")
    expect(lines).to_have_text(["Slippage44 bps33 bps", "Leg deadline1,500 ms2,222 ms"])
    page.locator('#settings-review [name="why"]').fill("ours on top")
    page.locator("#settings-review [data-confirm]").click()
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 5")
    expect(box(page, "min_profit_usd")).to_have_value("7.5")
    assert page.locator("img[src=x]").count() == 0 and console.errors == []


def test_two_saves_at_once_conflict_and_the_second_is_told(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    box(page, "min_profit_usd").fill("9")
    somebody_saves(page, server, module="cex_dex_arb", name="min_profit_usd", value="8", who="ana", later="1")
    save(page)
    told = page.locator('[data-module="cex_dex_arb"] .trouble')
    expect(told).to_contain_text("nothing of yours was saved")
    expect(told).to_contain_text("ana: “meanwhile” (version 3) Smallest profit: 3 → 8 USD")
    expect(told).to_be_focused()
    expect(box(page, "min_profit_usd")).to_have_value("9")
    save(page, "still mine")
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 4")
    assert [each for each in console.errors if "409" not in each] == []


def test_a_rollback_is_shown_asked_and_done(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    page.locator(".changes li", has_text="calmer week").get_by_role("link", name="Roll back to before this").click()
    expect(page.locator("h1")).to_have_text("Roll back CEX against DEX")
    expect(page.locator("table tbody tr")).to_have_count(3)
    expect(page.locator('[name="why"]')).to_be_focused()
    page.keyboard.type("the week is over")
    page.keyboard.press("Enter")
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 3")
    expect(box(page, "min_profit_usd")).to_have_value("1.5")
    expect(page.locator(".changes").first).to_contain_text("the week is over")
    assert console.errors == []


def test_a_restart_only_change_waits_visibly_and_an_environment_value_can_be_gone_above(
    open_page: Open, server: Served, console: Console
) -> None:
    page = open_page()
    show(page, server, "/settings/dashboard")
    expect(row(page, "port", "dashboard").locator(".pending")).to_contain_text("In use until the next start: 8,080.")
    expect(box(page, "database_url", "dashboard")).to_be_enabled()
    box(page, "port", "dashboard").fill("9100")
    page.locator('[data-module="dashboard"] [data-save]').click()
    expect(page.locator("#settings-review .applies")).to_have_text("Stored now, used from the next start on.")
    page.locator("#settings-review [data-close]").click()
    row(page, "port", "dashboard").locator('[name="reset"]').check()
    save(page, module="dashboard")
    expect(row(page, "port", "dashboard").locator(".pending")).to_be_hidden()
    expect(box(page, "port", "dashboard")).to_have_value("8080")
    expect(row(page, "port", "dashboard").locator(".src")).to_have_text("default")
    assert console.errors == []


def test_a_viewer_sees_everything_and_can_touch_nothing(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    page.request.get(f"{server.url}/made-up/role?role=viewer")
    show(page, server)
    expect(page.locator(".banner").first).to_contain_text("Saving needs the role operator")
    inputs = page.locator("section.settings form").locator("input:not([type=hidden]), select, textarea")
    assert inputs.count() > 60 and inputs.and_(page.locator(":enabled")).count() == 0
    for button in page.locator("[data-save]").all():
        expect(button).to_be_disabled()
    expect(page.get_by_role("link", name="Roll back to before this")).to_have_count(0)
    somebody_saves(page, server, module="cex_dex_arb", name="min_profit_usd", value="7.5", who="ana")
    expect(box(page, "min_profit_usd")).to_have_value("7.5")
    assert console.errors == []


def test_an_old_token_is_refused_and_said(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    page.evaluate("document.body.dataset.csrf = 'guess'")
    box(page, "min_profit_usd").fill("9")
    page.locator('[data-module="cex_dex_arb"] [data-save]').click()
    told = page.locator('[data-module="cex_dex_arb"] .trouble')
    expect(told).to_have_text("refused: the page is out of date; reload it")
    expect(box(page, "min_profit_usd")).to_have_value("9")
    assert [each for each in console.errors if "403" not in each] == []


def test_hostile_reasons_are_words(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server)
    box(page, "min_profit_usd").fill("9")
    save(page, HOSTILE)
    expect(page.locator('[data-module="cex_dex_arb"] .news')).to_contain_text("Saved as version 3")
    show(page, server, "/settings/history")
    expect(page.locator("td.why", has_text=HOSTILE)).to_have_count(2)
    assert page.locator("img[src=x]").count() == 0 and console.errors == []


def test_an_import_is_previewed_and_applied(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server, "/settings/import")
    page.locator('textarea[name="text"]').fill('[risk]\nmax_gas_usd = "much"\n')
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator(".errors dt")).to_have_text("risk.max_gas_usd")
    file = {"name": "s.toml", "mimeType": "text/plain", "buffer": b"[risk]\nmax_gas_usd = 20.0\n"}
    page.locator('[name="file"]').set_input_files([file])  # type: ignore[list-item]
    page.get_by_role("button", name="Show what would change").click()
    expect(page.locator(".difftable tbody tr")).to_have_text(["Gas per transaction max_gas_usd5020USD"])
    page.locator('[name="why"]').fill("from the other machine")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".banner.gain")).to_contain_text("risk is now version 2.")
    assert console.errors == []


def test_without_scripts_a_form_saves_and_keeps_what_was_typed_when_refused(browser: Browser, server: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.login_url)
    page.goto(server.url + STRATEGY)
    form = page.locator('[data-module="cex_dex_arb"]')
    box(page, "min_profit_usd").fill("0")
    form.locator('[name="why"]').fill("by hand")
    form.locator("[data-save]").click()
    expect(row(page, "min_profit_usd").locator(".wrong")).to_contain_text("expected a number from 0.01")
    expect(box(page, "min_profit_usd")).to_have_value("0")
    expect(form.locator('[name="why"]')).to_have_value("by hand")
    box(page, "min_profit_usd").fill("4")
    form.locator("[data-save]").click()
    expect(page).to_have_url(re.compile(r"saved=cex_dex_arb:3#m-cex_dex_arb$"))
    expect(form.locator(".news")).to_contain_text("Saved as version 3.")
    context.close()


def test_the_guide_and_the_list_follow_a_save_elsewhere(open_page: Open, server: Served, console: Console) -> None:
    page = open_page()
    show(page, server, "/cex_dex_arb/guide")
    now = page.locator("tr", has_text="max_gas_price_gwei").locator(".inuse")
    expect(now).to_have_text("200")
    somebody_saves(page, server, module="risk.cex_dex_arb", name="max_gas_price_gwei", value="120", who="ana")
    expect(now).to_have_text("120")
    show(page, server, "/settings")
    count = page.locator('[data-cell="set.risk.cex_dex_arb.over"]')
    expect(count).to_have_text("1")
    somebody_saves(page, server, module="risk.cex_dex_arb", name="max_gas_usd", value="2", who="ana")
    expect(count).to_have_text("2")
    assert console.errors == []


def test_a_problem_of_stored_values_is_shouted_and_no_database_is_said(browser: Browser) -> None:
    for mode, said in (("PROBLEM", "Stored values are not in use."), ("DOWN", "settings can be read, not saved")):
        served = serve_settings(mode)
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.login_url)
        show(page, served)
        expect(page.locator('[data-module="cex_dex_arb"] .banner').first).to_contain_text(said)
        assert page.locator("img[src=x]").count() == 0
        context.close()
        served.stop()
