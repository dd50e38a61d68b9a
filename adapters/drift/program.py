"""Drift v2: the program that was drained on 2026-04-01 and is paused since. Its accounts are read as history only.

Layout: IDL 2.142 (drift-labs/protocol-v2, read 2026-11); tests compare its offsets with numbers computed from the
published file.
"""

from functools import cache
from pathlib import Path

from adapters.anchor import Codec
from adapters.drift.layout import MarketPaths, PerpLayout

PROGRAM = "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH"
PATHS = MarketPaths(
    oracle="amm.oracle",
    order_step_size="amm.order_step_size",
    order_tick_size="amm.order_tick_size",
    min_order_size="amm.min_order_size",
    base_asset_amount_long="amm.base_asset_amount_long",
    base_asset_amount_short="amm.base_asset_amount_short",
    cumulative_funding_rate_long="amm.cumulative_funding_rate_long",
    cumulative_funding_rate_short="amm.cumulative_funding_rate_short",
    last_funding_rate_long="amm.last_funding_rate_long",
    last_funding_rate_short="amm.last_funding_rate_short",
    last_funding_rate_ts="amm.last_funding_rate_ts",
    funding_period="amm.funding_period",
    last_funding_oracle_twap="amm.last_funding_oracle_twap",
    last_mark_price_twap="amm.last_mark_price_twap",
    last_oracle_price="amm.historical_oracle_data.last_oracle_price",
)


@cache
def drift() -> PerpLayout:
    """The layout of Drift v2. There is no way to trade on it."""
    codec = Codec.parse(Path(__file__).with_name("idl.json").read_bytes())
    return PerpLayout("drift", PROGRAM, "USDC", codec, PATHS)
