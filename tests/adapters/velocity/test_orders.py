"""Order instructions: the program's bytes and accounts, exactly what was asked or nothing."""

import json
from decimal import Decimal
from typing import Any

import pytest
from solders.instruction import Instruction

from adapters.velocity import OrderBuilder, velocity_from
from adapters.velocity.program import IDL_FILE, Addresses
from kernel.errors import VenueRefused
from kernel.perp_venue import PerpOrder
from tests.adapters.drift.accounts import blank
from tests.adapters.velocity.world import (
    ADDRESSES,
    LAYOUT,
    ORACLE,
    QUOTE,
    SOL,
    STATE,
    USER,
    WALLET,
    quote,
    sol,
    state,
    user,
    venue,
)  # fmt: skip

P = LAYOUT.program


def order(**changes: Any) -> PerpOrder:
    values: dict[str, Any] = {
        "instrument": "velocity:SOL-PERP", "side": "sell", "qty": Decimal("2.5"), "limit_price": Decimal("151.25"),
        "is_reduce_only": False, "post_only": "must", "expires_s": 1_764_003_600, "client_id": 7, **changes,
    }  # fmt: skip
    return PerpOrder(**values)


def accounts(instruction: Instruction) -> list[tuple[str, bool, bool]]:
    return [(str(each.pubkey), each.is_signer, each.is_writable) for each in instruction.accounts]


def test_a_limit_order_is_the_programs_bytes() -> None:
    """Written out by hand from the published OrderParams."""
    made = venue().place(order())
    assert str(made.program_id) == P
    assert bytes(made.data) == bytes.fromhex("45a15dca787e4cb9") + (
        b"\x01" + b"\x01" + b"\x01" + b"\x07"  # Limit, Perp, Short, our mark
        + (2_500_000_000).to_bytes(8, "little") + (151_250_000).to_bytes(8, "little")
        + b"\x00\x00" + b"\x00" + b"\x01" + b"\x00"  # market 0, not reduce-only, MustPostOnly, no flags
        + b"\x01" + (1_764_003_600).to_bytes(8, "little")
        + b"\x00" + b"\x00"  # no trigger price, Above
        + b"\x00" * 6  # no oracle offset, no auction, no builder
    )  # fmt: skip


def test_accounts_are_state_user_signer_then_oracles_spot_markets_perp_markets() -> None:
    assert accounts(venue().place(order())) == [
        (STATE, False, False),
        (USER, False, True),
        (str(WALLET), True, False),
        (ORACLE, False, False),
        (QUOTE, False, False),
        (SOL, False, False),
    ]


def test_every_market_that_the_account_uses_comes_along_in_order() -> None:
    zero = LAYOUT.codec.decode_account("User", blank(LAYOUT, "User"))
    held = {**zero["perp_positions"][0], "market_index": 3, "base_asset_amount": 5}
    lent = {**zero["spot_positions"][0], "market_index": 1, "scaled_balance": 5}
    seen = venue()
    seen.on_account(USER, P, user(perp_positions__0=held, spot_positions__1=lent), 101, 2)
    with pytest.raises(VenueRefused, match="perp 3, spot 1 unseen yet"):
        seen.cancel_all("velocity:SOL-PERP")
    third, first = str(ADDRESSES.perp_market(3)), str(ADDRESSES.spot_market(1))
    assert {third, first} <= set(seen.addresses())
    seen.on_account(third, P, sol(market_index=3, name=b"ETH-PERP".ljust(32)), 101, 3)
    seen.on_account(first, P, quote(market_index=1, oracle=str(WALLET)), 101, 4)
    made = accounts(seen.cancel_all("velocity:SOL-PERP"))[3:]
    assert [address for address, _, _ in made] == [str(WALLET), ORACLE, QUOTE, first, SOL, third]
    assert not any(signer or writable for _, signer, writable in made)


def test_a_close_is_reduce_only_and_is_built_while_the_venue_is_not_healthy() -> None:
    seen = venue()
    seen.on_account(STATE, P, state(exchange_status=2), 101, 2)
    with pytest.raises(VenueRefused, match="velocity is not healthy, only reductions are built: the exchange paused"):
        seen.place(order())
    close = seen.place(order(side="buy", limit_price=None, post_only="no", is_reduce_only=True))
    name, arguments = LAYOUT.codec.decode_instruction(bytes(close.data)) or ("", {})
    params = arguments["params"]
    assert name == "place_perp_order"
    assert (params["order_type"], params["direction"], params["reduce_only"]) == ("Market", "Long", True)
    assert (params["price"], params["post_only"]) == (0, "None")
    assert seen.cancel_all("velocity:SOL-PERP").data and seen.cancel("velocity:SOL-PERP", 7).data


def test_cancels_are_the_programs_bytes() -> None:
    assert bytes(venue().cancel("velocity:SOL-PERP", 7).data).hex() == "6bd3fa8512253964" + "07"
    assert bytes(venue().cancel_all("velocity:SOL-PERP").data).hex() == "eee15f9ee36708c2" + "0101" + "010000" + "00"


@pytest.mark.parametrize(
    "changes",
    [
        {"qty": Decimal("2.505")}, {"qty": Decimal(0)}, {"qty": Decimal(-1)}, {"qty": Decimal("NaN")},
        {"qty": Decimal("1e30")}, {"limit_price": Decimal("151.25005")}, {"limit_price": Decimal(0)},
        {"limit_price": None}, {"client_id": 256}, {"client_id": -1}, {"expires_s": -1},
        {"instrument": "velocity:BTC-PERP"},
    ],
    ids=str,
)  # fmt: skip
def test_an_order_off_the_lattice_or_out_of_range_is_refused_never_rounded(changes: dict[str, Any]) -> None:
    with pytest.raises(VenueRefused):
        venue().place(order(**changes))


def test_an_order_below_the_smallest_is_refused_unless_it_reduces() -> None:
    seen = venue()
    seen.on_account(SOL, P, sol(min_order_size=100_000_000), 101, 2)
    with pytest.raises(VenueRefused, match="at least 100000000"):
        seen.place(order(qty=Decimal("0.01")))
    assert seen.place(order(qty=Decimal("0.01"), is_reduce_only=True)).data


@pytest.mark.parametrize("client_id", [0, 256])
def test_a_cancel_needs_our_mark(client_id: int) -> None:
    with pytest.raises(VenueRefused, match="client id from 1 to 255"):
        venue().cancel("velocity:SOL-PERP", client_id)


def test_an_upgraded_interface_with_more_accounts_sends_no_order() -> None:
    raw = json.loads(IDL_FILE.read_text())
    raw["instructions"][0]["accounts"].append({"name": "clob", "writable": True})
    layout = velocity_from(json.dumps(raw).encode(), P, "USDT")
    seen = venue()
    seen.builder = OrderBuilder(layout, WALLET, 0)
    with pytest.raises(VenueRefused, match="found clob too: the program was upgraded; no order is sent"):
        seen.place(order())


def test_addresses_depend_on_the_deployment() -> None:
    assert Addresses(P).state != Addresses(str(WALLET)).state
    assert str(Addresses(P).perp_market(0)) != str(Addresses(P).perp_market(256))
