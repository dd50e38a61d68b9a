"""What the strategy's page shows live."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from bus.clock import NS_PER_MINUTE
from kernel.finance.lamports import LAMPORTS_PER_SOL
from kernel.strategy import Signal, View

if TYPE_CHECKING:
    from strategies.graduation_sniper.coin import Coin
    from strategies.graduation_sniper.strategy import GraduationSniper

COINS_SHOWN_MAX = 40


def _meta(title: str, unit: str = "", description: str = "") -> Meta:
    return Meta(title=title, description=description or title, extra={"unit": unit})


class CoinView(Struct, frozen=True, kw_only=True):
    """One coin near graduation. A blank is not known; it is never 0."""

    coin: Annotated[str, _meta("Coin", "", "Its creator's own words: text of a stranger")]
    mint: Annotated[str, _meta("Mint")]
    progress_pct: Annotated[float | None, _meta("Progress", "%", "Of what the curve sells")]
    holders: Annotated[int | None, _meta("Holders")]
    buys: Annotated[int, _meta("Buys", "", "In the window")]
    sells: Annotated[int, _meta("Sells", "", "In the window")]
    decline_pct: Annotated[float | None, _meta("Below its high", "%", "Of the window")]
    volume_sol: Annotated[float, _meta("Volume", "SOL", "In the window")]
    verdict: Annotated[str, _meta("Verdict", "", "Filters it failed, once judged")]


class HeldView(Struct, frozen=True, kw_only=True):
    """One open position."""

    pool: Annotated[str, _meta("Pool")]
    multiple: Annotated[float | None, _meta("Multiple", "x", "Price now against price paid, by exact quote")]
    held_pct: Annotated[float, _meta("Still held", "%", "Of what was bought")]
    tiers_done: Annotated[int, _meta("Tiers sold")]
    peak: Annotated[float | None, _meta("Highest", "x", "Since the trailing stop is armed")]
    age_min: Annotated[float, _meta("Age", "minutes")]
    left_min: Annotated[float, _meta("Sold at the latest in", "minutes")]
    failed_exits: Annotated[int, _meta("Failed exits", "", "In a row")]


class GraduationSniperView(View, frozen=True, kw_only=True):
    """The page of `graduation_sniper`."""

    watched: Annotated[int, _meta("Coins", "", "Remembered")]
    waiting: Annotated[int, _meta("Graduated", "", "Complete, not decided yet")]
    entries: Annotated[int, _meta("Purchases asked for", "", "In this run")]
    closed: Annotated[int, _meta("Closed", "", "Positions of this run")]
    realised_sol: Annotated[
        float, _meta("Brought", "SOL", "Sold less paid, of closed positions; network fees left out")
    ]
    break_even: Annotated[float | None, _meta("Break-even", "x", "Of the last purchase priced: all costs both ways")]
    rug_probability: Annotated[float | None, _meta("Rug score", "0..1", "Of the coin judged last")]
    held: Annotated[tuple[HeldView, ...], _meta("Positions")]
    coins: Annotated[tuple[CoinView, ...], _meta("Near graduation")]
    exits: Annotated[dict[str, int], _meta("Exits", "", "Asked for, by reason")]
    signals: Annotated[tuple[Signal, ...], _meta("Furthest curve against the watch level")]
    assumptions: Annotated[tuple[str, ...], _meta("Assumptions")]


def view_of(strategy: "GraduationSniper") -> GraduationSniperView:
    """A snapshot."""
    settings, holdings = strategy.settings, strategy.holdings
    near = [
        (progress, coin)
        for coin in strategy.coins.values()
        if (progress := coin.progress_pct(strategy.initial_base_raw.get(coin.curve, 0))) is not None
        and progress >= settings.watch_from_progress_pct
    ]
    near.sort(key=lambda each: (-each[0], each[1].mint))
    judged = strategy.last_judged
    entry = None if judged is None else judged[2]
    return GraduationSniperView(
        watched=len(strategy.coins),
        waiting=len(strategy.graduated),
        entries=strategy.entries,
        closed=holdings.closed,
        realised_sol=holdings.realised_lamports / LAMPORTS_PER_SOL,
        break_even=None if entry is None else entry.break_even,
        rug_probability=None if judged is None else judged[1].rug_probability,
        held=_held(strategy),
        coins=tuple(_coin(coin, progress) for progress, coin in near[:COINS_SHOWN_MAX]),
        exits=dict(sorted(strategy.exits.items())),
        signals=(
            Signal(
                name="furthest curve",
                value=near[0][0] if near else None,
                threshold=settings.watch_from_progress_pct,
                unit="%",
            ),
        ),
        assumptions=tuple(strategy.assumptions()),
    )


def _coin(coin: "Coin", progress: float) -> CoinView:
    return CoinView(
        coin=coin.symbol,
        mint=coin.mint,
        progress_pct=progress,
        holders=coin.holders,
        buys=coin.buys,
        sells=coin.sells,
        decline_pct=coin.decline_pct,
        volume_sol=coin.volume_raw / LAMPORTS_PER_SOL,
        verdict=coin.verdict,
    )


def _held(strategy: "GraduationSniper") -> tuple[HeldView, ...]:
    rows = []
    for name, position in strategy.holdings.positions.items():
        age = (strategy.now_ns - position.opened_ns) / NS_PER_MINUTE
        rows.append(
            HeldView(
                pool=name,
                multiple=strategy.multiple_of(name),
                held_pct=100.0 * position.held_raw / position.bought_raw if position.bought_raw else 0.0,
                tiers_done=position.tiers_done,
                peak=position.peak_multiple or None,
                age_min=age,
                left_min=strategy.settings.max_hold_minutes - age,
                failed_exits=position.failed_exits,
            )
        )
    return tuple(rows)
