"""Verdicts of the gate and reports of executors: the life of an order, each step a fact.

Every order gets exactly one terminal report: Filled, Cancelled, Rejected, Expired, Landed or Reverted.
`Unknown` is not terminal: it keeps its reservation until the venue answers.
"""

from decimal import Decimal
from typing import ClassVar

from bus.events.base import Event
from bus.intents import Cost, PlaceOrder, Swap
from bus.units import ZERO, Side


class OpportunitySeen(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="opportunity_seen"):
    """A priced candidate of a strategy; `cause_seq` is the event that led to it."""

    strategy: str
    cause_seq: int
    opportunity: str
    instruments: tuple[str, ...]
    size_usd: Decimal
    gross_usd: Decimal
    costs: tuple[Cost, ...]
    expected_net_usd: Decimal
    why_not: str
    valid_until_ns: int
    note: str


class OrderApproved(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="approved"):
    """The gate's yes: an order, with its reservation made. `group` joins the legs of a hedge ("" = single)."""

    strategy: str
    order_id: str
    cause_seq: int
    intent: PlaceOrder | Swap
    group: str = ""
    deadline_ns: int = 0
    on_partial: str = ""
    is_unwind: bool = False  #: made by the kernel to end a position, not by the strategy


class OrderDenied(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="denied"):
    """The gate's no. `limit` and `asked` are decimal text in the reason's unit, "" where there is none."""

    strategy: str
    cause_seq: int
    index: int
    reason: str
    scope: str  #: strategy, global, instrument or venue
    limit: str
    asked: str
    opportunity: str
    notional_usd: Decimal


class Report(Event, frozen=True, kw_only=True, array_like=True, gc=False):
    """What an executor says about one order; reaches the owning strategy alone."""

    strategy: str
    order_id: str
    simulated: bool
    is_terminal: ClassVar[bool] = False


class Submitted(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="submitted"):
    """Handed to the venue; nothing is known yet."""

    venue_id: str = ""


class Accepted(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="accepted"):
    """The venue holds the order."""

    venue_id: str = ""


class Fill(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="fill"):
    """A part (or all) of an order was executed. Not terminal: a terminal report follows."""

    instrument: str
    side: Side
    qty: Decimal  #: base units, > 0
    price: Decimal  #: quote per base
    fee_usd: Decimal = ZERO  #: negative = rebate
    gas_usd: Decimal = ZERO
    slippage_usd: Decimal = ZERO  #: against the price at decision, >= 0 is worse
    venue_ts_ns: int = 0
    fill_id: str = ""  #: venue trade id or tx hash; the same id is booked once
    amount_in_raw: int = 0
    amount_out_raw: int = 0
    pool: str = (
        ""  #: of a swap: the pool it went through; `instrument` is then the wallet's holding (`Market.holding_of`)
    )


class Filled(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="filled"):
    """Terminal: everything asked was executed."""

    is_terminal: ClassVar[bool] = True


class Cancelled(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancelled"):
    """Terminal: taken back; what was filled before stays filled."""

    reason: str = ""
    is_terminal: ClassVar[bool] = True


class Rejected(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="rejected"):
    """Terminal: the venue refused; nothing was executed."""

    reason: str
    is_terminal: ClassVar[bool] = True


class Expired(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="expired"):
    """Terminal: time in force, deadline or block height passed; what was filled before stays filled."""

    reason: str = ""
    is_terminal: ClassVar[bool] = True


class Landed(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="landed"):
    """Terminal: our transaction is in a block with success; its fills came before this."""

    tx: str
    block: int
    is_terminal: ClassVar[bool] = True


class Reverted(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="reverted"):
    """Terminal: our transaction is in a block and failed; only gas was spent."""

    tx: str
    block: int
    gas_usd: Decimal
    reason: str
    is_terminal: ClassVar[bool] = True


class Unknown(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="unknown"):
    """Not terminal: we do not know whether the order landed. Treated as landed until the venue answers."""

    reason: str


class NativeSpent(Report, frozen=True, kw_only=True, array_like=True, gc=False, tag="native_spent"):
    """What a transaction took of the chain's own coin beside what it swapped."""

    venue: str
    asset: str
    fee_raw: int
    tip_raw: int
    rent_raw: int
    tx: str
    block: int


class OrphanLeg(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="orphan_leg"):
    """A hedge missed its deadline with legs unequal; the protocol that now runs is `action`."""

    strategy: str
    group: str
    instrument: str
    side: Side
    qty: Decimal  #: base units that stand alone
    action: str  #: unwind, hedge or keep
    is_resolved: bool = False


ReportEvent = Submitted | Accepted | Fill | Filled | Cancelled | Rejected | Expired | Landed | Reverted | Unknown
REPORTS: tuple[type[Report], ...] = (
    Submitted, Accepted, Fill, Filled, Cancelled, Rejected, Expired, Landed, Reverted, Unknown,
)  # fmt: skip
TERMINAL_REPORTS: tuple[type[Report], ...] = tuple(kind for kind in REPORTS if kind.is_terminal)
