"""A User account of Drift v2 or Velocity: positions, open orders, lifetime funding."""

from collections.abc import Mapping

from msgspec import Struct

from adapters.drift.layout import PerpLayout
from adapters.drift.perp_market import PerpMarket
from adapters.drift.units import BASE_SCALE, FUNDING_DIVISOR, QUOTE_SCALE, decimal_of
from kernel.finance.funding_index import funding_payment
from kernel.finance.perp_position import PerpPosition

_PATHS = (
    "authority", "delegate", "sub_account_id", "status", "next_order_id", "cumulative_perp_funding", "settled_perp_pnl",
    "perp_positions", "orders", "spot_positions",
)  # fmt: skip


class RawPosition(Struct, frozen=True, kw_only=True, gc=False):
    """One used place of `perp_positions`, raw."""

    market_index: int
    base_asset_amount: int
    quote_asset_amount: int
    quote_entry_amount: int
    last_cumulative_funding_rate: int
    open_bids: int
    open_asks: int
    open_orders: int

    def unsettled_funding(self, market: PerpMarket) -> int:
        """What the market's indices owe this position (+) or it owes (-) since its last settlement, raw quote."""
        index = market.funding().of(self.base_asset_amount)
        return funding_payment(self.base_asset_amount, self.last_cumulative_funding_rate, index, FUNDING_DIVISOR)


class OpenOrder(Struct, frozen=True, kw_only=True, gc=False):
    """One open perp order, raw."""

    order_id: int
    user_order_id: int
    market_index: int
    direction: str  #: Long or Short
    price: int
    base_asset_amount: int
    base_asset_amount_filled: int
    reduce_only: bool
    max_ts: int


class PerpUser(Struct, frozen=True, kw_only=True, gc=False):
    """One sub-account."""

    slot: int
    authority: str
    delegate: str
    sub_account_id: int
    status: int  #: bit flags; 0 = nothing unusual (1 = being liquidated, 2 = bankrupt, 4 = reduce only)
    next_order_id: int
    cumulative_perp_funding: int  #: over the account's life, raw quote, positive = received
    settled_perp_pnl: int
    positions: tuple[RawPosition, ...]
    orders: tuple[OpenOrder, ...]
    spot_markets: tuple[int, ...]  #: indices of spot markets in use

    @classmethod
    def decode(cls, layout: PerpLayout, owner: str, data: bytes, slot: int) -> "PerpUser":
        """Read an account by its owner and length. Raises `UnknownLayout`."""
        *plain, positions, orders, spots = layout.fields("User", owner, data, _PATHS)
        return cls(
            slot=slot,
            **dict(zip(_PATHS[:7], plain, strict=True)),
            positions=tuple(
                RawPosition(**{field: each[field] for field in RawPosition.__struct_fields__})
                for each in positions
                if each["base_asset_amount"] or each["quote_asset_amount"] or each["open_orders"]
            ),
            orders=tuple(
                OpenOrder(**{field: each[field] for field in OpenOrder.__struct_fields__})
                for each in orders
                if each["status"] == "Open" and each["market_type"] == "Perp"
            ),
            spot_markets=tuple(each["market_index"] for each in spots if each["scaled_balance"] or each["open_orders"]),
        )

    def in_markets(self, markets: Mapping[int, PerpMarket]) -> tuple[PerpPosition, ...]:
        """Positions of the markets that are known, in the kernel's words."""
        found = []
        for each in self.positions:
            market = markets.get(each.market_index)
            if market is None or not each.base_asset_amount:
                continue
            found.append(
                PerpPosition(
                    instrument=market.instrument,
                    slot=self.slot,
                    qty=decimal_of(each.base_asset_amount, BASE_SCALE),
                    entry_quote=decimal_of(each.quote_entry_amount, QUOTE_SCALE),
                    quote=decimal_of(each.quote_asset_amount, QUOTE_SCALE),
                    unsettled_funding=decimal_of(each.unsettled_funding(market), QUOTE_SCALE),
                    open_bids=decimal_of(each.open_bids, BASE_SCALE),
                    open_asks=decimal_of(each.open_asks, BASE_SCALE),
                    open_orders=each.open_orders,
                )
            )
        return tuple(found)
