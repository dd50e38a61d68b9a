"""PumpSwap: virtual reserves, switches, and what must hold for any trade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapSupply, PumpSwapVault
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pump_swap import PumpSwap
from kernel.amm.pump_swap_builder import PumpSwapBuilder
from tests.kernel.amm.pump_pools import FEES, SWAP_TERMS, swaps

STATE = PumpSwapState(0, True, True, False, 0, 0)
BASE, QUOTE, SUPPLY = 206_900_000_000_000, 84_990_000_000, 10**15


def pool_of(state: PumpSwapState = STATE, base: int = BASE, quote: int = QUOTE, **terms: bool) -> PumpSwap:
    return PumpSwap(state, replace(SWAP_TERMS, **terms), FEES, base, quote, SUPPLY)


def quoted(pool: PumpSwap, is_a_to_b: bool, amount: int):
    try:
        return pool.quote_in(is_a_to_b, amount, 0)
    except PoolRefused:
        return None


def test_virtual_reserves_make_the_price_but_pay_nothing() -> None:
    boosted = pool_of(replace(STATE, virtual_quote=QUOTE))
    assert boosted.rate(True, 0) == pytest.approx(2 * pool_of().rate(True, 0), rel=0.02)
    (depth,) = boosted.segments(True, 0)
    assert boosted.quote_in(True, int(depth.in_end * 0.999), 0).amount_out <= QUOTE
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        boosted.quote_in(True, int(depth.in_end * 1.001), 0)


def test_the_market_cap_counts_the_mints_supply_except_for_mayhem_coins() -> None:
    pool = PumpSwap(STATE, SWAP_TERMS, FEES, BASE, QUOTE, SUPPLY // 2)
    assert pool.market_cap == QUOTE * (SUPPLY // 2) // BASE
    mayhem = PumpSwap(replace(STATE, is_mayhem=True), SWAP_TERMS, FEES, BASE, QUOTE, 2 * SUPPLY)
    assert mayhem.market_cap == QUOTE * SUPPLY // BASE
    assert (pool.rates(), mayhem.rates()) == ((2, 93, 30), (2, 93, 30))


def test_a_budget_whose_fees_round_above_it_is_cut_after_the_fees_are_set() -> None:
    flat = pool_of(replace(STATE, is_canonical=False), base=10**15, quote=10**12)
    bought = flat.quote_in(False, 1_000_000_029, 0)
    whole = 1_000_000_029 * 10_000 // 10_030
    assert bought.fee == sum(-(-whole * bps // 10_000) for bps in (20, 5, 5))
    assert bought.amount_in == 1_000_000_029
    assert bought.amount_out == 10**15 * (bought.amount_in - bought.fee - 1) // (
        10**12 + bought.amount_in - bought.fee - 1
    )


@pytest.mark.parametrize(
    ("pool", "is_sale", "reason"),
    [
        (pool_of(is_buying_disabled=True), False, "swap_disabled"),
        (pool_of(is_selling_disabled=True), True, "swap_disabled"),
        (pool_of(base=0), True, "insufficient_liquidity"),
        (pool_of(quote=0), False, "insufficient_liquidity"),
        (pool_of(replace(STATE, virtual_quote=-QUOTE)), True, "insufficient_liquidity"),
    ],
)
def test_what_the_program_refuses_is_refused(pool: PumpSwap, is_sale: bool, reason: str) -> None:
    for ask in (pool.quote_in, pool.quote_out):
        with pytest.raises(PoolRefused, match=reason):
            ask(is_sale, 10**9, 0)
    assert pool.rate(is_sale, 0) == 0.0
    assert list(pool.segments(is_sale, 0)) == []


def test_all_coins_of_a_vault_cannot_be_bought() -> None:
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        pool_of().quote_out(False, BASE, 0)


@given(swaps(), st.integers(1, 10**15))
def test_buying_and_selling_back_never_creates_value(pool: PumpSwap, amount: int) -> None:
    try:
        bought, after = pool.after(False, amount, 0)
        sold = after.quote_in(True, bought.amount_out, 0)
    except PoolRefused:
        return
    assert bought.amount_in <= amount
    assert sold.amount_out <= bought.amount_in


@given(swaps(), st.integers(1, 10**15), st.booleans())
def test_a_trade_never_shrinks_the_product_of_reserves(pool: PumpSwap, amount: int, is_sale: bool) -> None:
    try:
        quote, after = pool.after(is_sale, amount, 0)
    except PoolRefused:
        return
    virtual = pool.state.virtual_quote
    assert after.base * (after.quote + virtual) >= pool.base * (pool.quote + virtual)
    paid = pool.quote - after.quote if is_sale else 0
    assert paid <= pool.quote
    assert quote.fee >= 0


@given(swaps(), st.integers(1, 10**14))
def test_the_coins_quoted_for_a_sum_are_the_fewest_that_bring_it(pool: PumpSwap, wanted: int) -> None:
    try:
        sale = pool.quote_out(True, wanted, 0)
    except PoolRefused:
        return
    assert sale.amount_out >= wanted
    fewer = quoted(pool, True, sale.amount_in - 1)
    assert fewer is None or fewer.amount_out < wanted


@given(swaps(), st.integers(1, 10**15))
def test_a_buy_of_coins_costs_at_least_what_a_buy_for_that_budget_brings(pool: PumpSwap, coins: int) -> None:
    try:
        cost = pool.quote_out(False, coins, 0)
    except PoolRefused:
        return
    bought = quoted(pool, False, cost.amount_in)
    assert bought is None or bought.amount_out <= coins


def test_a_builder_waits_for_all_six_parts() -> None:
    builder = PumpSwapBuilder()
    parts = [STATE, SWAP_TERMS, FEES, PumpSwapVault(True, BASE), PumpSwapVault(False, QUOTE), PumpSwapSupply(SUPPLY)]
    for part in parts:
        assert builder.pool() is None
        builder.add(part)
    pool = builder.pool()
    assert pool is builder.pool() is not None
    assert (pool.base, pool.quote, pool.supply) == (BASE, QUOTE, SUPPLY)
    builder.add(PumpSwapVault(True, BASE + 1))
    assert builder.pool().base == BASE + 1
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(TokenFee(True, 1, 1))
    assert builder.pool() is None
