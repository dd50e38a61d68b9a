"""The vocabulary: every fact the kernel knows. `AnyEvent` is the log's schema."""

from bus.events.account import BalanceUpdated
from bus.events.base import Event
from bus.events.chain import (
    GasPrice,
    LiquidityChanged,
    PoolDisabled,
    PoolSeen,
    PoolState,
    PoolSwap,
    PriorityFees,
    SlotSeen,
    TipFloor,
)
from bus.events.execution import (
    REPORTS,
    TERMINAL_REPORTS,
    Accepted,
    Cancelled,
    Expired,
    Fill,
    Filled,
    Landed,
    NativeSpent,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Rejected,
    Report,
    ReportEvent,
    Reverted,
    Submitted,
    Unknown,
)
from bus.events.funding import FundingPaid, FundingRate
from bus.events.launch import (
    LaunchCompleted,
    LaunchCreated,
    LaunchHolders,
    LaunchMigrated,
    LaunchSampled,
    LaunchTrade,
    ProgramChanged,
)
from bus.events.lending import LendingRate
from bus.events.market import Bar, BookLevels, InstrumentListed, Quote, Trade
from bus.events.system import (
    Alert,
    ClockTick,
    FeedGap,
    KillSwitchSet,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
    TimerFired,
    VenueHealth,
)

AnyEvent = (
    Quote
    | Trade
    | Bar
    | BookLevels
    | InstrumentListed
    | PoolState
    | PoolSwap
    | LiquidityChanged
    | GasPrice
    | SlotSeen
    | PoolSeen
    | PoolDisabled
    | TipFloor
    | PriorityFees
    | LaunchCompleted
    | LaunchCreated
    | LaunchHolders
    | LaunchMigrated
    | LaunchSampled
    | LaunchTrade
    | ProgramChanged
    | FundingRate
    | FundingPaid
    | LendingRate
    | BalanceUpdated
    | OpportunitySeen
    | OrderApproved
    | OrderDenied
    | ReportEvent
    | OrphanLeg
    | ClockTick
    | TimerFired
    | SettingsChanged
    | KillSwitchSet
    | StrategyCommand
    | StrategyStateChanged
    | StrategyFaulted
    | VenueHealth
    | FeedGap
    | Alert
    | StrategySampled
    | RunRestarted
)

SCHEMA_VERSION = 1  #: raise when a field changes meaning or order; appended defaulted fields do not count

__all__ = [
    "REPORTS",
    "SCHEMA_VERSION",
    "TERMINAL_REPORTS",
    "Accepted",
    "Alert",
    "AnyEvent",
    "BalanceUpdated",
    "Bar",
    "BookLevels",
    "Cancelled",
    "ClockTick",
    "Event",
    "Expired",
    "FeedGap",
    "Fill",
    "Filled",
    "FundingPaid",
    "FundingRate",
    "GasPrice",
    "InstrumentListed",
    "KillSwitchSet",
    "Landed",
    "LaunchCompleted",
    "LaunchCreated",
    "LaunchHolders",
    "LaunchMigrated",
    "LaunchSampled",
    "LaunchTrade",
    "LendingRate",
    "LiquidityChanged",
    "NativeSpent",
    "OpportunitySeen",
    "OrderApproved",
    "OrderDenied",
    "OrphanLeg",
    "PoolDisabled",
    "PoolSeen",
    "PoolState",
    "PoolSwap",
    "PriorityFees",
    "ProgramChanged",
    "Quote",
    "Rejected",
    "Report",
    "ReportEvent",
    "Reverted",
    "RunRestarted",
    "SettingsChanged",
    "SlotSeen",
    "StrategyCommand",
    "StrategyFaulted",
    "StrategySampled",
    "StrategyStateChanged",
    "Submitted",
    "TimerFired",
    "TipFloor",
    "Trade",
    "Unknown",
    "VenueHealth",
]
