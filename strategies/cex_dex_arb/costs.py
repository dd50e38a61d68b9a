"""The one cost model: what a trade costs in proportion to its size, what it costs anyway, and the lines a person reads.

The pool fee is inside the exact quote. It is shown as a line, and gross is stated before it, so that gross minus all
lines is the net and nothing is subtracted twice.
"""

from decimal import Decimal

from msgspec import Struct

from bus.clock import NS_PER_S
from bus.events import InstrumentListed
from bus.intents import Cost
from bus.units import BPS_PER_UNIT, ZERO, exact
from kernel.finance.gas import gas_cost_usd
from kernel.market import Market
from strategies.cex_dex_arb.settings import CexDexArbSettings

ROLLUPS = frozenset({"arbitrum", "base"})  #: chains that add a fee for data on Ethereum
PERCENT = Decimal(100)
READING = Decimal("0.000001")  #: cost lines are shown and logged to a millionth of a dollar


class CostTerms(Struct, frozen=True, kw_only=True):
    """Costs of one trade before its size is known. Basis points are of the CEX leg's value."""

    taker_bps: Decimal
    half_spread_bps: Decimal  #: 0 where bid and ask are known
    reserve_bps: Decimal  #: stablecoin basis
    adverse_bps: Decimal
    failure_share: Decimal  #: 0.05 = one in twenty fails
    gas_usd: Decimal
    l1_usd: Decimal
    rebalance_usd: Decimal
    gas_limit: int
    gas_price_wei_max: int
    gas_usd_max: Decimal

    @property
    def sized_bps(self) -> Decimal:
        """Everything that grows with the size; a failed swap also pays the undoing of its CEX leg."""
        crossing = self.taker_bps + self.half_spread_bps
        return crossing + self.reserve_bps + self.adverse_bps + self.failure_share * crossing

    @property
    def fixed_usd(self) -> Decimal:
        """What a trade of any size costs."""
        return (self.gas_usd + self.l1_usd) * (1 + self.failure_share) + self.rebalance_usd

    def lines(self, notional_usd: Decimal, pool_fee_usd: Decimal, basis_usd: Decimal) -> tuple[Cost, ...]:
        """The stack of a direct trade; lines that are 0 are left out."""
        crossing_usd = notional_usd * (self.taker_bps + self.half_spread_bps) / BPS_PER_UNIT
        return _nonzero(
            pool_fee=pool_fee_usd,
            venue_fee=notional_usd * self.taker_bps / BPS_PER_UNIT,
            slippage=notional_usd * self.half_spread_bps / BPS_PER_UNIT,
            gas=self.gas_usd,
            l1_data_fee=self.l1_usd,
            expected_failures=self.failure_share * (self.gas_usd + self.l1_usd + crossing_usd),
            basis=basis_usd + notional_usd * self.reserve_bps / BPS_PER_UNIT,
            adverse_selection=notional_usd * self.adverse_bps / BPS_PER_UNIT,
            rebalancing=self.rebalance_usd,
        )

    def flash_lines(self, pool_fee_usd: Decimal, premium_usd: Decimal) -> tuple[Cost, ...]:
        """The stack of a flash trade: no CEX leg, no inventory."""
        return _nonzero(
            pool_fee=pool_fee_usd,
            flash_premium=premium_usd,
            gas=self.gas_usd,
            l1_data_fee=self.l1_usd,
            expected_failures=self.failure_share * (self.gas_usd + self.l1_usd),
        )


def _nonzero(**lines: Decimal) -> tuple[Cost, ...]:
    return tuple(Cost(name=name, usd=usd.quantize(READING)) for name, usd in lines.items() if usd.quantize(READING))


def total_usd(lines: tuple[Cost, ...]) -> Decimal:
    """Sum of a stack."""
    return sum((line.usd for line in lines), ZERO)


def taker_fee_bps(listed: InstrumentListed, settings: CexDexArbSettings) -> float | None:
    """Taker fee of a CEX instrument; None for a kind that has none set."""
    return {"spot": settings.spot_taker_fee_bps, "perp": settings.perp_taker_fee_bps}.get(listed.kind)


def cost_terms(
    market: Market,
    settings: CexDexArbSettings,
    *,
    pool: InstrumentListed,
    cex: InstrumentListed,
    is_coarse: bool,
    now_ns: int,
) -> CostTerms | str:
    """Terms for a trade now, or the reason code of what is unknown."""
    is_flash = settings.execution_mode == "flash_loan"
    taker_bps = taker_fee_bps(cex, settings)
    if taker_bps is None:
        return "fee_unknown"
    price = market.gas.get(pool.chain)
    if price is None or now_ns - price.ts_ns > settings.gas_age_s * NS_PER_S or price.gas_price_wei <= 0:
        return "gas_unknown"
    gas_limit = settings.flash_gas_limit if is_flash else settings.swap_gas_limit
    gas_usd = gas_cost_usd(price, gas_limit)
    if gas_usd is None:
        return "gas_unknown"
    headroom = 1 + exact(settings.gas_headroom_pct) / PERCENT
    is_same_dollar = pool.quote == cex.quote
    return CostTerms(
        taker_bps=exact(taker_bps),
        half_spread_bps=exact(settings.coarse_half_spread_bps) if is_coarse else ZERO,
        reserve_bps=ZERO if is_same_dollar else exact(settings.stablecoin_basis_bps),
        adverse_bps=exact(settings.adverse_selection_bps),
        failure_share=exact(settings.failure_probability_pct) / PERCENT,
        gas_usd=gas_usd,
        l1_usd=exact(settings.l1_data_fee_usd) if pool.chain in ROLLUPS else ZERO,
        rebalance_usd=exact(settings.rebalance_cost_usd) / settings.rebalance_cost_amortisation_trades,
        gas_limit=gas_limit,
        gas_price_wei_max=int(price.gas_price_wei * headroom),
        gas_usd_max=gas_usd * headroom,
    )
