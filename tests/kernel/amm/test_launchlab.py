"""LaunchLab: worked numbers, the last buy, transfer fees, and what must hold for any trade on any curve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.launchlab import FIXED_PRICE, LaunchLab
from kernel.amm.launchlab_builder import LaunchLabBuilder
from kernel.amm.launchlab_start import launchlab_start
from tests.kernel.amm.pump_pools import launchlabs

START = launchlab_start(0, supply=10**15, base_sell=793_100_000_000_000, fund_raising=85 * 10**9)
STATE = LaunchLabState(0, 10**15, START.total_base_sell, START.virtual_base, START.virtual_quote, 0, 0, 85 * 10**9)
TERMS, PLATFORM = LaunchLabTerms(0, 2_500), LaunchLabPlatform(10_000, 0)


def test_a_curve_raises_what_it_was_made_for() -> None:
    assert START == (1_073_025_605_596_382, 30_000_852_951, 793_100_000_000_000)
    whole = LaunchLab(STATE, TERMS, PLATFORM).quote_to_complete()
    assert whole.amount_out == START.total_base_sell
    assert whole.amount_in - whole.fee == pytest.approx(85 * 10**9, rel=1e-9)


def test_the_last_buy_takes_only_what_the_remaining_coins_cost_and_ends_the_sale() -> None:
    pool = LaunchLab(STATE, TERMS, PLATFORM)
    quote, after = pool.after(False, 10**12, 0)
    assert quote == pool.quote_to_complete()
    assert (after.state.status, after.is_complete, after.progress) == (1, True, 1.0)
    with pytest.raises(PoolRefused, match="curve_complete"):
        after.quote_in(True, 1, 0)
    assert after.rate(True, 0) == after.rate(False, 0) == 0.0


def test_coins_that_nobody_bought_cannot_be_sold() -> None:
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        LaunchLab(STATE, TERMS, PLATFORM).quote_in(True, 1, 0)


def test_a_coins_transfer_fee_is_in_what_arrives_and_in_what_must_be_sent() -> None:
    plain, taxed = (LaunchLab(STATE, TERMS, PLATFORM, fee) for fee in (None, TokenFee(True, 100, 10**15)))
    without, withheld = plain.quote_in(False, 10**9, 0), taxed.quote_in(False, 10**9, 0)
    assert withheld.amount_out == without.amount_out - -(-without.amount_out // 100)
    _, after = taxed.after(False, 10**9, 0)
    assert after.state.real_base == without.amount_out
    sale = after.quote_out(True, 10**8, 0)
    assert after.quote_in(True, sale.amount_in, 0).amount_out >= 10**8


@given(launchlabs(), st.integers(1, 10**12))
def test_buying_and_selling_back_never_creates_value(pool: LaunchLab, amount: int) -> None:
    try:
        bought, after = pool.after(False, amount, 0)
        if not bought.amount_out:
            return
        sold = after.quote_in(True, bought.amount_out, 0)
    except PoolRefused:
        return
    assert sold.amount_out <= bought.amount_in


@given(launchlabs(), st.integers(1, 10**12))
def test_the_fee_is_divided_without_remainder(pool: LaunchLab, fee: int) -> None:
    assert sum(pool.split(fee)) == (fee if pool.terms.trade_fee_rate + sum_of(pool.platform) else 0)


def sum_of(platform: LaunchLabPlatform) -> int:
    return platform.fee_rate + platform.creator_fee_rate


@given(launchlabs(), st.integers(1, 10**14))
def test_the_input_quoted_for_an_output_brings_it(pool: LaunchLab, wanted: int) -> None:
    for is_sale in (True, False):
        try:
            asked = pool.quote_out(is_sale, wanted, 0)
            given_back = pool.quote_in(is_sale, asked.amount_in, 0)
        except PoolRefused:
            continue
        # One rounding of the fee on the way in may cost a unit of quote.
        slack = 1 if is_sale else pool.quote_in(False, asked.amount_in + 2, 0).amount_out - given_back.amount_out
        assert given_back.amount_out >= min(asked.amount_out, wanted) - slack


@given(launchlabs(), st.floats(0.001, 0.9), st.booleans())
def test_depth_for_search_follows_the_exact_quotes(pool: LaunchLab, share: float, is_sale: bool) -> None:
    segments = list(pool.segments(is_sale, 0))
    amount = int(segments[-1].in_end * share)
    found = next(each for each in segments if each.in_start <= amount <= each.in_end)
    inside = amount - found.in_start
    out = found.out_start + found.rate * inside / (1 + found.curve * inside)
    assert out == pytest.approx(pool.quote_in(is_sale, amount, 0).amount_out, rel=1e-2, abs=3)


def test_a_builder_checks_parts_against_each_other() -> None:
    builder = LaunchLabBuilder()
    for part in (PLATFORM, TERMS):
        builder.add(part)
        assert builder.pool() is None
    builder.add(STATE)
    assert builder.pool() is builder.pool() is not None
    for wrong in ({"real_base": STATE.virtual_base}, {"total_base_sell": STATE.virtual_base}, {"status": 3}):
        with pytest.raises(PoolRefused, match="state_inconsistent"):
            builder.add(replace(STATE, **wrong))
        assert builder.pool() is None
    builder.add(replace(STATE, virtual_quote=0, real_quote=5))
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(LaunchLabTerms(FIXED_PRICE, 0))
    assert builder.pool() is None
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(LaunchLabTerms(3, 0))
