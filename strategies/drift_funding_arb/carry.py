"""Prices one candidate: size on both lots, expected funding over the horizon, and every cost including both exits."""

import math
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bus.events import InstrumentListed
from bus.intents import Cost
from bus.units import ZERO, Side, bps_of, exact, opposite, quantise_down
from kernel.finance.funding import HOURS_PER_YEAR, FundingForecast
from strategies.drift_funding_arb.margin import collateral_share
from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from strategies.drift_funding_arb.venues import ON_CHAIN_VENUES

GATE_SHARE = 0.97  #: of the gate's cap; the gate values an order at its own mark, a little apart from ours
CENT_MILLIONTH = Decimal("0.00000001")
Direction = Literal["short_perp", "long_perp"]


class LegPrice(Struct, frozen=True, kw_only=True):
    """A leg's instrument with the price that a decision used."""

    listed: InstrumentListed
    price: float  #: quote (USD-like) per base
    ts_ns: int


class CarryQuote(Struct, frozen=True, kw_only=True):
    """A candidate: what it would earn and cost. `qty` 0 = it does not fit (budget, lots or minimum order)."""

    direction: Direction
    qty: Decimal  #: base units of each leg
    size_usd: Decimal  #: notional of one leg, at the higher of both prices
    collateral_usd: Decimal
    gross_usd: Decimal  #: expected funding over the forecast horizon
    costs: tuple[Cost, ...]
    net_usd: Decimal
    break_even_hours: float  #: infinite = never

    @property
    def perp_side(self) -> Side:
        return "sell" if self.direction == "short_perp" else "buy"

    @property
    def spot_side(self) -> Side:
        return opposite(self.perp_side)


def common_lot(first: Decimal, second: Decimal) -> Decimal:
    """The smallest step that lies on both lot lattices; 0 = no lattice.

    >>> common_lot(Decimal("0.01"), Decimal("0.015"))
    Decimal('0.030')
    """
    if not first or not second:
        return first or second
    scale = Decimal(10) ** min(_exponent(first), _exponent(second))
    return math.lcm(int(first / scale), int(second / scale)) * scale


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def size_carry(
    settings: DriftFundingArbSettings,
    direction: Direction,
    perp: LegPrice,
    spot: LegPrice,
    used: "Used",
    leg_cap_usd: float,
) -> tuple[Decimal, Decimal, Decimal]:
    """(qty, size_usd, collateral_usd): the least of cap, gate, leverage and distance, collateral, budget left."""
    share = exact(
        collateral_share(
            direction == "short_perp",
            settings.entry_liquidation_distance_pct,
            settings.maintenance_margin_pct,
            settings.max_leverage,
        )
    )
    collateral_left = max(ZERO, exact(settings.perp_collateral_usd) - used.collateral_usd)
    budget_left = max(ZERO, exact(settings.budget_usd) - used.capital_usd)
    cap = min(settings.max_position_size_usd, leg_cap_usd * GATE_SHARE)
    size = min(exact(cap), collateral_left / share, budget_left / (1 + share))
    price = exact(max(perp.price, spot.price))
    lot = common_lot(Decimal(perp.listed.lot_size), Decimal(spot.listed.lot_size))
    qty = quantise_down(size / price, lot)
    lowest = exact(min(perp.price, spot.price)) * qty
    if lowest < max(Decimal(perp.listed.min_notional_usd), Decimal(spot.listed.min_notional_usd)):
        qty = ZERO
    size = qty * price
    return qty, size, size * share


class Used(Struct, frozen=True, kw_only=True):
    """What the open and opening positions of all markets already bind."""

    collateral_usd: Decimal
    capital_usd: Decimal  #: collateral and spot notional


def quote_carry(
    settings: DriftFundingArbSettings,
    direction: Direction,
    forecast: FundingForecast,
    perp: LegPrice,
    spot: LegPrice,
    used: Used,
    second_leg_per_hour: float = 0.0,
    leg_cap_usd: float = math.inf,
    basis_bps: float | None = None,
) -> CarryQuote:
    """Price the candidate. Costs that recur are counted over the whole horizon; a favourable basis is never income.

    `leg_cap_usd`: most that the gate lets one leg be. `basis_bps`: what the settlement currency is apart from the spot
    leg's; None = the reserve in the settings.
    `second_leg_per_hour`: funding as paid to a long where a perpetual stands in for spot; only paying it counts.
    """
    qty, size, collateral = size_carry(settings, direction, perp, spot, used, leg_cap_usd)
    horizon = settings.forecast_horizon_hours
    basis = settings.settlement_basis_bps if basis_bps is None else basis_bps
    once = _once(settings, direction, size, perp, spot, basis)
    running_per_year = [("capital", (size + collateral) * exact(settings.collateral_cost_apr_pct) / 100)]
    if direction == "long_perp":
        running_per_year.append(("borrow", size * exact(settings.spot_borrow_apr_pct) / 100))
    second_leg_cost = max(0.0, -second_leg_per_hour if direction == "short_perp" else second_leg_per_hour)
    if second_leg_cost:
        running_per_year.append(("second_leg_funding", size * exact(second_leg_cost) * HOURS_PER_YEAR))
    running = [(name, usd * exact(horizon) / HOURS_PER_YEAR) for name, usd in running_per_year]
    costs = tuple(Cost(name=name, usd=usd.quantize(CENT_MILLIONTH)) for name, usd in (*once, *running))
    gross = (size * exact(forecast.income(horizon))).quantize(CENT_MILLIONTH)
    if size > 0:
        hourly = float(sum(usd for _, usd in running_per_year) / size) / HOURS_PER_YEAR
        break_even = forecast.break_even_hours(float(sum(usd for _, usd in once) / size), hourly)
    else:
        break_even = math.inf
    return CarryQuote(
        direction=direction,
        qty=qty,
        size_usd=size,
        collateral_usd=collateral,
        gross_usd=gross,
        costs=costs,
        net_usd=gross - sum((cost.usd for cost in costs), ZERO),
        break_even_hours=break_even,
    )


def _once(
    settings: DriftFundingArbSettings,
    direction: Direction,
    size: Decimal,
    perp: LegPrice,
    spot: LegPrice,
    basis_bps: float,
) -> list[tuple[str, Decimal]]:
    """Costs that do not depend on how long it is held: four trades and the reserves."""
    perp_fee = bps_of(size, exact(settings.perp_taker_fee_bps))
    spot_fee = bps_of(size, exact(settings.spot_taker_fee_bps))
    spread = bps_of(size, exact(settings.perp_half_spread_bps) + exact(settings.spot_half_spread_bps))
    on_chain_legs = sum(leg.listed.venue in ON_CHAIN_VENUES for leg in (perp, spot))
    premium = perp.price / spot.price - 1
    adverse = max(0.0, -premium if direction == "short_perp" else premium)
    return [
        ("perp_entry_fee", perp_fee),
        ("spot_entry_fee", spot_fee),
        ("entry_spread", spread),
        ("perp_exit_fee", perp_fee),
        ("spot_exit_fee", spot_fee),
        ("exit_spread", spread),
        ("network", 2 * on_chain_legs * exact(settings.network_cost_usd)),
        ("settlement_basis", bps_of(size, exact(basis_bps))),
        ("entry_basis", size * exact(adverse)),
        ("rebalancing", bps_of(size, exact(settings.rebalance_reserve_bps))),
    ]
