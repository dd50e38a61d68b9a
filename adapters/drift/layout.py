"""Where a program of the Drift family keeps what we read: its id, its IDL, and the paths of a market's fields.

Velocity is a fork: the same accounts with the same marks, other lengths and other places. So a decoder is chosen by the
owner and the length of an account, never by its mark.
"""

from typing import Any

from msgspec import Struct

from adapters.anchor import BadIdl, Codec
from adapters.solana.tracked_pool import UnknownLayout

ACCOUNTS = ("PerpMarket", "State", "User")


class MarketPaths(Struct, frozen=True, kw_only=True):
    """Field paths of a PerpMarket; the order here is the order in which they are read."""

    market_index: str = "market_index"
    name: str = "name"
    oracle: str
    status: str = "status"
    paused_operations: str = "paused_operations"
    quote_spot_market_index: str = "quote_spot_market_index"
    order_step_size: str
    order_tick_size: str
    min_order_size: str
    margin_ratio_initial: str = "margin_ratio_initial"
    margin_ratio_maintenance: str = "margin_ratio_maintenance"
    base_asset_amount_long: str
    base_asset_amount_short: str
    cumulative_funding_rate_long: str
    cumulative_funding_rate_short: str
    last_funding_rate_long: str
    last_funding_rate_short: str
    last_funding_rate_ts: str
    funding_period: str
    last_funding_oracle_twap: str
    last_mark_price_twap: str
    last_oracle_price: str
    quote_max_insurance: str = "insurance_claim.quote_max_insurance"
    quote_settled_insurance: str = "insurance_claim.quote_settled_insurance"


class PerpLayout:
    """One program of the family. Raises `BadIdl` at once where the IDL lacks what is needed."""

    def __init__(self, venue: str, program: str, settle_asset: str, codec: Codec, paths: MarketPaths) -> None:
        self.venue = venue
        self.program = program
        self.settle_asset = settle_asset
        self.codec = codec
        self.market_paths: tuple[str, ...] = tuple(getattr(paths, field) for field in MarketPaths.__struct_fields__)
        sizes = {name: codec.account_size(name) for name in codec.idl.accounts if name in codec.idl.types}
        self.sizes = {name: size for name, size in sizes.items() if size is not None}
        for name in ACCOUNTS:
            if name not in self.sizes:
                raise BadIdl(f"{venue}: expected the account {name} of fixed size in the IDL, found none")
        for path in self.market_paths:
            codec.offset("PerpMarket", path)

    def check(self, name: str, owner: str, data: bytes) -> None:
        """That the bytes can be this account: owner and length. Raises `UnknownLayout`."""
        if owner != self.program:
            raise UnknownLayout(f"{self.venue} {name}: expected the owner {self.program}, found {owner!r:.60}")
        if len(data) != self.sizes[name]:
            raise UnknownLayout(
                f"{self.venue} {name}: expected {self.sizes[name]} bytes, found {len(data)}: the program was upgraded, "
                "or this is another account; give it the IDL of the new version"
            )

    def fields(self, name: str, owner: str, data: bytes, paths: tuple[str, ...]) -> tuple[Any, ...]:
        """Some fields of an account of the right owner, length and mark. Raises `UnknownLayout`."""
        self.check(name, owner, data)
        return self.codec.read_fields(name, data, paths)
