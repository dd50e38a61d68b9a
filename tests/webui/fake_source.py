# ruff: noqa: E501
"""FOR TESTS ONLY: a source whose numbers are made up and move with every look. Nothing here is market data."""

import math
from decimal import Decimal

from kernel.errors import StoreError
from webui.history import (
    Bucket,
    EquityMark,
    EquitySeries,
    Performance,
    Realisation,
    Statistic,
    Story,
    StoryStep,
    TradeList,
    TradeQuery,
    TradeRow,
)
from webui.snapshot import (
    AlertRow,
    Candidate,
    CostItem,
    Database,
    ExposureRow,
    FeedRow,
    Figure,
    FigureGroup,
    Funnel,
    KillSwitch,
    Overview,
    PositionRow,
    Positions,
    ReasonCount,
    RecentTrade,
    Signal,
    SignalPoint,
    StageDrop,
    StrategyPage,
    StrategyRow,
)

HOSTILE = "<img src=x onerror=alert(1)>"
START_NS = 1_723_075_200_000_000_000
MINUTE_NS = 60_000_000_000
NAMES = {"cex_dex_arb": "CEX against DEX", "drift_funding_arb": "Funding on Drift", "launch_sniper": "Launch sniper"}


class FakeSource:
    """Implements `DashboardSource`. Every call of `overview` is one step of made-up time (250 ms)."""

    def __init__(self, mode: str = "DEMO", is_empty: bool = False) -> None:
        self.mode = mode
        self.is_empty = is_empty
        self.looks = 0
        self.kill_switch = KillSwitch()
        self.database = Database(state="up", lag_events=0)
        self.states = {"cex_dex_arb": "running", "drift_funding_arb": "running", "launch_sniper": "disabled"}
        self.commands: list[tuple[str, str, str]] = []
        self.run_id = "run-00000007"
        self.is_store_down = False
        self.is_broken = False
        self.legs = 2
        self.age_ms: int | None = 200

    @property
    def now_ns(self) -> int:
        return START_NS + 2 * 86_400_000_000_000 + self.looks * 15_000_000_000

    def overview(self) -> Overview:
        if self.is_broken:
            raise ZeroDivisionError("made to fail")
        self.looks += 1
        if self.is_empty:
            return Overview(
                mode=self.mode, data_note="", run_id=self.run_id, version="0.1.0", seq=0, now_ns=START_NS,
                kill=self.kill_switch,
            )  # fmt: skip
        wave = Decimal(str(round(math.sin(self.looks / 9) * 14, 2)))
        return Overview(
            mode=self.mode,
            data_note="made-up numbers of the test source, not market data",
            run_id=self.run_id,
            version="0.1.0",
            seq=1_204_551 + 37 * self.looks,
            now_ns=self.now_ns,
            last_event_age_ms=self.age_ms,
            equity_usd=Decimal("10214.37") + wave,
            pnl_today_usd=Decimal("41.12") + wave,
            pnl_total_usd=Decimal("214.37") + wave,
            exposure_usd=Decimal("5240.00") - wave,
            kill=self.kill_switch,
            database=self.database,
            loop_lag_p99_us=740.0 + self.looks % 5,
            queue_depth=self.looks % 4,
            strategies=tuple(self._row(name) for name in NAMES),
            feeds=(
                FeedRow(name="binance", status="ok", age_ms=120),
                FeedRow(name="uniswap_v3.polygon", status="ok", age_ms=1_900),
                FeedRow(name="drift", status="stale", age_ms=312_000, note="no funding message since 12:03"),
            ),
            alerts=(
                AlertRow(seq=1_204_100, ts_ns=self.now_ns - 90_000_000_000, severity="warning", source="drift",
                         text="feed stale for more than 5 minutes"),
                AlertRow(seq=1_203_020, ts_ns=self.now_ns - 900_000_000_000, severity="info", source="kernel",
                         text=f"listed {HOSTILE}"),
            ),
            recent_trades=tuple(
                RecentTrade(seq=1_204_000 - 9 * i + 40 * (self.looks // 40), ts_ns=self.now_ns - i * 47_000_000_000,
                            strategy="cex_dex_arb" if i % 3 else "drift_funding_arb",
                            instrument=HOSTILE if i == 1 else "uniswap_v3.polygon:USDC/WETH-500",
                            side="buy" if i % 2 else "sell", qty=Decimal("0.41822"), price=Decimal("2412.118"),
                            order_id=f"run7-cex_dex_arb-{1_204_000 - 9 * i}-0")
                for i in range(9)
            ),
            exposures=(
                ExposureRow(venue="binance", asset="USDT", qty=Decimal("4120.5"), value_usd=Decimal("4120.50")),
                ExposureRow(venue="drift", asset="BTC-PERP", qty=Decimal("-0.0418"), value_usd=Decimal("-2400.12")),
                ExposureRow(venue="binance", asset="BTC", qty=Decimal("0.0418"), value_usd=Decimal("2401.77") + wave),
                ExposureRow(venue="uniswap_v3.polygon", asset=HOSTILE, qty=Decimal("1000000"), value_usd=None),
            ),
        )  # fmt: skip

    def _row(self, name: str) -> StrategyRow:
        state = self.states[name]
        if state == "disabled":
            return StrategyRow(
                name=name, title=NAMES[name], state=state, state_reason="LAUNCH_SNIPER_MODULE_ENABLED is off"
            )
        wave = Decimal(str(round(math.sin(self.looks / 7 + len(name)) * 3, 2)))
        return StrategyRow(
            name=name,
            title=NAMES[name],
            state=state,
            pnl_today_usd=Decimal("12.31") + wave,
            pnl_total_usd=Decimal("88.20") - wave * 20,
            exposure_usd=Decimal("1240") + wave,
            open_orders=self.looks % 3,
            positions=2,
            funnel=Funnel(seen=18_211 + 3 * self.looks, priced=214 + self.looks // 6, approved=9, sent=9, landed=4,
                          profitable=3),
            why_not=(ReasonCount("below_min_net", 16_400 + self.looks), ReasonCount("stale_pool", 901)),
            denied=(ReasonCount("price_collar", 12),),
            last_event_age_ms=self.age_ms,
            handler_p50_us=41.0,
            handler_p99_us=210.0 + self.looks % 7,
            sparkline=tuple(math.sin((self.looks + i) / 6) * 4 + i / 5 for i in range(40)),
        )  # fmt: skip

    def strategy(self, name: str) -> StrategyPage | None:
        if name not in NAMES or self.is_empty:
            return None
        return StrategyPage(
            row=self._row(name),
            idea="Buys where it is cheap, sells where it is dear, when the difference pays for every cost.",
            mode=self.mode,
            now_ns=self.now_ns,
            groups=(
                FigureGroup(title="Prices", figures=(
                    Figure(key="binance_mid", title="Binance mid", text=f"{2412 + self.looks % 5}.10", unit="USDT"),
                    Figure(key="pool_price", title="Pool price at size", text="2,409.87", unit="USDC"),
                    Figure(key="edge", title="Edge after costs", text="−7.4", unit="bps", tone="loss"),
                )),
                FigureGroup(title="Reference", figures=(
                    Figure(key="basis", title="Bridged USDC basis", text="1.2", unit="bps"),
                    Figure(key="token", title="Token", text=HOSTILE, hint="hostile on purpose"),
                    Figure(key="depth", title="Depth at 10 bps", text="—", hint="no book received yet"),
                )),
            ),
            drops=(
                StageDrop(stage="priced", reasons=(ReasonCount("below_min_spread", 16_400), ReasonCount("stale_pool", 901))),
                StageDrop(stage="approved", reasons=(ReasonCount("price_collar", 12), ReasonCount("daily_loss", 2))),
                StageDrop(stage="landed", reasons=(ReasonCount("reverted", 4), ReasonCount("expired", 1))),
            ),
            best_rejected=Candidate(
                opportunity="op-1204551-0", instruments=("binance:ETHUSDT", "uniswap_v3.polygon:USDC/WETH-500"),
                size_usd=Decimal("1850"), gross_usd=Decimal("2.1841"),
                costs=(CostItem("pool_fee", Decimal("0.925")), CostItem("cex_fee", Decimal("1.388")),
                       CostItem("gas", Decimal("0.0312")), CostItem("slippage", Decimal("0.21"))),
                expected_net_usd=Decimal("-0.3702"), why_not="below_min_net", note="needs 1.00 USD",
                ts_ns=self.now_ns - 12_000_000_000,
            ),
            feeds=self.overview_feeds(),
            signal=Signal(title="Spread", unit="bps", threshold_title="Break-even", points=tuple(
                SignalPoint(self.now_ns - (120 - i) * 15_000_000_000,
                            None if 40 <= i < 48 else round(math.sin((self.looks + i) / 11) * 9 + 4, 3), 12.5)
                for i in range(121)
            )),
            trades_version=self.looks // 40,
        )  # fmt: skip

    def overview_feeds(self) -> tuple[FeedRow, ...]:
        return (
            FeedRow(name="binance:ETHUSDT", status="ok", age_ms=80),
            FeedRow(name="uniswap_v3.polygon:USDC/WETH-500", status="stale", age_ms=95_000, note="one sample a minute"),
        )

    def positions(self, name: str) -> Positions | None:
        if name not in NAMES or self.is_empty:
            return None
        legs = (
            PositionRow(
                instrument="drift:BTC-PERP", venue="drift", qty=Decimal("-0.0418"), avg_price=Decimal("57310.5"),
                mark=Decimal(57_290 + self.looks % 9), value_usd=Decimal("-2394.72"),
                unrealised_usd=Decimal("0.86") + self.looks % 9, realised_usd=Decimal(0), fees_usd=Decimal("2.40"),
                funding_usd=Decimal("3.118"), opened_ts_ns=self.now_ns - 7_200_000_000_000, mark_age_ms=1_200,
                group="h-1203991",
            ),
            PositionRow(
                instrument=HOSTILE, venue="binance", qty=Decimal("0.0418"), avg_price=Decimal("57301.1"), mark=None,
                opened_ts_ns=self.now_ns - 7_200_000_000_000, group="h-1203991",
            ),
        )  # fmt: skip
        return Positions(
            rows=legs[: self.legs],
            delta_usd=Decimal("1.05"),
            note="Exit when the hourly rate is below 0.0010 % for 3 hours; now 0.0031 %.",
        )

    async def equity(self, name: str | None, since_ns: int, points_max: int) -> EquitySeries:
        self._check_store()
        if self.is_empty:
            return EquitySeries()
        points: list[tuple[int, Decimal | None]] = []
        for i in range(300):
            value = Decimal("10000") + Decimal(str(round(math.sin(i / 23) * 40 + i * 0.7, 2)))
            points.append((self.now_ns - (300 - i) * 5 * MINUTE_NS, None if 120 <= i < 132 else value))
        return EquitySeries(
            points=tuple(points),
            marks=(EquityMark(ts_ns=points[200][0], kind="restart", text="run 7"),),
            note="From memory: the last 1,440 samples of this run.",
        )

    async def trades(self, query: TradeQuery) -> TradeList:
        self._check_store()
        first = int(query.before_key) - 1 if query.before_key else 119
        rows = []
        for i in range(first, max(-1, first - query.limit), -1):
            row = TradeRow(
                key=f"{i:06d}", ts_ns=self.now_ns - (119 - i) * 300_000_000_000, order_id=f"run7-{query.strategy}-{i}-0",
                instrument=HOSTILE if i % 10 == 3 else "uniswap_v3.polygon:USDC/WETH-500", venue="uniswap_v3.polygon",
                side="buy" if i % 2 else "sell", qty=Decimal("0.4182200"), price=Decimal("2412.11812"),
                notional_usd=Decimal("1008.79"), status="filled", fees_usd=Decimal("0.504"), gas_usd=Decimal("0.0113"),
                slippage_usd=Decimal("0.12"), expected_net_usd=Decimal("1.44"),
                pnl_usd=None if i > 117 else Decimal(i % 7 - 2) + Decimal("0.31"),
            )  # fmt: skip
            rows.append(row)
        next_key = rows[-1].key if rows and int(rows[-1].key) > 0 else ""
        return TradeList(rows=tuple(rows), next_key=next_key, instruments=("uniswap_v3.polygon:USDC/WETH-500", HOSTILE))

    async def performance(self, name: str, since_ns: int) -> Performance:
        self._check_store()
        return Performance(
            pnl_usd=Decimal("88.20"),
            statistics=(
                Statistic(title="Net P&L", text="+88.20", unit="USD", tone="gain",
                          definition="realised + unrealised − fees − gas + funding"),
                Statistic(title="Sharpe", text="", definition="needs two days of samples"),
                Statistic(title="Win rate", text="61", unit="%", definition="closed orders with a gain, of all closed"),
                Statistic(title="Max drawdown", text="−14.02", unit="USD", tone="loss", definition="largest fall from a peak"),
            ),
            costs=(CostItem("fees", Decimal("41.10")), CostItem("gas", Decimal("3.52")), CostItem("slippage", Decimal("9.01")),
                   CostItem("funding", Decimal("-12.40"))),
            by_day=(Bucket("2024-08-09", Decimal("41.12"), 22), Bucket("2024-08-08", Decimal("-8.40"), 31)),
            by_instrument=(Bucket("uniswap_v3.polygon:USDC/WETH-500", Decimal("61.2"), 40), Bucket(HOSTILE, Decimal("-3.1"), 2)),
            by_venue=(Bucket("binance", Decimal("20"), 20),),
            realisations=tuple(
                Realisation(f"run7-cex_dex_arb-{i}-0", Decimal("1.44") + Decimal(i % 5) / 4,
                            Decimal("0.92") + Decimal(i % 9 - 4) / 3, "pool_moved" if i % 3 else "as_expected")
                for i in range(24)
            ),
            note="From memory: this run only.",
        )  # fmt: skip

    async def story(self, name: str, order_id: str) -> Story | None:
        self._check_store()
        if not order_id.startswith("run7-"):
            return None
        at = self.now_ns - 60_000_000_000
        return Story(order_id=order_id, instrument=HOSTILE, side="buy", steps=(
            StoryStep(seq=1_203_990, ts_ns=at, title="Quote", facts=(("instrument", "binance:ETHUSDT"), ("bid", "2412.10"))),
            StoryStep(seq=1_203_991, ts_ns=at, title="Opportunity", tone="info",
                      facts=(("gross USD", "2.1841"), ("gas USD", "0.0312"), ("expected net USD", "1.4410"))),
            StoryStep(seq=1_203_992, ts_ns=at, title="Approved", tone="info", facts=(("notional limit USD", "5000"),)),
            StoryStep(seq=1_204_020, ts_ns=at + 812_000_000, title="Fill", tone="gain",
                      facts=(("qty", "0.41822"), ("price", "2412.118"), ("amount out, raw", str(2**255 + 1)))),
            StoryStep(seq=1_204_021, ts_ns=at + 812_000_000, title="Filled", tone="gain"),
        ))  # fmt: skip

    def kill(self, reason: str, by: str) -> None:
        self.kill_switch = KillSwitch(is_on=True, reason=reason, by=by, since_ns=self.now_ns)

    def reset_kill(self, reason: str, by: str) -> None:
        self.kill_switch = KillSwitch(reason=reason, by=by)

    def command(self, name: str, command: str, by: str) -> None:
        self.commands.append((name, command, by))
        self.states[name] = {"start": "running", "pause": "paused", "stop": "disabled"}[command]

    def _check_store(self) -> None:
        if self.is_store_down:
            raise StoreError("the database did not answer within 5 s (connection refused)")
