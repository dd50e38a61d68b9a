"""The index of cycles against a plain search over all of them."""

from itertools import permutations
from math import inf, isclose, nan, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.amm.cycle_index import CYCLES_MAX, HITS_MAX, Cycle, CycleHop, CycleIndex

Rates = dict[str, tuple[float, float]]
SQUARE = [("p", "SOL", "USDC"), ("q", "USDC", "SOL"), ("r", "USDC", "mSOL"), ("s", "SOL", "mSOL")]


def plain_cycles(pools: list[tuple[str, str, str]], starts: list[str]) -> set[tuple[str, tuple[CycleHop, ...]]]:
    """Every cycle of two or three pools, by trying all orders of pools, from the first start token it passes."""
    found = set()
    for start in starts:
        earlier = starts[: starts.index(start)]
        for count in (2, 3):
            for chosen in permutations(pools, count):
                token, hops, passed = start, [], []
                for name, token_a, token_b in chosen:
                    if token not in (token_a, token_b):
                        break
                    hops.append(CycleHop(name, token == token_a))
                    token = token_b if token == token_a else token_a
                    passed.append(token)
                is_closed = len(hops) == count and token == start and len(set(passed)) == count
                if is_closed and not set(passed) & set(earlier):
                    found.add((start, tuple(hops)))
    return found


def product(cycle: Cycle, rates: Rates) -> float:
    return prod(rates.get(hop.pool, (0.0, 0.0))[0 if hop.is_a_to_b else 1] for hop in cycle.hops)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[str, str, str]], list[str]]:
    pairs = draw(st.lists(st.tuples(*[st.sampled_from("ABCDE")] * 2).filter(lambda p: p[0] != p[1]), max_size=9))
    starts = draw(st.lists(st.sampled_from("ABCDEF"), min_size=1, max_size=3, unique=True))
    return [(f"p{number}", *pair) for number, pair in enumerate(pairs)], starts


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_every_cycle_is_found_once(graph: tuple[list[tuple[str, str, str]], list[str]]) -> None:
    pools, starts = graph
    index = CycleIndex(pools, starts)
    found = [(cycle.start, cycle.hops) for cycle in index.cycles]
    assert len(found) == len(set(found))
    assert set(found) == plain_cycles(pools, starts)
    assert [cycle.number for cycle in index.cycles] == list(range(len(found)))
    assert index.cycles_refused == 0
    for name, _, _ in pools:
        assert index.touched_by(name) == sum(any(hop.pool == name for hop in hops) for _, hops in found)


RATE = st.sampled_from([0.0, 0.5, 0.999, 1.0, 1.001, 1.3, 2.0]) | st.floats(1e-9, 1e9)


@pytest.mark.slow
@given(graphs(), st.data(), st.sampled_from([0.0, 15.0, 1000.0]))
@settings(max_examples=150, deadline=None)
def test_an_update_returns_the_touched_cycles_above_the_margin_best_first(
    graph: tuple[list[tuple[str, str, str]], list[str]], data: st.DataObject, margin_bps: float
) -> None:
    pools, starts = graph
    if not pools:
        return
    index = CycleIndex(pools, starts)
    rates: Rates = {}
    for _ in range(data.draw(st.integers(1, 12))):
        name = data.draw(st.sampled_from([name for name, _, _ in pools]))
        rates[name] = (data.draw(RATE), data.draw(RATE))
        dropped = index.hits_dropped
        hits = index.update(name, *rates[name], margin_bps=margin_bps)
        wanted = {
            cycle.number: product(cycle, rates) for cycle in index.cycles if any(hop.pool == name for hop in cycle.hops)
        }
        floor = 1 + margin_bps / 10_000
        above = {number for number, rate in wanted.items() if rate > floor * (1 + 1e-12)}
        doubtful = {number for number, rate in wanted.items() if isclose(rate, floor, rel_tol=1e-12)}
        found = [hit.cycle.number for hit in hits]
        assert len(found) == len(set(found)) <= HITS_MAX
        assert set(found) <= above | doubtful
        assert len(found) == HITS_MAX or above <= set(found)
        assert index.hits_dropped == dropped or len(found) == HITS_MAX
        assert [hit.rate for hit in hits] == sorted((hit.rate for hit in hits), reverse=True)
        assert all(isclose(hit.rate, wanted[hit.cycle.number], rel_tol=1e-9) for hit in hits)


@given(graphs(), st.data(), st.sampled_from([0.0, 1000.0]))
@settings(max_examples=60, deadline=None)
def test_a_screen_returns_all_cycles_above_the_margin(
    graph: tuple[list[tuple[str, str, str]], list[str]], data: st.DataObject, margin_bps: float
) -> None:
    pools, starts = graph
    index = CycleIndex(pools, starts)
    rates: Rates = {name: (data.draw(RATE), data.draw(RATE)) for name, _, _ in pools}
    for name, (there, back) in rates.items():
        index.update(name, there, back)
    hits = index.screen(margin_bps=margin_bps)
    floor = 1 + margin_bps / 10_000
    above = [cycle.number for cycle in index.cycles if product(cycle, rates) > floor * (1 + 1e-12)]
    if len(above) <= HITS_MAX:
        assert set(above) <= {hit.cycle.number for hit in hits}
    assert all(product(hit.cycle, rates) > floor * (1 - 1e-12) for hit in hits)
    assert [hit.rate for hit in hits] == sorted((hit.rate for hit in hits), reverse=True)


def test_unknown_pools_earn_nothing() -> None:
    index = CycleIndex(SQUARE, ["SOL"])
    assert index.update("p", 100.0, 1 / 101) == []
    (hit,) = index.update("q", 1 / 99, 98.0)
    assert hit.cycle.hops == (CycleHop("p", True), CycleHop("q", True))
    assert hit.rate == pytest.approx(100 / 99)


def test_a_forgotten_pool_earns_nothing_until_it_is_seen_again() -> None:
    index = CycleIndex(SQUARE[:2], ["SOL"])
    index.update("p", 100.0, 0.0)
    assert index.update("q", 1 / 99, 0.0)
    index.forget("p")
    assert index.update("q", 1 / 99, 0.0) == []
    assert index.update("p", 100.0, 0.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, inf, -inf, nan])
def test_absurd_rates_earn_nothing_and_do_no_lasting_harm(rate: float) -> None:
    index = CycleIndex(SQUARE[:2], ["SOL"])
    index.update("q", 1 / 99, 99.0)
    assert index.update("p", rate, rate) == []
    assert len(index.update("p", 100.0, 1 / 101)) == 1


def test_rates_at_the_end_of_floats_are_still_answered() -> None:
    index = CycleIndex(SQUARE[:2], ["SOL"])
    index.update("q", 1e308, 1e308)
    (hit, _) = index.update("p", 1e308, 1e308)
    assert 1e300 < hit.rate < inf


def test_what_the_limit_leaves_out_is_counted_without_being_made() -> None:
    pools = [(f"p{number}", "SOL", "USDC") for number in range(3000)]
    index = CycleIndex(pools, ["SOL"], cycles_max=500)
    assert len(index.cycles) == 500
    assert index.cycles_refused == 3000 * 2999 - 500
    assert index.cycles_refused > CYCLES_MAX


def test_hits_beyond_the_limit_are_counted_and_the_best_are_kept() -> None:
    index = CycleIndex([(f"p{number}", "SOL", "USDC") for number in range(100)], ["SOL"])
    for number in range(1, 100):
        index.update(f"p{number}", 0.0, 1 + number / 1000)
    hits = index.update("p0", 1.0, 0.0)
    assert [hit.cycle.hops[1].pool for hit in hits] == [f"p{number}" for number in range(99, 99 - HITS_MAX, -1)]
    assert index.hits_dropped == 99 - HITS_MAX


def test_equal_products_keep_the_order_of_the_cycles() -> None:
    index = CycleIndex([(f"p{number}", "SOL", "USDC") for number in range(9)], ["SOL"])
    for number in range(1, 9):
        index.update(f"p{number}", 0.0, 1.01)
    found = [hit.cycle.number for hit in index.update("p0", 1.0, 0.0)]
    assert found == sorted(found) and len(found) == 8


def test_a_cycle_through_two_start_tokens_starts_at_the_first() -> None:
    index = CycleIndex(SQUARE, ["USDC", "SOL"])
    assert {cycle.start for cycle in index.cycles if len(cycle.hops) == 2} == {"USDC", "SOL"} - {"SOL"}
    assert {cycle.start for cycle in index.cycles} == {"USDC"}


@pytest.mark.parametrize("pools", [[("p", "A", "B"), ("p", "A", "C")], [("p", "A", "A")]])
def test_pools_that_cannot_be_are_refused(pools: list[tuple[str, str, str]]) -> None:
    with pytest.raises(ValueError, match="pool p"):
        CycleIndex(pools, ["A"])


def test_a_pool_not_of_the_index_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        CycleIndex(SQUARE, ["SOL"]).update("x", 1.0, 1.0)
