"""The bonding curve: worked numbers, what it refuses, and what must hold for any trade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.bonding_curve import BondingCurve
from kernel.amm.bonding_curve_builder import BondingCurveBuilder
from kernel.amm.errors import PoolRefused
from tests.kernel.amm.pump_pools import FEES, FRESH, TERMS, curves, fresh_curve

AMOUNTS = st.integers(1, 10**16)


def quoted(pool: BondingCurve, is_a_to_b: bool, amount: int):
    try:
        return pool.quote_in(is_a_to_b, amount, 0)
    except PoolRefused:
        return None


def test_a_curve_completes_at_85_005_sol_net() -> None:
    whole = fresh_curve().quote_to_complete()
    assert whole.amount_out == FRESH.real_base
    assert whole.amount_in - whole.fee == 85_005_359_057  # 30e9 * 793.1 / 279.9, rounded down, and one
    assert whole.fee == -(-85_005_359_057 * 93 // 10_000) - (-85_005_359_057 * 30 // 10_000)


def test_a_recorded_first_buy_is_priced_to_the_lamport() -> None:
    """Mainnet, slot of 2026-07-29: 3,520,371,073,923 coins cost 98,750,018 lamports, 938,126 and 296,251 in fees."""
    pool = BondingCurve(FRESH, TERMS, PumpFees(is_present=False))
    bought = pool.quote_out(False, 3_520_371_073_923, 0)
    assert (bought.amount_in - bought.fee, bought.fee) == (98_750_018, 938_126 + 296_251)


def test_the_last_buy_takes_only_what_the_remaining_coins_cost() -> None:
    pool = fresh_curve()
    assert pool.quote_in(False, 10**12, 0) == pool.quote_to_complete()
    quote, after = pool.after(False, 10**12, 0)
    assert after.is_complete
    assert after.curve.real_quote == quote.amount_in - quote.fee
    assert (pool.progress, after.progress) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("pool", "is_sale", "amount", "reason"),
    [
        (fresh_curve(is_complete=True), False, 10**9, "curve_complete"),
        (fresh_curve(real_base=0), True, 10**9, "curve_complete"),
        (fresh_curve(virtual_base=0, virtual_quote=0, real_base=0, is_complete=True), True, 1, "curve_complete"),
        (fresh_curve(), True, 10**12, "insufficient_liquidity"),
        (fresh_curve(), False, 0, "amount_out_of_range"),
        (fresh_curve(), False, 1 << 64, "amount_out_of_range"),
        (fresh_curve(), False, 2, "amount_too_small"),
        (fresh_curve(), True, 36_000, "amount_too_small"),
    ],
)
def test_what_the_program_refuses_is_refused(pool: BondingCurve, is_sale: bool, amount: int, reason: str) -> None:
    with pytest.raises(PoolRefused, match=reason):
        pool.quote_in(is_sale, amount, 0)


@given(curves(), AMOUNTS)
def test_a_buy_never_takes_more_than_offered_and_a_larger_one_never_brings_less(
    pool: BondingCurve, amount: int
) -> None:
    bought, more = quoted(pool, False, amount), quoted(pool, False, amount + 1 + amount // 7)
    if bought:
        assert 0 < bought.amount_in <= amount
        assert bought.fee < bought.amount_in
        assert more is not None
        assert more.amount_out >= bought.amount_out


@given(curves(), AMOUNTS)
def test_buying_and_selling_back_never_creates_value(pool: BondingCurve, amount: int) -> None:
    try:
        bought, after = pool.after(False, amount, 0)
        sold = after.quote_in(True, bought.amount_out, 0)
    except PoolRefused:
        return
    assert sold.amount_out < bought.amount_in


@given(curves(), AMOUNTS)
def test_a_trade_never_shrinks_the_product_of_reserves(pool: BondingCurve, amount: int) -> None:
    for is_sale in (True, False):
        try:
            _, after = pool.after(is_sale, amount, 0)
        except PoolRefused:
            continue
        before = pool.curve.virtual_base * pool.curve.virtual_quote
        assert after.curve.virtual_base * after.curve.virtual_quote >= before
        assert after.curve.real_quote >= 0


@given(curves(), st.integers(1, 10**12))
def test_the_coins_quoted_for_a_sum_are_the_fewest_that_bring_it(pool: BondingCurve, wanted: int) -> None:
    try:
        sale = pool.quote_out(True, wanted, 0)
    except PoolRefused:
        return
    assert sale.amount_out >= wanted
    fewer = quoted(pool, True, sale.amount_in - 1)
    assert fewer is None or fewer.amount_out < wanted


@given(curves(), st.integers(10**6, 10**11), st.booleans())
def test_depth_for_search_follows_the_exact_quotes(pool: BondingCurve, amount: int, is_sale: bool) -> None:
    amount = amount * 10**4 if is_sale else amount
    exact = quoted(pool, is_sale, amount)
    (depth,) = pool.segments(is_sale, 0) or (None,)
    if exact and amount < depth.in_end and exact.amount_out > 10**5:
        assert depth.rate * amount / (1 + depth.curve * amount) == pytest.approx(exact.amount_out, rel=1e-4)
    assert depth.rate == pool.rate(is_sale, 0)


def test_a_builder_waits_for_all_parts_and_keeps_its_pool_until_one_changes() -> None:
    builder = BondingCurveBuilder()
    for part in (FEES, FRESH):
        builder.add(part)
        assert builder.pool() is None
    builder.add(TERMS)
    pool = builder.pool()
    assert pool is not None
    assert pool is builder.pool()
    builder.add(FRESH)
    assert builder.pool() is not pool


def test_a_builder_gives_no_pool_after_a_contradiction() -> None:
    builder = BondingCurveBuilder()
    for part in (FEES, FRESH, TERMS):
        builder.add(part)
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(fresh_curve(real_base=FRESH.virtual_base).curve)
    assert builder.pool() is None
    builder.add(FRESH)
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(TokenFee(True, 1, 1))
    assert builder.pool() is None
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(PumpFees(is_present=True))
