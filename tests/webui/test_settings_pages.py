# ruff: noqa: E501
"""Settings over real sockets: forms that work without a script, and the JSON that the script uses."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.webui.client import Answer, Client, parse
from tests.webui.fake_settings import FakeSettings
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.serve import TOKEN
from tests.webui.serve_settings import Somebody, with_history
from webui import settings_history
from webui.server import WebServer
from webui.settings_pages import SettingsPages

JSON = {"Accept": "application/json"}


@pytest.fixture
def settings() -> FakeSettings:
    return FakeSettings()


@pytest.fixture
async def client(settings: FakeSettings, source: FakeSource) -> AsyncIterator[Client]:
    web = WebServer(source, token=TOKEN, port=0, parts=(SettingsPages(settings), Somebody(settings)))
    await web.start()
    made = Client(web.port)
    await made.login(TOKEN)
    yield made
    await web.stop()


async def post(client: Client, path: str, fields: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    pairs: Any = [
        (name, each) for name, value in fields.items() for each in (value if isinstance(value, list) else [value])
    ]
    return await client.send("POST", path, headers, [("csrf", client.csrf), *pairs])  # type: ignore[arg-type]


def change(name: str, was: str, now: str | list[str], version: int = 0, why: str = "because") -> dict[str, Any]:
    return {f"was.{name}": was, f"f.{name}": now, "version": str(version), "why": why}


def flat(html: str) -> str:
    return re.sub(r"\s+", " ", html)


@pytest.mark.slow
async def test_every_page_is_there_and_knows_its_modules(client: Client, settings: FakeSettings) -> None:
    await with_history(settings)
    for path in ("/settings", "/settings/history", "/settings/import", "/settings/risk", "/settings/paper",
                 "/settings/dashboard", "/cex_dex_arb/settings", "/drift_funding_arb/settings", "/cex_dex_arb/guide",
                 "/settings/risk/restore?version=0", "/settings/history?module=risk"):  # fmt: skip
        answer = await client.send("GET", path)
        assert answer.status == 200, path
        assert HOSTILE not in answer.body, path
    assert (await client.send("GET", "/settings/risk.cex_dex_arb")).headers["location"] == "/cex_dex_arb/settings"
    for path in ("/settings/nobody", "/nobody/settings", "/nobody/guide", "/settings/nobody/state",
                 "/settings/history?module=nobody", "/settings/export.toml?module=nobody", "/launch_sniper/settings"):  # fmt: skip
        assert (await client.send("GET", path)).status == 404, path
    assert (await client.send("GET", "/settings/history?before=x")).status == 400
    assert (await client.send("GET", "/settings/risk/restore?version=-1")).status == 400


async def test_a_row_shows_its_value_unit_bounds_default_recommendation_and_source(client: Client) -> None:
    page = flat((await client.send("GET", "/cex_dex_arb/settings")).body)
    row = page.partition('data-name="min_profit_usd"')[2].partition('data-name="')[0]
    assert 'value="1.5"' in row and '<span class="unit">USD</span>' in row and "from 0.01 to 100,000" in row
    assert 'data-use="2"' in row and ">profile</span>" in row and "from the profile file" in row
    assert "Net of every cost, per trade." in row
    limits = page.partition('id="m-risk.cex_dex_arb"')[2]
    assert 'data-name="budget_usd"' in limits and "Limits of CEX against DEX" in limits
    platform = flat((await client.send("GET", "/settings/dashboard")).body)
    assert 'title="a change is stored now and used from the next start"' in platform
    locked = platform.partition('data-name="database_url"')[2].partition('data-name="')[0]
    assert 'name="f.database_url"' in locked and "disabled" not in locked and "(DATABASE_URL)" in locked
    assert "ceiling at most 10,000" in flat((await client.send("GET", "/settings/risk")).body)


async def test_a_plain_form_saves_and_shows_the_new_version(client: Client, settings: FakeSettings) -> None:
    answer = await post(client, "/settings/cex_dex_arb", change("min_profit_usd", "1.5", "2.25"))
    assert answer.status == 303
    assert answer.headers["location"] == "/cex_dex_arb/settings?saved=cex_dex_arb:1#m-cex_dex_arb"
    assert settings.parts["cex_dex_arb"].stored == {"min_profit_usd": 2.25}
    entry = settings.entries[0]
    assert (entry.who, entry.why, entry.version) == ("dashboard", "because", 1)
    page = flat((await client.send("GET", "/cex_dex_arb/settings?saved=cex_dex_arb:1")).body)
    assert "Saved as version 1." in page and 'value="2.25"' in page and "“because”" in page


async def test_every_kind_of_input_can_be_saved(client: Client, settings: FakeSettings) -> None:
    fields = {
        **change("execution_mode", "direct", "flash_loan"),
        **change("cex_venues", "binance\nbinance_usdm\nsimulated", ["simulated", "binance"]),
    }
    assert (await post(client, "/settings/cex_dex_arb", fields)).status == 303
    assert settings.parts["cex_dex_arb"].stored == {
        "execution_mode": "flash_loan",
        "cex_venues": ["simulated", "binance"],
    }
    fields = change("blacklist_tokens", "", f"PEPE\r\n\r\n  {HOSTILE} \r\n")
    assert (await post(client, "/settings/risk", fields)).status == 303
    assert settings.parts["risk"].stored == {"blacklist_tokens": ["PEPE", HOSTILE]}
    fields = {
        "was.maker_bps": "x = 1",
        "f.maker_bps.name": ["okx", ""],
        "f.maker_bps.value": ["−0.5", ""],
        "version": "0",
        "why": "one",
    }
    assert (await post(client, "/settings/paper", fields)).status == 303
    assert settings.parts["paper"].stored == {"maker_bps": {"okx": -0.5}}
    assert (await post(client, "/settings/dashboard", change("is_compact", "false", "true"))).status == 303
    assert settings.parts["dashboard"].stored == {"is_compact": True}
    fields = {"was.is_compact": "true", "version": "1", "why": "off again"}
    assert (await post(client, "/settings/dashboard", fields)).status == 303
    assert settings.parts["dashboard"].stored == {"is_compact": False}
    fields = {"was.is_compact": "false", "reset": "is_compact", "version": "2", "why": "as it was"}
    assert (await post(client, "/settings/dashboard", fields)).status == 303
    assert settings.parts["dashboard"].stored == {}


async def test_a_bad_value_is_refused_at_its_field_and_what_was_typed_stays(
    client: Client, settings: FakeSettings
) -> None:
    fields = change("min_profit_usd", "1.5", HOSTILE) | change("leg_deadline_ms", "1500", "2000")
    answer = await post(client, "/settings/cex_dex_arb", fields)
    page = flat(answer.body)
    assert answer.status == 400 and settings.entries == [] and HOSTILE not in page
    row = page.partition('data-name="min_profit_usd"')[2].partition('data-name="')[0]
    assert (
        "&lt;img src=x" in row
        and 'aria-invalid="true"' in row
        and "expected a number from 0.01 to 100,000 (USD)" in row
    )
    assert (
        'id="e-f-cex_dex_arb-min_profit_usd"' in row
        and "e-f-cex_dex_arb-min_profit_usd" in row.partition("aria-describedby=")[2][:120]
    )
    other = page.partition('data-name="leg_deadline_ms"')[2].partition('data-name="')[0]
    assert 'value="2000"' in other and 'name="was.leg_deadline_ms" value="1500"' in other
    assert 'id="m-risk.cex_dex_arb"' in page  # the whole tab again, not one form


@pytest.mark.parametrize("why", ["", "ab", "x" * 201, "  a  \n "])
async def test_a_reason_is_required(client: Client, settings: FakeSettings, why: str) -> None:
    answer = await post(client, "/settings/risk", change("max_gas_usd", "50", "60", why=why))
    assert answer.status == 400 and "expected a reason of 3 to 200 characters" in answer.body
    assert 'value="60"' in answer.body and settings.entries == []


async def test_a_save_over_somebody_elses_is_a_conflict_that_keeps_the_typing(
    client: Client, settings: FakeSettings
) -> None:
    settings.meanwhile.append(("risk", {"max_gas_usd": 70, "max_tip_usd": 5}, "ana", HOSTILE))
    answer = await post(
        client, "/settings/risk", change("max_gas_usd", "50", "60") | change("max_fee_bps", "100", "100")
    )
    page = flat(answer.body)
    assert answer.status == 409 and len(settings.entries) == 1
    assert "Somebody saved while you were editing" in page and "ana" in page and HOSTILE not in page
    typed = page.partition('data-name="max_gas_usd"')[2].partition('data-name="')[0]
    assert 'name="f.max_gas_usd" value="60"' in typed and 'name="was.max_gas_usd" value="70"' in typed
    theirs = page.partition('data-name="max_tip_usd"')[2].partition('data-name="')[0]
    assert 'name="f.max_tip_usd" value="5"' in theirs and '<input type="hidden" name="version" value="1">' in page
    again = await post(client, "/settings/risk", change("max_gas_usd", "70", "60", version=1))
    assert again.status == 303 and settings.parts["risk"].stored == {"max_gas_usd": 60.0, "max_tip_usd": 5.0}


async def test_the_script_gets_diffs_errors_and_conflicts_as_json(client: Client, settings: FakeSettings) -> None:
    fields = change("min_profit_usd", "1.5", "2.0") | {"was.cooldown_s": "5", "f.cooldown_s": "5.0"}
    found = json.loads((await post(client, "/settings/cex_dex_arb/preview", fields, JSON)).body)
    assert found == {
        "version": 0,
        "changes": [{"key": "min_profit_usd", "title": "Smallest profit", "unit": "USD", "old": "1.5", "new": "2", "restart": False}],
        "errors": {},
    } and settings.entries == []  # fmt: skip
    bad = change("min_profit_usd", "1.5", "nan") | {"was.cex_venues": "binance"}
    found = json.loads((await post(client, "/settings/cex_dex_arb/preview", bad, JSON)).body)
    assert found["changes"] == [] and "found 'nan'" in found["errors"]["min_profit_usd"]
    saved = await post(client, "/settings/cex_dex_arb", fields, JSON)
    assert (saved.status, json.loads(saved.body)) == (200, {"version": 1})
    late = await post(client, "/settings/cex_dex_arb", change("min_profit_usd", "1.5", "9"), JSON)
    found = json.loads(late.body)
    assert late.status == 409 and found["entries"][0]["who"] == "dashboard" and found["version"] == 1
    settings.is_down = True
    down = await post(client, "/settings/cex_dex_arb", change("min_profit_usd", "2", "9", version=1), JSON)
    assert down.status == 503 and "Nothing was saved" in json.loads(down.body)["errors"][""]


async def test_the_state_tells_what_is_stored_and_what_waits(client: Client, settings: FakeSettings) -> None:
    await post(client, "/settings/dashboard", change("port", "8080", "9000"))
    state = json.loads((await client.send("GET", "/settings/dashboard/state", JSON)).body)
    assert state["version"] == 1 and state["newest"]["who"] == "dashboard"
    assert state["rows"]["port"] == {
        "text": "9000", "shown": "9,000", "reset": True, "pending": "In use until the next start: 8,080. Then: 9,000.",
    }  # fmt: skip
    assert "In use until the next start: 8,080." in (await client.send("GET", "/settings/dashboard")).body
    settings.start_again("dashboard")
    assert "In use until" not in (await client.send("GET", "/settings/dashboard")).body


async def test_a_viewer_reads_and_cannot_save(client: Client, settings: FakeSettings) -> None:
    await with_history(settings)
    before = len(settings.entries)
    await client.send("GET", "/made-up/role?role=viewer")
    page = flat((await client.send("GET", "/cex_dex_arb/settings")).body)
    assert "Saving needs the role operator; you are logged in as viewer." in page
    assert "Roll back" not in page and re.search(r'name="f\.min_profit_usd"[^>]* disabled', page)
    for path in ("/settings/risk", "/settings/risk/preview", "/settings/risk/restore", "/settings/import"):
        answer = await post(client, path, change("max_gas_usd", "50", "60") | {"expected": "1", "text": "[risk]"})
        assert answer.status == 403 and "needs the role" in answer.body, path
    assert len(settings.entries) == before
    for path in ("/settings", "/settings/history", "/settings/import", "/settings/risk/restore?version=0",
                 "/settings/export.toml", "/settings/history.csv"):  # fmt: skip
        assert (await client.send("GET", path)).status == 200, path


async def test_an_operator_saves_and_rolls_back_but_does_not_import(client: Client, settings: FakeSettings) -> None:
    await client.send("GET", "/made-up/role?role=operator")
    assert (await post(client, "/settings/risk", change("max_gas_usd", "50", "60"))).status == 303
    answer = await post(client, "/settings/import", {"text": "[risk]\nmax_gas_usd = 1.0", "action": "preview"})
    assert answer.status == 403 and "needs the role admin" in answer.body
    fields = {"version": "0", "expected": "1", "why": "too much"}
    assert (await post(client, "/settings/risk/restore", fields)).status == 303
    assert settings.parts["risk"].stored == {}


@pytest.mark.parametrize(
    "path", ["/settings/risk", "/settings/risk/preview", "/settings/risk/restore", "/settings/import"]
)
async def test_a_form_without_the_token_is_refused(client: Client, settings: FakeSettings, path: str) -> None:
    fields = change("max_gas_usd", "50", "60") | {"expected": "0", "text": "[risk]", "csrf": "guess"}
    assert (await client.send("POST", path, form=fields)).status == 403
    assert (await client.send("POST", path, {"X-CSRF-Token": "guess"}, form=fields)).status == 403
    assert settings.entries == []


async def test_a_rollback_shows_its_diff_and_asks_why(client: Client, settings: FakeSettings) -> None:
    await with_history(settings)
    page = flat((await client.send("GET", "/settings/cex_dex_arb/restore?version=1")).body)
    assert "To how it was right after version 1" in page and "ETH/USDC, WBTC/USDC, ARB/USDC" in page
    assert "Smallest profit" not in page.partition("Undone by this")[0]
    fields = {"version": "1", "expected": "2", "why": "x"}
    assert (await post(client, "/settings/cex_dex_arb/restore", fields)).status == 400
    late = await post(client, "/settings/cex_dex_arb/restore", fields | {"expected": "1", "why": "wrong pair"})
    assert late.status == 409 and "Somebody saved meanwhile" in late.body
    done = await post(client, "/settings/cex_dex_arb/restore", fields | {"why": "wrong pair"})
    assert done.status == 303 and settings.parts["cex_dex_arb"].stored == {
        "min_profit_usd": 3.0,
        "max_slippage_bps": 12.5,
    }
    assert settings.entries[-1].why == "wrong pair"


async def test_the_history_pages_by_keyset_and_filters(
    client: Client, settings: FakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_history, "ENTRIES_SHOWN", 3)
    for version in range(5):
        await settings.save("risk", {"max_gas_usd": version}, version, "ana", f"reason {version}")
    await settings.save("paper", {"latency_ms": 77}, 0, "ben", "other module")
    first = (await client.send("GET", "/settings/history?module=risk")).body
    assert (
        "reason 4" in first
        and "reason 2" in first
        and "reason 1" not in first
        and "other module" not in first.partition("<tbody>")[2]
    )
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = (await client.send("GET", older)).body
    assert "reason 1" in second and "reason 0" in second and "reason 2" not in second and 'rel="next"' not in second
    settings.is_down = True
    down = await client.send("GET", "/settings/history")
    assert down.status == 200 and "Postgres does not answer" in down.body


async def test_the_history_as_csv_runs_no_formula(
    client: Client, settings: FakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_history, "CSV_SLICE", 2)
    await with_history(settings)
    await settings.save("risk", {"min_expected_net_usd": -5}, 1, "ana", "@SUM(A1)")
    lines = (await client.send("GET", "/settings/history.csv")).body.splitlines()
    assert lines[0] == "time_utc,ts_ns,module,version,who,why,field,unit,old,new,reset"
    assert lines[1].startswith("2025-11-24T16:00:05.000+00:00,") and lines[1].endswith(
        ",risk,2,ana,'@SUM(A1),min_expected_net_usd,USD,0.0,-5.0,False"
    )
    assert len(lines) == 1 + 1 + 2 + 2 + 1 + 2 and any(",'=cmd," in line for line in lines)
    only = (await client.send("GET", "/settings/history.csv?module=dashboard")).body.splitlines()
    assert len(only) == 3


async def test_an_export_can_be_imported_and_changes_nothing(client: Client, settings: FakeSettings) -> None:
    await with_history(settings)
    exported = await client.send("GET", "/settings/export.toml")
    assert exported.headers["content-disposition"] == 'attachment; filename="settings.toml"'
    one = await client.send("GET", "/settings/export.toml?module=risk&module=paper")
    assert "[risk]" in one.body and "[paper" in one.body and "[cex_dex_arb]" not in one.body
    assert (await client.send("GET", "/settings/import")).status == 200
    answer = await post(client, "/settings/import", {"text": one.body, "action": "preview"})
    assert answer.status == 200 and "It cannot be imported" not in answer.body


def seen(page: str) -> str:
    return page.partition('name="seen" value="')[2].partition('"')[0]


async def test_an_import_is_looked_at_first_and_then_all_or_nothing(client: Client, settings: FakeSettings) -> None:
    text = f'[risk]\nmax_gas_usd = 20.0\nblacklist_tokens = ["{HOSTILE}"]\n[paper]\nlatency_ms = 99\n'
    page = await post(client, "/settings/import", {"text": text, "action": "preview"})
    assert page.status == 200 and HOSTILE not in page.body and "Order latency" in page.body and settings.entries == []
    fields = {"text": text, "action": "apply", "seen": seen(page.body), "why": "new venue"}
    assert (await post(client, "/settings/import", fields | {"seen": "0"})).status == 409
    assert (await post(client, "/settings/import", fields | {"why": ""})).status == 400
    await settings.save("paper", {"latency_ms": 60}, 0, "ana", "meanwhile")
    late = await post(client, "/settings/import", fields)
    assert late.status == 409 and "nothing was imported" in late.body and len(settings.entries) == 1
    done = await post(client, "/settings/import", fields | {"seen": seen(late.body)})
    assert done.status == 200 and "is now version 1" in done.body and "is now version 2" in done.body
    assert settings.parts["paper"].stored == {"latency_ms": 99}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected TOML: paste it"),
        ("[risk", "expected TOML, found"),
        ("[risk]\nmax_gas_usd = 1e99\nmax_gass = 1", "did you mean max_gas_usd"),
        ("[nobody]\nx = 1", "there is no such module"),
    ],
)
async def test_all_errors_of_an_import_are_shown_and_nothing_is_saved(
    client: Client, settings: FakeSettings, text: str, said: str
) -> None:
    answer = await post(client, "/settings/import", {"text": text, "action": "preview"})
    assert said in answer.body.replace("&#39;", "'") and 'name="seen"' not in answer.body
    forced = await post(client, "/settings/import", {"text": text, "action": "apply", "seen": "", "why": "force it"})
    assert forced.status in (400, 409) and settings.entries == []


async def multipart(client: Client, content: bytes = b"", **fields: str) -> Answer:
    mark = "----mark"
    parts = [("csrf", client.csrf, ""), *((name, value, "") for name, value in fields.items())]
    sent = [(name, value.encode(), more) for name, value, more in parts]
    if content:
        sent.append(("file", content, '; filename="s.toml"'))
    body = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
        for name, value, more in sent
    )
    body += f"--{mark}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "Content-Length": str(len(body))}
    reader, writer = await client.open("POST", "/settings/import", headers)
    writer.write(body)
    raw = await reader.read()
    writer.close()
    return parse(raw)


@pytest.mark.slow
async def test_a_file_is_read_and_applied_up_to_a_megabyte(client: Client, settings: FakeSettings) -> None:
    text = "[paper]\nlatency_ms = 99\n" + "#\n" * 500_000
    looked = await multipart(client, text.encode(), action="preview", text="")
    assert looked.status == 200 and "Order latency" in looked.body
    fields = {"action": "apply", "seen": seen(looked.body), "why": "a long file", "text": text.replace("\n", "\r\n")}
    done = await multipart(client, **fields)
    assert done.status == 200 and settings.parts["paper"].stored == {"latency_ms": 99}
    large = await multipart(client, b"#" * (1024 * 1024 + 1), action="preview")
    assert large.status == 400 and "expected at most 1,048,576 bytes" in large.body
    binary = await multipart(client, b"\xff\xfe\x00", action="preview")
    assert binary.status == 400 and "expected TOML as UTF-8 text" in binary.body


async def test_only_the_import_takes_more_than_the_usual_body(client: Client) -> None:
    assert (await post(client, "/settings/risk", {"why": "x" * 70_000})).status == 413


async def test_without_a_database_forms_are_read_only_and_say_why(client: Client, settings: FakeSettings) -> None:
    settings.is_down, settings.note = True, "Postgres does not answer since 12:03."
    page = flat((await client.send("GET", "/cex_dex_arb/settings")).body)
    assert page.count("Postgres does not answer since 12:03.") >= 2 and "Not available now." in page
    assert re.search(r"<button class=\"primary\" data-save disabled", page)


async def test_stored_values_that_are_invalid_are_shouted(client: Client, settings: FakeSettings) -> None:
    settings.parts["risk"].problem = f"max_gas_usd: found {HOSTILE}"
    page = (await client.send("GET", "/settings/risk")).body
    assert "Stored values are not in use." in page and HOSTILE not in page
    assert "not in use" in (await client.send("GET", "/settings")).body


async def test_the_guide_has_prose_the_settings_table_and_the_limits(client: Client, settings: FakeSettings) -> None:
    await settings.save("risk.cex_dex_arb", {"max_gas_usd": 3.5}, 0, "ana", "test")
    page = flat((await client.send("GET", "/cex_dex_arb/guide")).body)
    assert "<h2>CEX-DEX arbitrage</h2>" in page and "<strong>after all costs</strong>" in page
    row = page.partition('<code class="id muted">min_profit_usd</code>')[2].partition("</tr>")[0]
    assert (
        "Net of every cost, per trade." in row
        and ">USD<" in row
        and "from 0.01 to 100,000" in row
        and ">1.5</span>" in row
    )
    limit = page.partition("Its limits in the risk gate")[2].partition(">max_gas_usd</code>")[2].partition("</tr>")[0]
    assert ">3.5</span>" in limit and 'title="not the default"' in limit


@pytest.mark.slow
async def test_the_stream_tells_versions_and_sources(client: Client, settings: FakeSettings) -> None:
    reader, writer = await client.open("GET", "/stream?topics=settings:risk,settings")
    text = b""
    while b'"set.risk.version":["0"' not in text:
        text += await reader.readuntil(b"\n\n")
    await settings.save("risk", {"max_gas_usd": 60}, 0, "ana", "test")
    while b'"set.risk.version":["1"' not in text or b'"set.risk.max_gas_usd.src":["database"' not in text:
        text += await reader.readuntil(b"\n\n")
    writer.close()
    assert (await client.send("GET", f"/stream?topics={quote('settings:nobody')}")).status == 400
