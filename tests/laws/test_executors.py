"""Law 6 over the simulated venue: whatever happens, each order gets one terminal report and never more than asked."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.events import REPORTS, TERMINAL_REPORTS, ClockTick, Event, Fill, OrderApproved, PoolState
from bus.intents import Hop, PlaceOrder, Swap
from kernel.amm.v3_ticks import sqrt_ratio_at_tick
from tests.builders import MINUTE, PERP, SECOND, SPOT, T0, bar, place, quote, trade
from tests.kernel.execution.desk import Desk
from tests.kernel.execution.test_paper_swaps import DEAR, POOL, TICK, _gas, _listed, _state, _swap
from tests.solana_pools import cpmm, lamports, swap

MS = 1_000_000
PRICES = (1990.0, 1999.9, 2000.0, 2000.1, 2010.0)
SIZES = (0.0, 0.4, 5.0)


@st.composite
def _orders(draw: st.DrawFn) -> PlaceOrder | Swap:
    if draw(st.integers(0, 7)) == 0:
        return swap(draw(st.sampled_from([10**6, 10**30])), ("one", draw(st.booleans())), tip_lamports=1_000)
    if draw(st.integers(0, 3)) == 0:
        route = draw(st.sampled_from([(POOL,), (DEAR,), (POOL, DEAR)]))
        hops = [Hop(pool=name, is_zero_for_one=index == 0) for index, name in enumerate(route)]
        return _swap(
            draw(st.sampled_from([10**6, 10**9, 10**13])),
            *hops,
            amount_out_min=draw(st.sampled_from([1, 10**17, 10**30])),
            is_flash_loan=draw(st.booleans()),
            gas_price_wei_max=draw(st.sampled_from([1, 10**12])),
        )
    tif = draw(st.sampled_from(["ioc", "gtc", "fok", "post_only"]))
    limit = draw(st.sampled_from([Decimal(str(each)) for each in PRICES]))
    return place(
        draw(st.sampled_from(["buy", "sell"])),
        draw(st.sampled_from(["0.001", "0.5", "7"])),
        instrument=draw(st.sampled_from([SPOT, PERP, "nowhere:ETH"])),
        tif=tif,
        limit_price=limit if tif == "post_only" or draw(st.booleans()) else None,
    )


Step = tuple[str, Any, int]
STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("order"), _orders()),
            st.tuples(st.just("cancel"), st.integers(0, 30)),
            st.tuples(st.just("quote"), st.sampled_from(PRICES), st.sampled_from(SIZES), st.sampled_from([SPOT, PERP])),
            st.tuples(st.just("trade"), st.sampled_from(PRICES), st.sampled_from([0.3, 9.0]), st.booleans()),
            st.tuples(st.just("bar"), st.sampled_from(PRICES), st.sampled_from([0.0, 20.0])),
            st.tuples(st.just("pool"), st.integers(-300, 300), st.booleans(), st.sampled_from([POOL, DEAR])),
            st.tuples(st.just("gas"), st.sampled_from([0.0, 0.7])),
            st.tuples(st.just("tick")),
        ),
        st.sampled_from([0, 1 * MS, 30 * MS, 70 * MS, SECOND, 20 * SECOND, 2 * MINUTE]),
    ),
    max_size=40,
)
PCT = st.sampled_from([0.0, 0.0, 40.0, 100.0])
PAPER = st.fixed_dictionaries(
    {"unknown_pct": PCT, "reject_pct": st.sampled_from([0.0, 0.0, 40.0]), "swap_fail_pct": PCT,
     "latency_jitter_ms": st.sampled_from([0, 80]), "cancel_latency_ms": st.sampled_from([1, 60, 300]),
     "unknown_ms": st.sampled_from([1, 500])}
)  # fmt: skip


def _event(step: tuple[Any, ...], now_ns: int) -> Event:
    match step:
        case ("quote", price, size, name):
            return quote(now_ns, price, price + 0.1, size, instrument=name)
        case ("trade", price, size, is_buy):
            return trade(now_ns, price, size, is_buy)
        case ("bar", price, volume):
            return bar(now_ns, price, volume=volume)
        case ("pool", move, is_sampled, name):
            tick = TICK + move
            state: PoolState = _state(now_ns, name, tick, is_sampled=is_sampled)
            assert state.sqrt_price_x96 == sqrt_ratio_at_tick(tick)
            return state
        case ("gas", native_usd):
            return _gas(now_ns, native_usd=native_usd)
        case _:
            return ClockTick(ts_ns=now_ns)


def _played(steps: list[tuple[tuple[Any, ...], int]], paper: dict[str, Any]) -> Desk:
    desk = Desk(seed=5, **paper)
    desk.feed(_listed(POOL, 500, 10), _listed(DEAR, 3000, 60), _state(), _state(name=DEAR), _gas())
    desk.feed(*cpmm("one", "SOL", "USDC", 10**13, 15 * 10**11), lamports())
    now_ns = T0
    for number, (step, pause_ns) in enumerate(steps):
        now_ns += pause_ns
        if step[0] == "order":
            desk.order(step[1], now_ns, f"t-s-{number}-0")
        elif step[0] == "cancel":
            desk.cancel(f"t-s-{step[1]}-0", now_ns)
        else:
            desk.feed(_event(step, now_ns))
    desk.tick(now_ns + MINUTE)
    desk.router.cancel_all()
    desk.tick(now_ns + 20 * MINUTE)
    return desk


@settings(max_examples=250, deadline=None)
@given(STEPS, PAPER)
def test_every_order_ends_once_and_fills_no_more_than_it_asked(
    steps: list[tuple[tuple[Any, ...], int]], paper: dict[str, Any]
) -> None:
    desk = _played(steps, paper)
    orders = {each.order_id: each for each in desk.events(OrderApproved)}
    ends = Counter(each.order_id for each in desk.events(*TERMINAL_REPORTS))
    assert ends == dict.fromkeys(orders, 1)
    assert not desk.router.open
    over: set[str] = set()
    for report in desk.events(*REPORTS):
        assert report.order_id not in over, f"{type(report).__name__} after the end of {report.order_id}"
        assert report.strategy == "s" and report.simulated
        if report.is_terminal:
            over.add(report.order_id)
    for name, order in orders.items():
        _check_fills(order, [each for each in desk.events(Fill) if each.order_id == name], desk.reports(name)[-1])


def _check_fills(order: OrderApproved, fills: list[Fill], end: str) -> None:
    intent = order.intent
    assert len({each.fill_id for each in fills}) == len(fills)
    assert all(each.qty > 0 and each.price > 0 and each.ts_ns > order.ts_ns for each in fills)
    if isinstance(intent, Swap):
        assert len(fills) == (len(intent.route) if end == "Landed" else 0)
        return
    filled = sum(each.qty for each in fills)
    assert (filled == intent.qty) == (end == "Filled")
    assert filled <= intent.qty
    if end == "Rejected" or intent.tif == "fok":
        assert filled in (0, intent.qty)
    for each in fills:
        assert (each.instrument, each.side) == (intent.instrument, intent.side)
        if intent.limit_price is not None:
            assert each.price <= intent.limit_price if intent.side == "buy" else each.price >= intent.limit_price


def test_the_law_is_tried_on_every_kind_of_end() -> None:
    """A fixed play in which each end occurs, so that the law above cannot pass on nothing."""
    seen: set[str] = set()
    plays = [
        ([(("order", place(tif="gtc", limit_price=Decimal(1990))), 0), (("quote", 2000.0, 5.0, SPOT), SECOND)], {}),
        ([(("order", place()), 0), (("quote", 2000.0, 5.0, SPOT), SECOND)], {}),
        ([(("order", place(qty="7")), 0), (("quote", 2000.0, 5.0, SPOT), SECOND)], {"unknown_pct": 100.0}),
        ([(("order", place()), 0)], {"reject_pct": 100.0}),
        ([(("order", _swap(10**6)), 0), (("order", _swap(10**6, amount_out_min=10**30)), 0)], {"swap_fail_pct": 0.0}),
        ([(("order", swap(10**6, ("one", False))), 0)], {"swap_fail_pct": 0.0}),
    ]
    for steps, paper in plays:
        seen |= {type(each).__name__ for each in _played(steps, paper).events(*REPORTS)}
    assert seen == {each.__name__ for each in REPORTS}
