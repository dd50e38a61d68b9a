"""The gate, reason by reason, and its verdicts."""

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bus.clock import NS_PER_MS, NS_PER_S
from bus.events import (
    OrderApproved,
    OrderDenied,
)
from bus.intents import Hedge, Hop
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.risk_reasons import REASONS
from tests.kernel.risk_moves import failures, health, held, kill, lose, state, world
from tests.kernel.risk_world import (
    PERP,
    POOL,
    POOL_30,
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

# every reason ---------------------------------------------------------------------------------------------------------

Setup = Callable[[RiskWorld], object]


def _pace(w: RiskWorld) -> object:
    for _ in range(2):
        w.reject(w.approved(buy()))
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
    ("consecutive_failures", {"max_consecutive_failures": 2}, failures),
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


def test_a_tip_in_lamports_counts_though_its_worth_is_not_stated() -> None:
    """The coin of the chain is worth 0.5 USD here."""
    w = world(max_tip_usd=1.0)
    assert w.reason(swap(tip_lamports=2_000_000_000)) == ""
    assert w.reason(swap(tip_lamports=2_000_000_001)) == "max_tip_usd"


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
        swap(tip_lamports=-1),
        swap(priority_fee_lamports_max=200_001),  # above the gas limit that holds it
        swap(min_slot=True),
        swap(is_bundle=1),
        swap(route=(Hop(pool=POOL, is_zero_for_one=True, amount_in=-1),)),
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
