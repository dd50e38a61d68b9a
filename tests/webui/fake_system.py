# ruff: noqa: E501
"""FOR TESTS ONLY: sources of the system pages whose numbers are made up and move with every look."""

import json
from decimal import Decimal

from kernel.errors import StoreError
from tests.webui.fake_source import HOSTILE, NAMES, START_NS
from webui.balances_part import BalancesPart
from webui.balances_source import BalanceRow, BalancesLook, GasRow
from webui.events_part import EventsPart
from webui.events_source import TAIL_ROWS, EventPage, EventQuery, EventRow
from webui.execution_part import ExecutionPart
from webui.execution_source import ExecutionLook, HedgeRow, OpenOrder, OrderList, OrderQuery, OrderTrace, OrphanRow
from webui.funding_part import FundingPart
from webui.funding_source import FundingRow, FundingTable, PerpRow
from webui.opportunities_part import OpportunitiesPart
from webui.opportunities_source import CandidateList, CandidateQuery, CandidateTrace
from webui.part import Part
from webui.risk_part import RiskPart
from webui.risk_source import BreakerRow, DenialRow, LimitBar, LimitSetting, ResetRow, RiskLook, RiskScope
from webui.snapshot import CostItem

NOW_NS = START_NS + 2 * 86_400_000_000_000
S_NS = 1_000_000_000
INSTRUMENT = "uniswap_v3.polygon:USDC/WETH-500"


class FakeSystem:
    """All six sources in one, with what was asked of them."""

    kinds = ("fill", "quote", "settings")

    def __init__(self) -> None:
        self.looks = 0
        self.commands: list[tuple[str, str, str, str]] = []
        self.is_store_down = False
        self.queries: list[object] = []

    def parts(self) -> tuple[Part, ...]:
        """The parts over this source."""
        return (
            RiskPart(FakeRisk(self)), ExecutionPart(FakeExecution(self)), OpportunitiesPart(self), BalancesPart(FakeBalances(self)),
            FundingPart(self), EventsPart(self),
        )  # fmt: skip

    def asked(self, query: object) -> None:
        self.queries.append(query)
        if self.is_store_down:
            raise StoreError("database away (ConnectionError); next attempt in 0.4 s")

    # opportunities ----------------------------------------------------------------------------------------------

    async def candidates(self, query: CandidateQuery) -> CandidateList:
        self.asked(query)
        if query.before_key == "bad":
            raise ValueError("before_key: expected the key of a row, found 'bad'")
        start = int(query.before_key or 0)
        rows = tuple(
            CandidateTrace(
                key=str(i), ts_ns=NOW_NS - i * 31 * S_NS, seq=1_204_000 - 7 * i, strategy=query.strategy or "cex_dex_arb",
                opportunity=f"op-{i}", instruments=("binance:ETHUSDT", HOSTILE if i == 2 else INSTRUMENT),
                size_usd=Decimal("1000"), gross_usd=Decimal("4.20"),
                costs=(CostItem("fees", Decimal("1.50")), CostItem("gas", Decimal("0.22")), CostItem("slippage", Decimal("0.91"))),
                expected_net_usd=Decimal("1.57") if i % 3 == 0 else Decimal("-0.43"),
                why_not="" if i % 3 == 0 else "below_min_net", verdict="approved" if i % 3 == 0 else "",
                outcome="landed,filled" if i % 3 == 0 else "", realised_usd=Decimal("1.21") if i % 3 == 0 else None,
                gap_reason="slippage" if i % 3 == 0 else "",
            )
            for i in range(start, start + min(query.limit, 40))
        )  # fmt: skip
        return CandidateList(
            rows=rows, next_key=str(start + 40) if start < 80 else "", searched_to_ns=NOW_NS if query.net_usd_min else 0
        )

    # funding ----------------------------------------------------------------------------------------------------

    def version(self) -> int:
        return self.looks // 40

    async def table(self) -> FundingTable:
        self.asked("table")
        wave = tuple(None if 40 <= h < 64 else 0.00001 * ((h * 7) % 11 - 4) for h in range(168))
        return FundingTable(
            rows=(
                FundingRow(venue="drift", instrument="drift:BTC-PERP", newest_per_hour=-0.0000125, is_estimate=False, age_ms=312_000, interval_h=1.0, next_settle_ns=NOW_NS + 1_800 * S_NS, is_overdue=False, mean_24h=-0.000011, covered_24h=24, mean_7d=0.000002, covered_7d=144, hours=wave),
                FundingRow(venue="drift", instrument=HOSTILE, newest_per_hour=0.00002, is_estimate=True, age_ms=9_000_000, interval_h=8.0, next_settle_ns=NOW_NS - 90_000 * S_NS, is_overdue=True, mean_24h=None, covered_24h=0, mean_7d=None, covered_7d=0, hours=(None,) * 168),
            ),
            positions=(PerpRow(strategy="drift_funding_arb", instrument="drift:BTC-PERP", qty=Decimal("-0.0418"), value_usd=Decimal("-2400.12"), funding_usd=Decimal("3.11"), liquidation_distance_pct=None, note="nobody tells a liquidation price in this version"),),
        )  # fmt: skip

    # events -----------------------------------------------------------------------------------------------------

    def tail(self, kind: str) -> tuple[EventRow, ...]:
        self.looks += 1
        top = 1_204_551 + 5 * self.looks
        return tuple(self._event(top - i, kind) for i in range(TAIL_ROWS))

    async def page(self, query: EventQuery) -> EventPage:
        self.asked(query)
        top = min(query.before_seq or 1_300_001, 1_300_001) - 1
        rows = tuple(self._event(seq, query.kind) for seq in range(top, max(0, top - query.limit), -1))
        return EventPage(rows=rows, searched_to=rows[-1].seq if rows else 1, first_seq=1, last_seq=1_300_000)

    async def event(self, seq: int) -> EventRow | None:
        self.asked(seq)
        return self._event(seq, "") if 0 < seq <= 1_300_000 else None

    def _event(self, seq: int, kind: str) -> EventRow:
        kind = kind or ("fill" if seq % 9 == 0 else "quote")
        text = HOSTILE if seq % 50 == 0 else "binance:ETHUSDT"
        return EventRow(
            seq=seq, ts_ns=NOW_NS + seq * 1_000_000, kind=kind, is_derived=kind == "fill",
            summary=f"instrument {text} · bid 2412.{seq % 97:02d} · ask 2412.{seq % 97 + 1:02d}",
            json=json.dumps({"kind": kind, "ts_ns": seq, "instrument": text}, indent=2),
        )  # fmt: skip


class FakeRisk:
    """The gate."""

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self._looks = 0

    def look(self) -> RiskLook:
        self._looks += 1
        resets = [each for each in self._system.commands if each[1] == "reset_breakers"]
        return RiskLook(
            now_ns=NOW_NS,
            scopes=(self._scope("", "All strategies together", 1), *(self._scope(name, NAMES[name], 2 + i) for i, name in enumerate(NAMES))),
            denials=(
                DenialRow(strategy="cex_dex_arb", reason="price_collar", scope="strategy", last_hour=12 + self._looks, last_day=212, limit="200", asked="351.2", unit="bps", last_ts_ns=NOW_NS - 40 * S_NS, last_seq=1_204_440),
                DenialRow(strategy="drift_funding_arb", reason="daily_loss", scope="global", last_hour=2, last_day=2, limit="500", asked="512.22", unit="USD", last_ts_ns=NOW_NS - 400 * S_NS, last_seq=1_204_100),
                DenialRow(strategy="cex_dex_arb", reason="bad_intent", scope="strategy", last_hour=1, last_day=1, limit="", asked=HOSTILE, unit="text", last_ts_ns=NOW_NS - 900 * S_NS, last_seq=1_203_000),
            ),
            resets=tuple(ResetRow(seq=1_204_000 + i, ts_ns=NOW_NS, strategy=name, by=by, reason=why) for i, (name, _, by, why) in enumerate(resets)),
            counted_since_ns=START_NS,
        )  # fmt: skip

    def _scope(self, name: str, title: str, turn: int) -> RiskScope:
        used = Decimal(700 + 10 * (self._looks % 5))
        return RiskScope(
            name=name,
            title=title,
            bars=(
                LimitBar(name="budget", used=used, limit=Decimal(1000), unit="USD"),
                LimitBar(name="gross_exposure", used=used * turn / 2, limit=Decimal(2000), unit="USD"),
                LimitBar(name="position", used=None, limit=Decimal(1000), unit="USD", note=f"{HOSTILE} has no price"),
                LimitBar(name="open_orders", used=Decimal(turn), limit=Decimal(10), unit="orders"),
                LimitBar(name="orders_per_minute", used=Decimal(27), limit=Decimal(30), unit="orders/min"),
                LimitBar(name="daily_loss", used=Decimal("103.2") if turn == 3 else Decimal("12.5"), limit=Decimal(100), unit="USD"),
                LimitBar(name="drawdown", used=Decimal("1.2"), limit=Decimal(10), unit="%"),
                LimitBar(name="consecutive_failures", used=Decimal(5 if turn == 2 else 0), limit=Decimal(5), unit="orders"),
            ),
            breakers=BreakerRow(failures=5 if turn == 2 else 0, failures_max=5, failures_until_ns=None if turn == 2 else 0, loss_until_ns=NOW_NS + 42 * S_NS if turn == 3 else 0, killed=None),
            settings=(LimitSetting(name="budget_usd", title="Budget", unit="USD", description="Capital tied up.", text="1,000"),),
        )  # fmt: skip

    def reset_breakers(self, strategy: str, reason: str, by: str) -> None:
        self._system.commands.append((strategy, "reset_breakers", by, reason))


class FakeExecution:
    """Orders."""

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self._looks = 0

    def look(self) -> ExecutionLook:
        self._looks += 1
        return ExecutionLook(
            open=tuple(
                OpenOrder(order_id=f"run7-cex_dex_arb-{1_204_000 + i}-0", strategy="cex_dex_arb", venue="binance", instrument=HOSTILE if i == 1 else "binance:ETHUSDT", side="buy" if i % 2 else "sell", kind="order", qty=Decimal("0.41"), limit_price=Decimal("2412.11"), notional_usd=Decimal("988.97"), filled_qty=Decimal("0.1"), status="unknown" if i == 0 else "accepted", age_ms=250 * self._looks + 4_000 * (3 - i), is_reduce_only=i == 2)
                for i in range(3)
            ),
            orphans=(OrphanRow(strategy="cex_dex_arb", group="run7-cex_dex_arb-1203990-0", instrument=INSTRUMENT, side="buy", qty=Decimal("0.2"), action="unwind", age_ms=8_000 + 250 * self._looks),),
            hedges=(HedgeRow(strategy="cex_dex_arb", group="run7-cex_dex_arb-1204000-0", open_legs=2, instruments=("binance:ETHUSDT", INSTRUMENT), due_ms=1_400),),
            queues="The simulated venue takes each order at once: there are no queues.",
            version=self._looks // 40,
        )  # fmt: skip

    async def orders(self, query: OrderQuery) -> OrderList:
        self._system.asked(query)
        start = int(query.before_key or 0)
        states = ("filled", "denied", "landed", "reverted", "expired")
        rows = tuple(
            OrderTrace(
                key=str(i), ts_ns=NOW_NS - i * 61 * S_NS, order_id=f"run7-cex_dex_arb-{1_204_000 - i}-0", strategy="cex_dex_arb", venue="binance",
                instrument="=HYPERLINK(1)" if i == 3 else "binance:ETHUSDT", side="" if i % 5 == 1 else "buy", kind="order", qty=Decimal("0.41"), filled_qty=Decimal("0.41"), average_price=Decimal("2412.2") if i % 5 in (0, 2) else None,
                notional_usd=Decimal("988.97"), status=states[i % 5], reason="price_collar" if i % 5 == 1 else "", fee_usd=Decimal("0.74"), gas_usd=Decimal("0.02"), slippage_usd=Decimal("0.11"), expected_net_usd=Decimal("1.57"), realised_usd=Decimal("1.21") if i % 5 == 0 else None, gap_reason="slippage" if i % 5 == 0 else "", took_ms=412,
            )
            for i in range(start, start + min(query.limit, 50))
        )  # fmt: skip
        return OrderList(
            rows=rows, next_key=str(start + 50) if start < 100 else "", venues=("binance", "drift", HOSTILE)
        )

    def command(self, strategy: str, command: str, by: str, reason: str) -> None:
        self._system.commands.append((strategy, command, by, reason))


class FakeBalances:
    """Holdings."""

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self._looks = 0

    def look(self) -> BalancesLook:
        self._looks += 1
        move = Decimal(self._looks % 7)
        return BalancesLook(
            rows=(
                BalanceRow(venue="binance", asset="USDT", total=Decimal("10000") - move, free=Decimal("9011.03") - move, reserved=Decimal("988.97"), value_usd=Decimal("10000") - move, age_ms=4_000),
                BalanceRow(venue="binance", asset="ETH", total=Decimal("4.2"), free=Decimal("4.2"), reserved=Decimal(0), value_usd=Decimal("10131.24"), age_ms=None),
                BalanceRow(venue="uniswap_v3.polygon", asset=HOSTILE, total=Decimal("123456789012345678901234567890"), free=None, reserved=None, value_usd=None, age_ms=40_000),
            ),
            gas=(
                GasRow(chain="polygon", asset="POL", balance=None, gas_price_gwei=Decimal("31.2"), gas_age_ms=900, native_usd=Decimal("0.41"), level="played", note="simulated: gas is booked as a cost"),
                GasRow(chain="ethereum", asset="ETH", balance=Decimal("0.002"), gas_price_gwei=Decimal("12"), gas_age_ms=90_000, native_usd=None, level="low", note="less than 10 transactions"),
            ),
            in_flight_usd=Decimal("988.97"),
            open_orders=3,
        )  # fmt: skip
