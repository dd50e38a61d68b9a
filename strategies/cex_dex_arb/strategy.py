"""Centralised prices move first, pools lag; trade the pool towards the CEX price where it pays after all costs.

What a pool usually differs from its CEX price (perp basis, bridged dollars) is not profit: the median gap over a window
is taken out first, and only the excess is a signal. Wins are rare by nature; the funnel says why each look was none.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from math import expm1
from typing import Any

import msgspec

from bus.clock import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from bus.events import (
    REPORTS,
    TERMINAL_REPORTS,
    Bar,
    Fill,
    InstrumentListed,
    LiquidityChanged,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    PoolState,
    PoolSwap,
    Quote,
    Report,
)
from bus.intents import Cost, Hedge, Intent, Opportunity, PlaceOrder, Swap
from bus.units import BPS_PER_UNIT, ONE, ZERO, Side, exact
from kernel.market import Market
from kernel.strategy import Strategy
from strategies.cex_dex_arb.attempts import Attempt, Attempts
from strategies.cex_dex_arb.candidate import Candidate
from strategies.cex_dex_arb.closing import closing_order, closing_swap, joined, value_usd
from strategies.cex_dex_arb.costs import CostTerms, cost_terms
from strategies.cex_dex_arb.flash import FlashPool, FlashPricer
from strategies.cex_dex_arb.intents import direct_hedge, flash_swap
from strategies.cex_dex_arb.inventory import DUST_USD, Inventory, shift_pct, transfer_text
from strategies.cex_dex_arb.legs import Book, Pair
from strategies.cex_dex_arb.pricing import DirectPricer
from strategies.cex_dex_arb.settings import CexDexArbSettings
from strategies.cex_dex_arb.view import CexDexArbView
from strategies.cex_dex_arb.watch import Watch
from strategies.cex_dex_arb.window import view_of

GATE_SHARE = 0.97  #: of the gate's cap on one leg
NOTE_NS = NS_PER_MINUTE  #: at most one rejected candidate per pair and this time is told as an event; all are counted


class CexDexArb(Strategy[CexDexArbSettings]):
    """A fold over prices of both legs; asks for a hedge of swap and order, or for one flash swap."""

    name = "cex_dex_arb"
    title = "CEX-DEX arbitrage"
    idea = "CEX prices move first and pools lag: trade the pool towards the CEX price where it pays after all costs."
    wants = (
        InstrumentListed, Quote, Bar, PoolState, PoolSwap, LiquidityChanged, OrderApproved, OrderDenied, OrphanLeg,
        *REPORTS,
    )  # fmt: skip
    Settings = CexDexArbSettings
    required_secrets = ("binance_api_key", "binance_api_secret", "PRIVATE_KEY")

    def __init__(self, settings: CexDexArbSettings, market: Market) -> None:
        super().__init__(settings, market)
        self.watch = Watch(settings, self.funnel)
        self.attempts = Attempts()
        self.inventory = Inventory()
        self.acted = 0
        self.orphans = 0
        self.now_ns = 0
        self.proposed: dict[str, str] = {}  #: transfer proposed, by pool
        self._count = 0
        self._handlers: dict[type, Callable[[Any], Iterable[Intent]]] = {
            InstrumentListed: self._on_listed,
            Quote: self._on_quote,
            Bar: self._on_bar,
            PoolState: self._on_pool,
            PoolSwap: self._on_pool,
            LiquidityChanged: self._on_liquidity,
            OrderApproved: self._on_approved,
            OrderDenied: self._on_denied,
            OrphanLeg: self._on_orphan,
            Fill: self._on_fill,
            **dict.fromkeys(TERMINAL_REPORTS, self._on_terminal),
        }

    def apply(self, settings: CexDexArbSettings) -> None:
        super().apply(settings)
        self.watch.apply(settings)

    def on_event(self, event: Any) -> Iterable[Intent]:
        handler = self._handlers.get(type(event))
        return () if handler is None else handler(event)

    # prices -------------------------------------------------------------------------------------------------------

    def _on_listed(self, event: InstrumentListed) -> Iterable[Intent]:
        self.watch.on_listed(event)
        return ()

    def _on_quote(self, event: Quote) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        worth = self.watch.on_quote(event)
        return self._decide(worth) if worth else ()

    def _on_bar(self, event: Bar) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        worth = self.watch.on_bar(event)
        return self._decide(worth) if worth else ()

    def _on_pool(self, event: PoolState | PoolSwap) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        worth = self.watch.on_pool(event)
        return self._decide(worth) if worth else ()

    def _on_liquidity(self, event: LiquidityChanged) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        worth = self.watch.on_liquidity(event)
        return self._decide(worth) if worth else ()

    # decision -----------------------------------------------------------------------------------------------------

    def _decide(self, pairs: tuple[Pair, ...]) -> Iterator[Intent]:
        for pair in pairs:
            book, usual, excess = pair.book, pair.basis.median, pair.excess
            if book is None or usual is None or excess is None:
                continue
            reason = self.attempts.blocks(pair.name, self.now_ns)
            if not reason and self.pools.versions.get(pair.pool.listed.instrument, 0) == pair.traded_version:
                reason = "same_state"
            if reason:
                self._reject(pair, reason)
            elif self.settings.execution_mode == "direct":
                yield from self._direct(pair, book, usual, excess)
            else:
                yield from self._flash(pair, book, excess)

    def _terms(self, pair: Pair, book: Book) -> CostTerms | str:
        return cost_terms(
            self.market,
            self.settings,
            pool=pair.pool.listed,
            cex=book.listed,
            is_coarse=book.is_coarse,
            now_ns=self.now_ns,
        )

    def _direct(self, pair: Pair, book: Book, usual: float, excess: float) -> Iterator[Intent]:
        pool = self.pools.get(pair.pool.listed.instrument)
        quote_usd = self.market.quote_usd(pair.pool.listed.instrument)
        terms = self._terms(pair, book)
        if isinstance(terms, str):
            self._reject(pair, terms)
            return
        if pool is None or not quote_usd:
            self._reject(pair, "depth_unknown" if pool is None else "no_quote")
            return
        side: Side = "sell" if excess > 0 else "buy"
        priced = DirectPricer(
            side=side,
            pool=pool,
            listed=pair.pool.listed,
            book=book,
            basis=expm1(usual),
            terms=terms,
            quote_usd=quote_usd,
            settings=self._within_gate(),
        ).best()
        if isinstance(priced, str):
            self._reject(pair, priced)
            return
        instruments = (pair.pool.listed.instrument, book.listed.instrument)
        told = self._tell(pair, priced, instruments)
        if told is not None:
            yield told
        if not pair.last_why_not and told is not None:
            hedge = direct_hedge(
                priced,
                pool=pair.pool.listed,
                book=book,
                terms=terms,
                settings=self.settings,
                opportunity=told.opportunity,
            )
            yield self._ask((pair,), priced, hedge)

    def _flash(self, pair: Pair, book: Book, excess: float) -> Iterator[Intent]:
        other = self._reference_pool(pair)
        if other is None:
            self._reject(pair, "single_pool")
            return
        is_cheap = pair.pool.price < other.pool.price
        other_lag = abs(other.excess) if other.excess is not None else 0.0
        if is_cheap != (excess < 0) or other_lag > abs(excess):
            self._reject(pair, "wrong_side")
            return
        terms = self._terms(pair, book)
        if isinstance(terms, str):
            self._reject(pair, terms)
            return
        cheap, dear = (pair, other) if is_cheap else (other, pair)
        states = [self.pools.get(each.pool.listed.instrument) for each in (cheap, dear)]
        quote_usd = self.market.quote_usd(cheap.pool.listed.instrument)
        if states[0] is None or states[1] is None or not quote_usd:
            self._reject(pair, "depth_unknown")
            return
        priced = FlashPricer(
            cheap=FlashPool(cheap.pool.listed, states[0]),
            dear=FlashPool(dear.pool.listed, states[1]),
            reference=exact(book.mid),
            terms=terms,
            quote_usd=quote_usd,
            settings=self._within_gate(),
        ).best()
        if isinstance(priced, str):
            self._reject(pair, priced)
            return
        told = self._tell(pair, priced, (cheap.pool.listed.instrument, dear.pool.listed.instrument))
        if told is not None:
            yield told
        if not pair.last_why_not and told is not None:
            swap = flash_swap(
                priced, cheap=cheap.pool.listed, dear=dear.pool.listed, terms=terms, opportunity=told.opportunity
            )
            yield self._ask((cheap, dear), priced, swap)

    def _within_gate(self) -> CexDexArbSettings:
        """The settings with a size that the gate lets one leg be; a little less, for it values at its own mark."""
        cap_usd = self.notional_cap_usd * GATE_SHARE
        if self.settings.max_position_size_usd <= cap_usd:
            return self.settings
        return msgspec.structs.replace(self.settings, max_position_size_usd=cap_usd)

    def _reference_pool(self, pair: Pair) -> Pair | None:
        """The other pool of the pair on the same chain whose price is farthest away; sampled ones must be fresh."""
        listed = pair.pool.listed
        oldest_ns = self.now_ns - self.settings.price_staleness_threshold_ms * NS_PER_MS
        others = [
            each
            for each in self.watch.pairs
            if each is not pair
            and each.name == pair.name
            and not each.refusal
            and each.pool.listed.chain == listed.chain
            and each.pool.listed.quote == listed.quote
            and each.pool.price > 0.0
            and not (each.pool.is_sampled and each.pool.ts_ns < oldest_ns)
        ]
        return max(others, key=lambda each: abs(each.pool.price / pair.pool.price - 1), default=None)

    # telling ------------------------------------------------------------------------------------------------------

    def _reject(self, pair: Pair, reason: str) -> None:
        if abs(pair.excess or 0.0) < pair.floor:
            reason = "below_threshold"
        self.funnel.reject(reason)
        pair.last_why_not = reason

    def _why_not(self, priced: Candidate) -> str:
        if priced.spread_pct < exact(self.settings.min_spread_threshold):
            return "below_threshold"
        if priced.net_usd <= exact(self.settings.min_profit_usd):
            return priced.bound or "below_min_profit"
        return ""

    def _tell(self, pair: Pair, priced: Candidate, instruments: tuple[str, ...]) -> Opportunity | None:
        """Count a priced candidate; returns what to yield: each one acted on, rejected ones once a minute."""
        self.funnel.priced += 1
        self._count += 1
        why_not = pair.last_why_not = self._why_not(priced)
        pair.last_net_usd, pair.last_size_usd = priced.net_usd, priced.notional_usd
        told = Opportunity(
            opportunity=f"{self.name}-{self._count}",
            instruments=instruments,
            size_usd=priced.notional_usd,
            gross_usd=priced.gross_usd,
            costs=priced.costs,
            expected_net_usd=priced.net_usd,
            why_not=why_not,
            valid_until_ns=self.now_ns + self.settings.leg_deadline_ms * NS_PER_MS,
            note=self._note(pair, priced),
        )
        if not why_not:
            return told
        self.funnel.reject(why_not, told)
        if self.now_ns - pair.noted_ns < NOTE_NS:
            return None
        pair.noted_ns = self.now_ns
        return told

    def _note(self, pair: Pair, priced: Candidate) -> str:
        usual, excess = pair.basis.median or 0.0, pair.excess or 0.0
        coarse = ", coarse data" if pair.pool.is_sampled or (pair.book and pair.book.is_coarse) else ""
        return (
            f"{priced.side} in the pool: {priced.spread_pct:.3f} % at size, "
            f"excess {excess * BPS_PER_UNIT:+.1f} bps over the usual {usual * BPS_PER_UNIT:+.1f} bps{coarse}"
        )

    def _ask(self, pairs: tuple[Pair, ...], priced: Candidate, intent: Hedge | Swap) -> Hedge | Swap:
        """Remember that it was asked for, so that nothing is asked twice; holdings wait for reports."""
        legs = len(intent.legs) if isinstance(intent, Hedge) else 1
        self.acted += 1
        self.attempts.ask(Attempt(intent.opportunity, pairs[0].name, legs, self.now_ns, priced.net_usd))
        for pair in pairs:
            pair.traded_version = self.pools.versions.get(pair.pool.listed.instrument, 0)
        return intent

    # verdicts and reports -----------------------------------------------------------------------------------------

    def _on_approved(self, event: OrderApproved) -> Iterable[Intent]:
        if event.strategy == self.name:
            self.attempts.on_approved(event)
        return ()

    def _on_denied(self, event: OrderDenied) -> Iterable[Intent]:
        attempt = self.attempts.on_denied(event)
        if attempt is not None:
            self.funnel.reject("denied")
            self._pause(attempt, event.ts_ns, self.settings.failure_cooldown_s)
        return ()

    def _on_fill(self, event: Fill) -> Iterable[Intent]:
        self.inventory.on_fill(event)
        self.attempts.on_fill(event, self.market.quote_usd(event.instrument) or ONE)
        return ()

    def _on_terminal(self, event: Report) -> Iterable[Intent]:
        attempt = self.attempts.on_terminal(event)
        return () if attempt is None else self._finish(attempt, event.ts_ns)

    def _on_orphan(self, event: OrphanLeg) -> Iterable[Intent]:
        if not event.is_resolved:
            self.orphans += 1
        attempt = self.attempts.on_orphan(event)
        return () if attempt is None else self._finish(attempt, event.ts_ns)

    def _pause(self, attempt: Attempt, now_ns: int, pause_s: float) -> None:
        self.attempts.pause(attempt.key, now_ns + int(pause_s * NS_PER_S))

    def _finish(self, attempt: Attempt, now_ns: int) -> Iterable[Intent]:
        has_failed = attempt.was_orphan or not attempt.filled
        self._pause(attempt, now_ns, self.settings.failure_cooldown_s if has_failed else self.settings.cooldown_s)
        return self._propose_transfers()

    # inventory ----------------------------------------------------------------------------------------------------

    def _propose_transfers(self) -> Iterable[Intent]:
        """Tell the operator when one side has too much; keys that may withdraw are refused, so a person moves it."""
        told: list[Intent] = []
        for pair in self.watch.pairs:
            name, book = pair.pool.listed.instrument, pair.book
            if book is None or book.mid <= 0.0:
                continue
            moved = self._in_wallet(name)
            price = exact(book.mid)
            share = shift_pct(moved, price, exact(self.settings.inventory_usd))
            if abs(share) < exact(self.settings.rebalance_threshold_pct):
                self.proposed.pop(name, None)
                continue
            text = transfer_text(pair.pool.listed, book.listed, moved)
            if name not in self.proposed:
                self.funnel.reject("rebalance_proposed")
                told.append(self._transfer(pair, book, abs(moved) * price, text))
            self.proposed[name] = text
        return told

    def _transfer(self, pair: Pair, book: Book, size_usd: Decimal, text: str) -> Opportunity:
        self._count += 1
        cost_usd = exact(self.settings.rebalance_cost_usd)
        return Opportunity(
            opportunity=f"{self.name}-{self._count}",
            instruments=(pair.pool.listed.instrument, book.listed.instrument),
            size_usd=size_usd,
            gross_usd=ZERO,
            costs=(Cost(name="rebalancing", usd=cost_usd),),
            expected_net_usd=-cost_usd,
            why_not="rebalance_proposed",
            note=text,
        )

    def is_flat(self) -> bool:
        """No trade in flight, and in no account or wallet more than dust bought or sold by our fills."""
        return not self.attempts.by_key and not any(
            value_usd(self.market, each, self._in_wallet(each)) > DUST_USD for each in self.inventory.base
        )

    def _in_wallet(self, instrument: str) -> Decimal:
        """Base moved into an instrument's wallet; pools of one venue and base share it: a flash trade nets to 0."""
        listed = self.market.instruments.get(instrument)
        if listed is None or listed.kind != "pool":
            return self.inventory.held(instrument)
        shared = [
            each.listed.instrument
            for each in self.watch.pools.values()
            if each.listed.venue == listed.venue and each.listed.base == listed.base
        ]
        return sum((self.inventory.held(each) for each in shared), ZERO)

    def flatten(self, reason: str) -> Iterable[Intent]:
        """Undo what trades moved: swaps back in the pools and orders at the CEX, joined where both are needed."""
        self._count += 1
        legs = self._closing_legs(f"{self.name}-{self._count}-{reason}")
        if legs is None:
            self.funnel.reject("depth_unknown")
            return ()
        return [joined(each, self.settings.leg_deadline_ms) for each in legs.values()]

    def _closing_legs(self, opportunity: str) -> dict[str, list[PlaceOrder | Swap]] | None:
        """Closing orders by CEX instrument; None when a pool cannot be traded exactly: half a close is worse."""
        legs: dict[str, list[PlaceOrder | Swap]] = {}
        for pair in self.watch.pairs:
            name, book = pair.pool.listed.instrument, pair.book
            held = self.inventory.held(name)
            worth_usd = value_usd(self.market, name, held)
            is_netted = value_usd(self.market, name, self._in_wallet(name)) <= DUST_USD
            if book is None or worth_usd <= DUST_USD or is_netted:
                continue
            pool, terms = self.pools.get(name), self._terms(pair, book)
            if pool is None or isinstance(terms, str):
                return None
            swap = closing_swap(pool, pair.pool.listed, held, worth_usd, terms, self.settings, opportunity)
            if swap is None:
                return None
            legs.setdefault(book.listed.instrument, []).append(swap)
        for name in self.watch.books:
            held = self.inventory.held(name)
            worth_usd = value_usd(self.market, name, held)
            if worth_usd > DUST_USD:
                legs.setdefault(name, []).append(closing_order(name, held, worth_usd, opportunity))
        return legs

    # for people ---------------------------------------------------------------------------------------------------

    def view(self) -> CexDexArbView:
        return view_of(self)

    def assumptions(self) -> list[str]:
        """What a reader of a report must know."""
        settings = self.settings
        lines = [
            "The usual gap between pool and CEX is a rolling median and never counted as profit; the CEX leg is valued "
            "at the worse of its own price and that price moved by the usual gap.",
            "Trades that other searchers would take first are modelled only by the venue's share of lost races; "
            "recorded pools also go on as if our own trades had not happened.",
            "The CEX and dollar coins are valued at 1 USD each; what they differ by is inside the usual gap.",
        ]
        if any(pair.book is not None and pair.book.is_coarse for pair in self.watch.pairs):
            lines.append(
                f"Coarse: CEX prices are bar closes with an assumed half spread of {settings.coarse_half_spread_bps:g} "
                f"bps, and {settings.coarse_volume_share_pct:g} % of a bar's volume stands for depth."
            )
        if any(pair.pool.is_sampled for pair in self.watch.pairs):
            lines.append("Coarse: pool prices are the closing ticks of minutes, exact to one basis point at best.")
        return lines
