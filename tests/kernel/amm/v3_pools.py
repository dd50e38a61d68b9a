"""Builders of V3 pools from positions, by hand and for hypothesis."""

from collections import defaultdict

from hypothesis import strategies as st

from kernel.amm.v3 import V3Pool
from kernel.amm.v3_ticks import sqrt_ratio_at_tick


def pool_of(
    positions: list[tuple[int, int, int]],
    *,
    sqrt_price_x96: int,
    tick: int,
    fee_pips: int = 3000,
    tick_spacing: int = 60,
) -> V3Pool:
    """Whole pool that holds the positions (lower, upper, liquidity) with gross liquidity known."""
    net: defaultdict[int, int] = defaultdict(int)
    gross: defaultdict[int, int] = defaultdict(int)
    for lower, upper, liquidity in positions:
        net[lower] += liquidity
        net[upper] -= liquidity
        gross[lower] += liquidity
        gross[upper] += liquidity
    return V3Pool(
        sqrt_price_x96=sqrt_price_x96,
        tick=tick,
        liquidity=sum(size for lower, upper, size in positions if lower <= tick < upper),
        fee_pips=fee_pips,
        tick_spacing=tick_spacing,
        ticks=tuple(sorted(net.items())),
        liquidity_gross=tuple(gross[index] for index in sorted(net)),
    )


@st.composite
def pools(draw: st.DrawFn, liquidity_log10_max: int = 24, tick_max: int = 200_000) -> V3Pool:
    """Random whole pools: any fee tier, gaps, adjacent ranges, prices on and between ticks, far word edges."""
    fee_pips, spacing = draw(st.sampled_from([(100, 1), (500, 10), (3000, 60), (10_000, 200), (0, 60), (250_000, 60)]))
    centre = draw(st.integers(-tick_max, tick_max)) // spacing
    reach = draw(st.sampled_from([3, 40, 600]))
    bounds = st.integers(centre - reach, centre + reach)
    positions = draw(
        st.lists(
            st.tuples(bounds, bounds, st.integers(0, liquidity_log10_max - 1), st.integers(1, 99))
            .filter(lambda drawn: drawn[0] != drawn[1])
            .map(
                lambda drawn: (
                    min(drawn[:2]) * spacing,
                    max(drawn[:2]) * spacing,
                    drawn[3] * 10 ** max(0, drawn[2] - 1),
                )
            ),
            min_size=1,
            max_size=6,
        )
    )
    tick = draw(
        st.integers(-2, 2).map(lambda steps: (centre + steps) * spacing)
        | st.integers(-99, 99).map(lambda offset: centre * spacing + offset)
    )
    floor, ceiling = sqrt_ratio_at_tick(tick), sqrt_ratio_at_tick(tick + 1)
    price = draw(st.sampled_from([floor, ceiling]) | st.integers(floor, ceiling - 1))
    return pool_of(positions, sqrt_price_x96=price, tick=tick, fee_pips=fee_pips, tick_spacing=spacing)
