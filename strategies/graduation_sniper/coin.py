"""One coin on its way to graduation: a fold of what was heard of it, with limits on everything a stranger can grow.

Names and symbols are on-chain text and decide nothing here. What was not heard is None, never zero.
"""

from collections import deque
from typing import NamedTuple

from bus.clock import NS_PER_MINUTE, NS_PER_S
from bus.events.launch import LaunchCreated, LaunchHolders, LaunchSampled, LaunchTrade
from strategies.graduation_sniper.rug_score import Signs

TRADES_MAX = 20_000  #: kept per coin; a coin with more in its window has more than anybody needs to count
BUYERS_MAX = 20_000
PEAK_BUCKET_NS = NS_PER_S  #: prices are kept as one high a second


class _Trade(NamedTuple):
    ts_ns: int
    is_buy: bool
    user: str
    quote_raw: int


class Coin:
    """What is known of one coin."""

    __slots__ = (
        "_bought_by", "_highs", "buys", "completed_ns", "created_ns", "creator", "creator_bought_raw", "creator_pct",
        "creator_sold_raw", "curve", "dropped", "holders", "is_mayhem", "last_ns", "migrated_ns", "mint", "pool",
        "price", "quote_mint", "real_base_raw", "real_quote_raw", "sampled_pct", "sells", "supply_raw", "symbol",
        "top10_pct", "trades", "verdict", "volume_raw",
    )  # fmt: skip

    def __init__(self, created: LaunchCreated) -> None:
        self.curve = created.instrument
        self.mint = created.mint
        self.symbol = created.symbol
        self.creator = created.creator
        self.quote_mint = created.quote_mint
        self.is_mayhem = created.is_mayhem
        self.created_ns = self.last_ns = created.ts_ns
        self.completed_ns = self.migrated_ns = 0
        self.pool = ""  #: instrument of the pool it went to
        self.trades: deque[_Trade] = deque()
        self.dropped = 0  #: trades that the limit cut off
        self.buys = self.sells = self.volume_raw = 0  #: within the window
        self._bought_by: dict[str, int] = {}  #: quote spent within the window
        self._highs: deque[tuple[int, float]] = deque()  #: falling highs of the window, one a second
        self.price: float | None = None  #: quote per base, raw
        self.real_base_raw: int | None = None  #: left to be sold by the curve
        self.real_quote_raw: int | None = None
        self.sampled_pct: float | None = None  #: progress as last sampled; None once a trade told it exactly
        self.creator_bought_raw = self.creator_sold_raw = 0
        self.supply_raw = 0  #: 0 = not heard of
        self.verdict = ""  #: why it was left alone, for the page
        self.holders: int | None = None
        self.top10_pct: float | None = None
        self.creator_pct: float | None = None

    def on_trade(self, event: LaunchTrade, window_ns: int) -> None:
        """A purchase or sale on the curve."""
        self.last_ns = event.ts_ns
        self.real_base_raw, self.real_quote_raw = event.real_base, event.real_quote
        self.sampled_pct = None
        if event.user == self.creator:
            if event.is_buy:
                self.creator_bought_raw += event.base_amount
            else:
                self.creator_sold_raw += event.base_amount
        if event.virtual_base > 0:
            self._see_price(event.virtual_quote / event.virtual_base, event.ts_ns)
        if len(self.trades) >= TRADES_MAX:
            self.dropped += 1
            self._forget(self.trades.popleft())
        self._count(_Trade(event.ts_ns, event.is_buy, event.user, event.quote_amount))
        self.trim(event.ts_ns - window_ns)

    def on_sampled(self, event: LaunchSampled) -> None:
        """How far the curve is. Its buyers are no trades, and its largest holders are not the ten of the filters."""
        self.last_ns = event.ts_ns
        self.sampled_pct, self.real_quote_raw = event.progress_pct, event.quote_raw

    def on_holders(self, event: LaunchHolders) -> None:
        """A count of holders, as an indexer or the chain told it."""
        self.holders, self.top10_pct, self.creator_pct = event.holders, event.top10_pct, event.creator_pct

    def trim(self, from_ns: int) -> None:
        """Forget what is older than the window."""
        trades = self.trades
        while trades and trades[0].ts_ns < from_ns:
            self._forget(trades.popleft())
        highs = self._highs
        while highs and highs[0][0] < from_ns:
            highs.popleft()

    def _count(self, trade: _Trade) -> None:
        self.trades.append(trade)
        self.volume_raw += trade.quote_raw
        if not trade.is_buy:
            self.sells += 1
            return
        self.buys += 1
        if trade.user in self._bought_by or len(self._bought_by) < BUYERS_MAX:
            self._bought_by[trade.user] = self._bought_by.get(trade.user, 0) + trade.quote_raw

    def _forget(self, trade: _Trade) -> None:
        self.volume_raw -= trade.quote_raw
        if not trade.is_buy:
            self.sells -= 1
            return
        self.buys -= 1
        left = self._bought_by.get(trade.user, 0) - trade.quote_raw
        if left > 0:
            self._bought_by[trade.user] = left
        else:
            self._bought_by.pop(trade.user, None)

    def _see_price(self, price: float, ts_ns: int) -> None:
        self.price = price
        highs, bucket_ns = self._highs, ts_ns - ts_ns % PEAK_BUCKET_NS
        while highs and highs[-1][1] <= price:
            bucket_ns = max(bucket_ns, highs.pop()[0])
        highs.append((bucket_ns, price))

    @property
    def decline_pct(self) -> float | None:
        """From the window's highest price to the last one."""
        if self.price is None or not self._highs:
            return None
        return max(0.0, (1.0 - self.price / self._highs[0][1]) * 100.0)

    def progress_pct(self, initial_base_raw: int) -> float | None:
        """How far the curve is sold, of what it sells in all; as sampled where the last word was a sample."""
        if self.sampled_pct is not None:
            return self.sampled_pct
        if self.real_base_raw is None or initial_base_raw <= 0:
            return None
        return min(100.0, max(0.0, (1.0 - self.real_base_raw / initial_base_raw) * 100.0))

    def signs(self, *, is_freezable: bool | None, transfer_fee_bps: int | None) -> Signs:
        """For the rug score."""
        bought = sum(self._bought_by.values())
        end_ns = self.completed_ns or self.last_ns
        return Signs(
            top10_pct=self.top10_pct,
            creator_pct=self.creator_pct,
            largest_buyer_share=max(self._bought_by.values()) / bought if bought else None,
            buyers_per_buy=len(self._bought_by) / self.buys if self.buys else None,
            minutes_to_complete=(end_ns - self.created_ns) / NS_PER_MINUTE,
            is_freezable=is_freezable,
            transfer_fee_bps=transfer_fee_bps,
        )
