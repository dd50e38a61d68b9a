"""A purchase priced both ways: what comes in, what selling it at once would bring, the multiple that breaks even."""

from decimal import Decimal

from msgspec import Struct

from bus.events import PriorityFees
from bus.intents import Cost, Hop, Swap
from bus.units import BPS_PER_UNIT, ZERO, exact
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool
from kernel.finance.lamports import (
    LAMPORTS_PER_SOL,
    READING,
    SIGNATURE_FEE_LAMPORTS,
    WEI_PER_LAMPORT,
    lamports_usd,
    priority_fee_lamports,
)
from strategies.graduation_sniper.settings import GraduationSniperSettings


def fee_lamports(settings: GraduationSniperSettings, fees: PriorityFees | None) -> int:
    """Signature and priority fee of one transaction; without a level heard of the highest that is allowed."""
    if fees is None:
        return SIGNATURE_FEE_LAMPORTS + settings.max_priority_fee_lamports
    priority = priority_fee_lamports(fees.p75_micro_lamports, settings.compute_units)
    return SIGNATURE_FEE_LAMPORTS + min(settings.max_priority_fee_lamports, priority)


class Entry(Struct, frozen=True, kw_only=True):
    """A purchase at the stake, with the whole way out beside it."""

    pool: str
    stake_lamports: int
    coins_raw: int
    coins_min_raw: int
    back_lamports: int  #: what selling all of it in the pool behind us would bring
    network_lamports: int  #: fees and tips of going in and out
    fee_lamports: int
    tip_lamports: int

    @property
    def break_even(self) -> float:
        """The multiple of the price paid at which everything is paid back. Own impact both ways is in it."""
        return (
            (self.stake_lamports + self.network_lamports) / self.back_lamports if self.back_lamports else float("inf")
        )

    def costs(self, sol_usd: Decimal) -> tuple[Cost, ...]:
        """The stack as a person reads it."""
        lines = {
            "pool_fees_and_impact": self.stake_lamports - self.back_lamports,
            "gas": 2 * self.fee_lamports,
            "tip": 2 * self.tip_lamports,
        }
        return tuple(Cost(name=name, usd=lamports_usd(each, sol_usd)) for name, each in lines.items() if each)


def priced_entry(
    name: str, pool: Pool, settings: GraduationSniperSettings, fees: PriorityFees | None, tip: int, now_s: int
) -> Entry | str:
    """The purchase, or `no_quote`."""
    stake = int(exact(settings.snipe_amount_sol) * LAMPORTS_PER_SOL)
    try:
        bought, behind = pool.after(False, stake, now_s)
        back = behind.quote_in(True, bought.amount_out, now_s)
    except PoolRefused:
        return "no_quote"
    fee = fee_lamports(settings, fees)
    return Entry(
        pool=name,
        stake_lamports=bought.amount_in,
        coins_raw=bought.amount_out,
        coins_min_raw=max(1, bought.amount_out * (BPS_PER_UNIT - int(settings.max_slippage_bps)) // BPS_PER_UNIT),
        back_lamports=back.amount_out,
        network_lamports=2 * (fee + tip),
        fee_lamports=fee,
        tip_lamports=tip,
    )


def buy_swap(entry: Entry, settings: GraduationSniperSettings, sol_usd: Decimal, opportunity: str, slot: int) -> Swap:
    """One transaction: exact SOL in, reverts below the least number of coins; a bundle tips inside it.

    What it is expected to earn is its costs, negative: the gate lets it pass where `min_expected_net_usd` says so.
    """
    return Swap(
        route=(Hop(pool=entry.pool, is_zero_for_one=False),),
        amount_in=entry.stake_lamports,
        amount_out_min=entry.coins_min_raw,
        base_side="buy",
        gas_limit=entry.fee_lamports,
        gas_price_wei_max=WEI_PER_LAMPORT,
        gas_usd_max=lamports_usd(entry.fee_lamports, sol_usd),
        tip_usd=lamports_usd(entry.tip_lamports, sol_usd) if entry.tip_lamports else ZERO,
        notional_usd=lamports_usd(entry.stake_lamports, sol_usd),
        expected_net_usd=-sum((each.usd for each in entry.costs(sol_usd)), ZERO),
        opportunity=opportunity,
        tip_lamports=entry.tip_lamports,
        priority_fee_lamports_max=entry.fee_lamports - SIGNATURE_FEE_LAMPORTS,
        is_bundle=settings.use_jito_bundles,
        min_slot=slot,
    )


def sell_swap(
    *,
    pool: str,
    qty_raw: int,
    least_lamports: int,
    worth_lamports: int,
    settings: GraduationSniperSettings,
    fees: PriorityFees | None,
    tip: int,
    is_bundle: bool,
    sol_usd: Decimal,
    opportunity: str,
) -> Swap:
    """Coins out, SOL in; never more than is held."""
    fee = fee_lamports(settings, fees)
    return Swap(
        route=(Hop(pool=pool, is_zero_for_one=True),),
        amount_in=qty_raw,
        amount_out_min=max(1, least_lamports),
        base_side="sell",
        is_reduce_only=True,
        gas_limit=fee,
        gas_price_wei_max=WEI_PER_LAMPORT,
        gas_usd_max=lamports_usd(fee, sol_usd),
        tip_usd=lamports_usd(tip, sol_usd) if is_bundle else ZERO,
        notional_usd=max(lamports_usd(worth_lamports, sol_usd), READING),
        opportunity=opportunity,
        tip_lamports=tip if is_bundle else 0,
        priority_fee_lamports_max=fee - SIGNATURE_FEE_LAMPORTS,
        is_bundle=is_bundle,
    )
