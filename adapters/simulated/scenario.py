"""The timetable of the simulated half day: volatile spells, funding regimes, what goes missing. Times in seconds."""

from msgspec import Struct

from bus.clock import NS_PER_MS

START_NS = 1_767_571_200_000_000_000  #: 2026-01-05T00:00:00Z
HOURS = 12
LENGTH_S = HOURS * 3_600
LAST_MS = LENGTH_S * 1_000 - 1_000  #: of the last event: a loop that pauses one second then keeps the full hours


class Asset(Struct, frozen=True, kw_only=True):
    """One underlying: its market, its perp and how it moves."""

    name: str
    start_price: float
    tick: float
    digits: int  #: of the tick
    lot: float
    lot_digits: int
    beta: float  #: share of the common move, 1 = as ETH
    own: float  #: own noise beside it
    usd_per_level: float  #: typical size shown at the best price
    spot_gap_ms: tuple[int, int]  #: between two quotes
    perp_gap_ms: tuple[int, int]
    trade_gap_ms: tuple[int, int]
    premium_bps: tuple[tuple[int, float], ...]  #: (from this second on, perp over spot that it is drawn to)

    @property
    def spot(self) -> str:
        return f"simulated:{self.name}USDC"

    @property
    def perp(self) -> str:
        return f"simulated_perp:{self.name}USDC"

    def premium_at(self, second: int) -> float:
        """The level to which the perp's premium is drawn, as a fraction; before the start the first level holds."""
        level = self.premium_bps[0][1]
        for start_s, bps in self.premium_bps:
            if second >= start_s:
                level = bps
        return level / 10_000


class Spell(Struct, frozen=True, kw_only=True):
    """A volatile time: prices move faster, now and then jump, and the chain is too busy for arbitrageurs to keep up."""

    start_s: int
    end_s: int
    speed: float  #: times the calm standard deviation
    jumps: int
    jump_pct: float  #: typical size of one
    gas: float  #: times the calm gas price
    keep_up: float  #: times the calm chance that somebody corrects a pool in a block


ETH = Asset(
    name="ETH",
    start_price=3_120.0,
    tick=0.01,
    digits=2,
    lot=0.001,
    lot_digits=3,
    beta=1.0,
    own=0.3,
    usd_per_level=60_000.0,
    spot_gap_ms=(1_000, 3_000),
    perp_gap_ms=(4_000, 8_000),
    trade_gap_ms=(4_000, 24_000),
    premium_bps=((0, 5.0), (16_200, 17.0), (29_700, -3.0), (36_000, 4.0)),
)
BTC = Asset(
    name="BTC",
    start_price=94_500.0,
    tick=0.1,
    digits=1,
    lot=0.00001,
    lot_digits=5,
    beta=0.75,
    own=0.25,
    usd_per_level=120_000.0,
    spot_gap_ms=(2_000, 4_000),
    perp_gap_ms=(4_000, 8_000),
    trade_gap_ms=(8_000, 40_000),
    premium_bps=((0, 2.0), (21_600, 4.0), (36_000, 1.5)),
)
SOL = Asset(
    name="SOL",
    start_price=141.0,
    tick=0.01,
    digits=2,
    lot=0.01,
    lot_digits=2,
    beta=1.2,
    own=0.6,
    usd_per_level=25_000.0,
    spot_gap_ms=(2_000, 4_000),
    perp_gap_ms=(4_000, 8_000),
    trade_gap_ms=(8_000, 40_000),
    premium_bps=((0, 27.0), (18_000, 14.0), (23_400, -4.0), (39_600, 3.0)),
)
ASSETS = (ETH, BTC, SOL)

SPELLS = (
    Spell(start_s=1_320, end_s=1_860, speed=2.8, jumps=2, jump_pct=0.65, gas=3.0, keep_up=0.45),
    Spell(start_s=4_500, end_s=4_980, speed=2.2, jumps=1, jump_pct=0.55, gas=2.0, keep_up=0.60),
    Spell(start_s=9_000, end_s=9_840, speed=2.8, jumps=2, jump_pct=0.60, gas=4.0, keep_up=0.50),
    Spell(start_s=17_700, end_s=18_300, speed=2.5, jumps=1, jump_pct=0.60, gas=2.5, keep_up=0.50),
    Spell(start_s=25_800, end_s=26_940, speed=3.2, jumps=3, jump_pct=0.70, gas=5.0, keep_up=0.40),
    Spell(start_s=36_600, end_s=37_200, speed=2.6, jumps=2, jump_pct=0.60, gas=3.0, keep_up=0.45),
)

HISTORY_HOURS = 24  #: settled rates before the start, told at the start as a venue's history
MISSING_SETTLEMENT = (SOL, 4)  #: the settlement of this hour is never published
OUTAGE_S = (19_500, 19_920)  #: the perp venue is silent

LISTED_BUT_DEAD = "<img src=x onerror=alert(1)>"  #: a token whose name attacks whoever shows it unescaped


def spell_at(second: int) -> Spell | None:
    """The volatile spell of this second, if any."""
    return next((each for each in SPELLS if each.start_s <= second < each.end_s), None)


def ts_ns(ms: int) -> int:
    """Event time of a moment in milliseconds since the start."""
    return START_NS + ms * NS_PER_MS
