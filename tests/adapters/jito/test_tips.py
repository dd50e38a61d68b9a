"""Tips: read exactly, learnt, and never above the share of the profit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.jito.tip_floor import TipFloor, fetch_tip_floor, lamports_of, read_tip_floor
from kernel.errors import BadWire, KernelError
from tests.adapters.solana.fake_chain import FakeChain

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
