"""How much to tip for a place in a block: learnt from what landed and what did not, bounded by what the trade earns.

Pure and deterministic: state moves only with tip floors heard of and with own results. The level is what landed of
late, ours or others', whichever is more; a miss raises the pressure on it, a landing lets it sink again.
"""

from bus.events import TipFloor

PRESSURE_UNIT = 1_000
PRESSURE_MAX = 4 * PRESSURE_UNIT  #: four times the level: beyond it money does not buy what speed lost
RISE_PERMILLE = 250  #: of the present pressure, for a miss
FALL_PERMILLE = 100  #: of what is above 1, for a landing
OWN_WEIGHT = 8  #: the level of own landed tips moves by an eighth of each new one


class TipPolicy:
    """One per strategy."""

    __slots__ = ("_heard_lamports", "_own_lamports", "landed", "missed", "pressure_permille")

    def __init__(self) -> None:
        self._heard_lamports = 0
        self._own_lamports = 0
        self.pressure_permille = PRESSURE_UNIT
        self.landed = 0
        self.missed = 0

    def hear(self, floor: TipFloor) -> None:
        """What landed bundles of others paid: the median, or its moving average where that is more."""
        self._heard_lamports = max(floor.p50_lamports, floor.ema50_lamports)

    def on_landed(self, tip_lamports: int) -> None:
        """One of ours landed with this tip."""
        self.landed += 1
        own = self._own_lamports
        self._own_lamports = own + (tip_lamports - own) // OWN_WEIGHT if own else tip_lamports
        above = self.pressure_permille - PRESSURE_UNIT
        self.pressure_permille = PRESSURE_UNIT + above - above * FALL_PERMILLE // 1_000

    def on_missed(self) -> None:
        """One of ours was accepted and did not land."""
        self.missed += 1
        self.pressure_permille = min(PRESSURE_MAX, self.pressure_permille * (1_000 + RISE_PERMILLE) // 1_000)

    @property
    def level_lamports(self) -> int:
        """What a tip of ordinary pressure would be, before floor and caps; 0 = nothing is known yet."""
        return max(self._heard_lamports, self._own_lamports)

    def tip_lamports(self, earned_lamports: int, *, floor_lamports: int, cap_lamports: int, share_pct: float) -> int:
        """The tip of a trade that earns `earned_lamports` before it: at least the floor, at most cap and share.

        Where the share of the gain is below the floor, the floor is returned: the net then tells that it does not pay.
        """
        wanted = max(floor_lamports, self.level_lamports * self.pressure_permille // PRESSURE_UNIT)
        most = min(cap_lamports, int(max(0, earned_lamports) * share_pct / 100.0))
        return max(floor_lamports, min(wanted, most))
