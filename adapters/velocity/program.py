"""Velocity: the program that succeeded Drift v2, its layout and its addresses.

Program `vELoC1aud…` on mainnet and devnet, interface 2.165.0 (velocity-exchange/velocity-v1, read 2026-11). It changes
often: another version's IDL file can be given, and accounts of any other length are refused. Whether the public may
trade on mainnet is not established, nor is the settlement asset beyond doubt (the program's own text says USDT).
"""

from functools import cache
from pathlib import Path

from solders.pubkey import Pubkey

from adapters.anchor import BadIdl, Codec
from adapters.drift import MarketPaths, PerpLayout

PROGRAM = "vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P"
SETTLE_ASSET = "USDT"
QUOTE_SPOT_MARKET = 0
IDL_FILE = Path(__file__).with_name("idl.json")
INDEX_MAX = 0xFFFF  #: market and sub-account numbers are u16
PATHS = MarketPaths(
    oracle="oracle",
    order_step_size="order_step_size",
    order_tick_size="order_tick_size",
    min_order_size="market_stats.min_order_size",
    base_asset_amount_long="base_asset_amount_long",
    base_asset_amount_short="base_asset_amount_short",
    cumulative_funding_rate_long="cumulative_funding_rate_long",
    cumulative_funding_rate_short="cumulative_funding_rate_short",
    last_funding_rate_long="last_funding_rate_long",
    last_funding_rate_short="last_funding_rate_short",
    last_funding_rate_ts="last_funding_rate_ts",
    funding_period="market_stats.funding_period",
    last_funding_oracle_twap="market_stats.last_funding_oracle_twap",
    last_mark_price_twap="market_stats.last_mark_price_twap",
    last_oracle_price="market_stats.historical_oracle_data.last_oracle_price",
)


def velocity_from(idl: bytes, program: str, settle_asset: str) -> PerpLayout:
    """A deployment by configuration: its IDL file, id and settlement asset. Raises `BadIdl`."""
    try:
        Pubkey.from_string(program)
    except ValueError as error:
        raise BadIdl(f"velocity: expected a program id in base58, found {program!r:.60}") from error
    layout = PerpLayout("velocity", program, settle_asset, Codec.parse(idl), PATHS)
    for name in ("place_perp_order", "cancel_order_by_user_id", "cancel_orders"):
        layout.codec.instruction(name)
    if "SpotMarket" not in layout.sizes:
        raise BadIdl("velocity: expected the account SpotMarket of fixed size in the IDL, found none")
    return layout


@cache
def velocity() -> PerpLayout:
    """The deployment that is known, by the IDL that comes with this package."""
    return velocity_from(IDL_FILE.read_bytes(), PROGRAM, SETTLE_ASSET)


class Addresses:
    """Where a deployment keeps its accounts."""

    def __init__(self, program: str) -> None:
        self.program = Pubkey.from_string(program)
        self.state = self._find(b"velocity_state")

    def user(self, authority: Pubkey, sub_account: int) -> Pubkey:
        """A sub-account of a wallet."""
        return self._find(b"user", bytes(authority), _u16(sub_account))

    def perp_market(self, index: int) -> Pubkey:
        """A perp market by number."""
        return self._find(b"perp_market", _u16(index))

    def spot_market(self, index: int) -> Pubkey:
        """A spot market (collateral) by number; 0 is the settlement asset."""
        return self._find(b"spot_market", _u16(index))

    def insurance_vault(self, index: int) -> Pubkey:
        """The token account of a spot market's insurance fund."""
        return self._find(b"insurance_fund_vault", _u16(index))

    def _find(self, *seeds: bytes) -> Pubkey:
        return Pubkey.find_program_address(list(seeds), self.program)[0]


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")
