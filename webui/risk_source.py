"""What the risk page shows: limits against their use, breakers, what the gate refused lately.

Times are nanoseconds UTC of event time. None means "not known".
"""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct


class LimitBar(Struct, frozen=True, kw_only=True):
    """A limit that fills up. `used` None = not known now, `note` says why."""

    name: str
    used: Decimal | None
    limit: Decimal
    unit: str
    note: str = ""


class LimitSetting(Struct, frozen=True, kw_only=True):
    """A limit as it is set, asked of each order on its own. `name` is its field."""

    name: str
    title: str
    unit: str
    description: str
    text: str


class BreakerRow(Struct, frozen=True, kw_only=True):
    """Breakers of a scope. Moments: 0 = not in force, None = until somebody resets it."""

    failures: int
    failures_max: int
    failures_until_ns: int | None
    loss_until_ns: int
    killed: str | None  #: reason of its kill switch


class RiskScope(Struct, frozen=True, kw_only=True):
    """One strategy, or ("" = ) all of them together."""

    name: str
    title: str
    bars: tuple[LimitBar, ...]
    breakers: BreakerRow
    settings: tuple[LimitSetting, ...]
    refused: str = ""  #: why its newest limits were not taken


class DenialRow(Struct, frozen=True, kw_only=True):
    """A reason of the gate, with its counts and the newest example."""

    strategy: str
    reason: str
    scope: str
    last_hour: int
    last_day: int
    limit: str
    asked: str
    unit: str
    last_ts_ns: int
    last_seq: int


class ResetRow(Struct, frozen=True, kw_only=True):
    """A reset of breakers by hand. `strategy` "" = all."""

    seq: int
    ts_ns: int
    strategy: str
    by: str
    reason: str


class RiskLook(Struct, frozen=True, kw_only=True):
    """The gate at this moment. The whole kernel comes first among `scopes`."""

    now_ns: int
    scopes: tuple[RiskScope, ...]
    denials: tuple[DenialRow, ...] = ()
    resets: tuple[ResetRow, ...] = ()
    counted_since_ns: int = 0  #: denials before are not in the counts


class RiskSource(Protocol):
    """Cheap looks at the gate, and the one command."""

    def look(self) -> RiskLook: ...

    def reset_breakers(self, strategy: str, reason: str, by: str) -> None:
        """`strategy` "" = all strategies and the whole."""
