"""DLMM quotes: tables against a plain walk, refusals, fees of tokens, the state behind a swap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.dlmm import DlmmBin
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_ladder import U64_MAX
from kernel.amm.errors import PoolRefused
from tests.kernel.amm.dlmm_cases import NOW_S, arrays, pair, pool, pools, walk_in, walk_out

HELD = 1_000_000
BINS = [
    DlmmBin(-1, 0, HELD),
    DlmmBin(2, 0, HELD, 500, 300),
    DlmmBin(3, HELD, HELD),
    DlmmBin(4, HELD, 0, 0, 700, True),
    DlmmBin(69, HELD, 0),
]
wanted = st.one_of(st.integers(1, 50), st.integers(1, 10**13))


def held(state: DlmmPool, *, is_x: bool) -> tuple[int, int]:
    """Of X or Y: what providers have in the bins and what orders sell."""
    bins = [each for array in state.arrays.values() for each in array.bins]
    own = sum(each.amount_x if is_x else each.amount_y for each in bins)
    return own, sum(each.orders_begun + each.orders_open for each in bins if each.is_ask is is_x)


@given(pools(), st.booleans(), wanted)
def test_tables_of_sums_give_what_a_walk_bin_by_bin_gives(state: DlmmPool, is_x_in: bool, amount: int) -> None:
    found = walk_in(state, is_x_in, amount)
    if found is None:
        with pytest.raises(PoolRefused, match="insufficient_liquidity"):
            state.quote_in(is_x_in, amount, NOW_S)
        return
    assert state.quote_in(is_x_in, amount, NOW_S) == (amount, *found)


@given(pools(), st.booleans(), wanted)
def test_an_exact_output_costs_what_buys_it(state: DlmmPool, is_x_in: bool, amount: int) -> None:
    try:
        quote = state.quote_out(is_x_in, amount, NOW_S)
    except PoolRefused as refused:
        assert refused.reason == "insufficient_liquidity"
        return
    assert quote.amount_out == amount
    #: bins that give nothing cost an exact output nothing, an exact input their price
    dust = state.ladder(is_x_in, NOW_S).dust[-1][0]
    assert state.quote_in(is_x_in, quote.amount_in + dust, NOW_S).amount_out >= amount
    if not dust and quote.amount_in > 1 and not state.pair.takes_fee_in_y:
        assert state.quote_in(is_x_in, quote.amount_in - 1, NOW_S).amount_out <= amount


@given(pools(), st.booleans(), wanted)
def test_tables_give_an_exact_output_what_a_walk_gives(state: DlmmPool, is_x_in: bool, amount: int) -> None:
    fresh = DlmmPool(state.pair, state.arrays, far=())
    found = walk_out(state, is_x_in, amount)
    if found is None:
        with pytest.raises(PoolRefused, match="insufficient_liquidity"):
            fresh.quote_out(is_x_in, amount, NOW_S)
        return
    if found[0] <= U64_MAX:
        assert fresh.quote_out(is_x_in, amount, NOW_S) == (found[0], amount, found[1])


def test_bins_that_give_nothing_cost_an_exact_output_nothing() -> None:
    dust = [DlmmBin(bin_id, 0, 1) for bin_id in (1, 2, 3)]
    state = pool([DlmmBin(0, 0, 100), *dust], takes_fee_in_y=True)
    assert state.quote_out(True, 1, NOW_S) == (2, 1, 1)
    assert state.quote_in(True, 4, NOW_S).amount_out == 0
    assert state.quote_in(True, 5, NOW_S).amount_out == 1
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        pool(dust, takes_fee_in_y=True).quote_out(True, 1, NOW_S)


@given(pools(), st.booleans(), wanted, wanted)
def test_more_in_never_gives_less_out(state: DlmmPool, is_x_in: bool, amount: int, more: int) -> None:
    try:
        bigger = state.quote_in(is_x_in, amount + more, NOW_S)
    except PoolRefused:
        return
    assert state.quote_in(is_x_in, amount, NOW_S).amount_out <= bigger.amount_out


@given(pools(), st.booleans(), wanted)
def test_a_swap_and_its_way_back_create_nothing(state: DlmmPool, is_x_in: bool, amount: int) -> None:
    try:
        quote, behind = state.after(is_x_in, amount, NOW_S)
        back = behind.quote_in(not is_x_in, quote.amount_out, NOW_S)
    except PoolRefused:
        return
    assert back.amount_out <= amount


@given(pools(), st.booleans(), wanted)
def test_what_enters_a_pool_is_in_it_or_its_fees_or_its_orders(state: DlmmPool, is_x_in: bool, amount: int) -> None:
    try:
        quote, behind = state.after(is_x_in, amount, NOW_S)
    except PoolRefused:
        return
    out_before, out_after = (sum(held(each, is_x=not is_x_in)) for each in (state, behind))
    own_before, own_after = (held(each, is_x=is_x_in)[0] for each in (state, behind))
    is_fee_on_output = state.pair.takes_fee_in_y and is_x_in
    assert out_before - out_after == quote.amount_out + (quote.fee if is_fee_on_output else 0)
    #: one unit whose fee is all of it is in no sum: the program names no fee for it
    lost = 0 if is_fee_on_output else quote.fee
    assert own_after - own_before <= amount - lost
    if not state.pair.has_limit_orders:
        assert 0 <= amount - lost - (own_after - own_before) <= 1


@given(st.integers(1, 2 * HELD), st.integers(1, HELD), st.booleans())
def test_a_swap_in_two_parts_goes_on_where_the_first_ended(first: int, second: int, is_x_in: bool) -> None:
    state = pool(BINS)
    whole = state.quote_in(is_x_in, first + second, NOW_S) if first + second < 2 * HELD else None
    quote, behind = state.after(is_x_in, first, NOW_S)
    if whole is None:
        return
    rest = behind.quote_in(is_x_in, second, NOW_S)
    assert abs(quote.amount_out + rest.amount_out - whole.amount_out) <= 4
    assert behind.pair.updated_s == NOW_S


def test_a_bin_that_is_just_emptied_stays_the_active_one() -> None:
    state = pool(BINS)
    exact = state.ladder(True, NOW_S)
    exact.extend()
    quote, behind = state.after(True, exact.gross_in[1], NOW_S)
    assert quote.amount_out == HELD
    assert behind.pair.active_id == 3
    assert behind.quote_in(True, 10, NOW_S).amount_out > 0


def test_an_open_order_that_is_filled_in_part_has_begun() -> None:
    _, behind = pool([DlmmBin(3, 0, 100, 0, 1_000)]).after(True, 600, NOW_S)
    (left,) = behind.arrays[0].bins
    assert left.amount_y == 0
    assert left.orders_open == 0
    assert 0 < left.orders_begun < 1_000


def test_the_fee_depends_on_how_long_ago_the_last_swap_was() -> None:
    rates = [pool(BINS, updated_s=NOW_S - ago).rate(True, NOW_S) for ago in (0, 29, 30, 599, 600)]
    assert rates[0] == rates[1] < rates[4]
    assert rates[2] == rates[3] < rates[4]


def test_orders_count_only_where_the_pair_takes_them() -> None:
    orders_alone = [DlmmBin(2, 0, 0, 500, 300)]
    assert pool(orders_alone).quote_out(True, 800, NOW_S).amount_out == 800
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        pool(orders_alone, has_limit_orders=False).quote_in(True, 100, NOW_S)


def test_a_fee_in_y_is_taken_from_what_a_sale_of_x_gives() -> None:
    """Bin -1 at a step of 400 bps pays 961 for 1000; the rate is 4 % and 0.64 % for one bin of volatility."""
    in_y = {"takes_fee_in_y": True, "active_id": 0, "updated_s": 0, "bin_step_bps": 400}
    in_x = in_y | {"takes_fee_in_y": False}
    assert pool(BINS, **in_y).quote_in(True, 1_000, NOW_S) == (1_000, 961 - 45, 45)
    assert pool(BINS, **in_x).quote_in(True, 1_000, NOW_S) == (1_000, 916, 47)
    assert pool(BINS, **in_y).quote_in(False, 1_000, NOW_S) == pool(BINS, **in_x).quote_in(False, 1_000, NOW_S)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"is_enabled": False}, "swap_disabled"), ({"opens_at_s": NOW_S + 1}, "swap_disabled")],
)
def test_a_closed_pair_refuses_and_has_no_rate(changes: dict[str, object], reason: str) -> None:
    state = pool(BINS, **changes)
    with pytest.raises(PoolRefused, match=reason):
        state.quote_in(True, 1, NOW_S)
    assert state.rate(True, NOW_S) == 0.0
    assert list(state.segments(True, NOW_S)) == []


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "amount_too_small"), (-1, "out_of_range"), (1 << 64, "out_of_range")]
)
def test_an_amount_is_a_u64_above_zero(amount: int, reason: str) -> None:
    with pytest.raises(PoolRefused, match=reason):
        pool(BINS).quote_in(True, amount, NOW_S)


def test_an_output_whose_input_is_beyond_a_u64_is_refused() -> None:
    state = pool([DlmmBin(-60, 0, 1 << 63)], active_id=-60, bin_step_bps=400)
    with pytest.raises(PoolRefused, match="amount_out_of_range"):
        state.quote_out(True, 1 << 63, NOW_S)


def test_a_reserve_below_what_bins_sell_is_refused_and_follows_a_swap() -> None:
    base = pool(BINS)
    state = DlmmPool(base.pair, base.arrays, far=(), reserves=(10, 500))
    with pytest.raises(PoolRefused, match="reserve account holds 500"):
        state.quote_in(True, 1_000, NOW_S)
    quote, behind = state.after(True, 400, NOW_S)
    assert behind.reserves == (410, 500 - quote.amount_out)


def test_where_knowledge_ends_a_quote_is_refused_and_says_what_to_load() -> None:
    (known,) = arrays(BINS, (0,))
    near = DlmmPool(pair(), {0: known}, far=())
    with pytest.raises(PoolRefused, match="bin array -1, which is not known"):
        near.quote_in(True, 10 * HELD, NOW_S)
    with pytest.raises(PoolRefused, match="depth_unknown: the swap reaches the end of the near bitmap"):
        DlmmPool(pair(), {0: known}).quote_in(False, 10 * HELD, NOW_S)
    with pytest.raises(PoolRefused, match="arrays_exhausted"):
        DlmmPool(pair(), {0: known}, far=(), arrays_max=1).quote_in(True, 10 * HELD, NOW_S)
    with pytest.raises(PoolRefused, match="near bitmap"):
        DlmmPool(pair(active_id=70 * 512), {0: known}).quote_in(True, 1, NOW_S)


def test_fees_of_tokens_are_taken_on_both_ways() -> None:
    base = pool(BINS)
    fees = (TokenFee(True, 100, 10**6), TokenFee(False, 200, 7))
    state = DlmmPool(base.pair, base.arrays, far=(), token_fees=fees)
    inner = base.quote_in(True, 99_000, NOW_S)
    assert state.quote_in(True, 100_000, NOW_S) == (100_000, inner.amount_out - 7, inner.fee)
    exact = state.quote_out(True, 50_000, NOW_S)
    assert exact.amount_out == 50_000
    assert state.quote_in(True, exact.amount_in, NOW_S).amount_out >= 50_000
    assert state.rate(True, NOW_S) == pytest.approx(base.rate(True, NOW_S) * 0.99 * 0.98)


def test_segments_join_up_and_end_on_whole_bins() -> None:
    state = pool(BINS)
    found = list(state.segments(True, NOW_S))
    assert len(found) == 3
    assert state.rate(True, NOW_S) == found[0].rate
    for before, each in zip([None, *found], found, strict=False):
        assert each.in_start == (before.in_end if before else 0.0)
        out = state.quote_in(True, int(each.in_end), NOW_S).amount_out
        assert each.out_start + each.rate * (each.in_end - each.in_start) == pytest.approx(out, abs=2)
    assert pool([]).rate(True, NOW_S) == 0.0
