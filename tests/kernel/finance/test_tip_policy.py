"""Tips are learnt from what landed, rise with misses, sink with landings, and never pass floor, cap or share."""

from hypothesis import given
from hypothesis import strategies as st

from bus.events import TipFloor
from kernel.finance.tip_policy import PRESSURE_MAX, PRESSURE_UNIT, TipPolicy

LIMITS = {"floor_lamports": 10_000, "cap_lamports": 2_000_000, "share_pct": 50.0}


def floor(p50: int, ema50: int = 0) -> TipFloor:
    return TipFloor(
        ts_ns=0, p25_lamports=1, p50_lamports=p50, p75_lamports=1, p95_lamports=1, p99_lamports=1, ema50_lamports=ema50
    )


def test_it_starts_at_the_floor_and_follows_what_others_pay() -> None:
    tips = TipPolicy()
    assert tips.tip_lamports(10**9, **LIMITS) == 10_000
    tips.hear(floor(30_000, 42_000))
    assert tips.level_lamports == 42_000
    assert tips.tip_lamports(10**9, **LIMITS) == 42_000


def test_the_share_of_the_gain_and_the_cap_bound_it() -> None:
    tips = TipPolicy()
    tips.hear(floor(10**9))
    assert tips.tip_lamports(100_000, **LIMITS) == 50_000
    assert tips.tip_lamports(10**12, **LIMITS) == 2_000_000
    assert tips.tip_lamports(100, **LIMITS) == 10_000, "below the floor the net tells that it does not pay"


def test_misses_raise_the_pressure_to_a_limit_and_landings_let_it_sink() -> None:
    tips = TipPolicy()
    tips.hear(floor(40_000))
    before = tips.tip_lamports(10**9, **LIMITS)
    tips.on_missed()
    assert tips.tip_lamports(10**9, **LIMITS) == before * 5 // 4
    for _ in range(50):
        tips.on_missed()
    assert tips.pressure_permille == PRESSURE_MAX
    for _ in range(200):
        tips.on_landed(40_000)
    assert tips.pressure_permille < 1.01 * PRESSURE_UNIT
    assert (tips.landed, tips.missed) == (200, 51)


def test_own_landed_tips_count_where_nothing_is_heard() -> None:
    tips = TipPolicy()
    tips.on_landed(80_000)
    assert tips.level_lamports == 80_000
    tips.on_landed(160_000)
    assert tips.level_lamports == 90_000


@given(
    st.lists(st.one_of(st.integers(1, 10**9), st.none(), st.tuples(st.integers(0, 10**10))), max_size=40),
    st.integers(-(10**9), 10**13),
    st.integers(1_000, 10**6),
    st.integers(10**6, 10**9),
    st.floats(0, 95),
)
def test_no_history_takes_it_out_of_its_bounds(history: list, earned: int, low: int, high: int, share: float) -> None:
    tips = TipPolicy()
    for each in history:
        if each is None:
            tips.on_missed()
        elif isinstance(each, tuple):
            tips.hear(floor(each[0]))
        else:
            tips.on_landed(each)
    tip = tips.tip_lamports(earned, floor_lamports=low, cap_lamports=high, share_pct=share)
    assert low <= tip <= high
    assert tip == low or tip <= max(0, earned) * share / 100 + 1
