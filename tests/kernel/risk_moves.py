"""Moves of a risk world that several test files make: switches, samples, a loss, a held position."""

from decimal import Decimal

from bus.events import (
    KillSwitchSet,
    StrategyCommand,
    StrategySampled,
    StrategyStateChanged,
    VenueHealth,
)
from kernel.risk_limits import GlobalLimits, RiskLimits
from tests.kernel.risk_world import (
    PRICE,
    WIDE,
    RiskWorld,
    buy,
    close,
)


def world(whole: dict[str, object] | None = None, **own: object) -> RiskWorld:
    """A world whose limits are wide except for the given ones."""
    return RiskWorld(
        {"s": RiskLimits(**{**WIDE, **own})},  # type: ignore[arg-type]
        GlobalLimits(**{**WIDE, **(whole or {})}),  # type: ignore[arg-type]
    )


def kill(w: RiskWorld, is_on: bool = True, strategy: str = "") -> None:
    w.feed(KillSwitchSet(ts_ns=w.now_ns, is_on=is_on, strategy=strategy, reason="test", by="me"))


def state(w: RiskWorld, name: str) -> None:
    w.feed(StrategyStateChanged(ts_ns=w.now_ns, strategy="s", state=name, reason=""))


def health(w: RiskWorld, status: str) -> None:
    w.feed(VenueHealth(ts_ns=w.now_ns, venue="binance", status=status, reason=""))


def command(w: RiskWorld, name: str = "reset_breakers", strategy: str = "s") -> None:
    w.feed(StrategyCommand(ts_ns=w.now_ns, strategy=strategy, command=name, by="me"))


def sampled(w: RiskWorld, pnl_usd: str, strategy: str = "s") -> None:
    zero = Decimal(0)
    w.feed(
        StrategySampled(
            ts_ns=w.now_ns,
            strategy=strategy,
            realised_usd=Decimal(pnl_usd),
            unrealised_usd=zero,
            fees_usd=zero,
            gas_usd=zero,
            funding_usd=zero,
            exposure_usd=zero,
            open_orders=0,
            seen=0,
            priced=0,
            approved=0,
            denied=0,
            fills=0,
            unpriced=0,
            simulated=True,
        )
    )


def lose(w: RiskWorld, usd: int = 50) -> None:
    """Buy half an ETH and sell it `usd` lower."""
    w.fill(w.approved(buy("0.5")))
    w.fill(w.approved(close("sell", "0.5")), price=PRICE - 2 * usd)


def held(qty: str = "0.1", **own: object) -> RiskWorld:
    w = world(**own)
    w.fill(w.approved(buy(qty)))
    return w


def failures(w: RiskWorld) -> object:
    w.reject(w.approved(buy()))
    w.expire(w.approved(buy()))
    return buy()
