"""A market account in the kernel's words, for both programs."""

from decimal import Decimal

import pytest

from adapters.drift import PerpLayout, PerpMarket, drift
from adapters.solana.tracked_pool import UnknownLayout
from adapters.velocity import velocity
from tests.adapters.drift.accounts import market

LAYOUTS = pytest.mark.parametrize("layout", [drift(), velocity()], ids=["drift", "velocity"])


def decoded(layout: PerpLayout, **changes: object) -> PerpMarket:
    return PerpMarket.decode(layout, layout.program, market(layout, **changes), 77)


@LAYOUTS
def test_terms_are_exact(layout: PerpLayout) -> None:
    terms = decoded(layout, base_asset_amount_long=(1 << 127) - 1, base_asset_amount_short=-(1 << 100)).terms()
    assert terms.instrument == f"{layout.venue}:SOL-PERP"
    assert (terms.lot_size, terms.tick_size, terms.qty_min) == (Decimal("0.01"), Decimal("0.0001"), Decimal("0.01"))
    assert (terms.margin_initial, terms.margin_maintenance) == (Decimal("0.1"), Decimal("0.05"))
    assert terms.long_qty == Decimal(f"{(1 << 127) - 1}e-9")
    assert terms.short_qty == Decimal(f"{1 << 100}e-9")
    assert (terms.status, terms.settle_asset) == ("active", "USDC" if layout.venue == "drift" else "USDT")


@LAYOUTS
def test_a_positive_rate_is_paid_by_longs_and_the_short_side_may_get_less(layout: PerpLayout) -> None:
    """0.015 quote per base in an hour at a price of 150 is 0.01 %: a long pays it, a short gets a third of it."""
    index = decoded(
        layout,
        cumulative_funding_rate_long=-(1 << 120),
        cumulative_funding_rate_short=12,
        last_funding_rate_long=15_000_000,
        last_funding_rate_short=5_000_000,
    ).funding()
    assert index.per_hour_to_long() == pytest.approx(-0.0001)
    assert index.per_hour_to_short() == pytest.approx(0.0001 / 3)
    assert (index.of(1), index.of(-1)) == (-(1 << 120), 12)
    assert (index.slot, index.settled_s, index.interval_s) == (77, 1_764_000_000, 3_600)


@LAYOUTS
def test_a_market_that_never_settled_has_no_rate(layout: PerpLayout) -> None:
    assert decoded(layout, last_funding_rate_ts=0).funding().per_hour_to_long() is None
    assert decoded(layout, last_funding_oracle_twap=0).funding().per_hour_to_long() is None


@LAYOUTS
@pytest.mark.parametrize("name", [b"\xff" * 32, b"<script>".ljust(32), b"SOL-PERP\n".ljust(32), bytes(32)])
def test_a_name_by_a_stranger_is_not_shown(layout: PerpLayout, name: bytes) -> None:
    assert decoded(layout, name=name, market_index=9).instrument == f"{layout.venue}:9-PERP"


@LAYOUTS
@pytest.mark.parametrize(
    ("field", "value"),
    [("order_step_size", 0), ("order_tick_size", 0), ("margin_ratio_initial", 0), ("funding_period", 0),
     ("funding_period", -1), ("funding_period", 1 << 40)],
)  # fmt: skip
def test_impossible_numbers_are_refused(layout: PerpLayout, field: str, value: int) -> None:
    with pytest.raises(UnknownLayout, match="expected"):
        decoded(layout, **{field: value})


def test_a_market_that_is_not_active_says_so() -> None:
    assert decoded(velocity(), status="Settlement").terms().status == "closed"
    assert decoded(velocity(), status="ReduceOnly").terms().status == "reduce_only"
    assert decoded(drift(), status="FillPaused").terms().status == "closed"
