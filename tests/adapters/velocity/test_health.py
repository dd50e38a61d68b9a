"""Whatever speaks against the venue is said, and stops new risk; nothing known is not healthy."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from adapters.velocity import HealthFacts, HealthRules, check_health
from adapters.velocity.program_data import LOADER
from bus.events import VenueHealth
from tests.adapters.velocity.world import (
    ADMINS,
    INSURANCE,
    LAYOUT,
    PROGRAM_DATA,
    QUOTE,
    RULES,
    SOL,
    STATE,
    TOKEN_PROGRAM,
    USER,
    accounts,
    program_data,
    quote,
    sol,
    state,
    user,
    vault,
    venue,
)  # fmt: skip

OTHER = str(Pubkey.from_bytes(bytes([99]) * 32))
P = LAYOUT.program


def test_a_healthy_venue_has_no_reason_and_says_ok_once() -> None:
    seen = venue()
    assert seen.reasons() == []
    states = [each.status for each in seen.drain() if isinstance(each, VenueHealth)]
    assert states[-1] == "ok" and set(states[:-1]) == {"paused"}
    seen.on_account(STATE, P, state(), 101, 2)
    assert seen.drain() == ()


def test_knowing_nothing_is_a_reason_for_each_thing_not_known() -> None:
    reasons = check_health(HealthFacts(), RULES)
    assert len(reasons) == 4 and all("not seen yet" in each for each in reasons)


CHANGES = [
    (STATE, P, state(exchange_status=0b1010), "paused", "the exchange paused withdrawals, fills"),
    (STATE, P, state(exchange_status=0xFF), "paused", "immediate amm fills"),
    (STATE, P, state(solvency_status=1), "paused", "repair of bankruptcies"),
    (STATE, P, state(cold_admin=OTHER), "paused", f"the cold administrator changed: {ADMINS[0]} was accepted"),
    (STATE, P, state(warm_admin=OTHER), "paused", "the warm administrator changed"),
    (STATE, P, state(pause_admin=OTHER), "paused", "the pause administrator changed"),
    (STATE, P, state()[:-8], "down", "the program was upgraded"),
    (STATE, TOKEN_PROGRAM, state(), "down", "expected the owner vELoC1"),
    (SOL, P, sol(status="ReduceOnly"), "paused", "velocity:SOL-PERP is ReduceOnly, not Active"),
    (SOL, P, sol(paused_operations=0b101), "paused", "velocity:SOL-PERP paused funding, fills"),
    (SOL, P, sol() + bytes(88), "down", "expected 1304 bytes, found 1392"),
    (SOL, P, sol(market_index=1), "down", "expected perp market 0, found 1"),
    (QUOTE, P, quote(mint=OTHER), "paused", "the settlement asset is another"),
    (QUOTE, P, quote(status="Delisted"), "paused", "market is Delisted"),
    (QUOTE, P, quote(paused_operations=0b1000), "paused", "withdrawals of the settlement asset are paused"),
    (QUOTE, P, quote(deposit_balance=3_760_000 * 10**9), "paused", "the withdraw guard leaves 10000000000 units"),
    (QUOTE, P, quote(decimals=20), "down", "at most 19 decimals"),
    (INSURANCE, TOKEN_PROGRAM, vault(5), "paused", "the insurance fund holds 5 units"),
    (INSURANCE, TOKEN_PROGRAM, vault(mint=OTHER), "down", "insurance vault: expected a token account"),
    (INSURANCE, P, vault(), "down", "insurance vault: expected a token account"),
    (INSURANCE, TOKEN_PROGRAM, b"", "down", "found 0 bytes"),
    (PROGRAM_DATA, LOADER, program_data(slot=501), "paused", "the program was upgraded: code of slot 500"),
    (PROGRAM_DATA, LOADER, program_data(authority=OTHER), "paused", "the upgrade key changed"),
    (PROGRAM_DATA, LOADER, program_data(authority=""), "paused", "found nobody"),
    (PROGRAM_DATA, LOADER, b"\x02" + bytes(60), "down", "expected 45 bytes with the tag 3"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "owner", "data", "status", "reason"), CHANGES, ids=[each[4] for each in CHANGES])
def test_every_change_for_the_worse_takes_the_venue_out(
    address: str, owner: str, data: bytes, status: str, reason: str
) -> None:
    seen = venue()
    seen.drain()
    seen.on_account(address, owner, data, 101, 2)
    (told,) = [each for each in seen.drain() if isinstance(each, VenueHealth)]
    assert (told.venue, told.status) == ("velocity", status)
    assert reason in told.reason
    assert any(reason in each for each in seen.reasons())


def test_a_venue_recovers_when_the_account_can_be_read_again() -> None:
    seen = venue()
    seen.on_account(STATE, P, b"", 101, 2)
    assert seen.health().status == "down"
    seen.on_account(STATE, P, state(), 100, 3)  # an older slot says nothing new
    assert seen.health().status == "down"
    seen.on_account(STATE, P, state(), 102, 4)
    assert seen.health().status == "ok"


def test_an_account_that_does_not_exist_takes_the_venue_down() -> None:
    seen = venue()
    seen.on_missing(INSURANCE, 2)
    assert (seen.health().status, "does not exist" in seen.health().reason) == ("down", True)


def test_accounts_of_strangers_are_not_looked_at() -> None:
    seen = venue()
    seen.on_account(OTHER, P, b"junk", 101, 2)
    assert seen.health().status == "ok"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("admins", "the administrators"),
        ("upgrade_authority", "the upgrade key"),
        ("program_slot", "the program's code"),
    ],
)
def test_nothing_is_trusted_before_the_operator_accepted_it(field: str, words: str) -> None:
    rules: HealthRules = msgspec.structs.replace(RULES, **{field: None})
    (reason,) = venue(rules).reasons()
    assert reason.startswith(words) and "not accepted yet" in reason


def test_funding_that_nobody_settles_is_a_reason() -> None:
    seen = venue()
    seen.on_clock(1_764_000_000 + 3 * 3_600, 2)
    assert seen.reasons() == []
    seen.on_clock(1_764_000_000 + 3 * 3_600 + 1, 3)
    assert "nobody cranks it" in seen.reasons()[0]


def test_a_long_list_of_reasons_is_counted_not_cut_in_silence() -> None:
    seen = venue(msgspec.structs.replace(RULES, market_indices=(0, 1, 2, 3, 4)))
    assert seen.health().reason.endswith("; and 1 more")


def test_a_reason_whose_numbers_move_is_told_once() -> None:
    seen = venue()
    seen.drain()
    for slot, amount in enumerate((5, 4, 3), start=101):
        seen.on_account(INSURANCE, TOKEN_PROGRAM, vault(amount), slot, slot)
    assert len(seen.drain()) == 1
    assert "holds 3 units" in seen.health().reason


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([STATE, QUOTE, SOL, USER, INSURANCE, PROGRAM_DATA]), st.randoms(use_true_random=False))
def test_any_bytes_in_any_account_are_survived(address: str, chance: Random) -> None:
    """Right owner, length and mark, then noise: the venue may go down, it never breaks."""
    seen = venue()
    owner, good = accounts()[address]
    noise = bytearray(good)
    for _ in range(chance.randrange(1, 40)):
        noise[chance.randrange(min(8, len(noise) - 1), len(noise))] = chance.randrange(256)
    seen.on_account(address, owner, bytes(noise), 101, 2)
    assert seen.health().status in {"ok", "paused", "down"}
    assert (seen.health().status == "ok") == (seen.reasons() == [])
    assert len(seen.positions()) <= 8 and len(seen.terms()) == 1
    seen.drain()


def test_a_position_that_no_program_could_settle_takes_the_venue_down() -> None:
    held = {
        **LAYOUT.codec.decode_account("User", user())["perp_positions"][0],
        "base_asset_amount": (1 << 63) - 1,
    }  # fmt: skip
    seen = venue()
    seen.on_account(USER, P, user(perp_positions__0=held), 101, 2)
    seen.on_account(SOL, P, sol(cumulative_funding_rate_long=(1 << 127) - 1), 101, 3)
    assert (seen.health().status, "a payment of at most" in seen.health().reason) == ("down", True)
