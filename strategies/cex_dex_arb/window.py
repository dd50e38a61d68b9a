"""Fills the view from the strategy's state."""

from decimal import Decimal
from typing import TYPE_CHECKING

from bus.clock import NS_PER_MS
from bus.units import BPS_PER_UNIT
from kernel.strategy import Signal
from strategies.cex_dex_arb.legs import Pair
from strategies.cex_dex_arb.view import CexDexArbView, PairView

if TYPE_CHECKING:
    from strategies.cex_dex_arb.strategy import CexDexArb


def view_of(strategy: "CexDexArb") -> CexDexArbView:
    """A snapshot of every pair."""
    pairs = strategy.watch.pairs
    return CexDexArbView(
        mode=strategy.settings.execution_mode,
        pairs=tuple(_pair_view(strategy, pair) for pair in pairs),
        signals=tuple(_signal(pair) for pair in pairs if not pair.refusal and pair.book is not None),
        acted=strategy.acted,
        orphans=strategy.orphans,
        assumptions=tuple(strategy.assumptions()),
    )


def _signal(pair: Pair) -> Signal:
    return Signal(
        name=pair.pool.listed.instrument,
        value=None if pair.excess is None else abs(pair.excess) * BPS_PER_UNIT,
        threshold=pair.floor * BPS_PER_UNIT,
        unit="bps",
    )


def _state(strategy: "CexDexArb", pair: Pair) -> str:
    if pair.refusal:
        return pair.refusal
    attempt = strategy.attempts.by_key.get(pair.name)
    if attempt is not None:
        return attempt.state
    if pair.basis.median is None:
        return "warming"
    return strategy.attempts.blocks(pair.name, strategy.now_ns) or "watching"


def _bps(value: float | None) -> float | None:
    return None if value is None else value * BPS_PER_UNIT


def _pair_view(strategy: "CexDexArb", pair: Pair) -> PairView:
    pool, book = pair.pool, pair.book
    now_ns = strategy.now_ns
    last = strategy.attempts.last.get(pair.name)
    name = pool.listed.instrument
    has_book = book is not None and book.mid > 0.0
    return PairView(
        pair=pair.name,
        pool=name,
        cex="" if book is None else book.listed.instrument,
        state=_state(strategy, pair),
        excess_bps=_bps(pair.excess),
        floor_bps=None if book is None else _bps(pair.floor),
        basis_bps=_bps(pair.basis.median),
        basis_samples=len(pair.basis),
        pool_price=pool.price or None,
        pool_age_ms=(now_ns - pool.ts_ns) / NS_PER_MS if pool.price else None,
        cex_bid=book.bid if book is not None and has_book else None,
        cex_ask=book.ask if book is not None and has_book else None,
        cex_age_ms=(now_ns - book.ts_ns) / NS_PER_MS if book is not None and has_book else None,
        is_coarse=pool.is_sampled or (book is not None and book.is_coarse),
        size_usd=pair.last_size_usd,
        net_usd=pair.last_net_usd,
        why_not=pair.last_why_not,
        pool_base=strategy.inventory.held(name),
        cex_base=Decimal(0) if book is None else strategy.inventory.held(book.listed.instrument),
        rebalance=strategy.proposed.get(name, ""),
        expected_usd=None if last is None else last.expected_usd,
        result_usd=None if last is None else last.cash_usd,
    )
