"""The settings of the risk gate: one set of limits per strategy, and the same limits over the sum of all strategies.

Names and defaults of the common ones are those of the product specification, section 2.0. Limits are thresholds, not
money that is booked, so they are floats; the gate compares them as the decimals that they print as.
"""

import math
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from kernel.errors import ConfigError
from kernel.settings import fields_of
from kernel.strategy import Settings

USD_MAX = 1e7
GLOBAL_NAME = "risk"  #: `SettingsChanged.strategy` of the global limits; "risk.NAME" carries those of strategy NAME


def _meta(group: str, title: str, unit: str, description: str) -> Meta:
    return Meta(title=title, description=description, extra={"unit": unit, "group": group})


_Usd = Annotated[float, Meta(ge=0.0, le=USD_MAX)]
_Bps = Annotated[float, Meta(ge=0.0, le=10_000.0)]
_Ms = Annotated[int, Meta(ge=1, le=7 * 86_400_000)]
_Seconds = Annotated[int, Meta(ge=0, le=86_400)]

Budget = Annotated[
    _Usd, _meta("Size", "Budget", "USD", "Capital tied up in open positions (at cost) and working orders, both legs.")
]
Notional = Annotated[
    _Usd, _meta("Size", "Largest order", "USD", "Value of one order; each leg of a hedge counts alone.")
]
PositionCap = Annotated[
    _Usd, _meta("Size", "Largest position", "USD", "Value of the holding in one instrument, working orders included.")
]
Gross = Annotated[
    _Usd,
    _meta("Size", "Gross exposure", "USD", "Positions at their marks, longs and shorts added, and working orders."),
]
OpenOrders = Annotated[int, Meta(ge=0, le=1_000), _meta("Pace", "Working orders", "orders", "Orders not over yet.")]
PerMinute = Annotated[
    int,
    Meta(ge=0, le=6_000),
    _meta("Pace", "Orders per minute", "orders/min", "Orders in any 60 s; reduce-only ones may use twice as many."),
]
DailyLoss = Annotated[
    _Usd, _meta("Loss", "Daily loss", "USD", "New risk stops until midnight UTC once the day has lost this much.")
]
DrawdownPct = Annotated[
    float,
    Meta(ge=1.0, le=50.0),
    _meta("Loss", "Drawdown", "%", "Fall from the best P&L, as a percent of budget plus that P&L."),
]
LossCooldown = Annotated[
    _Seconds, _meta("Loss", "Pause after a loss", "s", "No new risk for this long after a losing close; 0 = no pause.")
]
PriceAge = Annotated[
    _Ms, _meta("Price", "Price age", "ms", "Oldest price of an order-book instrument (and its mark) to trade on.")
]
ChainAge = Annotated[
    _Ms, _meta("Price", "Chain data age", "ms", "Oldest pool state and gas price to trade on; chains tick in blocks.")
]
Deviation = Annotated[
    _Bps, _meta("Price", "Price collar", "bps", "How far a limit price or a swap's worst price may be from the mark.")
]
FeeCap = Annotated[
    _Bps,
    _meta("Cost", "Fee", "bps", "Pool fees of a route, or the last fee seen on a book; also reserved with each order."),
]
GasUsd = Annotated[_Usd, _meta("Cost", "Gas per transaction", "USD", "Most that one transaction may burn.")]
GasGwei = Annotated[
    float, Meta(ge=0.0, le=1e6), _meta("Cost", "Gas price", "gwei", "Highest price of a unit of gas to bid.")
]
TipUsd = Annotated[_Usd, _meta("Cost", "Tip", "USD", "Highest tip or builder payment of one transaction.")]
FailedCost = Annotated[
    _Usd, _meta("Cost", "Failed transactions per day", "USD", "Gas of reverted transactions, those in flight included.")
]
MinNet = Annotated[
    float,
    Meta(ge=-USD_MAX, le=USD_MAX),
    _meta("Cost", "Smallest expected profit", "USD", "Net of all costs; orders that open risk must state theirs."),
]
Failures = Annotated[
    int,
    Meta(ge=1, le=1_000),
    _meta("Breaker", "Failures in a row", "orders", "Rejected, reverted or expired without a fill: the breaker opens."),
]
FailureCooldown = Annotated[
    _Seconds, _meta("Breaker", "Breaker stays open", "s", "0 = until somebody resets it. One more failure reopens it.")
]
MaxHold = Annotated[
    int,
    Meta(ge=1, le=5_256_000),
    _meta("Time", "Longest hold", "minutes", "Older positions are closed by the kernel, whatever the strategy wants."),
]
Names = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=10_000)]
BlacklistTokens = Annotated[Names, _meta("Blacklist", "Tokens", "list", "Never opened: asset names or underlyings.")]
BlacklistInstruments = Annotated[Names, _meta("Blacklist", "Instruments", "list", "Never opened: instrument ids.")]
Leverage = Annotated[
    float, Meta(ge=1.0, le=20.0), _meta("Size", "Leverage", "×", "Perpetual notional per unit of margin balance.")
]


class RiskLimits(Settings, frozen=True, kw_only=True):
    """Limits of one strategy."""

    budget_usd: Budget = 1_000.0
    max_notional_usd: Notional = 500.0
    max_position_usd: PositionCap = 1_000.0
    max_gross_exposure_usd: Gross = 2_000.0
    max_open_orders: OpenOrders = 10
    max_orders_per_minute: PerMinute = 30
    max_daily_loss_usd: DailyLoss = 100.0
    max_drawdown_pct: DrawdownPct = 10.0
    cooldown_after_loss_s: LossCooldown = 60
    max_price_age_ms: PriceAge = 2_000
    max_chain_age_ms: ChainAge = 30_000
    max_price_deviation_bps: Deviation = 200.0
    max_fee_bps: FeeCap = 100.0
    max_gas_usd: GasUsd = 5.0
    max_gas_price_gwei: GasGwei = 200.0
    max_tip_usd: TipUsd = 10.0
    max_failed_tx_cost_usd_per_day: FailedCost = 25.0
    min_expected_net_usd: MinNet = 0.0
    max_consecutive_failures: Failures = 5
    failure_cooldown_s: FailureCooldown = 300
    max_hold_minutes: MaxHold = 43_200
    blacklist_tokens: BlacklistTokens = ()
    blacklist_instruments: BlacklistInstruments = ()


class GlobalLimits(RiskLimits, frozen=True, kw_only=True):
    """The same limits over all strategies together, and what exists only once."""

    budget_usd: Budget = 10_000.0
    max_notional_usd: Notional = 5_000.0
    max_position_usd: PositionCap = 5_000.0
    max_gross_exposure_usd: Gross = 20_000.0
    max_open_orders: OpenOrders = 100
    max_orders_per_minute: PerMinute = 300
    max_daily_loss_usd: DailyLoss = 500.0
    cooldown_after_loss_s: LossCooldown = 0
    max_price_age_ms: PriceAge = 300_000
    max_chain_age_ms: ChainAge = 300_000
    max_price_deviation_bps: Deviation = 1_000.0
    max_gas_usd: GasUsd = 50.0
    max_gas_price_gwei: GasGwei = 500.0
    max_tip_usd: TipUsd = 50.0
    max_failed_tx_cost_usd_per_day: FailedCost = 100.0
    max_consecutive_failures: Failures = 20
    max_hold_minutes: MaxHold = 525_600
    max_leverage: Leverage = 1.0


LimitsT = TypeVar("LimitsT", bound=RiskLimits)

LOWER_IS_LAXER = frozenset({"min_expected_net_usd", "cooldown_after_loss_s", "failure_cooldown_s"})
BLACKLISTS = frozenset({"blacklist_tokens", "blacklist_instruments"})


def checked_limits(limits: LimitsT, ceilings: GlobalLimits | None = None) -> LimitsT:
    """The same limits, proven to be inside their bounds and not laxer than `ceilings` in any field.

    Raises `ConfigError` naming the field, what it may be and what it is.
    """
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"risk limit {name}: expected a finite number, found {value}")
    try:
        proven = msgspec.convert(msgspec.to_builtins(limits), type(limits))
    except msgspec.ValidationError as error:
        raise ConfigError(f"risk limits: {error}") from error
    if ceilings is not None:
        for name, text in laxer_than(proven, ceilings).items():
            raise ConfigError(f"risk limit {name}: {text}")
    return proven


def laxer_than(limits: RiskLimits, ceilings: GlobalLimits) -> dict[str, str]:
    """Every field in which limits are laxer than the hard ceilings, with what is allowed and what was found."""
    flaws = {}
    for name in limits.__struct_fields__:
        text = _laxity(name, getattr(limits, name), getattr(ceilings, name))
        if text:
            flaws[name] = text
    return flaws


def limits_from_json(kind: type[LimitsT], text: str, ceilings: GlobalLimits | None = None) -> LimitsT:
    """Limits of a `SettingsChanged`; raises `ConfigError` naming the first wrong field."""
    try:
        limits = msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"risk limits: {error}") from error
    return checked_limits(limits, ceilings)


def _laxity(name: str, value: Any, ceiling: Any) -> str:
    if name in BLACKLISTS:
        missing = sorted(set(ceiling) - set(value))
        return f"must keep {', '.join(missing)}, which the ceiling names" if missing else ""
    is_manual = name == "failure_cooldown_s"
    own, hard = (math.inf if is_manual and each == 0 else each for each in (value, ceiling))
    if (own < hard) if name in LOWER_IS_LAXER else (own > hard):
        word = "at least" if name in LOWER_IS_LAXER else "at most"
        return f"the hard ceiling allows {word} {ceiling:g}, found {value:g}"
    return ""


def loosest() -> dict[str, Any]:
    """The ceilings that forbid nothing beyond the bounds: for a profile that names only some."""
    plain: dict[str, Any] = msgspec.to_builtins(GlobalLimits())
    for field in fields_of(GlobalLimits):
        if field.name in BLACKLISTS:
            plain[field.name] = []
        elif field.name == "failure_cooldown_s":
            plain[field.name] = 1  # 0 stands for a breaker that only a person resets: the strictest
        else:
            plain[field.name] = field.low if field.name in LOWER_IS_LAXER else field.high
    return plain
