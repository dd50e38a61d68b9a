"""The hot path: folds prices of both legs and lets through only pairs whose excess could pay. Floats, no allocation.

Each look at a pair ends in exactly one place: let through, or one count of `why_not`. A look that finds the other leg
old waits for it as long as an old price is allowed, so that two legs that arrive together count once.
"""

import math

from bus.clock import NS_PER_MINUTE, NS_PER_MS
from bus.events import Bar, InstrumentListed, LiquidityChanged, PoolState, PoolSwap, Quote
from bus.units import BPS_PER_UNIT
from kernel.market import USD_LIKE, pool_price
from kernel.strategy import Funnel
from strategies.cex_dex_arb.basis import Basis
from strategies.cex_dex_arb.costs import taker_fee_bps
from strategies.cex_dex_arb.legs import Book, Pair, PoolLeg, pair_name, underlying_of
from strategies.cex_dex_arb.settings import CexDexArbSettings

NOTHING: tuple[Pair, ...] = ()
SIMULATED = "simulated"  #: the demo's chain and the prefix of its venues: never joined to real ones


class Watch:
    """Pairs of pools and CEX instruments, joined by their underlying."""

    def __init__(self, settings: CexDexArbSettings, funnel: Funnel) -> None:
        self.pairs: list[Pair] = []
        self.books: dict[str, Book] = {}
        self.pools: dict[str, PoolLeg] = {}
        self._bases: dict[tuple[str, str], Basis] = {}
        self._funnel = funnel
        self.apply(settings)

    def apply(self, settings: CexDexArbSettings) -> None:
        """New settings; prices and basis samples are kept."""
        self._settings = settings
        self._age_ns = settings.price_staleness_threshold_ms * NS_PER_MS
        for basis in self._bases.values():
            basis.configure(settings.basis_window_minutes, settings.basis_min_samples)
        self._join()

    # listing ------------------------------------------------------------------------------------------------------

    def on_listed(self, listed: InstrumentListed) -> None:
        """Take an instrument; what is neither a pool nor a dollar market of a known CEX is left alone."""
        name = listed.instrument
        if listed.kind == "pool":
            if name in self.pools:
                self.pools[name].listed = listed
            else:
                self.pools[name] = PoolLeg(listed)
        elif listed.kind in ("spot", "perp") and listed.quote in USD_LIKE:
            if name in self.books:
                self.books[name].listed = listed
            else:
                self.books[name] = Book(listed)
        else:
            return
        self._join()

    def _join(self) -> None:
        known = {pair.pool.listed.instrument: pair for pair in self.pairs}
        self.pairs = []
        for name, pool in self.pools.items():
            book = self._book_for(pool.listed)
            pair = Pair(pool, book, pair_name(pool.listed), self._refusal(pool.listed), self._basis(pool, book))
            old = known.get(name)
            if old is not None and old.book is book:
                old.refusal, old.name = pair.refusal, pair.name
                pair = old
            pair.floor = math.inf if book is None else self._floor(pool.listed, book.listed)
            pair.record = max(pair.record, -math.log1p(-pool.listed.fee_pips / 1_000_000))
            pool.pairs = (pair,)
            self.pairs.append(pair)
        for book in self.books.values():
            book.pairs = tuple(pair for pair in self.pairs if pair.book is book and not pair.refusal)

    def _book_for(self, pool: InstrumentListed) -> Book | None:
        wanted = underlying_of(pool)
        for venue in self._settings.cex_venues:
            if venue.startswith(SIMULATED) != (pool.chain == SIMULATED):
                continue
            for book in self.books.values():
                if book.listed.venue == venue and underlying_of(book.listed) == wanted:
                    return book
        return None

    def _refusal(self, pool: InstrumentListed) -> str:
        if pair_name(pool) not in self._settings.pairs_to_monitor:
            return "pair_not_monitored"
        return "" if pool.chain in self._settings.chains_enabled else "chain_disabled"

    def _basis(self, pool: PoolLeg, book: Book | None) -> Basis:
        key = (pool.listed.instrument, "" if book is None else book.listed.instrument)
        if key not in self._bases:
            self._bases[key] = Basis(self._settings.basis_window_minutes, self._settings.basis_min_samples)
        return self._bases[key]

    def _floor(self, pool: InstrumentListed, cex: InstrumentListed) -> float:
        """Log excess that any paying trade exceeds: the pool fee, and the larger of the threshold and sized costs."""
        settings = self._settings
        least = math.log1p(settings.min_spread_threshold / 100)
        if settings.execution_mode == "direct":
            taker_bps = taker_fee_bps(cex, settings) or 0.0
            least = max(least, -math.log1p(-(taker_bps + settings.adverse_selection_bps) / BPS_PER_UNIT))
        return least - math.log1p(-pool.fee_pips / 1_000_000)

    # prices -------------------------------------------------------------------------------------------------------

    def on_quote(self, quote: Quote) -> tuple[Pair, ...]:
        """Pairs that this quote makes worth pricing."""
        book = self.books.get(quote.instrument)
        if book is None:
            return NOTHING
        book.on_quote(quote)
        return self._look(book.pairs, quote.ts_ns)

    def on_bar(self, bar: Bar) -> tuple[Pair, ...]:
        """Pairs that this bar makes worth pricing."""
        book = self.books.get(bar.instrument)
        if book is None or not book.on_bar(bar):
            return NOTHING
        return self._look(book.pairs, bar.ts_ns)

    def on_pool(self, event: PoolState | PoolSwap) -> tuple[Pair, ...]:
        """Pairs that this pool state makes worth pricing."""
        pool = self.pools.get(event.instrument)
        if pool is None:
            return NOTHING
        pool.price = pool_price(event.sqrt_price_x96, pool.listed) if event.sqrt_price_x96 > 0 else 0.0
        pool.is_sampled = type(event) is PoolState and event.is_sampled
        pool.ts_ns = event.ts_ns
        return self._look(pool.pairs, event.ts_ns)

    def on_liquidity(self, event: LiquidityChanged) -> tuple[Pair, ...]:
        """A mint or burn: the price stands, the depth changed, and the pool was heard of."""
        pool = self.pools.get(event.instrument)
        if pool is None:
            return NOTHING
        pool.ts_ns = event.ts_ns
        return self._look(pool.pairs, event.ts_ns)

    def _look(self, pairs: tuple[Pair, ...], now_ns: int) -> tuple[Pair, ...]:
        worth = NOTHING
        for pair in pairs:
            if self._is_worth_pricing(pair, now_ns):
                worth = (*worth, pair)
        return worth

    def _is_worth_pricing(self, pair: Pair, now_ns: int) -> bool:
        pool, book, funnel = pair.pool, pair.book, self._funnel
        if pair.refusal:
            self._refuse(pair, now_ns)
            return False
        if book is None or book.mid <= 0.0 or pool.price <= 0.0:
            funnel.seen += 1
            funnel.reject("no_quote")
            return False
        oldest_ns = now_ns - self._age_ns
        if pool.ts_ns < oldest_ns or book.ts_ns < oldest_ns:
            self._settle_wait(pair, now_ns, is_stale=True)
            pair.stale_ns = now_ns
            pair.excess = None
            return False
        if pair.stale_ns:
            self._settle_wait(pair, now_ns, is_stale=False)
        funnel.seen += 1
        basis = pair.basis
        gap = math.log(pool.price / book.mid)
        is_due = now_ns >= basis.due_ns
        if is_due:
            basis.expire(now_ns)
        usual = basis.median
        if is_due:
            basis.add(now_ns, gap)
        if usual is None:
            funnel.reject("basis_warming")
            pair.excess = None
            return False
        excess = pair.excess = gap - usual
        size = abs(excess)
        if size < pair.floor and size <= pair.record:
            why_not = funnel.why_not
            why_not["below_threshold"] = why_not.get("below_threshold", 0) + 1
            return False
        pair.record = max(size, pair.record)
        return True

    def _settle_wait(self, pair: Pair, now_ns: int, *, is_stale: bool) -> None:
        """Count a look that waited for the other leg, unless that leg came in time."""
        if pair.stale_ns and (is_stale or now_ns - pair.stale_ns > self._age_ns):
            self._funnel.seen += 1
            self._funnel.reject("stale")
        pair.stale_ns = 0

    def _refuse(self, pair: Pair, now_ns: int) -> None:
        if now_ns - pair.refused_ns >= NS_PER_MINUTE:
            pair.refused_ns = now_ns
            self._funnel.seen += 1
            self._funnel.reject(pair.refusal)
