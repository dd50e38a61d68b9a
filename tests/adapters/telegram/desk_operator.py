"""An operator with fixed answers that writes down what was ordered."""

from decimal import Decimal

from kernel.alerts import operator as ask
from kernel.errors import ConfigError

HOSTILE = "<b>PEPE</b>&\u202e"


class DeskOperator:
    """Implements `kernel.alerts.operator.Operator`."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, ...]] = []

    def status(self) -> ask.Status:
        strategy = ask.StrategyStatus(
            name="cex_dex_arb", state="paused", reason=f"token {HOSTILE}", pnl_today_usd=None,
            pnl_total_usd=Decimal("-1234.5"), open_orders=1, positions=2, simulated=True,
        )  # fmt: skip
        return ask.Status(
            mode="DEMO", data_note="made up", seq=12345, last_event_age_ms=None, is_killed=False, kill_reason="",
            kill_by="", database="up", strategies=(strategy,), venues_amiss=("binance: stale",),
        )  # fmt: skip

    async def profit(self, period: str) -> ask.Profit:
        rows = (
            ask.Earned(name="a", pnl_usd=Decimal("10"), simulated=True),
            ask.Earned(name="b", pnl_usd=None, simulated=True),
            ask.Earned(name="c", pnl_usd=Decimal("-3.335"), simulated=False),
            ask.Earned(name="d", pnl_usd=Decimal("1"), simulated=False),
        )
        return ask.Profit(period=period, rows=rows)

    async def daily(self, days: int) -> ask.Daily:
        rows = (ask.Earned(name="a", pnl_usd=None, simulated=True),)
        return ask.Daily(days=tuple(ask.Day(label=f"day {each}", rows=rows, is_whole=each > 0) for each in range(days)))

    def balance(self) -> ask.Balance:
        row = ask.Holding(venue="wallet", asset=HOSTILE, qty=Decimal("0.5"), value_usd=None)
        return ask.Balance(
            equity_usd=Decimal("100000"), exposure_usd=Decimal("0"), unpriced=1, rows=(row,), simulated=True
        )

    def performance(self) -> tuple[ask.Score, ...]:
        return ()

    def positions(self) -> tuple[ask.OpenLeg, ...]:
        return tuple(
            ask.OpenLeg(
                strategy="cex_dex_arb", instrument=f"{HOSTILE}{number}", qty=Decimal("-1"), value_usd=None,
                unrealised_usd=None, simulated=True,
            )
            for number in range(80)
        )  # fmt: skip

    def logs(self, module: str, limit: int) -> tuple[ask.LogLine, ...]:
        return tuple(
            ask.LogLine(ts_ns=0, severity="info", source=module or "kernel", text=f"{HOSTILE} {number}")
            for number in range(limit)
        )

    def kill(self, reason: str, by: str) -> str:
        self.orders.append(("kill", reason, by))
        return "the kill switch is set"

    def reset_kill(self, reason: str, by: str) -> str:
        raise ConfigError("the kill switch is not on")

    def command(self, strategy: str, word: str, by: str) -> str:
        self.orders.append((word, strategy, by))
        return f"{strategy}: {word}"

    async def reload(self, by: str) -> str:
        self.orders.append(("reload", by))
        return "read again"
