"""Builders of curves and pools for tests: sane states with the fee tiers of late 2026 in shape."""

from hypothesis import strategies as st

from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapTerms
from kernel.amm.bonding_curve import BondingCurve
from kernel.amm.launchlab import LaunchLab
from kernel.amm.launchlab_start import launchlab_start
from kernel.amm.pump_swap import PumpSwap

FEES = PumpFees(
    is_present=True,
    flat=(20, 5, 5),
    tiers=((0, 2, 93, 30), (420 * 10**9, 20, 5, 95), (1470 * 10**9, 20, 5, 90), (98_240 * 10**9, 20, 5, 5)),
    stable_tiers=((0, 2, 93, 30), (63 * 10**9, 20, 5, 95)),
    exotic=(25, 5, 0),
)
TERMS = PumpCurveTerms(95, 30, True, 793_100_000_000_000)
SWAP_TERMS = PumpSwapTerms(20, 5, 5, True, False, False)
FRESH = PumpCurve(
    virtual_base=1_073_000_000_000_000,
    virtual_quote=30_000_000_000,
    real_base=793_100_000_000_000,
    real_quote=0,
    supply=10**15,
    is_complete=False,
    has_creator=True,
    is_mayhem=False,
    creator_fee_bps=0,
    quote_kind=0,
)


def fresh_curve(**changes: int | bool) -> BondingCurve:
    values = {name: getattr(FRESH, name) for name in FRESH.__struct_fields__} | changes
    return BondingCurve(PumpCurve(**values), TERMS, FEES)


@st.composite
def curves(draw: st.DrawFn) -> BondingCurve:
    """Somewhere between the first and the last coin of a curve."""
    sold = draw(st.integers(1, FRESH.real_base - 1))
    base = FRESH.virtual_base - sold
    quote = FRESH.virtual_base * FRESH.virtual_quote // base + 1
    return fresh_curve(
        virtual_base=base,
        virtual_quote=quote,
        real_base=FRESH.real_base - sold,
        real_quote=quote - FRESH.virtual_quote,
        has_creator=draw(st.booleans()),
        is_mayhem=draw(st.booleans()),
        creator_fee_bps=draw(st.sampled_from((0, 17, 300))),
        quote_kind=draw(st.integers(0, 2)),
    )


@st.composite
def swaps(draw: st.DrawFn) -> PumpSwap:
    """A PumpSwap pool of any depth, boosted or not."""
    quote = draw(st.integers(10**3, 10**15))
    state = PumpSwapState(
        virtual_quote=draw(st.one_of(st.just(0), st.integers(-quote // 2, quote))),
        is_canonical=draw(st.booleans()),
        has_creator=draw(st.booleans()),
        is_mayhem=draw(st.booleans()),
        creator_fee_bps=draw(st.sampled_from((0, 250))),
        quote_kind=draw(st.integers(0, 2)),
    )
    return PumpSwap(state, SWAP_TERMS, FEES, draw(st.integers(10**3, 10**17)), quote, 10**15)


@st.composite
def launchlabs(draw: st.DrawFn) -> LaunchLab:
    """A LaunchLab curve of any type that sold some of its coins at its own prices."""
    kind = draw(st.integers(0, 2))
    raising = draw(st.integers(24 * 10**9, 10**12))
    start = launchlab_start(kind, supply=10**15, base_sell=793_100_000_000_000, fund_raising=raising)
    terms = LaunchLabTerms(kind, draw(st.sampled_from((0, 2_500))))
    platform = LaunchLabPlatform(draw(st.sampled_from((0, 10_000))), draw(st.sampled_from((0, 5_000))))
    state = LaunchLabState(0, 10**15, start.total_base_sell, start.virtual_base, start.virtual_quote, 0, 0, raising)
    pool = LaunchLab(state, terms, platform)
    sold = draw(st.integers(start.total_base_sell // 1000, start.total_base_sell * 99 // 100))
    _, pool = pool.after(False, pool.quote_out(False, sold, 0).amount_in, 0)
    return pool
