"""The HTML report: complete, self-contained, honest about what is unknown, and inert under hostile names."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from bus.ids import draw
from kernel.errors import StoreError
from kernel.finance.statistics import DEFINITIONS, summarise
from kernel.position import ClosedTrade
from kernel.report import TRADES_SHOWN, ReportInput, StrategyReport, TradeRow, render_html, write_html
from kernel.report_chart import BUCKETS, add_series, draw_chart
from kernel.report_text import brief, cost, exact_figure, figure, percent, signed, span, utc, visible

START_NS = 1_690_848_000 * 10**9  # 2023-08-01 00:00 UTC


def trade_row(number: int, **more: Any) -> TradeRow:
    fields: dict[str, Any] = {
        "ts_ns": START_NS + number * 3 * NS_PER_HOUR + 123_000_000,
        "instrument": "uniswap_v3.polygon:USDC/WETH-500" if number % 2 else "binance:ETHUSDT",
        "side": "buy" if number % 2 else "sell",
        "qty": "0.512345678901234567" if number % 2 else "0.5123",
        "price": "1846.123456789012345678" if number % 2 else "1851.25",
        "fee_usd": "0.9484", "gas_usd": "0.0213" if number % 2 else "0", "slippage_usd": "0.0412",
        "order_id": f"r1-cex_dex_arb-{88_000 + number}-0.{number % 2}", "seq": 88_004 + number,
        **more,
    }  # fmt: skip
    return TradeRow(**fields)


def equity_of(seed: int, samples: int = 2_000, drift: float = 0.0) -> list[tuple[int, str]]:
    value, points = 0.0, []
    for index in range(samples):
        value += (draw(seed, index) - 0.5) * 0.6 + drift
        hole = 12 * NS_PER_HOUR if index > samples * 0.6 else 0
        points.append((START_NS + index * 5 * NS_PER_MINUTE + hole, f"{value:.4f}"))
    return points


def strategy_report(**more: Any) -> StrategyReport:
    equity = equity_of(7, drift=0.01)
    closed = [
        ClosedTrade(
            strategy="cex_dex_arb", instrument="i", is_long=True, opened_ts_ns=START_NS + hour * NS_PER_HOUR,
            closed_ts_ns=START_NS + (hour + 2) * NS_PER_HOUR, pnl_usd=Decimal(3 if hour % 3 else -2),
            turnover_usd=Decimal(1000), fills=2, simulated=True,
        )
        for hour in range(0, 60, 5)
    ]  # fmt: skip
    fields: dict[str, Any] = {
        "name": "cex_dex_arb", "title": "CEX–DEX arbitrage",
        "idea": "Buys on the pool and sells on the exchange (or back) when the executable gap pays for everything.",
        "settings": {"edge_usd_min": "1.0", "size_usd_max": "2500", "pools": "uniswap_v3.polygon:USDC/WETH-500"},
        "seen": 184_213, "priced": 21_804, "intents": 236, "approved": 214,
        "denied": {"stale_data": 18, "price_collar": 4},
        "orders": 214, "fills": 231, "closed": 107, "profitable": 41,
        "why_not": {"spread_below_costs": 20_114, "basis_not_profit": 1_203, "size_below_min": 251},
        "pnl_usd": equity[-1][1],
        "costs": {"fees": "101.2034", "gas": "4.5112", "slippage": "9.8801", "funding": "-3.2"},
        "max_drawdown_usd": "6.1234",
        "positions": [
            {"instrument": "binance:ETHUSDT", "venue": "binance", "qty": "-0.5123", "avg_price": "1851.25",
             "unrealised_usd": "-1.20"},
        ],
        "equity": equity, "trades": [trade_row(number) for number in range(40)],
        "best_rejected": {
            "opportunity": "o9", "instruments": ["uniswap_v3.polygon:USDC/WETH-500", "binance:ETHUSDT"],
            "size_usd": "1200", "gross_usd": "2.31",
            "costs": [{"name": "pool_fee", "usd": "0.6"}, {"name": "venue_fee", "usd": "1.2"},
                      {"name": "gas", "usd": "0.02"}, {"name": "basis", "usd": "0.61"}],
            "expected_net_usd": "-0.12", "why_not": "spread_below_costs", "note": "",
        },
        "warnings": ["Pool prices are sampled once a minute; swaps between the samples are not seen."],
        "statistics": summarise(
            [(ts_ns, Decimal(value)) for ts_ns, value in equity], closed, capital_usd=Decimal(10_000),
            turnover_usd=Decimal("214000"),
        ),
        **more,
    }  # fmt: skip
    return StrategyReport(**fields)


def idle_report() -> StrategyReport:
    return strategy_report(
        name="drift_funding_arb", title="Drift funding arbitrage", idea="", seen=0, priced=0, intents=0, approved=0,
        denied={}, orders=0, fills=0, closed=0, profitable=0, why_not={}, pnl_usd="0", costs={}, max_drawdown_usd="0",
        positions=[], equity=[], trades=[], best_rejected=None, warnings=[], statistics=None, settings={},
    )  # fmt: skip


def report_of(*strategies: StrategyReport, **more: Any) -> ReportInput:
    fields: dict[str, Any] = {
        "title": "evm-2023-08 replay", "log_path": "var/evm-2023-08.klog", "log_sha256": "9f2c" * 16,
        "log_events": 8_412_093, "run_mode": "simulate", "digest": "b14a" * 8, "code_version": "0.1.0+3f2a1c",
        "started_ts_ns": START_NS, "ended_ts_ns": START_NS + 7 * NS_PER_DAY,
        "assumptions": ("Market orders pay the taker fee of 10 bps.", "Gas is the chain's last known price."),
        "strategies": strategies,
        **more,
    }  # fmt: skip
    return ReportInput(**fields)


class Page(HTMLParser):
    """Collects tags, attributes and text; fails on nesting that does not close."""

    VOID = frozenset({"meta", "br", "line", "path", "img", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, (tag, self._open)
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data


def test_the_report_holds_everything_it_was_given() -> None:
    strategy = strategy_report()
    report = report_of(strategy, idle_report())
    html = render_html(report)
    text = Page(html).text
    assert 'title="0.512345678901234567">0.51234568' in html
    for wanted in (
        report.title, report.log_path, report.log_sha256, report.digest, report.code_version, *report.assumptions,
        "8,412,093", "184,213", "21,804", "SIMULATED", "stale data", "spread below costs", "basis not profit",
        *strategy.warnings, *strategy.settings.values(), "2023-08-01 03:00:00.123", "r1-cex_dex_arb-88001-0.1",
        "88,005", "101.20", "4.51", "9.88", "inside the prices", "38 % of 107 closed",
    ):  # fmt: skip
        assert wanted in text, wanted
    for _, title, definition in DEFINITIONS:
        assert title in text and definition in text


def test_the_report_fetches_nothing_and_runs_nothing() -> None:
    html = render_html(report_of(strategy_report()))
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "src" not in attributes and (attributes.get("href") or "#").startswith("#")
    assert "url(" not in html and "@import" not in html and "http:" not in html and "https:" not in html
    assert "default-src 'none'" in html


HOSTILE = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}\u202eDSU\x00"


def test_hostile_names_are_shown_and_do_nothing() -> None:
    strategy = strategy_report(
        name=HOSTILE, title=HOSTILE, settings={HOSTILE: HOSTILE}, denied={HOSTILE: 1}, why_not={HOSTILE: 1},
        positions=[{HOSTILE: HOSTILE}], warnings=[HOSTILE], trades=[trade_row(1, instrument=HOSTILE, order_id=HOSTILE,
        side=HOSTILE, qty=HOSTILE, price=HOSTILE)], costs={HOSTILE: "1"}, idea=HOSTILE, pnl_usd=HOSTILE,
        best_rejected={"instruments": [HOSTILE], "why_not": HOSTILE, "note": HOSTILE,
                       "costs": [{"name": HOSTILE, "usd": HOSTILE}]},
    )  # fmt: skip
    html = render_html(
        report_of(strategy, title=HOSTILE, log_path=HOSTILE, run_mode=HOSTILE, digest=HOSTILE, assumptions=(HOSTILE,))
    )
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in html and "\x00" not in html and "\\u{202e}DSU" in page.text


def test_what_is_unknown_is_a_dash_with_a_reason_and_never_zero() -> None:
    text = Page(render_html(report_of(idle_report()))).text
    assert "No fill in this run" in text and "Fewer than two samples" in text and "Not computed for this run" in text
    assert "Gross: realised and unrealised, at the prices paid—" in re.sub(r"\s+", " ", text)
    assert "No strategy ran." in Page(render_html(report_of())).text


def test_recorded_fills_are_not_called_simulated() -> None:
    trade = trade_row(1, simulated=False)
    html = render_html(report_of(strategy_report(trades=[trade]), simulated=False, run_mode="verify"))
    assert "SIMULATED" not in html and "RECORDED FILLS" in html


def test_a_long_trade_list_says_what_it_leaves_out() -> None:
    trades = [trade_row(number) for number in range(TRADES_SHOWN + 5)]
    text = Page(render_html(report_of(strategy_report(trades=trades)))).text
    assert "2,000 newest of 2,005; the log holds all" in text
    assert "r1-cex_dex_arb-88004-0.0" not in text and "r1-cex_dex_arb-90004-0.0" in text


def test_the_same_input_gives_the_same_bytes_and_the_file_is_replaced_whole(tmp_path: Path) -> None:
    report = report_of(strategy_report())
    again = msgspec.json.decode(msgspec.json.encode(report), type=ReportInput)
    target = tmp_path / "out.html"
    target.write_text("old")
    write_html(report, target)
    assert target.read_text(encoding="utf-8") == render_html(again)
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/out\.html: cannot be written .* --report"):
        write_html(report_of(), tmp_path / "missing" / "out.html")


def test_gross_to_net_adds_up_on_the_page() -> None:
    strategy = strategy_report(pnl_usd="10", costs={"fees": "3", "gas": "1", "funding": "2", "slippage": "5"})
    text = re.sub(r"\s+", " ", Page(render_html(report_of(strategy))).text)
    assert "at the prices paid+12.00" in text and "Fees−3.00" in text and "Gas−1.00" in text
    assert "Funding received+2.00" in text and "Net P&L+10.00" in text


# charts ---------------------------------------------------------------------------------------------------------------


def test_a_chart_needs_two_samples() -> None:
    assert draw_chart([]) is None and draw_chart([(1, Decimal(1))]) is None


def test_a_gap_in_the_samples_is_not_bridged() -> None:
    points = [(index * NS_PER_MINUTE, Decimal(index)) for index in (0, 1, 2, 3, 50, 51, 52)]
    chart = draw_chart(points)
    assert chart is not None and chart.gaps == 1
    assert chart.line.count("M") == chart.area.count("M") == chart.drawdown.count("M") == 2


@given(st.lists(st.integers(-(10**8), 10**8), min_size=2, max_size=60), st.integers(1, 10**15))
@settings(deadline=None)
def test_every_point_lies_inside_the_plot_and_the_extremes_are_kept(values: list[int], step_ns: int) -> None:
    points = [(index * step_ns, Decimal(value).scaleb(-4)) for index, value in enumerate(values)]
    chart = draw_chart(points, [0, step_ns])
    assert chart is not None
    for path in (chart.line, chart.area, chart.drawdown):
        assert all(-0.11 <= float(number) <= 1000.11 for number in re.findall(r"-?\d+\.\d+", path))
    assert all(0 <= tick.at <= 100 for tick in (*chart.y_ticks, *chart.drawdown_ticks, *chart.x_ticks))
    assert len({tick.text for tick in chart.y_ticks}) == len(chart.y_ticks)
    assert (chart.low_usd, chart.high_usd) == (min(value for _, value in points), max(value for _, value in points))


def test_a_long_series_is_thinned_but_one_spike_survives() -> None:
    points = [(index * NS_PER_MINUTE, Decimal(100 if index == 31_337 else 0)) for index in range(60_000)]
    chart = draw_chart(points)
    assert chart is not None
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", chart.line)]
    assert len(heights) <= 4 * (BUCKETS + 2) and heights.count(min(heights)) == 1 and min(heights) < 100


def test_series_are_added_at_all_of_their_times() -> None:
    total = add_series([[(1, Decimal(1)), (3, Decimal(5))], [(2, Decimal(10)), (3, Decimal(20))]])
    assert total == [(1, Decimal(1)), (2, Decimal(11)), (3, Decimal(25))]


# text -----------------------------------------------------------------------------------------------------------------


def test_figures_are_typeset() -> None:
    assert [figure("1234.5"), signed("1234.5"), signed("-0.001"), figure(None), figure("NaN")] == [
        "1,234.50", "+1,234.50", "0.00", "—", "—",
    ]  # fmt: skip
    assert [signed("-2.5"), cost("1.2"), cost("-1.2"), cost("x")] == ["−2.50", "−1.20", "+1.20", "—"]
    assert exact_figure("1234.123456789012345678901234567890") == "1,234.12345678901234567890123456789"
    assert [brief("1846.123456789"), brief("0.0000123456789"), brief("0")] == ["1,846.1235", "0.000012345679", "0"]
    assert percent(0.1234) == "12.3 %" and percent(None) == "—"
    assert (utc(0), utc(START_NS + 5_000_000, True)) == ("—", "2023-08-01 00:00:00.005")
    assert [span(90 * 10**9), span(NS_PER_DAY * 3 + NS_PER_HOUR), span(500_000_000)] == ["1m 30s", "3d 01h", "0.5 s"]
    assert visible("a\u200bb\u202ec") == "a\\u{200b}b\\u{202e}c"


@given(st.text(alphabet="ab \u200b\u202e\u2066\ufeff\x00\x1b\x7f\u2028é漢"))
def test_hidden_characters_never_pass_and_others_stay(text: str) -> None:
    assert visible(text).isprintable()
    assert re.sub(r"\\u\{[0-9a-f]+\}", "", visible(text)) == re.sub(r"[^ab é漢]", "", text)
