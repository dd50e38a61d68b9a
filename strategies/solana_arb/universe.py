"""The pools that are traded, the cycles through them, and how they stand now."""

from bus.clock import NS_PER_S
from bus.events import InstrumentListed
from kernel.amm.cycle_index import Cycle, CycleHit, CycleIndex
from kernel.amm.depth import depth_in_quote
from kernel.market import USD_LIKE, Market
from kernel.pools import Pools
from strategies.solana_arb.settings import SolanaArbSettings

DEX_OF = {
    "whirlpool": "orca",
    "raydium_clmm": "raydium",
    "raydium_cpmm": "raydium",
    "raydium_amm_v4": "raydium",
    "dlmm": "meteora",
}
CHAIN = "solana"
POOLS_MAX = 2_000  #: more would make more cycles than one process screens in time


class Universe:
    """Pools by instrument and an index of cycles, made anew when a pool is listed or settings change."""

    def __init__(self, settings: SolanaArbSettings, market: Market) -> None:
        self.settings = settings
        self._market = market
        self.listed: dict[str, InstrumentListed] = {}
        self.refused: dict[str, str] = {}  #: instrument -> why it is not traded
        self._index: CycleIndex | None = None
        self._depths: dict[str, tuple[int, int, float]] = {}  #: (version, second, USD of the thinner side)
        self._all: dict[str, InstrumentListed] = {}

    def apply(self, settings: SolanaArbSettings) -> None:
        """Other pairs, DEXes or hops may count from here on."""
        self.settings = settings
        self.listed.clear()
        self.refused.clear()
        self._depths.clear()
        self._index = None
        for each in self._all.values():
            self._take(each)

    def on_listed(self, event: InstrumentListed) -> None:
        """A pool that may be of ours."""
        if event.kind == "pool" and event.chain == CHAIN and event.family in DEX_OF and len(self._all) < POOLS_MAX:
            self._all[event.instrument] = event
            self._take(event)

    def _take(self, event: InstrumentListed) -> None:
        pairs = self.settings.pairs_to_monitor
        if DEX_OF[event.family] not in self.settings.dexes_enabled:
            self.refused[event.instrument] = "dex_disabled"
        elif f"{event.base}/{event.quote}" not in pairs:
            self.refused[event.instrument] = "pair_not_monitored"
        else:
            self.listed[event.instrument] = event
            self._index = None

    @property
    def index(self) -> CycleIndex:
        """All cycles; rates of pools are unknown in a new one until they are heard of or screened."""
        if self._index is None:
            pools = []
            for each in self.listed.values():
                first, second = (each.base, each.quote) if each.base_is_token0 else (each.quote, each.base)
                pools.append((each.instrument, first, second))
            self._index = CycleIndex(pools, self._start_tokens())
        return self._index

    @property
    def is_new(self) -> bool:
        """Whether the index has to be made anew."""
        return self._index is None

    def _start_tokens(self) -> tuple[str, ...]:
        """Quote tokens, dollars first: a cycle of one pair then starts and ends in its quote and leaves no position."""
        quotes = dict.fromkeys(each.quote for each in self.listed.values())
        return tuple(sorted(quotes, key=lambda token: (token not in USD_LIKE, token)))

    def update(self, instrument: str, pools: Pools, now_ns: int) -> list[CycleHit]:
        """A pool moved: the cycles through it that earn at their first unit, best first."""
        pool = pools.exact(instrument)
        if pool is None:
            self.index.forget(instrument)
            return []
        now_s = now_ns // NS_PER_S
        return self.index.update(
            instrument, pool.rate(True, now_s), pool.rate(False, now_s), margin_bps=self.settings.min_spread_bps
        )

    def is_long(self, cycle: Cycle) -> bool:
        """Whether it has more hops than are allowed."""
        return len(cycle.hops) > self.settings.max_hops

    def depth_usd(self, instrument: str, pools: Pools, now_ns: int) -> float | None:
        """What the thinner side takes or gives within the range, in USD; None = cannot be told."""
        pool = pools.exact(instrument)
        listed = self.listed[instrument]
        quote_usd = self._market.usd_per_unit(listed.quote)
        if pool is None or quote_usd is None:
            return None
        version, now_s = pools.parts.version(instrument), now_ns // NS_PER_S
        kept = self._depths.get(instrument)
        if kept is not None and kept[0] == version and now_s - kept[1] < 1:
            return kept[2]
        depth = depth_in_quote(
            pool, is_quote_b=listed.base_is_token0, range_bps=self.settings.depth_range_bps, now_s=now_s
        )
        usd = depth.least / 10.0**listed.quote_decimals * float(quote_usd)
        self._depths[instrument] = (version, now_s, usd)
        return usd

    def depth_known(self, instrument: str) -> float | None:
        """Of the last time that it was asked for."""
        kept = self._depths.get(instrument)
        return None if kept is None else kept[2]

    def decimals_of(self, token: str, instrument: str) -> int:
        """Of a token of a pool."""
        listed = self.listed[instrument]
        return listed.base_decimals if token == listed.base else listed.quote_decimals
