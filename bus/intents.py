"""What a strategy may ask for. Intents are values: verbs with everything the gate needs to judge them."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bus.units import Side

TimeInForce = Literal["ioc", "gtc", "fok", "post_only"]
OnPartial = Literal["unwind", "hedge", "keep"]


class PlaceOrder(Struct, frozen=True, kw_only=True, tag="place_order"):
    """An order on an order-book venue. `limit_price` None = market (bounded by the price collar)."""

    instrument: str
    side: Side
    qty: Decimal
    limit_price: Decimal | None = None
    tif: TimeInForce = "ioc"
    is_reduce_only: bool = False
    notional_usd: Decimal
    expected_net_usd: Decimal | None = None  #: None = not a profit-seeking order (a close, a hedge)
    opportunity: str = ""  #: id of the opportunity this serves


class Hop(Struct, frozen=True, kw_only=True):
    """One pool of a swap route."""

    pool: str
    is_zero_for_one: bool


class Swap(Struct, frozen=True, kw_only=True, tag="swap"):
    """One guarded transaction through one or more pools: exact amount in, reverts below `amount_out_min`. Raw units.

    `base_side`: whether we end with more base (buy) or less (sell) of the first pool's instrument.
    """

    route: tuple[Hop, ...]
    amount_in: int
    amount_out_min: int
    base_side: Side
    is_flash_loan: bool = False
    is_reduce_only: bool = False
    gas_limit: int
    gas_price_wei_max: int
    gas_usd_max: Decimal
    tip_usd: Decimal = Decimal(0)
    notional_usd: Decimal
    expected_net_usd: Decimal | None = None
    opportunity: str = ""
    tip_lamports: int = 0
    priority_fee_lamports_max: int = 0
    is_bundle: bool = False
    min_slot: int = 0  #: state the decision knew


class Hedge(Struct, frozen=True, kw_only=True, tag="hedge"):
    """Legs that belong together. All pass the gate or none does; a leg missing at the deadline starts `on_partial`.

    unwind: close what was filled, on its own venue. hedge: complete the missing leg at market.
    keep: leave it to the strategy (it still gets OrphanLeg).
    """

    legs: tuple[PlaceOrder | Swap, ...]
    deadline_ms: int
    on_partial: OnPartial = "unwind"
    expected_net_usd: Decimal | None = None
    opportunity: str = ""


class CancelOrder(Struct, frozen=True, kw_only=True, tag="cancel_order"):
    """Take back an order of our own. Never denied."""

    order_id: str


class Wake(Struct, frozen=True, kw_only=True, tag="wake"):
    """Ask for a `TimerFired` with this name at this time (a later Wake of the same name replaces it)."""

    at_ns: int
    name: str


class Cost(Struct, frozen=True, kw_only=True):
    """One line of a cost breakdown."""

    name: str  #: pool_fee, venue_fee, gas, tip, flash_premium, slippage, borrow, basis, exit_fee, expected_failures …
    usd: Decimal


class Opportunity(Struct, frozen=True, kw_only=True, tag="opportunity"):
    """A candidate with its whole story, yielded beside (or instead of) an intent; becomes `OpportunitySeen`.

    `why_not` is empty when the strategy acts on it, else a reason code of the strategy.
    """

    opportunity: str  #: id, unique within the run; `bus.ids.stable_uuid` text or a counter
    instruments: tuple[str, ...]
    size_usd: Decimal
    gross_usd: Decimal
    costs: tuple[Cost, ...]
    expected_net_usd: Decimal
    why_not: str = ""
    valid_until_ns: int = 0
    note: str = ""


OrderIntent = PlaceOrder | Swap
Intent = PlaceOrder | Swap | Hedge | CancelOrder | Wake | Opportunity
