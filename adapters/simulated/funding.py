"""Hourly funding: an eighth of the hour's mean premium, as venues of this kind settle it. One settlement is missing."""

from collections.abc import Iterator

from adapters.simulated.draws import Draws
from adapters.simulated.paths import Paths
from adapters.simulated.scenario import (
    ASSETS,
    HISTORY_HOURS,
    HOURS,
    MISSING_SETTLEMENT,
    START_NS,
    Asset,
    ts_ns,
)
from bus.clock import NS_PER_HOUR
from bus.events import Event, FeedGap, FundingRate

HOURS_PER_PREMIUM = 8  #: holding for so many hours pays the premium once
DIGITS = 8
TOLD_MS = 4_000  #: after the full hour
GAP_TOLD_MS = 300_000


def funding_history(seed: int) -> Iterator[Event]:
    """Rates settled before the start, told at the start."""
    for asset in ASSETS:
        draws = Draws(seed, f"history {asset.name}")
        for hour in range(1 - HISTORY_HOURS, 1):
            premium = asset.premium_at(0) * draws.between(0.75, 1.15)
            if asset.premium_at(0) > 0.001:
                premium *= 0.35 + 0.65 * (hour + HISTORY_HOURS) / HISTORY_HOURS
            yield _rate(asset, hour, -premium / HOURS_PER_PREMIUM, START_NS, 0.0)


def funding_rates(paths: Paths) -> Iterator[Event]:
    """Rates as they settle, as paid to a long: negative while the perp is above spot."""
    for hour in range(1, HOURS):
        for asset in ASSETS:
            told_ms = hour * 3_600_000 + TOLD_MS
            if (asset, hour) == MISSING_SETTLEMENT:
                continue
            premiums = paths.premium[asset.name][(hour - 1) * 3_600 : hour * 3_600]
            mark = paths.price[asset.name][hour * 3_600] * (1.0 + premiums[-1])
            mean = sum(premiums) / len(premiums)
            yield _rate(asset, hour, -mean / HOURS_PER_PREMIUM, ts_ns(told_ms), round(mark, asset.digits))


def funding_gap() -> Iterator[Event]:
    """The word that a settlement is missing."""
    asset, hour = MISSING_SETTLEMENT
    due_ms = hour * 3_600_000
    yield FeedGap(
        ts_ns=ts_ns(due_ms + GAP_TOLD_MS),
        source="simulated_perp",
        instrument=asset.perp,
        from_ts_ns=ts_ns(due_ms - 3_600_000),
        to_ts_ns=ts_ns(due_ms),
        reason="the venue published no settlement for this hour",
    )


def _rate(asset: Asset, hour: int, per_hour: float, told_ns: int, mark: float) -> FundingRate:
    return FundingRate(
        ts_ns=told_ns,
        instrument=asset.perp,
        settle_ts_ns=START_NS + hour * NS_PER_HOUR,
        interval_h=1.0,
        rate_per_hour=round(per_hour, DIGITS),
        mark_price=mark,
    )
