"""A coin that we hold, as fills made it, and when to sell how much of it.

The order of the exits is their rank: what protects the stake comes before what takes profit. Nothing here can keep a
position beyond `max_hold_minutes`: that exit needs no price.
"""

from typing import NamedTuple

from msgspec import Struct

from bus.clock import NS_PER_MINUTE, NS_PER_S
from bus.units import BPS_PER_UNIT
from strategies.graduation_sniper.settings import ExitTier, GraduationSniperSettings


class Exit(NamedTuple):
    """What to sell and why."""

    reason: str
    qty_raw: int
    tiers_done: int = 0  #: tiers that are sold once this is; 0 = not a tier


class Position(Struct, kw_only=True):
    """Raw units of the coin and lamports, from fills alone."""

    pool: str
    creator: str
    opened_ns: int
    bought_raw: int = 0
    held_raw: int = 0
    cost_lamports: int = 0  #: of everything bought, fees of the network left out
    sold_lamports: int = 0
    tiers_done: int = 0  #: tiers whose share was sold
    peak_multiple: float = 0.0  #: highest since the first tier was reached (from the start without tiers), else 0.0
    depth_peak: float = 0.0  #: highest root of the product of the pool's sides
    heard_ns: int = 0
    creator_sold_raw: int = 0  #: since our entry
    failed_exits: int = 0

    @property
    def is_open(self) -> bool:
        return self.held_raw > 0

    def see(self, multiple: float, depth: float, tiers: tuple[ExitTier, ...]) -> None:
        """A price was seen, and how deep the pool is."""
        self.depth_peak = max(self.depth_peak, depth)
        if self.tiers_done or not tiers or multiple >= tiers[0].multiple:
            self.peak_multiple = max(self.peak_multiple, multiple)

    def multiple(self, worth_lamports: int, qty_raw: int) -> float:
        """Price now against price paid: `worth_lamports` is what `qty_raw` would bring."""
        if not self.cost_lamports or not qty_raw or not self.bought_raw:
            return 0.0
        return (worth_lamports / qty_raw) / (self.cost_lamports / self.bought_raw)


def due_exit(
    position: Position,
    settings: GraduationSniperSettings,
    tiers: tuple[ExitTier, ...],
    *,
    now_ns: int,
    multiple: float | None,
    depth: float | None,
    supply_raw: int,
) -> Exit | None:
    """The exit that is due, None while there is none. `multiple` None: no exact price is known now."""
    held = position.held_raw
    if held <= 0:
        return None
    if now_ns - position.opened_ns >= settings.max_hold_minutes * NS_PER_MINUTE:
        return Exit("max_hold", held)
    if now_ns - position.heard_ns >= settings.stale_exit_s * NS_PER_S:
        return Exit("stale_price", held)
    if supply_raw and position.creator_sold_raw * 100.0 >= settings.creator_dump_pct * supply_raw:
        return Exit("creator_dump", held)
    if depth is not None and depth < position.depth_peak * (1.0 - settings.liquidity_pull_pct / 100.0):
        return Exit("liquidity_pull", held)
    if multiple is None:
        return None
    if multiple <= 1.0 - settings.stop_loss_pct / 100.0:
        return Exit("stop_loss", held)
    peak = position.peak_multiple
    if peak and multiple <= peak * (1.0 - settings.trailing_stop_pct / 100.0):
        return Exit("trailing_stop", held)
    return _tier(position, tiers, multiple)


def _tier(position: Position, tiers: tuple[ExitTier, ...], multiple: float) -> Exit | None:
    """All tiers reached and not sold yet, as one sale."""
    reached = position.tiers_done
    wanted_raw = 0
    while reached < len(tiers) and multiple >= tiers[reached].multiple:
        wanted_raw += int(position.bought_raw * tiers[reached].pct / 100.0)
        reached += 1
    if wanted_raw <= 0:
        return None
    return Exit(f"tier_{reached}", min(wanted_raw, position.held_raw), reached)


def exit_slippage_bps(settings: GraduationSniperSettings, failed_exits: int) -> int:
    """Of the next try: doubled by each failure, up to everything."""
    return min(BPS_PER_UNIT, int(settings.exit_slippage_bps) << min(failed_exits, 14))
