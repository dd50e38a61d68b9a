"""Size and cost of a candidate, margin, lots, venues, settings."""

import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.units import ZERO
from kernel.finance.funding import FundingForecast
from kernel.strategy import convert_settings
from strategies.drift_funding_arb.carry import CarryQuote, Direction, LegPrice, Used, common_lot, quote_carry
from strategies.drift_funding_arb.margin import collateral_share, liquidation_distance_pct
from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from strategies.drift_funding_arb.venues import resolve_pair
from tests.strategies.drift_funding_arb.desk import PERP, SPOT, hour_ns, listed, settings_of

FREE = Used(collateral_usd=ZERO, capital_usd=ZERO)
FORECAST = FundingForecast(mean_per_hour=0.0003, neutral_per_hour=0.0, half_life_hours=60.0)


def quoted(
    settings: DriftFundingArbSettings,
    perp: float = 20_000.0,
    spot: float = 20_000.0,
    direction: Direction = "short_perp",
    used: Used = FREE,
    lots: tuple[str, str] = ("0.001", "0.001"),
) -> CarryQuote:
    legs = (
        LegPrice(listed=listed(PERP, "perp", lots[0]), price=perp, ts_ns=hour_ns(0)),
        LegPrice(listed=listed(SPOT, "spot", lots[1]), price=spot, ts_ns=hour_ns(0)),
    )
    return quote_carry(settings, direction, FORECAST, *legs, used)


def test_net_is_gross_less_every_line_and_the_lines_are_known_numbers() -> None:
    quote = quoted(settings_of())
    costs = {cost.name: cost.usd for cost in quote.costs}
    assert quote.size_usd == 2000
    assert costs["perp_entry_fee"] == costs["perp_exit_fee"] == 2
    assert costs["entry_spread"] == costs["exit_spread"] == Decimal("0.8")
    assert costs["network"] == Decimal("0.02")
    assert float(costs["capital"]) == pytest.approx((2000 + 1150) * 0.04 * 72 / 8760, rel=1e-6)
    assert float(quote.gross_usd) == pytest.approx(2000 * 0.0003 * 72 * 0.6792, rel=1e-3)
    assert quote.net_usd == quote.gross_usd - sum(costs.values())


def test_a_favourable_basis_is_no_income_and_an_unfavourable_one_is_a_cost() -> None:
    premium = {cost.name: cost.usd for cost in quoted(settings_of(), perp=20_200).costs}
    discount = {cost.name: cost.usd for cost in quoted(settings_of(), perp=19_800).costs}
    assert premium["entry_basis"] == 0
    assert float(discount["entry_basis"]) == pytest.approx(20, rel=0.02)


@pytest.mark.parametrize(
    "values, used, size",
    [
        ({"max_position_size_usd": 500}, FREE, 500),
        ({"perp_collateral_usd": 575}, FREE, 1000),
        ({"budget_usd": 1575}, FREE, 1000),
        ({"entry_liquidation_distance_pct": 30, "max_leverage": 1, "perp_collateral_usd": 700}, FREE, 700),
        ({}, Used(collateral_usd=Decimal(2500), capital_usd=Decimal(0)), 0),
        ({}, Used(collateral_usd=Decimal(0), capital_usd=Decimal(6500)), 0),
    ],
)
def test_the_tightest_cap_sets_the_size(values: dict[str, object], used: Used, size: int) -> None:
    assert float(quoted(settings_of(**values), used=used).size_usd) == pytest.approx(size, abs=21)


def test_a_size_below_the_smallest_order_does_not_fit_and_never_breaks_even() -> None:
    quote = quoted(settings_of(max_position_size_usd=10), perp=4_000, spot=4_000, lots=("0.001", "0.001"))
    assert quote.qty == Decimal("0.002")
    none = quoted(settings_of(max_position_size_usd=10))
    assert none.qty == 0 and none.break_even_hours == math.inf


@given(
    st.decimals("0.0001", "10", places=4), st.decimals("0.0001", "10", places=4), st.floats(1.0, 100_000.0),
    st.floats(0.9, 1.1), st.floats(10.0, 1e6),
)  # fmt: skip
def test_quantity_lies_on_both_lots_and_no_leg_exceeds_the_cap(
    first: Decimal, second: Decimal, price: float, ratio: float, cap: float
) -> None:
    settings = settings_of(max_position_size_usd=cap, perp_collateral_usd=1e7, budget_usd=1e7)
    quote = quoted(settings, price, price * ratio, lots=(str(first), str(second)))
    assert quote.qty % first == 0 and quote.qty % second == 0
    assert float(quote.size_usd) <= cap * (1 + 1e-12)


@given(st.decimals("0.001", "5", places=3), st.decimals("0.001", "5", places=3))
def test_the_common_lot_is_a_multiple_of_both(first: Decimal, second: Decimal) -> None:
    lot = common_lot(first, second)
    assert lot > 0 and lot % first == 0 and lot % second == 0
    assert common_lot(ZERO, first) == common_lot(first, ZERO) == first


@given(st.booleans(), st.floats(5.0, 90.0), st.floats(0.1, 50.0), st.floats(1.0, 5.0))
def test_the_collateral_keeps_the_distance_it_promises(
    is_short: bool, distance: float, maintenance: float, leverage: float
) -> None:
    share = collateral_share(is_short, distance, maintenance, leverage)
    assert share >= 1 / leverage
    kept = liquidation_distance_pct(-1.0 if is_short else 1.0, 100.0, 100.0, 100 * share, maintenance)
    assert kept is None or kept >= distance - 1e-9


def test_liquidation_is_where_equity_meets_maintenance() -> None:
    assert liquidation_distance_pct(-2.0, 100.0, 125.0, 115.0, 5.0) == pytest.approx(20.0)
    assert liquidation_distance_pct(-2.0, 100.0, 160.0, 115.0, 5.0) == pytest.approx((150 / 160 - 1) * 100)
    assert liquidation_distance_pct(1.0, 100.0, 100.0, 100.0, 5.0) is None
    assert liquidation_distance_pct(0.0, 0.0, 100.0, 1.0, 5.0) is None


def test_stand_ins_replace_only_what_is_not_listed_and_only_when_allowed() -> None:
    pair = resolve_pair("BTC-PERP", settings_of(), {PERP, SPOT})
    assert (pair.perp, pair.spot) == (PERP, SPOT)
    assert pair.stand_in == "drift stands in for velocity; binance stands in for jupiter"
    strict = resolve_pair("BTC-PERP", settings_of(use_stand_in_venues=False), {PERP, SPOT})
    assert (strict.perp, strict.spot, strict.stand_in) == ("velocity:BTC-PERP", "jupiter:BTC/USDC", "")
    chosen = resolve_pair("BTC-PERP", settings_of(), {PERP, SPOT, "velocity:BTC-PERP"})
    assert chosen.perp == "velocity:BTC-PERP"
    assert resolve_pair("ETH-PERP", settings_of(perp_venue="binance"), set()).perp == "binance_usdm:ETHUSDT"
    perpetual = resolve_pair("BTC-PERP", settings_of(), {PERP, "binance_usdm:BTCUSDT"})
    assert perpetual.spot == "binance_usdm:BTCUSDT"
    both = resolve_pair("BTC-PERP", settings_of(perp_venue="binance"), {"binance_usdm:BTCUSDT"})
    assert both.spot == "jupiter:BTC/USDC"  # never the same instrument for both legs


def test_funding_that_a_stand_in_leg_pays_is_a_cost_and_what_it_receives_is_no_income() -> None:
    legs = (
        LegPrice(listed=listed(PERP, "perp"), price=20_000.0, ts_ns=hour_ns(0)),
        LegPrice(listed=listed("binance_usdm:BTCUSDT", "perp"), price=20_000.0, ts_ns=hour_ns(0)),
    )
    none, paid, received = (
        quote_carry(settings_of(), "short_perp", FORECAST, *legs, FREE, rate) for rate in (0.0, -0.00001, 0.00001)
    )
    assert float(none.net_usd - paid.net_usd) == pytest.approx(2000 * 0.00001 * 72)
    assert paid.break_even_hours > none.break_even_hours
    assert received.net_usd == none.net_usd


def test_the_table_of_the_product_is_kept() -> None:
    defaults = msgspec.to_builtins(convert_settings(DriftFundingArbSettings, {}))
    expected = {
        "min_funding_rate_threshold": 0.01, "max_position_size_usd": 2000.0, "delta_tolerance_pct": 2.0,
        "max_leverage": 3.0, "auto_close_funding_threshold": 0.005, "perp_venue": "velocity", "spot_venue": "jupiter",
        "allow_short_spot": False, "max_break_even_hours": 48.0, "rate_lookback_hours": 24,
        "min_rate_coverage_pct": 95.0, "min_liquidation_distance_pct": 25.0, "leg_deadline_ms": 5000,
        "max_hold_minutes": 20160,
    }  # fmt: skip
    assert {name: defaults[name] for name in expected} == expected
    assert list(defaults["markets_enabled"]) == ["SOL-PERP", "BTC-PERP", "ETH-PERP"]


@pytest.mark.parametrize(
    "values, names",
    [
        ({"min_funding_rate_threshold": 0.00009}, "min_funding_rate_threshold"),
        ({"min_funding_rate_threshold": 1.1}, "min_funding_rate_threshold"),
        ({"max_position_size_usd": 9}, "max_position_size_usd"),
        ({"delta_tolerance_pct": 21}, "delta_tolerance_pct"),
        ({"max_leverage": "5.1"}, "max_leverage"),
        ({"perp_venue": "ftx"}, "perp_venue"),
        ({"markets_enabled": ["DOGE-PERP"]}, "markets_enabled"),
        ({"auto_close_funding_threshold": 0.02}, "auto_close_funding_threshold"),
        ({"min_liquidation_distance_pct": 60}, "min_liquidation_distance_pct"),
        ({"what": 1}, "what"),
        ({"max_hold_minutes": "nan"}, "max_hold_minutes"),
        ({"budget_usd": "nan"}, "budget_usd"),
    ],
)
def test_absurd_settings_are_refused_by_name(values: dict[str, object], names: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=names):
        convert_settings(DriftFundingArbSettings, values)


def test_every_setting_has_title_description_group_and_unit() -> None:
    info = msgspec.inspect.type_info(DriftFundingArbSettings)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        assert isinstance(field.type, msgspec.inspect.Metadata), field.name
        schema, extra = field.type.extra_json_schema or {}, field.type.extra or {}
        assert schema.get("title") and schema.get("description"), field.name
        assert extra.get("group"), field.name
        is_number = isinstance(field.type.type, msgspec.inspect.FloatType | msgspec.inspect.IntType)
        assert bool(extra["unit"]) == is_number, field.name
