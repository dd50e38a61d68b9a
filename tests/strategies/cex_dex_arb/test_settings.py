"""Settings as the product fixes them, and a page that explains every code."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import strategies.cex_dex_arb as package
from kernel.strategy import convert_settings
from strategies.cex_dex_arb import CexDexArb, CexDexArbSettings, CexDexArbView
from strategies.cex_dex_arb.reasons import WHY_NOT
from strategies.cex_dex_arb.view import PairView
from tests.strategies.cex_dex_arb.desk import CEX, POOL, PRICE, Desk

FOLDER = Path(package.__file__).parent


@pytest.mark.parametrize(
    ("field", "default", "low", "high"),
    [
        ("min_spread_threshold", 0.3, 0.01, 10),
        ("max_position_size_usd", 5000, 10, 1e6),
        ("price_staleness_threshold_ms", 500, 50, 10_000),
        ("max_depth_share_pct", 25, 1, 100),
        ("max_slippage_bps", 20, 1, 200),
        ("leg_deadline_ms", 1500, 100, 30_000),
        ("rebalance_threshold_pct", 30, 5, 90),
        ("rebalance_cost_amortisation_trades", 20, 1, 1000),
    ],
)
def test_names_defaults_and_bounds_are_those_of_the_product(
    field: str, default: float, low: float, high: float
) -> None:
    assert getattr(CexDexArbSettings(), field) == default
    for value in (low, high):
        assert getattr(convert_settings(CexDexArbSettings, {field: value}), field) == value
    for value in (low - (1 if low >= 1 else 0.005), high + 1):
        with pytest.raises(msgspec.ValidationError, match=field):
            convert_settings(CexDexArbSettings, {field: value})


def test_modes_policies_and_lists() -> None:
    fresh = CexDexArbSettings()
    assert (fresh.execution_mode, fresh.orphan_policy, fresh.min_profit_usd) == ("direct", "hedge_cex", 2.0)
    assert fresh.pairs_to_monitor == ("ETH/USDC", "WBTC/USDC", "ARB/USDC")
    assert {"arbitrum", "base"} <= set(fresh.chains_enabled)
    for wrong in ({"chains_enabled": ["mars"]}, {"execution_mode": "hope"}, {"cex_venues": []}, {"min_profit": 1}):
        with pytest.raises(msgspec.ValidationError):
            convert_settings(CexDexArbSettings, wrong)


def test_every_field_has_a_title_a_description_and_a_unit() -> None:
    for field in msgspec.inspect.type_info(CexDexArbSettings).fields:  # type: ignore[attr-defined]
        meta: Any = field.type
        assert isinstance(meta, msgspec.inspect.Metadata), field.name
        extra = meta.extra
        schema = meta.extra_json_schema
        assert extra and extra["group"] and "unit" in extra, field.name
        assert schema and schema["title"] and schema["description"], field.name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert extra["unit"], field.name


def test_every_code_in_the_source_is_explained_in_the_guide() -> None:
    guide = (FOLDER / "guide.md").read_text()
    source = "".join(path.read_text() for path in sorted(FOLDER.glob("*.py")) if path.name != "reasons.py")
    for code in WHY_NOT:
        assert f'"{code}"' in source, f"{code} is explained but never given"
        assert f"`{code}`" in guide, f"{code} is missing in the guide"


def test_the_view_is_plain_data_with_a_title_on_every_field() -> None:
    desk = Desk()
    desk.warm(minutes=70)
    desk.tick(PRICE * 1.001, PRICE)
    view = desk.strategy.view()
    assert msgspec.json.decode(msgspec.json.encode(view))["pairs"][0]["cex"] == CEX
    (page,) = view.pairs
    assert (page.state, page.basis_samples, page.is_coarse) == ("watching", 71, False)
    assert page.excess_bps is not None and -11 < page.excess_bps < -9
    assert page.cex_age_ms == page.pool_age_ms == 0
    (signal,) = view.signals
    assert signal.name == POOL and signal.value is not None and 9 < signal.value < 11
    assert 34.9 < signal.threshold < 35.1  # 0.3 % and the pool fee of 5 bps
    for kind in (CexDexArbView, PairView):
        for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
            assert isinstance(field.type, msgspec.inspect.Metadata), field.name


def test_the_strategy_states_what_it_is() -> None:
    assert CexDexArb.name == FOLDER.name
    assert CexDexArb.title and CexDexArb.idea.endswith(".")
    assert "PRIVATE_KEY" in CexDexArb.required_secrets
