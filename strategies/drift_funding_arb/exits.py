"""When an open position ends: margin, venue, prices and time never wait; low funding may wait for aligned prices."""

from typing import TYPE_CHECKING

from msgspec import Struct

from bus.clock import NS_PER_HOUR, NS_PER_MINUTE
from strategies.drift_funding_arb.margin import liquidation_distance_pct
from strategies.drift_funding_arb.position import ORPHAN_EXIT, CarryPosition

if TYPE_CHECKING:
    from strategies.drift_funding_arb.strategy import DriftFundingArb

HALTED = frozenset({"down", "paused"})  #: no grace: leave as soon as the venue lets us


class Exit(Struct, frozen=True, kw_only=True):
    """A verdict: `reason` "" = stay; `wake_ns` = look again then even if no event comes (0 = no need)."""

    reason: str = ""
    is_soft: bool = False
    wake_ns: int = 0


def exit_of(strategy: "DriftFundingArb", position: CarryPosition) -> Exit:
    """The first rule that says leave; also keeps the time since when a soft one holds."""
    settings, now_ns = strategy.settings, strategy.now_ns
    history = strategy.history(position)
    hold_until_ns = position.opened_ns + settings.max_hold_minutes * NS_PER_MINUTE
    grace_ns = int(settings.silence_grace_hours * NS_PER_HOUR)
    silent_ns = int(
        (history.latest_hour + settings.stale_after_intervals * history.latest_interval_h) * NS_PER_HOUR + grace_ns
    )
    distance = distance_pct(strategy, position)
    status = strategy.unhealthy(position)
    sick_ns = strategy.sick_since_ns(position)
    if position.perp.tradable == 0 or position.spot.tradable == 0:
        return Exit(reason=ORPHAN_EXIT)
    if now_ns >= hold_until_ns:
        return Exit(reason="max_hold")
    if distance is not None and distance < settings.min_liquidation_distance_pct:
        return Exit(reason="liquidation_distance")
    if status in HALTED or (status and now_ns >= sick_ns + grace_ns):
        return Exit(reason=f"venue_{status}")
    if now_ns >= silent_ns:
        return Exit(reason="venue_silent")
    if divergence_pct(strategy, position) > settings.max_price_divergence_pct:
        return Exit(reason="price_divergence")
    wake_ns = min(hold_until_ns, silent_ns, *([sick_ns + grace_ns] if status else []))
    soft = _funding_exit(strategy, position)
    if not soft:
        position.soft_since_ns = 0
        return Exit(wake_ns=wake_ns)
    since_ns = position.soft_since_ns or now_ns
    patience_ns = since_ns + int(settings.max_exit_wait_hours * NS_PER_HOUR)
    return Exit(reason=soft, is_soft=True, wake_ns=min(wake_ns, patience_ns))


def _funding_exit(strategy: "DriftFundingArb", position: CarryPosition) -> str:
    settings = strategy.settings
    mean = strategy.history(position).window(settings.exit_lookback_hours, strategy.now_ns).mean_per_hour
    if mean is None:
        return ""
    received = mean if position.perp.qty > 0 else -mean
    if received < 0:
        return "funding_flipped"
    return "funding_below" if received < settings.auto_close_funding_threshold / 100 else ""


def distance_pct(strategy: "DriftFundingArb", position: CarryPosition) -> float | None:
    """Adverse move to liquidation of the perp leg in percent; None = no perp leg, no price, or out of reach."""
    price = strategy.market.mark(position.perp.instrument)
    if price is None or position.perp.qty == 0:
        return None
    return liquidation_distance_pct(
        float(position.perp.qty),
        float(position.perp.avg_price),
        price[0],
        float(position.collateral_usd + position.funding_usd),
        strategy.settings.maintenance_margin_pct,
    )


def divergence_pct(strategy: "DriftFundingArb", position: CarryPosition) -> float:
    """|perp / spot - 1| in percent where both were priced at about the same time, else 0: nothing can be said."""
    if strategy.price_skew_h(position) > strategy.settings.max_leg_price_skew_hours:
        return 0.0
    perp, spot = strategy.market.price(position.perp.instrument), strategy.market.price(position.spot.instrument)
    return abs(perp[0] / spot[0] - 1) * 100 if perp is not None and spot is not None and spot[0] > 0 else 0.0
