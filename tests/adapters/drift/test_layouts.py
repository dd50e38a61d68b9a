"""The reduced IDLs of both programs: lengths and offsets as they were read and computed from the published ones."""

import pytest

from adapters.anchor import BadIdl, Codec
from adapters.drift import MarketPaths, PerpLayout, PerpMarket, PerpUser, drift
from adapters.drift.program import PATHS, PROGRAM
from adapters.solana.tracked_pool import UnknownLayout
from adapters.velocity import velocity
from tests.adapters.drift.accounts import blank, market

#: computed from the published IDL 2.142 before ours was written
DRIFT_OFFSETS = {
    "amm.oracle": 40, "amm.last_funding_rate": 480, "amm.last_funding_rate_long": 488,
    "amm.last_funding_rate_short": 496, "amm.last_24h_avg_funding_rate": 504, "amm.cumulative_funding_rate_long": 608,
    "amm.cumulative_funding_rate_short": 624, "amm.last_bid_price_twap": 736, "amm.last_ask_price_twap": 744,
    "amm.last_mark_price_twap": 752, "amm.last_funding_rate_ts": 792, "amm.funding_period": 800,
    "amm.order_step_size": 808, "amm.order_tick_size": 816, "amm.last_funding_oracle_twap": 968, "name": 1000,
    "market_index": 1160, "status": 1162,
}  # fmt: skip
#: the program's own layout tests (programs/velocity/src/state/traits/tests.rs)
VELOCITY_OFFSETS = {
    ("PerpMarket", "market_stats.mm_oracle_price"): 800, ("PerpMarket", "market_stats.mm_oracle_slot"): 808,
    ("PerpMarket", "market_stats.mm_oracle_sequence_id"): 816, ("PerpMarket", "amm.amm_spread_adjustment"): 1282,
    ("State", "hot_mm_oracle_crank"): 360, ("State", "hot_amm_spread_adjust"): 392,
    ("State", "feature_bit_flags"): 1374, ("State", "padding"): 1506, ("SpotMarket", "protocol_fee_pool"): 752 + 8,
}  # fmt: skip


def test_drift_accounts_have_their_known_lengths_and_places() -> None:
    layout = drift()
    assert layout.sizes == {"PerpMarket": 1216, "State": 992, "User": 4376}
    assert {path: layout.codec.offset("PerpMarket", path) for path in DRIFT_OFFSETS} == DRIFT_OFFSETS
    assert layout.codec.idl.accounts["PerpMarket"].hex() == "0adf0c2c6bf537f7"


def test_velocity_accounts_have_their_known_lengths_and_places() -> None:
    layout = velocity()
    assert layout.sizes == {"PerpMarket": 1304, "SpotMarket": 808, "State": 1744, "User": 4496}
    assert {key: layout.codec.offset(*key) for key in VELOCITY_OFFSETS} == VELOCITY_OFFSETS
    assert (
        layout.codec.offset("PerpMarket", "bankruptcy_if_floor_pct")
        == layout.codec.offset("PerpMarket", "market_stats") - 4
    )


def test_both_programs_use_equal_marks_for_other_layouts() -> None:
    assert drift().codec.idl.accounts["PerpMarket"] == velocity().codec.idl.accounts["PerpMarket"]
    assert drift().codec.idl.accounts["User"] == velocity().codec.idl.accounts["User"]


def test_the_paths_of_a_market_are_in_the_order_of_its_fields() -> None:
    assert MarketPaths.__struct_fields__ == PerpMarket.__struct_fields__[3:]


@pytest.mark.parametrize("name", ["PerpMarket", "User"])
def test_an_account_is_taken_by_owner_and_length_never_by_its_mark(name: str) -> None:
    old, new = drift(), velocity()
    decode = PerpMarket.decode if name == "PerpMarket" else PerpUser.decode
    data = market(old) if name == "PerpMarket" else blank(old, "User")
    decode(old, PROGRAM, data, 1)
    with pytest.raises(UnknownLayout, match="expected the owner vELoC1"):
        decode(new, PROGRAM, data, 1)
    with pytest.raises(UnknownLayout, match=f"expected {new.sizes[name]} bytes, found {len(data)}"):
        decode(new, new.program, data, 1)
    with pytest.raises(UnknownLayout, match="expected bytes that start with"):
        decode(old, PROGRAM, bytes(8) + data[8:], 1)
    for length in (0, 7, len(data) - 1, len(data) + 1):
        with pytest.raises(UnknownLayout):
            decode(old, PROGRAM, data[:length].ljust(length, b"\x00"), 1)


def test_an_idl_without_the_accounts_or_fields_is_refused_at_once() -> None:
    with pytest.raises(BadIdl, match="expected the account PerpMarket"):
        PerpLayout("drift", PROGRAM, "USDC", Codec.parse("{}"), PATHS)
    with pytest.raises(BadIdl, match="expected a field at a fixed place"):
        PerpLayout("velocity", PROGRAM, "USDT", velocity().codec, PATHS)
