import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import (
    RaydiumAmmV4State,
    RaydiumCpmmConfig,
    RaydiumCpmmState,
    VaultBalance,
)
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.constant_product import CpmmRates, amm_v4_up, swap_base_input, swap_base_output
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote
from kernel.amm.raydium_amm_v4 import RaydiumAmmV4Pool
from kernel.amm.raydium_amm_v4_builder import RaydiumAmmV4Builder
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from kernel.amm.raydium_cpmm_builder import RaydiumCpmmBuilder

RESERVES = st.integers(1, 1 << 50)
AMOUNTS = st.integers(1, 1 << 50)
NOW_S = 1_800_000_000
CONFIG = RaydiumCpmmConfig(2_500, 120_000, 40_000, 500)
V4 = RaydiumAmmV4State(6, 0, 25, 10_000, 0, 0)


def cpmm(
    reserves: tuple[int, int] = (10**9, 2 * 10**9), *, fee_on: int = 0, is_on: bool = True, **changes: Any
) -> RaydiumCpmmPool:
    state = RaydiumCpmmState(changes.get("status", 0), changes.get("open_time_s", 0), fee_on, is_on, 0, 0)
    return RaydiumCpmmPool(state, CONFIG, reserves, changes.get("token_fees", ((0, 0), (0, 0))))


def v4(reserves: tuple[int, int] = (10**9, 2 * 10**9), **changes: int) -> RaydiumAmmV4Pool:
    state = RaydiumAmmV4State(changes.get("status", 6), changes.get("open_time_s", 0), 25, 10_000, 0, 0)
    return RaydiumAmmV4Pool(state, reserves)


@given(first=RESERVES, second=RESERVES, amount=AMOUNTS, fee_on=st.integers(0, 2), is_a_to_b=st.booleans())
def test_the_cpmm_pool_is_its_curve(first: int, second: int, amount: int, fee_on: int, is_a_to_b: bool) -> None:
    pool = cpmm((first, second), fee_on=fee_on)
    into, out_of = (first, second) if is_a_to_b else (second, first)
    is_in = fee_on == 0 or (fee_on == 1) is is_a_to_b
    swap = swap_base_input(amount, into, out_of, CpmmRates(2_500, 500, 120_000, 40_000), is_in)
    if swap.amount_out <= 0:
        with pytest.raises(PoolRefused, match="amount_too_small"):
            pool.quote_in(is_a_to_b, amount, NOW_S)
        return
    quote, moved = pool.after(is_a_to_b, amount, NOW_S)
    assert quote == pool.quote_in(is_a_to_b, amount, NOW_S)
    assert quote == PoolQuote(amount, swap.amount_out, swap.trade_fee + (swap.creator_fee if is_in else 0))
    owed = swap.protocol_fee + swap.fund_fee + swap.creator_fee
    assert sum(moved.reserves) == first + second + amount - quote.amount_out - owed
    assert moved.reserves[0] * moved.reserves[1] >= first * second


@given(first=RESERVES, second=RESERVES, amount=AMOUNTS, fee_on=st.integers(0, 2), is_a_to_b=st.booleans())
def test_what_a_cpmm_output_costs_gets_it(first: int, second: int, amount: int, fee_on: int, is_a_to_b: bool) -> None:
    pool = cpmm((first, second), fee_on=fee_on)
    into, out_of = (first, second) if is_a_to_b else (second, first)
    is_in = fee_on == 0 or (fee_on == 1) is is_a_to_b
    try:
        quote = pool.quote_out(is_a_to_b, amount, NOW_S)
    except PoolRefused as refused:
        assert refused.reason in ("insufficient_liquidity", "amount_out_of_range")
        return
    swap = swap_base_output(amount, into, out_of, CpmmRates(2_500, 500, 120_000, 40_000), is_in)
    assert quote.amount_in == swap.amount_in
    assert pool.quote_in(is_a_to_b, quote.amount_in, NOW_S).amount_out >= amount


@given(first=RESERVES, second=RESERVES, amount=AMOUNTS, is_a_to_b=st.booleans())
def test_amm_v4_never_loses(first: int, second: int, amount: int, is_a_to_b: bool) -> None:
    pool = v4((first, second))
    try:
        quote, moved = pool.after(is_a_to_b, amount, NOW_S)
    except PoolRefused:
        return
    assert quote == pool.quote_in(is_a_to_b, amount, NOW_S)
    assert moved.reserves[0] * moved.reserves[1] >= first * second
    try:
        cost = pool.quote_out(is_a_to_b, quote.amount_out, NOW_S)
    except PoolRefused as refused:
        # The program rounds a cost below half a unit to nothing, and then refuses.
        assert refused.reason == "amount_too_small"
        return
    # The program's ceiling takes no fee below half a unit going in, but a whole one when it counts backwards.
    assert cost.amount_in <= amount + 1


def test_amm_v4_takes_its_fee_with_its_own_ceiling() -> None:
    # 25 of 10,000: below half a unit nothing, from half a unit on one, above one unit upwards.
    assert [v4().quote_in(True, amount, NOW_S).fee for amount in (199, 200, 399, 400, 401)] == [0, 1, 1, 1, 2]
    assert [amm_v4_up(*each) for each in ((0, 9), (4, 9), (5, 9), (9, 9), (10, 9))] == [0, 0, 1, 1, 2]


def test_amm_v4_worked_number() -> None:
    # 1,000,000 in: fee 2,500; out 2e9 * 997,500 / (1e9 + 997,500).
    assert v4().quote_in(True, 1_000_000, NOW_S) == PoolQuote(1_000_000, 1_993_011, 2_500)
    assert v4().quote_out(True, 1_993_011, NOW_S) == PoolQuote(1_000_000, 1_993_011, 2_500)


@pytest.mark.parametrize(
    ("pool", "amount", "reason"),
    [
        (cpmm(status=4), 1_000, "swap_disabled"),
        (cpmm(open_time_s=NOW_S + 1), 1_000, "swap_disabled"),
        (cpmm((0, 5)), 1_000, "insufficient_liquidity"),
        (cpmm((-5, 5)), 1_000, "insufficient_liquidity"),
        (cpmm(), 0, "amount_out_of_range"),
        (cpmm(), 1 << 64, "amount_out_of_range"),
        (cpmm(), 1, "amount_too_small"),
        (v4(status=2), 1_000, "swap_disabled"),
        (v4(status=0), 1_000, "swap_disabled"),
        (v4(status=7, open_time_s=NOW_S + 1), 1_000, "swap_disabled"),
        (v4((5, 0)), 1_000, "insufficient_liquidity"),
        (v4((10**9, 5)), 1_000, "amount_too_small"),
        (v4(), 0, "amount_out_of_range"),
    ],
)
def test_what_the_programs_refuse_is_refused(pool: Any, amount: int, reason: str) -> None:
    with pytest.raises(PoolRefused) as caught:
        pool.quote_in(True, amount, NOW_S)
    assert caught.value.reason == reason
    if reason in ("swap_disabled", "insufficient_liquidity"):
        assert pool.rate(True, NOW_S) == 0.0


@pytest.mark.parametrize("pool", [cpmm(), v4()])
def test_an_output_of_the_whole_reserve_is_refused(pool: Any) -> None:
    for amount in (2 * 10**9, 1 << 63):
        with pytest.raises(PoolRefused, match="insufficient_liquidity"):
            pool.quote_out(True, amount, NOW_S)


def test_a_waiting_amm_v4_pool_opens_with_the_clock() -> None:
    assert v4(status=7, open_time_s=NOW_S).quote_in(True, 10**6, NOW_S).amount_out > 0


@pytest.mark.parametrize("pool", [cpmm(), cpmm(fee_on=2), v4()])
def test_the_segment_is_the_curve(pool: Any) -> None:
    [segment] = pool.segments(True, NOW_S)
    assert segment.in_end == math.inf
    for amount in (10**4, 10**6, 10**9, 10**12):
        estimate = segment.rate * amount / (1 + segment.curve * amount)
        assert pool.quote_in(True, amount, NOW_S).amount_out == pytest.approx(estimate, rel=1e-6, abs=3)


def test_transfer_fees_of_the_mints_are_in_the_quote() -> None:
    taxed = cpmm(token_fees=((100, 10**9), (200, 10**9)))
    out = cpmm().quote_in(True, 990_000, NOW_S).amount_out
    assert taxed.quote_in(True, 1_000_000, NOW_S).amount_out == out - -(-out * 200 // 10_000)
    assert taxed.quote_out(True, out - -(-out * 200 // 10_000), NOW_S).amount_in <= 1_000_000


def test_builders_take_what_is_owed_out_of_the_vaults() -> None:
    cpmm_parts: list[PoolPart] = [
        RaydiumCpmmState(0, 0, 0, True, 100, 200),
        CONFIG,
        VaultBalance(True, 1_000_100),
        VaultBalance(False, 2_000_200),
        TokenFee(False, 10, 5),
    ]
    builder = RaydiumCpmmBuilder()
    for part in cpmm_parts:
        if not isinstance(part, TokenFee):
            assert builder.pool() is None
        builder.add(part)
    pool = builder.pool()
    assert pool is not None and pool.reserves == (1_000_000, 2_000_000) and pool.token_fees[1] == (10, 5)
    assert builder.pool() is pool
    old = RaydiumAmmV4Builder()
    for part in (VaultBalance(True, 15), VaultBalance(False, 27), RaydiumAmmV4State(6, 0, 25, 10_000, 5, 7)):
        assert old.pool() is None
        old.add(part)
    found = old.pool()
    assert found is not None and found.reserves == (10, 20)


@pytest.mark.parametrize(
    "part",
    [
        RaydiumCpmmState(0, 0, 3, True, 0, 0),
        RaydiumCpmmState(0, 0, 0, True, -1, 0),
        RaydiumCpmmConfig(999_999, 0, 0, 1),
        RaydiumCpmmConfig(1, 600_000, 500_000, 1),
        RaydiumCpmmConfig(-1, 0, 0, 1),
        VaultBalance(True, 1 << 64),
        VaultBalance(True, -1),
        TokenFee(True, -1, 0),
    ],
)
def test_a_cpmm_part_that_contradicts_itself_is_refused(part: PoolPart) -> None:
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        RaydiumCpmmBuilder().add(part)


@pytest.mark.parametrize(
    "part",
    [RaydiumAmmV4State(6, 0, 1, 1, 0, 0), RaydiumAmmV4State(6, 0, 0, 0, 0, 0), VaultBalance(True, -1)],
)
def test_an_amm_v4_part_that_contradicts_itself_is_refused(part: PoolPart) -> None:
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        RaydiumAmmV4Builder().add(part)
