"""Tips: read exactly, learnt, and never above the share of the profit."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.jito.tip_floor import TipFloor, fetch_tip_floor, lamports_of, read_tip_floor
from adapters.jito.tip_policy import TipLimits, TipPolicy
from adapters.jito.tip_watch import TipWatch
from kernel.errors import BadWire, KernelError
from tests.adapters.solana.fake_chain import FakeChain, until

ROW = {
    "time": "2025-01-11T00:39:46Z", "landed_tips_25th_percentile": 3.281e-6,
    "landed_tips_50th_percentile": 0.000012536000000000002, "landed_tips_75th_percentile": 0.00005,
    "landed_tips_95th_percentile": 0.005, "landed_tips_99th_percentile": 0.011160000000000028,
    "ema_landed_tips_50th_percentile": 0.00010978950949063134,
}  # fmt: skip
FLOOR = TipFloor(
    p25_lamports=3_281, p50_lamports=12_537, p75_lamports=50_000, p95_lamports=5_000_000, p99_lamports=11_160_001,
    ema_p50_lamports=109_790,
)  # fmt: skip


async def test_the_published_floats_become_lamports_exactly() -> None:
    async with FakeChain() as chain:
        chain.answers["/api/v1/bundles/tip_floor"] = [ROW]
        assert await fetch_tip_floor(chain.pool) == FLOOR
    assert [FLOOR.at(pct) for pct in (0, 25, 50, 75, 90, 96)] == [
        3_281, 3_281, 12_537, 50_000, 5_000_000, 11_160_001,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", "{}", "[{}]", '[{"landed_tips_25th_percentile": -1}]', "[" * 5000])
def test_what_is_no_tip_floor_is_refused(text: str) -> None:
    with pytest.raises(BadWire):
        read_tip_floor(text)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_stream_message_is_read_or_refused(body: bytes | str) -> None:
    with pytest.raises(KernelError):
        read_tip_floor(body)


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.sampled_from([Decimal("1e-999999"), Decimal("1e999999")]))
def test_any_number_is_lamports_rounded_up_or_refused(sol: Decimal) -> None:
    try:
        lamports = lamports_of(sol)
    except BadWire:
        assert not sol.is_finite() or not 0 <= sol <= 1_000
    else:
        assert lamports == 0 if sol == 0 else lamports - 1 < sol * 10**9 <= lamports


async def test_the_watch_follows_the_stream_and_forgets_what_is_old() -> None:
    now = [10**18]
    async with FakeChain() as chain:
        watch = TipWatch(chain.pool, chain.pool.open_websocket, lambda: now[0], 0.01)
        task = asyncio.create_task(watch.run())
        await until(lambda: "/api/v1/bundles/tip_floor" in chain.methods())
        assert watch.latest() is None  # it answers 404
        chain.answers["/api/v1/bundles/tip_floor"] = [ROW]
        newer = msgspec.json.encode([ROW | {"landed_tips_50th_percentile": 1e-5}]).decode()
        chain.tips = ["{}", newer]
        await until(lambda: (floor := watch.latest()) is not None and floor.p50_lamports == 10_000)
        assert watch.bad_messages == 1
        now[0] += 61 * 10**9
        assert watch.latest() is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def policy(**changes: int) -> TipPolicy:
    return TipPolicy(TipLimits(**changes))


def test_it_starts_at_the_floor_follows_the_market_and_stays_below_the_share() -> None:
    made = policy()
    assert made.tip(10**9) == 10_000
    assert made.tip(10**9, 30_000) == 30_000
    assert made.tip(50_000, 30_000) == 25_000
    assert made.tip(10**12, 10**12) == 2_000_000
    assert made.tip(19_999) == made.tip(0) == made.tip(-5) == 0


def test_failures_grow_it_and_a_landing_brings_it_back() -> None:
    made = policy()
    tips = []
    for _ in range(5):
        tips.append(made.tip(10**9))
        made.saw_failed(tips[-1])
    assert tips == [10_000, 12_500, 15_625, 19_531, 24_413]
    made.saw_landed(24_413)
    assert made.tip(10**9) == 24_413
    for _ in range(9):
        made.saw_landed(11_000)
    assert made.tip(10**9) == 11_000


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 10**10)), max_size=40), st.integers(-(10**6), 10**12),
    st.integers(0, 10**12), st.integers(0, 100),
)  # fmt: skip
def test_it_is_zero_or_between_floor_and_cap_and_a_fold_of_its_history(
    history: list[tuple[bool, int]], profit: int, market: int, share: int
) -> None:
    made, same = policy(profit_share_pct=share), policy(profit_share_pct=share)
    for each in (made, same):
        for has_landed, tip in history:
            (each.saw_landed if has_landed else each.saw_failed)(tip)
    tip = made.tip(profit, market)
    assert tip == same.tip(profit, market)
    cap = min(2_000_000, max(0, profit) * share // 100)
    assert tip == 0 if cap < 10_000 else 10_000 <= tip <= cap
