"""What the gate reserves and counts: reservations, losses, breakers, settings, recovery."""

import time
from decimal import Decimal

import msgspec
import pytest

from bus.clock import NS_PER_DAY, NS_PER_S
from bus.events import (
    Cancelled,
    Fill,
    Filled,
    Landed,
    OrderApproved,
    OrderDenied,
    SettingsChanged,
    Unknown,
)
from bus.intents import Hedge, Hop
from kernel.errors import BadInput, ConfigError
from kernel.risk_limits import GlobalLimits, RiskLimits, checked_limits
from kernel.risk_reasons import REASONS
from tests.kernel.risk_moves import command, failures, kill, lose, sampled, world
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
    failures(w)
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
    failures(w)
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
