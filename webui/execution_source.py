"""What the execution page shows: open orders, hedges under way, and the trace of each order with its costs.

Amounts are exact USD or base units; times UTC nanoseconds of event time. None means "not known".
"""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct


class OpenOrder(Struct, frozen=True, kw_only=True):
    """An order without a terminal report. `status` unknown = the venue has not answered whether it landed."""

    order_id: str
    strategy: str
    venue: str
    instrument: str
    side: str
    kind: str
    qty: Decimal | None  #: None = a swap
    limit_price: Decimal | None
    notional_usd: Decimal
    filled_qty: Decimal
    status: str
    age_ms: int
    group: str = ""
    is_reduce_only: bool = False
    is_unwind: bool = False
    simulated: bool = True
    note: str = ""


class OrphanRow(Struct, frozen=True, kw_only=True):
    """What stands alone in a hedge, and the protocol that mends it (unwind, hedge or keep)."""

    strategy: str
    group: str
    instrument: str
    side: str
    qty: Decimal | None
    action: str
    age_ms: int | None


class HedgeRow(Struct, frozen=True, kw_only=True):
    """Legs that belong together and are not all over."""

    strategy: str
    group: str
    open_legs: int
    instruments: tuple[str, ...]
    due_ms: int  #: until the deadline; negative = past it


class ExecutionLook(Struct, frozen=True, kw_only=True):
    """Execution at this moment. Unknown orders come first, then the oldest."""

    open: tuple[OpenOrder, ...] = ()
    orphans: tuple[OrphanRow, ...] = ()
    hedges: tuple[HedgeRow, ...] = ()
    queues: str = ""  #: what is known of queues to venues
    version: int = 0  #: grows with every verdict and report


class OrderQuery(Struct, frozen=True, kw_only=True):
    """Which orders to list, newest first, below `before_key`. Empty filters mean all."""

    strategy: str = ""
    venue: str = ""
    status: str = ""
    before_key: str = ""
    limit: int = 50


class OrderTrace(Struct, frozen=True, kw_only=True):
    """One verdict and what became of it. `realised_usd` is net of fees and gas; None = it closed nothing (yet)."""

    key: str
    ts_ns: int
    order_id: str
    strategy: str
    venue: str
    instrument: str
    side: str
    kind: str
    qty: Decimal | None
    filled_qty: Decimal
    average_price: Decimal | None
    notional_usd: Decimal
    status: str
    reason: str = ""
    fee_usd: Decimal | None = None
    gas_usd: Decimal | None = None
    tip_usd: Decimal | None = None
    slippage_usd: Decimal | None = None
    expected_net_usd: Decimal | None = None
    realised_usd: Decimal | None = None
    gap_reason: str = ""
    group: str = ""
    tx_hash: str = ""
    took_ms: int = 0
    is_unwind: bool = False
    simulated: bool = True


class OrderList(Struct, frozen=True, kw_only=True):
    """A page. `searched_to_ns` > 0: looked back to there only; follow `next_key` for more."""

    rows: tuple[OrderTrace, ...] = ()
    next_key: str = ""
    searched_to_ns: int = 0
    note: str = ""
    venues: tuple[str, ...] = ()


class ExecutionSource(Protocol):
    """Cheap looks at memory, orders from the tables, and two commands."""

    def look(self) -> ExecutionLook: ...

    async def orders(self, query: OrderQuery) -> OrderList: ...

    def command(self, strategy: str, command: str, by: str, reason: str) -> None:
        """halt (cancel its orders, pause it) or flatten (close its positions)."""
