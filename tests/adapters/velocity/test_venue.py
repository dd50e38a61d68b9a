"""The venue's fold: rates once, payments once, positions with what they are owed."""

import json
from decimal import Decimal
from typing import Any

import pytest
from solders.instruction import Instruction

from adapters.anchor import BadIdl
from adapters.solana.tracked_pool import UnknownLayout
from adapters.velocity import VelocityVenue, velocity_from
from adapters.velocity.program import IDL_FILE
from bus.events import FundingPaid, FundingRate
from kernel.perp_venue import PerpVenue
from tests.adapters.drift.accounts import blank, event
from tests.adapters.velocity.world import LAYOUT, QUOTE, RULES, SOL, USER, WALLET, sol, user, venue

P = LAYOUT.program
HELD = {
    **LAYOUT.codec.decode_account("User", blank(LAYOUT, "User"))["perp_positions"][0],
    "base_asset_amount": -2_000_000_000, "last_cumulative_funding_rate": 0,
}  # fmt: skip


def payment(amount: int, ts: int = 1_764_003_600, start: int = 0) -> bytes:
    """A short of 2 receives: the short index grew by `amount` * 500000."""
    grown = start + amount * 500
    return event(
        LAYOUT, "FundingPaymentRecord", ts=ts, user_authority=str(WALLET), user=USER, market_index=0,
        funding_payment=amount, base_asset_amount=-2_000_000_000, user_last_cumulative_funding=start,
        amm_cumulative_funding_long=grown, amm_cumulative_funding_short=grown,
    )  # fmt: skip


def test_it_is_a_perp_venue() -> None:
    made: PerpVenue[Instruction] = venue()
    assert (made.venue, made.settle_asset) == ("velocity", "USDT")
    assert [each.instrument for each in made.terms()] == ["velocity:SOL-PERP"]
    assert made.funding("velocity:BTC-PERP") is None


def test_a_settlement_is_one_rate_as_paid_to_a_long() -> None:
    seen = venue()
    seen.drain()
    grown = {"cumulative_funding_rate_long": 15_000_000, "cumulative_funding_rate_short": 15_000_000}
    rates = {"last_funding_rate_long": 15_000_000, "last_funding_rate_short": 15_000_000}
    account = sol(last_funding_rate_ts=1_764_003_600, **grown, **rates)
    seen.on_account(SOL, P, account, 101, 2)
    seen.on_account(SOL, P, account, 102, 3)
    (rate,) = seen.drain()
    assert isinstance(rate, FundingRate)
    assert rate.rate_per_hour == pytest.approx(-0.0001)
    assert (rate.settle_ts_ns, rate.ts_ns) == (1_764_003_600 * 10**9, 2)


def test_a_payment_is_booked_once_and_strangers_payments_are_not() -> None:
    seen = venue()
    seen.drain()
    seen.on_event(payment(1_000), 101, 2)
    seen.on_event(payment(1_000), 101, 3)
    stranger = event(
        LAYOUT, "FundingPaymentRecord", ts=1, user_authority=str(WALLET), user=SOL, market_index=0, funding_payment=5,
        base_asset_amount=1, user_last_cumulative_funding=0, amm_cumulative_funding_long=0,
        amm_cumulative_funding_short=0,
    )  # fmt: skip
    seen.on_event(stranger, 101, 4)
    seen.on_event(b"another program's event", 101, 5)
    (paid,) = seen.drain()
    assert isinstance(paid, FundingPaid)
    assert (paid.amount_usd, paid.position_qty, paid.strategy) == ("0.001", "-2", "drift_funding_arb")


def test_a_payment_of_ours_that_disagrees_with_its_indices_is_refused_and_not_booked() -> None:
    seen = venue()
    seen.drain()
    data = bytearray(payment(1_000))
    data[8 + 8 + 64 + 2] ^= 1
    with pytest.raises(UnknownLayout, match="by its indices"):
        seen.on_event(bytes(data), 101, 2)
    assert seen.drain() == ()


def test_what_the_account_was_paid_and_no_event_told_of_is_shown() -> None:
    seen = venue()
    seen.on_event(payment(1_000), 101, 2)
    assert seen.payments.unexplained() == 0
    seen.on_account(USER, P, user(cumulative_perp_funding=1_000), 102, 3)
    assert seen.payments.unexplained() == 0
    seen.on_account(USER, P, user(cumulative_perp_funding=1_700), 103, 4)
    assert seen.payments.unexplained() == 700
    seen.on_event(payment(700, ts=1_764_007_200, start=500_000), 103, 5)
    assert seen.payments.unexplained() == 0


def test_positions_carry_what_the_indices_owe_them() -> None:
    seen = venue()
    seen.on_account(USER, P, user(perp_positions__0=HELD), 101, 2)
    seen.on_account(SOL, P, sol(cumulative_funding_rate_short=50_000_000), 101, 3)
    (held,) = seen.positions()
    assert (held.qty, held.unsettled_funding) == (Decimal(-2), Decimal("0.1"))


def test_an_account_of_another_wallet_at_our_address_takes_the_venue_down() -> None:
    seen = venue()
    seen.on_account(USER, P, user(authority=USER), 101, 2)
    assert seen.health().status == "down"


def test_two_markets_of_one_name_are_not_confused() -> None:
    seen = venue()
    third = str(seen.builder.addresses.perp_market(3))
    seen.on_account(USER, P, user(perp_positions__0={**HELD, "market_index": 3}), 101, 2)
    seen.on_account(third, P, sol(market_index=3), 101, 3)
    assert "velocity:SOL-PERP, which another market has" in seen.health().reason


def test_another_deployment_is_configuration() -> None:
    program = str(WALLET)
    layout = velocity_from(IDL_FILE.read_bytes(), program, "USDC")
    made = VelocityVenue(layout, RULES, WALLET, 0, "x")
    assert (made.settle_asset, str(made.builder.addresses.program)) == ("USDC", program)
    assert QUOTE not in made.addresses()
    assert made.health().status == "paused"


def _without(kind: str, name: str) -> bytes:
    raw: dict[str, Any] = json.loads(IDL_FILE.read_text())
    raw[kind] = [each for each in raw[kind] if each["name"] != name]
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("instructions", "place_perp_order"), ("instructions", "cancel_orders"), ("accounts", "SpotMarket"),
     ("accounts", "User"), ("types", "MarketStats")],
)  # fmt: skip
def test_an_interface_that_lacks_what_is_needed_is_refused_at_start(kind: str, name: str) -> None:
    with pytest.raises(BadIdl):
        velocity_from(_without(kind, name), P, "USDT")


def test_a_program_id_that_is_none_is_refused() -> None:
    with pytest.raises(BadIdl, match="program id in base58"):
        velocity_from(IDL_FILE.read_bytes(), "drift", "USDT")


def test_the_watch_list_holds_the_fixed_accounts_at_the_start() -> None:
    assert {SOL, QUOTE, USER} <= set(venue().addresses())
