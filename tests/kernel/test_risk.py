"""The gate, reason by reason, and what it reserves."""

import re
import time
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bus.clock import NS_PER_DAY, NS_PER_MS, NS_PER_S
from bus.events import (
    Cancelled,
    Fill,
    Filled,
    KillSwitchSet,
    Landed,
    OrderApproved,
    OrderDenied,
    SettingsChanged,
    StrategyCommand,
    StrategySampled,
    StrategyStateChanged,
    Unknown,
    VenueHealth,
)
from bus.intents import Hedge, Hop
from kernel.errors import BadInput, ConfigError
from kernel.risk_limits import GlobalLimits, RiskLimits, checked_limits
from kernel.risk_reasons import REASONS
from tests.kernel.risk_world import (
    PERP,
    POOL,
    POOL_30,
    PRICE,
    SPOT,
    START_NS,
    WIDE,
    RiskWorld,
    buy,
    close,
    sell,
    swap,
)
from tests.shared_data import PROJECT


def world(whole: dict[str, object] | None = None, **own: object) -> RiskWorld:
    """A world whose limits are wide except for the given ones."""
    return RiskWorld(
        {"s": RiskLimits(**{**WIDE, **own})},  # type: ignore[arg-type]
        GlobalLimits(**{**WIDE, **(whole or {})}),  # type: ignore[arg-type]
    )


def kill(w: RiskWorld, is_on: bool = True, strategy: str = "") -> None:
    w.feed(KillSwitchSet(ts_ns=w.now_ns, is_on=is_on, strategy=strategy, reason="test", by="me"))


def state(w: RiskWorld, name: str) -> None:
    w.feed(StrategyStateChanged(ts_ns=w.now_ns, strategy="s", state=name, reason=""))


def health(w: RiskWorld, status: str) -> None:
    w.feed(VenueHealth(ts_ns=w.now_ns, venue="binance", status=status, reason=""))


def command(w: RiskWorld, name: str = "reset_breakers", strategy: str = "s") -> None:
    w.feed(StrategyCommand(ts_ns=w.now_ns, strategy=strategy, command=name, by="me"))


def sampled(w: RiskWorld, pnl_usd: str, strategy: str = "s") -> None:
    zero = Decimal(0)
    w.feed(
        StrategySampled(
            ts_ns=w.now_ns,
            strategy=strategy,
            realised_usd=Decimal(pnl_usd),
            unrealised_usd=zero,
            fees_usd=zero,
            gas_usd=zero,
            funding_usd=zero,
            exposure_usd=zero,
            open_orders=0,
            seen=0,
            priced=0,
            approved=0,
            denied=0,
            fills=0,
            unpriced=0,
            simulated=True,
        )
    )


def lose(w: RiskWorld, usd: int = 50) -> None:
    """Buy half an ETH and sell it `usd` lower."""
    w.fill(w.approved(buy("0.5")))
    w.fill(w.approved(close("sell", "0.5")), price=PRICE - 2 * usd)


# every reason ---------------------------------------------------------------------------------------------------------

Setup = Callable[[RiskWorld], object]


def _pace(w: RiskWorld) -> object:
    for _ in range(2):
        w.reject(w.approved(buy()))
    return buy()


def _failures(w: RiskWorld) -> object:
    w.reject(w.approved(buy()))
    w.expire(w.approved(buy()))
    return buy()


def _working(w: RiskWorld) -> object:
    w.approved(buy("0.2"))
    return buy("0.2")


def _lost(w: RiskWorld) -> object:
    lose(w)
    return buy()


def _fee(w: RiskWorld) -> object:
    w.fill(w.approved(buy()), fee_usd="2")
    return buy()


def _twice(w: RiskWorld) -> object:
    w.approved(buy())
    w.cause_seq -= 1
    return buy()


def _no_gas(w: RiskWorld) -> object:
    w.market.gas.clear()
    return swap()


def _old_gas(w: RiskWorld) -> object:
    w.now_ns += 11 * NS_PER_S
    w.market.pools[POOL] = msgspec.structs.replace(w.market.pools[POOL], ts_ns=w.now_ns)
    return swap()


def _forget(w: RiskWorld) -> object:
    w.market.quotes.clear()
    return buy()


def _later(w: RiskWorld) -> object:
    w.now_ns += 1_000 * NS_PER_MS + 1
    return buy()


def _do(action: Callable[[RiskWorld], None], intent: object) -> Setup:
    def setup(w: RiskWorld) -> object:
        action(w)
        return intent

    return setup


CASES: list[tuple[str, dict[str, object], Setup]] = [
    ("bad_intent", {}, lambda w: buy("-1")),
    ("kill_switch", {}, _do(kill, buy())),
    ("strategy_disabled", {}, _do(lambda w: state(w, "paused"), buy())),
    ("duplicate_order", {}, _twice),
    ("unknown_instrument", {}, lambda w: buy(instrument="binance:NOPE")),
    ("blacklist_instrument", {"blacklist_instruments": (SPOT,)}, lambda w: buy()),
    ("blacklist_token", {"blacklist_tokens": ("eth",)}, lambda w: buy()),
    ("venue_health", {}, _do(lambda w: health(w, "stale"), buy())),
    ("reduce_only_exceeds_position", {}, lambda w: close("sell", "0.1")),
    ("not_on_lattice", {}, lambda w: buy("0.00001")),
    ("no_price", {}, _forget),
    ("stale_price", {"max_price_age_ms": 1_000}, _later),
    ("no_gas_price", {}, _no_gas),
    ("stale_gas_price", {"max_chain_age_ms": 10_000}, _old_gas),
    ("price_collar", {"max_price_deviation_bps": 100.0}, lambda w: buy(limit_price=Decimal("2020.01"))),
    ("max_fee", {"max_fee_bps": 99.0}, _fee),
    ("max_gas_usd", {"max_gas_usd": 0.005}, lambda w: swap()),
    ("max_gas_price_gwei", {"max_gas_price_gwei": 59.0}, lambda w: swap()),
    ("max_tip_usd", {"max_tip_usd": 1.0}, lambda w: swap(tip_usd=Decimal("1.01"))),
    ("min_expected_net", {"min_expected_net_usd": 1.01}, lambda w: buy()),
    ("notional_per_order", {"max_notional_usd": 199.0}, lambda w: buy()),
    ("position", {"max_position_usd": 799.0}, _working),
    ("gross_exposure", {"max_gross_exposure_usd": 799.0}, _working),
    ("budget", {"budget_usd": 799.0}, _working),
    ("open_orders", {"max_open_orders": 1}, _working),
    ("orders_per_minute", {"max_orders_per_minute": 2}, _pace),
    ("daily_loss", {"max_daily_loss_usd": 50.0, "cooldown_after_loss_s": 0}, _lost),
    ("drawdown", {"max_drawdown_pct": 5.0, "budget_usd": 1_000.0, "cooldown_after_loss_s": 0}, _lost),
    ("failed_tx_cost", {"max_failed_tx_cost_usd_per_day": 0.005}, lambda w: swap()),
    ("consecutive_failures", {"max_consecutive_failures": 2}, _failures),
    ("cooldown_after_loss", {"cooldown_after_loss_s": 60}, _lost),
    ("balance_unknown", {}, _do(lambda w: w.ledger.balances.clear(), buy())),
    ("balance", {}, _do(lambda w: w.balance("binance", "USDT", "200"), buy())),
]


@pytest.mark.parametrize(("reason", "own", "setup"), CASES, ids=[case[0] for case in CASES])
def test_each_limit_denies_with_its_own_reason(reason: str, own: dict[str, object], setup: Setup) -> None:
    w = world(**own)
    intent = setup(w)
    before = w.gate.state()
    verdict = w.gate.check("s", w.cause_seq + 1, 0, intent, w.now_ns)  # type: ignore[arg-type]
    assert isinstance(verdict, OrderDenied)
    assert verdict.reason == reason
    assert w.gate.state() == before, "a denial changed the state"
    assert w.gate.check("s", w.cause_seq + 1, 0, intent, w.now_ns) == verdict  # type: ignore[arg-type]


SETTING_CASES = [case for case in CASES if case[1]]


@pytest.mark.parametrize(("reason", "own", "setup"), SETTING_CASES, ids=[case[0] for case in SETTING_CASES])
def test_without_the_limit_the_same_setup_passes(reason: str, own: dict[str, object], setup: Setup) -> None:
    w = world(cooldown_after_loss_s=0)
    assert w.reason(setup(w)) == ""


@pytest.mark.parametrize(("reason", "own", "setup"), SETTING_CASES, ids=[case[0] for case in SETTING_CASES])
def test_each_limit_exists_over_all_strategies_too(reason: str, own: dict[str, object], setup: Setup) -> None:
    w = world(whole=own, cooldown_after_loss_s=0)
    verdict = w.ask(setup(w))
    assert isinstance(verdict, OrderDenied)
    assert (verdict.reason, verdict.scope) == (reason, "global")


def test_the_cases_cover_every_reason() -> None:
    assert sorted(case[0] for case in CASES) == sorted(REASONS)


def _rows(heading: str) -> list[tuple[str, str, str, str]]:
    page = (PROJECT / "docs" / "risk-gate.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", section, re.MULTILINE)
    return [(name, one.strip(), two.strip(), three.strip()) for name, one, two, three in found]


def test_the_page_and_the_code_agree_on_the_reasons() -> None:
    rows = _rows("Reasons")
    assert [(code, unit) for code, _, unit, _ in rows] == list(REASONS.items())
    assert all(scopes and advice.endswith(".") for _, scopes, _, advice in rows)


def test_the_page_names_every_setting_with_its_defaults() -> None:
    own, whole = RiskLimits(), GlobalLimits()
    names = GlobalLimits.__struct_fields__
    expected = [(name, _text(getattr(own, name, None)), _text(getattr(whole, name))) for name in names]
    assert sorted((name, one, all_) for name, _, one, all_ in _rows("Limits")) == sorted(expected)


def _text(value: object) -> str:
    if value is None:
        return ""
    return "none" if value == () else f"{value:g}"


def test_every_setting_says_what_it_is() -> None:
    for kind in (RiskLimits, GlobalLimits):
        for field in msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"].values():
            assert field["title"] and field["description"].endswith("."), field


# verdicts -------------------------------------------------------------------------------------------------------------


def test_an_approval_names_its_cause_and_keeps_the_intent() -> None:
    w = world()
    intent = buy()
    (verdict,) = w.ask(intent)  # type: ignore[misc]
    assert verdict == OrderApproved(ts_ns=START_NS, strategy="s", order_id="r-s-1-0", cause_seq=1, intent=intent)


def test_a_hedge_is_approved_with_all_legs_in_one_group() -> None:
    w = world()
    legs = (buy(), sell(instrument=PERP))
    verdict = w.ask(Hedge(legs=legs, deadline_ms=500, expected_net_usd=Decimal(1)))
    assert isinstance(verdict, tuple)
    assert [each.order_id for each in verdict] == ["r-s-1-0.0", "r-s-1-0.1"]
    assert {(each.group, each.deadline_ns, each.on_partial) for each in verdict} == {
        ("r-s-1-0", START_NS + 500 * NS_PER_MS, "unwind")
    }


def test_a_hedge_whose_second_leg_is_denied_reserves_nothing() -> None:
    w = world(max_notional_usd=300.0)
    before = w.gate.state()
    verdict = w.ask(
        Hedge(legs=(buy("0.1"), sell("0.2", instrument=PERP)), deadline_ms=500, expected_net_usd=Decimal(1))
    )
    assert isinstance(verdict, OrderDenied) and verdict.reason == "notional_per_order"
    assert w.gate.state() == before


def test_the_legs_of_a_hedge_count_against_each_other() -> None:
    legs = (buy("0.1"), buy("0.1"))
    for own in (
        {"max_open_orders": 1},
        {"max_orders_per_minute": 1},
        {"max_position_usd": 399.0},
        {"budget_usd": 399.0},
    ):
        assert world(**own).reason(Hedge(legs=legs, deadline_ms=1, expected_net_usd=Decimal(1))) != ""


def test_a_hedge_states_its_net_as_a_whole() -> None:
    w = world()
    legs = (buy(expected_net_usd=None), sell(instrument=PERP, expected_net_usd=None))
    assert w.reason(Hedge(legs=legs, deadline_ms=1, expected_net_usd=Decimal(1))) == ""
    assert w.reason(Hedge(legs=legs, deadline_ms=1)) == "min_expected_net"


@pytest.mark.parametrize(
    "intent",
    [
        buy(qty=Decimal("NaN")),
        buy(qty=Decimal("sNaN")),
        buy(qty=Decimal("Infinity")),
        buy(qty=1),
        buy("0"),
        buy(qty=Decimal("1e24")),
        buy(qty=Decimal("1e-25")),
        buy(qty=Decimal("1E+999999")),
        buy(limit_price=Decimal(0)),
        buy(limit_price=Decimal("NaN")),
        buy(limit_price=2000.0),
        buy(tif="post_only"),
        buy(tif="day"),
        buy(side="hold"),
        buy(instrument=None),
        buy(notional_usd=Decimal(0)),
        buy(notional_usd=Decimal("NaN")),
        buy(expected_net_usd=Decimal("NaN")),
        buy(expected_net_usd=1.0),
        buy(is_reduce_only=1),
        buy(opportunity=7),
        buy(instrument=POOL),
        swap(route=()),
        swap(route=[Hop(pool=POOL, is_zero_for_one=True)]),
        swap(route=(Hop(pool=POOL, is_zero_for_one=True), Hop(pool=POOL, is_zero_for_one=False))),
        swap(route=(Hop(pool=POOL, is_zero_for_one=True), Hop(pool=POOL_30, is_zero_for_one=True))),
        swap(route=(Hop(pool=SPOT, is_zero_for_one=True),)),
        swap(base_side="sell"),
        swap(amount_in=0),
        swap(amount_in=True),
        swap(amount_in=1 << 256),
        swap(amount_out_min=0),
        swap(gas_limit=0),
        swap(gas_price_wei_max=0),
        swap(gas_usd_max=Decimal("NaN")),
        swap(tip_usd=Decimal(-1)),
        swap(is_flash_loan=True),
        Hedge(legs=(), deadline_ms=1),
        Hedge(legs=(buy(),), deadline_ms=1),
        Hedge(legs=(buy(), buy("-1")), deadline_ms=1),
        Hedge(legs=(buy(), Hedge(legs=(), deadline_ms=1)), deadline_ms=1),  # type: ignore[arg-type]
        Hedge(legs=(buy(), buy()), deadline_ms=0),
        Hedge(legs=(buy(), buy()), deadline_ms=1, on_partial="pray"),  # type: ignore[arg-type]
        "an order",
        None,
    ],
    ids=lambda intent: repr(intent)[:60],
)
def test_what_cannot_be_judged_is_denied_and_recordable(intent: object) -> None:
    w = world()
    verdict = w.ask(intent)
    assert isinstance(verdict, OrderDenied)
    assert verdict.reason == "bad_intent" and verdict.asked
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=OrderDenied) == verdict


def test_a_256_bit_amount_is_judged_not_crashed_on() -> None:
    assert world().reason(swap(amount_in=(1 << 256) - 1)) == "price_collar"
    assert world().reason(swap("sell", amount_in=(1 << 256) - 1, amount_out_min=(1 << 256) - 1)) == "price_collar"


def test_the_larger_of_stated_and_computed_value_counts() -> None:
    assert world(max_notional_usd=150.0).reason(buy("0.1", notional_usd=Decimal(1))) == "notional_per_order"
    assert world(max_notional_usd=250.0).reason(buy("0.1", notional_usd=Decimal(300))) == "notional_per_order"


# exits ----------------------------------------------------------------------------------------------------------------


def held(qty: str = "0.1", **own: object) -> RiskWorld:
    w = world(**own)
    w.fill(w.approved(buy(qty)))
    return w


def test_a_close_passes_what_stops_new_risk() -> None:
    w = held(max_orders_per_minute=1)
    w.ledger.balances.clear()
    health(w, "down")
    state(w, "disabled")
    w.now_ns += 10 * NS_PER_S
    limits = RiskLimits(
        budget_usd=0.0,
        max_notional_usd=0.0,
        max_position_usd=0.0,
        max_gross_exposure_usd=0.0,
        max_open_orders=0,
        max_daily_loss_usd=0.0,
        blacklist_tokens=("ETH",),
        min_expected_net_usd=5.0,
    )
    w.set_limits("risk.s", limits)
    assert w.reason(buy()) != ""
    assert w.reason(close("sell", "0.1")) == ""


def test_a_close_is_never_larger_than_what_is_left_to_close() -> None:
    w = held("0.1")
    assert w.reason(close("sell", "0.1001")) == "reduce_only_exceeds_position"
    first = w.approved(close("sell", "0.06"))
    assert w.reason(close("sell", "0.05")) == "reduce_only_exceeds_position"
    assert w.reason(close("buy", "0.01")) == "reduce_only_exceeds_position"
    w.reject(first)
    assert w.reason(close("sell", "0.1")) == ""


def test_another_strategys_position_covers_nothing() -> None:
    assert held("0.1").reason(close("sell", "0.1"), strategy="t") == "reduce_only_exceeds_position"


def test_the_kill_switch_stops_closes_of_the_strategy_but_not_of_the_kernel() -> None:
    w = held("0.1")
    kill(w)
    assert w.reason(close("sell", "0.1")) == "kill_switch"
    assert w.reason(close("sell", "0.1"), is_unwind=True) == ""


def test_a_faulted_strategy_closes_nothing_itself() -> None:
    w = held("0.1")
    state(w, "faulted")
    assert w.reason(close("sell", "0.1")) == "strategy_disabled"
    assert w.reason(close("sell", "0.1"), is_unwind=True) == ""


def test_an_unwind_must_shrink_something() -> None:
    w = held("0.1")
    assert w.reason(buy(), is_unwind=True) == "reduce_only_exceeds_position"
    assert w.reason(sell("0.2", instrument=PERP), is_unwind=True) == "reduce_only_exceeds_position"


def test_a_missing_leg_may_be_completed_elsewhere_up_to_what_stands_alone() -> None:
    w = held("0.1")
    kill(w)
    mend = sell("0.1", instrument=PERP, expected_net_usd=None)
    order = w.approved(mend, is_unwind=True)
    assert w.reason(mend, is_unwind=True) == "reduce_only_exceeds_position", "it is on its way already"
    w.fill(order)
    assert w.reason(mend, is_unwind=True) == "reduce_only_exceeds_position", "nothing stands alone any more"


def test_exits_have_a_pace_of_their_own() -> None:
    w = held("0.1", max_orders_per_minute=2)
    w.reject(w.approved(buy()))
    assert w.reason(buy()) == "orders_per_minute"
    for _ in range(2):
        w.reject(w.approved(close("sell", "0.1")))
    assert w.reason(close("sell", "0.1")) == "orders_per_minute"
    assert w.reason(close("sell", "0.1"), is_unwind=True) == ""


def test_a_close_keeps_the_collar_on_its_bad_side_while_prices_are_fresh() -> None:
    w = held("0.1")
    assert w.reason(close("sell", "0.1", limit_price=Decimal("1959.99"))) == "price_collar"
    order = w.approved(close("sell", "0.1", limit_price=Decimal("3000.00")))
    w.reject(order)
    w.now_ns += 10 * NS_PER_S
    assert w.reason(close("sell", "0.1", limit_price=Decimal("100.00"))) == ""


def test_a_swap_closes_a_pool_position() -> None:
    w = world()
    w.land(w.approved(swap("buy", "0.1")), "0.1")
    assert w.reason(swap("sell", "0.11", is_reduce_only=True, expected_net_usd=None)) == "reduce_only_exceeds_position"
    order = w.approved(swap("sell", "0.1", is_reduce_only=True, expected_net_usd=None))
    assert w.gate.reserved_usd() == 0
    w.land(order, "0.1")
    assert w.gate.open_orders() == 0


def test_a_swap_that_covers_a_short_is_measured_by_its_least_amount() -> None:
    w = world()
    w.land(w.approved(swap("sell", "0.1")), "0.1")
    base = 10**17
    cover = swap("buy", "0.1", amount_out_min=base, amount_in=201 * 10**6, is_reduce_only=True, expected_net_usd=None)
    assert w.reason(msgspec.structs.replace(cover, amount_out_min=base + 1)) == "reduce_only_exceeds_position"
    assert w.reason(cover) == ""


def test_positions_of_all_strategies_in_an_instrument_add_up() -> None:
    w = world(whole={"max_position_usd": 500.0})
    w.set_limits("risk.t", RiskLimits(**WIDE))  # type: ignore[arg-type]
    w.fill(w.approved(buy("0.2"), "s"))
    verdict = w.ask(buy("0.1"), "t")
    assert isinstance(verdict, OrderDenied)
    assert (verdict.reason, verdict.scope, verdict.asked) == ("position", "global", "600")


def test_an_unmarked_order_that_shrinks_a_full_position_passes() -> None:
    w = held("0.2", max_position_usd=400.0, max_gross_exposure_usd=400.0, budget_usd=400.0)
    assert w.reason(buy("0.01")) == "position"
    assert w.reason(sell("0.2")) == ""
    assert w.reason(sell("0.2")) in ("gross_exposure", "budget"), "the first one may have flattened it already"


# reservations ---------------------------------------------------------------------------------------------------------


def test_two_strategies_cannot_spend_the_same_dollar() -> None:
    w = world()
    w.balance("binance", "USDT", "300")
    w.approved(buy("0.1", limit_price=Decimal("2000.00")), "s")
    w.set_limits("risk.t", RiskLimits(**WIDE))  # type: ignore[arg-type]
    assert w.reason(buy("0.1", limit_price=Decimal("2000.00")), "t") == "balance"
    assert w.gate.available("binance", "USDT") == Decimal("300") - Decimal("202")


def test_a_fill_moves_exposure_from_reservation_to_position_once() -> None:
    w = world()
    order = w.approved(buy("0.2"))
    assert w.gate.reserved_usd("s") == 400
    w.fill(order, "0.05", is_last=False)
    assert w.gate.reserved_usd("s") == 300
    assert w.ledger.books("s").exposure_usd == 100
    w.fill(order, "0.15")
    assert (w.gate.reserved_usd("s"), w.gate.open_orders("s")) == (0, 0)
    assert w.ledger.books("s").exposure_usd == 400


def test_a_fill_frees_its_part_of_the_balance() -> None:
    w = world()
    w.balance("binance", "USDT", "1000")
    order = w.approved(buy("0.2", limit_price=Decimal("2000.00")))
    assert w.gate.available("binance", "USDT") == 1_000 - 404
    w.fill(order, "0.05", is_last=False)
    assert w.gate.available("binance", "USDT") == 1_000 - 100 - 303


def test_a_fill_larger_than_the_order_frees_no_more_than_all() -> None:
    w = world()
    w.fill(w.approved(buy("0.1")), "0.3", is_last=False)
    assert w.gate.reserved_usd() == 0
    assert w.ledger.books("s").exposure_usd == 600


def test_a_repeated_fill_frees_nothing_twice() -> None:
    w = world()
    order = w.approved(buy("0.2"))
    fill = w.fill(order, "0.05", fill_id="a", is_last=False)
    before = w.gate.state()
    w.feed(fill)
    assert w.gate.state() == before


def test_a_repeated_terminal_report_counts_once() -> None:
    w = world(max_consecutive_failures=2)
    order = w.approved(buy())
    for _ in range(5):
        w.reject(order)
    assert w.reason(buy()) == ""


def test_a_repeated_approval_reserves_nothing_twice() -> None:
    w = world()
    order = w.approved(buy())
    before = w.gate.state()
    w.feed(order)
    assert w.gate.state() == before
    w.reject(order)
    w.feed(order)
    assert w.gate.open_orders() == 0


def test_unknown_keeps_the_reservation() -> None:
    w = world()
    order = w.approved(buy())
    before = w.gate.state()
    w.feed(Unknown(ts_ns=w.now_ns, strategy="s", order_id=order.order_id, simulated=True, reason="timeout"))
    assert w.gate.state() == before


def test_perpetual_positions_keep_their_margin() -> None:
    w = world()
    w.balance("binance_usdm", "USDT", "500")
    w.fill(w.approved(sell("0.2", instrument=PERP)))
    assert w.gate.available("binance_usdm", "USDT") == 100
    assert w.reason(sell("0.1", instrument=PERP)) == "balance"
    w.fill(w.approved(close("buy", "0.2", instrument=PERP)))
    assert w.gate.available("binance_usdm", "USDT") == 500


def test_a_flash_loan_needs_no_balance_but_must_come_back() -> None:
    w = world()
    w.balance("uniswap_v3.polygon", "USDC", "0")
    route = (Hop(pool=POOL, is_zero_for_one=True), Hop(pool=POOL_30, is_zero_for_one=False))
    loan = swap(route=route, amount_in=200 * 10**6, amount_out_min=201 * 10**6)
    assert w.reason(loan) == "balance"
    order = w.approved(msgspec.structs.replace(loan, is_flash_loan=True))
    head = {"ts_ns": w.now_ns, "strategy": "s", "order_id": order.order_id, "simulated": True}
    for number, (pool, side) in enumerate(((POOL, "buy"), (POOL_30, "sell"))):
        w.feed(Fill(**head, instrument=pool, side=side, qty=Decimal("0.1"), price=Decimal(2000), fill_id=str(number)))
    w.feed(Landed(**head, tx="t", block=1))
    assert w.gate.reserved_usd() == 0 and w.gate.open_orders() == 0


def test_everything_is_free_again_when_all_orders_are_over() -> None:
    w = world()
    before = w.gate.state()["reservations"]
    orders = [w.approved(buy("0.1234")), w.approved(sell("0.3", instrument=PERP)), w.approved(swap())]
    w.fill(orders[0], "0.0001", is_last=False)
    for order in orders:
        w.reject(order)
    assert w.gate.state()["reservations"] == before


# losses and breakers --------------------------------------------------------------------------------------------------


def test_the_daily_loss_ends_with_the_utc_day() -> None:
    w = world(max_daily_loss_usd=50.0, cooldown_after_loss_s=0)
    lose(w)
    assert w.reason(buy()) == "daily_loss"
    w.now_ns += NS_PER_DAY
    w.price(PRICE)
    assert w.reason(buy()) == ""


def test_the_day_starts_from_the_last_sample_before_it() -> None:
    w = world(max_daily_loss_usd=50.0)
    w.fill(w.approved(buy("0.5")))
    w.now_ns += NS_PER_DAY
    w.price(PRICE - 60)
    sampled(w, "-30")
    assert w.reason(buy()) == ""
    w.price(PRICE - 160)
    assert w.reason(buy()) == "daily_loss"


def test_a_loss_after_a_gain_of_the_day_before_is_a_loss() -> None:
    w = world(max_daily_loss_usd=50.0, max_drawdown_pct=50.0)
    w.fill(w.approved(buy("0.5")))
    w.price(PRICE + 200)
    sampled(w, "100")
    w.now_ns += NS_PER_DAY
    w.price(PRICE + 90)
    assert w.reason(buy()) == "daily_loss"
    w.price(PRICE + 140)
    sampled(w, "70")
    assert w.reason(buy()) == ""
    w.price(PRICE + 90)
    assert w.reason(buy()) == "daily_loss"


def test_an_unrealised_loss_counts() -> None:
    w = world(max_daily_loss_usd=50.0)
    w.fill(w.approved(buy("0.5")))
    w.price(PRICE - 100)
    assert w.reason(buy()) == "daily_loss"


def test_a_drawdown_is_measured_from_the_best_sample_and_reset_by_hand() -> None:
    w = world(max_drawdown_pct=10.0, budget_usd=1_000.0, max_daily_loss_usd=1e6)
    sampled(w, "1000")
    assert w.reason(buy()) == "drawdown"
    assert w.gate.utilisation("s")[5].used == 50
    command(w)
    assert w.reason(buy()) == ""


def test_one_losing_leg_of_a_winning_hedge_is_no_loss() -> None:
    w = world(max_orders_per_minute=100)
    both = w.ask(Hedge(legs=(buy(), sell(instrument=PERP)), deadline_ms=1, expected_net_usd=Decimal(1)))
    assert isinstance(both, tuple)
    for order in both:
        w.fill(order)
    both = w.ask(Hedge(legs=(close("sell", "0.1"), close("buy", "0.1", instrument=PERP)), deadline_ms=1))
    assert isinstance(both, tuple)
    w.fill(both[0], price=PRICE - 100)
    w.fill(both[1], price=PRICE - 150)
    assert w.reason(buy()) == ""


def test_the_pause_after_a_loss_passes() -> None:
    w = world(cooldown_after_loss_s=60)
    lose(w)
    verdict = w.ask(buy())
    assert isinstance(verdict, OrderDenied) and (verdict.limit, verdict.asked) == ("60", "60")
    w.now_ns += 60 * NS_PER_S
    w.price(PRICE)
    assert w.reason(buy()) == ""


def test_the_breaker_reopens_on_the_next_failure_and_closes_on_success() -> None:
    w = world(max_consecutive_failures=2, failure_cooldown_s=10)
    _failures(w)
    assert w.reason(buy()) == "consecutive_failures"
    w.now_ns += 10 * NS_PER_S
    w.price(PRICE)
    w.reject(w.approved(buy()))
    assert w.reason(buy()) == "consecutive_failures"
    w.now_ns += 10 * NS_PER_S
    w.price(PRICE)
    w.fill(w.approved(buy()))
    w.reject(w.approved(buy()))
    assert w.reason(buy()) == ""


def test_a_breaker_without_a_cooldown_waits_for_a_hand() -> None:
    w = world(max_consecutive_failures=2, failure_cooldown_s=0)
    _failures(w)
    w.now_ns += 300 * NS_PER_DAY
    w.price(PRICE)
    assert w.reason(buy()) == "consecutive_failures"
    command(w, "pause")
    assert w.reason(buy()) == "consecutive_failures"
    command(w)
    assert w.reason(buy()) == ""


def test_an_order_that_expires_in_part_ends_the_row_of_failures() -> None:
    w = world(max_consecutive_failures=2)
    w.reject(w.approved(buy()))
    order = w.approved(buy())
    w.fill(order, "0.05", is_last=False)
    w.expire(order)
    w.reject(w.approved(buy()))
    assert w.reason(buy()) == ""


def test_a_cancel_is_no_failure() -> None:
    w = world(max_consecutive_failures=1)
    order = w.approved(buy())
    w.feed(Cancelled(ts_ns=w.now_ns, strategy="s", order_id=order.order_id, simulated=True))
    assert w.reason(buy()) == ""


def test_gas_of_failed_transactions_includes_those_in_flight() -> None:
    w = world(max_failed_tx_cost_usd_per_day=1.0)
    w.revert(w.approved(swap()), "0.985")
    order = w.approved(swap())
    assert w.reason(swap()) == "failed_tx_cost"
    w.land(order, "0.1")
    assert w.reason(swap()) == ""


def test_a_swaps_gas_is_computed_when_it_understates_it() -> None:
    intent = swap(gas_usd_max=Decimal("0.0001"))
    verdict = world(max_gas_usd=0.0059).ask(intent)
    assert isinstance(verdict, OrderDenied) and (verdict.reason, verdict.asked) == ("max_gas_usd", "0.006")


def test_the_kill_switch_of_one_strategy_leaves_the_others() -> None:
    w = world()
    kill(w, strategy="s")
    assert w.reason(buy()) == "kill_switch"
    assert w.reason(buy(), "t") == ""
    kill(w, is_on=False, strategy="s")
    assert w.reason(buy()) == ""


# settings -------------------------------------------------------------------------------------------------------------


def test_defaults_apply_to_a_strategy_without_limits() -> None:
    assert world().reason(buy("0.26"), "t") == "notional_per_order"


def test_bad_settings_leave_the_old_ones_and_say_why() -> None:
    w = world(max_open_orders=7)
    for text in ('{"max_open_orders": -1}', '{"max_opn_orders": 1}', "[", '{"budget_usd": 1e999}'):
        w.feed(SettingsChanged(ts_ns=w.now_ns, strategy="risk.s", settings_json=text, version=1))
        assert w.gate.refused_settings["risk.s"], text
    assert w.gate.limits_for("s").max_open_orders == 7
    w.set_limits("risk.s", RiskLimits(max_open_orders=3))
    assert not w.gate.refused_settings
    assert w.gate.limits_for("s").max_open_orders == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [("budget_usd", 1_001.0), ("min_expected_net_usd", -0.5), ("failure_cooldown_s", 299), ("blacklist_tokens", ())],
)
def test_settings_laxer_than_the_ceiling_are_refused_by_name(field: str, value: object) -> None:
    ceilings = GlobalLimits(budget_usd=1_000.0, blacklist_tokens=("SCAM",))
    fine = RiskLimits(blacklist_tokens=("SCAM", "OTHER"), failure_cooldown_s=0)
    assert checked_limits(fine, ceilings) == fine
    with pytest.raises(ConfigError, match=field):
        checked_limits(msgspec.structs.replace(fine, **{field: value}), ceilings)


def test_limits_that_are_no_numbers_are_refused_at_the_start() -> None:
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ConfigError, match="budget_usd"):
            world(budget_usd=value)


def test_a_budget_smaller_than_the_position_is_denied_and_visible() -> None:
    w = RiskWorld({"s": RiskLimits(max_position_usd=2_000.0, max_notional_usd=2_000.0)})
    verdict = w.ask(buy("1"))
    assert isinstance(verdict, OrderDenied)
    assert (verdict.reason, verdict.limit, verdict.asked) == ("budget", "1000", "2000")


# recovery and cost ----------------------------------------------------------------------------------------------------


def test_folding_the_record_gives_the_lived_state() -> None:
    w = world(max_consecutive_failures=1, failure_cooldown_s=1)
    lose(w)
    order = w.approved(swap("buy", "0.1"), "t")
    both = w.ask(Hedge(legs=(buy(), sell(instrument=PERP)), deadline_ms=1, expected_net_usd=Decimal(1)), "t")
    assert isinstance(both, tuple)
    w.fill(both[0], "0.03", is_last=False)
    w.revert(order)
    w.now_ns += NS_PER_DAY
    w.price(2_100.0)
    sampled(w, "-50")
    kill(w, strategy="t")
    w.set_limits("risk.s", RiskLimits(budget_usd=5.0))
    assert w.rebuilt().gate.state() == w.gate.state()


def test_an_order_that_no_gate_would_approve_is_refused_by_the_fold() -> None:
    w = world()
    order = OrderApproved(ts_ns=w.now_ns, strategy="s", order_id="x", cause_seq=1, intent=buy("-1"))
    with pytest.raises(BadInput, match="qty"):
        w.feed(order)


def test_utilisation_shows_what_is_used() -> None:
    w = world(budget_usd=1_000.0)
    w.approved(buy("0.1"))
    use = {each.name: each for each in w.gate.utilisation("s")}
    assert (use["budget"].used, use["budget"].limit, use["budget"].unit, use["budget"].scope) == (
        200,
        1_000,
        "USD",
        "strategy",
    )
    assert use["open_orders"].used == 1 and use["orders_per_minute"].used == 1
    assert {each.scope for each in w.gate.utilisation()} == {"global"}
    assert set(use) <= set(REASONS)


@pytest.mark.slow
def test_an_order_costs_the_same_after_many() -> None:
    w = world()
    w.set_limits("risk.s", RiskLimits(**WIDE, max_orders_per_minute=6_000))  # type: ignore[arg-type]
    w.set_limits("risk", GlobalLimits(**WIDE, max_orders_per_minute=6_000))  # type: ignore[arg-type]
    seq = 0

    def cycle(count: int) -> float:
        nonlocal seq
        best = float("inf")
        for _ in range(count // 200):
            started = time.process_time()
            for _ in range(200):
                seq += 1
                now_ns = START_NS + seq * 10_000
                orders = w.gate.check("s", seq, 0, buy() if seq % 2 else sell(), now_ns)
                assert isinstance(orders, tuple)
                order = orders[0]
                head = {"ts_ns": now_ns, "strategy": "s", "order_id": order.order_id, "simulated": True}
                fill = Fill(
                    **head,
                    instrument=SPOT,
                    side=order.intent.side,  # type: ignore[union-attr]
                    qty=Decimal("0.1"),
                    price=Decimal(2000),
                    fill_id=str(seq),
                )
                w.bus.feed((order, fill, Filled(**head)))
            best = min(best, time.process_time() - started)
            seq += 200_000  # two seconds of event time: 200 orders each keep the minute window at its limit
        return best

    w.market.quotes[SPOT] = msgspec.structs.replace(w.market.quotes[SPOT], ts_ns=START_NS + 10**18)
    early = cycle(1_000)
    cycle(18_000)
    late = cycle(1_000)
    assert late <= 1.5 * early, (early, late)
