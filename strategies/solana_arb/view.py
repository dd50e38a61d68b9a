"""What the strategy's page shows live."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from bus.units import BPS_PER_UNIT
from kernel.strategy import Signal, View
from strategies.solana_arb.universe import DEX_OF

if TYPE_CHECKING:
    from strategies.solana_arb.strategy import SolanaArb

POOLS_SHOWN_MAX = 100


def _meta(title: str, unit: str = "", description: str = "") -> Meta:
    return Meta(title=title, description=description or title, extra={"unit": unit})


class PoolView(Struct, frozen=True, kw_only=True):
    """One pool. A blank is not known; it is never 0."""

    pool: Annotated[str, _meta("Pool")]
    dex: Annotated[str, _meta("DEX")]
    pair: Annotated[str, _meta("Pair")]
    state: Annotated[str, _meta("State", "", "exact, incomplete, asked, or why it is not traded")]
    price: Annotated[float | None, _meta("Price", "quote per base", "Between its two sides")]
    depth_usd: Annotated[float | None, _meta("Depth", "USD", "Thinner side within depth_range_bps, when last priced")]
    slot: Annotated[int | None, _meta("Changed at", "slot", "Newest slot at which an account of it was seen")]
    changes: Annotated[int, _meta("Changes", "", "Account updates in this run")]


class SolanaArbView(View, frozen=True, kw_only=True):
    """The page of `solana_arb`."""

    head_slot: Annotated[int | None, _meta("Newest slot", "slot")]
    cycles: Annotated[int, _meta("Cycles", "", "Through two or three of the pools")]
    best_bps: Annotated[float | None, _meta("Best cycle", "bps", "Of the last full screen, first unit, fees paid")]
    best_route: Annotated[str, _meta("Best cycle's pools")]
    net_usd: Annotated[Decimal | None, _meta("Last priced net", "USD", "All costs paid")]
    size_usd: Annotated[Decimal | None, _meta("Last priced size", "USD")]
    why_not: Annotated[str, _meta("Why not", "", "Reason of the last cycle that passed the screen")]
    tip_level_lamports: Annotated[int | None, _meta("Tip level", "lamports", "Of landed bundles, ours and others'")]
    tip_pressure: Annotated[float, _meta("Tip pressure", "x", "Raised by misses, sinks with landings")]
    landed: Annotated[int, _meta("Landed", "", "In this run")]
    missed: Annotated[int, _meta("Missed", "", "Sent and not landed, in this run")]
    acted: Annotated[int, _meta("Acted on", "", "Trades asked for in this run")]
    expected_usd: Annotated[Decimal | None, _meta("Last trade expected", "USD")]
    result_usd: Annotated[Decimal | None, _meta("Last trade brought", "USD", "Its fills, fees and tip paid")]
    pools: Annotated[tuple[PoolView, ...], _meta("Pools")]
    signals: Annotated[tuple[Signal, ...], _meta("Signal against threshold")]
    assumptions: Annotated[tuple[str, ...], _meta("Assumptions")]


def view_of(strategy: "SolanaArb") -> SolanaArbView:
    """A snapshot."""
    universe, priced, last = strategy.universe, strategy.last_priced, strategy.attempts.last
    best = strategy.best
    best_bps = None if best is None else (best[1] - 1.0) * BPS_PER_UNIT
    return SolanaArbView(
        head_slot=strategy.head_slot or None,
        cycles=len(universe.index.cycles),
        best_bps=best_bps,
        best_route="" if best is None else " → ".join(hop.pool for hop in best[0].hops),
        net_usd=None if priced is None else priced.net_usd,
        size_usd=None if priced is None else priced.notional_usd,
        why_not=strategy.last_why_not,
        tip_level_lamports=strategy.tips.level_lamports or None,
        tip_pressure=strategy.tips.pressure_permille / 1_000,
        landed=strategy.tips.landed,
        missed=strategy.tips.missed,
        acted=strategy.acted,
        expected_usd=None if last is None else last.expected_usd,
        result_usd=None if last is None or not last.is_landed else last.result_usd,
        pools=_pools(strategy),
        signals=(Signal(name="best cycle", value=best_bps, threshold=strategy.settings.min_spread_bps, unit="bps"),),
        assumptions=tuple(strategy.assumptions()),
    )


def _pools(strategy: "SolanaArb") -> tuple[PoolView, ...]:
    universe, parts = strategy.universe, strategy.pools.parts
    rows = []
    for name, listed in list(universe.listed.items())[:POOLS_SHOWN_MAX]:
        known = parts.price(name)
        state = parts.disabled.get(name) or ("exact" if parts.get(name) is not None else "incomplete")
        rows.append(
            PoolView(
                pool=name,
                dex=DEX_OF[listed.family],
                pair=f"{listed.base}/{listed.quote}",
                state="asked" if name in strategy.attempts.by_pool else state,
                price=None if known is None else known[0],
                depth_usd=universe.depth_known(name),
                slot=parts.slot(name) or None,
                changes=parts.version(name),
            )
        )
    return tuple(rows)
