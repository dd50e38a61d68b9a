"""A PerpMarket account of Drift v2 or Velocity: terms and funding indices."""

import re

from msgspec import Struct

from adapters.drift.layout import PerpLayout
from adapters.drift.units import BASE_SCALE, FUNDING_SCALE, MARGIN_SCALE, PRICE_SCALE, decimal_of
from adapters.solana.tracked_pool import UnknownLayout
from kernel.finance.funding_index import FundingIndex
from kernel.finance.perp_terms import PerpStatus, PerpTerms

_NAME = re.compile(r"[A-Z0-9]{1,24}-PERP\Z")
PERIOD_S_MAX = 24 * 3_600  #: of funding; the programs use one hour
#: market status -> ours. All others mean that it is not open, or not any more.
STATUS: dict[str, PerpStatus] = {
    "Active": "active",
    "FundingPaused": "reduce_only",  # Drift v2 alone has the paused states; an open position is better left
    "AmmPaused": "reduce_only",
    "FillPaused": "closed",
    "WithdrawPaused": "reduce_only",
    "ReduceOnly": "reduce_only",
}


class PerpMarket(Struct, frozen=True, kw_only=True, gc=False):
    """What an account says, raw. `name` is "" where the account's text is no market name."""

    venue: str
    settle_asset: str
    slot: int
    market_index: int
    name: str
    oracle: str
    status: str
    paused_operations: int
    quote_spot_market_index: int
    order_step_size: int
    order_tick_size: int
    min_order_size: int
    margin_ratio_initial: int
    margin_ratio_maintenance: int
    base_asset_amount_long: int
    base_asset_amount_short: int
    cumulative_funding_rate_long: int
    cumulative_funding_rate_short: int
    last_funding_rate_long: int
    last_funding_rate_short: int
    last_funding_rate_ts: int
    funding_period: int
    last_funding_oracle_twap: int
    last_mark_price_twap: int
    last_oracle_price: int
    quote_max_insurance: int
    quote_settled_insurance: int

    @classmethod
    def decode(cls, layout: PerpLayout, owner: str, data: bytes, slot: int) -> "PerpMarket":
        """Read an account by its owner and length. Raises `UnknownLayout`."""
        values = dict(
            zip(cls.__struct_fields__[3:], layout.fields("PerpMarket", owner, data, layout.market_paths), strict=True)
        )
        values["name"] = _name(values["name"])
        market = cls(venue=layout.venue, settle_asset=layout.settle_asset, slot=slot, **values)
        for field in ("order_step_size", "order_tick_size", "margin_ratio_initial", "margin_ratio_maintenance"):
            if getattr(market, field) <= 0:
                raise UnknownLayout(f"{layout.venue} market {market.market_index}: expected {field} above 0, found 0")
        if not 0 < market.funding_period <= PERIOD_S_MAX:
            raise UnknownLayout(
                f"{layout.venue} market {market.market_index}: expected a funding period of 1 to {PERIOD_S_MAX} s, "
                f"found {market.funding_period}"
            )
        return market

    @property
    def instrument(self) -> str:
        """ "velocity:SOL-PERP"; by number where the name cannot be used."""
        return f"{self.venue}:{self.name or f'{self.market_index}-PERP'}"

    def funding(self) -> FundingIndex:
        """The market's indices and last settled rates."""
        return FundingIndex(
            instrument=self.instrument,
            slot=self.slot,
            long_index=self.cumulative_funding_rate_long,
            short_index=self.cumulative_funding_rate_short,
            last_rate_long=self.last_funding_rate_long,
            last_rate_short=self.last_funding_rate_short,
            settled_s=self.last_funding_rate_ts,
            interval_s=self.funding_period,
            price_scale=PRICE_SCALE,
            oracle_twap=self.last_funding_oracle_twap,
            mark_twap=self.last_mark_price_twap,
            index_scale=FUNDING_SCALE,
        )

    def terms(self) -> PerpTerms:
        """The market's terms."""
        return PerpTerms(
            instrument=self.instrument,
            market_index=self.market_index,
            status=STATUS.get(self.status, "closed"),
            lot_size=decimal_of(self.order_step_size, BASE_SCALE),
            tick_size=decimal_of(self.order_tick_size, PRICE_SCALE),
            qty_min=decimal_of(max(self.min_order_size, self.order_step_size), BASE_SCALE),
            settle_asset=self.settle_asset,
            margin_initial=decimal_of(self.margin_ratio_initial, MARGIN_SCALE),
            margin_maintenance=decimal_of(self.margin_ratio_maintenance, MARGIN_SCALE),
            long_qty=decimal_of(self.base_asset_amount_long, BASE_SCALE),
            short_qty=decimal_of(-self.base_asset_amount_short, BASE_SCALE),
        )


def _name(raw: bytes) -> str:
    """A market's name, padded with spaces by the program; anything but a plain name is not shown."""
    text = raw.decode("ascii", "replace").rstrip(" \x00")
    return text if _NAME.match(text) else ""
