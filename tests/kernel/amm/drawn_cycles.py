"""Random cycles of two or three pools of mixed kinds around consistent prices, for hypothesis."""

from hypothesis import strategies as st

from kernel.amm.cycle_walk import Hop
from kernel.amm.pool import Pool
from kernel.amm.v3_pool import V3Depth
from kernel.amm.v3_ticks import Q96, tick_at_sqrt_ratio
from tests.kernel.amm.sizing_pools import ConstantProduct, FixedPriceBins
from tests.kernel.amm.v3_pools import pool_of

FEES = st.sampled_from([0, 100, 500, 3000, 50_000])


@st.composite
def bins(draw: st.DrawFn, price: float, amount: float) -> list[tuple[int, int, int, int]]:
    found = []
    for _ in range(draw(st.integers(1, 8))):
        fraction = (max(1, round(price * 10**12)), 10**12)
        found.append((*fraction, max(1, int(amount * price * draw(st.integers(5, 50)) / 100)), draw(FEES)))
        price *= 1 - draw(st.sampled_from([0.0005, 0.005, 0.05]))
    return found


@st.composite
def ticked(draw: st.DrawFn, price: float, amount: float) -> V3Depth:
    sqrt_price_x96 = int(price**0.5 * Q96)
    spacing = draw(st.sampled_from([1, 10, 60]))
    tick = tick_at_sqrt_ratio(sqrt_price_x96)
    centre, liquidity = tick // spacing, max(1, int(amount * price**0.5))
    reach = draw(st.sampled_from([3, 30, 400]))
    bounds = st.integers(centre - reach, centre + reach)
    ranges = draw(
        st.lists(
            st.tuples(bounds, bounds, st.integers(1, 30)).filter(lambda drawn: drawn[0] != drawn[1]),
            min_size=1,
            max_size=5,
        )
    )
    return V3Depth(
        pool_of(
            [(min(a, b) * spacing, max(a, b) * spacing, liquidity * size) for a, b, size in ranges],
            sqrt_price_x96=sqrt_price_x96,
            tick=tick,
            fee_pips=draw(FEES),
            tick_spacing=spacing,
        )
    )


@st.composite
def pools_at(draw: st.DrawFn, price: float, amount: float) -> Pool:
    """A pool that gives about `price` of b for one a and holds about `amount` of a."""
    kind = draw(st.sampled_from(["product", "bins", "ticks"]))
    if kind == "product":
        return ConstantProduct(max(1, int(amount)), max(1, int(amount * price)), draw(FEES))
    if kind == "bins":
        return FixedPriceBins(draw(bins(price, amount)), draw(bins(1 / price, amount * price)))
    return draw(ticked(price, amount))


@st.composite
def cycles(draw: st.DrawFn, log10_amount_max: int, log10_price_max: int) -> tuple[Hop, ...]:
    """A cycle that, before fees and at the first unit, loses 2 % to gains 60 %."""
    count = draw(st.sampled_from([2, 2, 3]))
    prices = [
        draw(st.integers(100, 999)) / 100 * 10.0 ** draw(st.integers(-log10_price_max, log10_price_max - 1))
        for _ in range(count - 1)
    ]
    product = 1.0
    for price in prices:
        product *= price
    prices.append(draw(st.integers(980, 1600)) / 1000 / product)
    amount = draw(st.integers(10, 99)) * 10.0 ** draw(st.integers(0, log10_amount_max - 1))
    hops = []
    for price in prices:
        is_a_to_b = draw(st.booleans())
        pool = draw(pools_at(price, amount) if is_a_to_b else pools_at(1 / price, amount * price))
        hops.append(Hop(pool, is_a_to_b))
        amount *= price
    return tuple(hops)
