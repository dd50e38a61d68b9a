"""Turns a market's cumulative indices, as they are seen, into settled rates and named gaps."""

from bus.clock import NS_PER_S
from bus.events import FeedGap, FundingRate
from kernel.finance.funding_index import SECONDS_PER_HOUR, FundingIndex

Settlement = FundingRate | FeedGap


class FundingSettlements:
    """One market. An hour that nobody settled, or whose settlement we did not see, is missing: never zero, never
    repeated. Indices that go back in time are dropped: snapshots of an older slot come late."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.latest: FundingIndex | None = None

    def on_index(self, index: FundingIndex, ts_ns: int) -> tuple[Settlement, ...]:
        """What this snapshot adds: nothing, a rate, or a gap and a rate. `ts_ns`: our receipt."""
        before = self.latest
        if before is not None and (index.settled_s, index.slot) < (before.settled_s, before.slot):
            return ()
        self.latest = index
        rate = index.per_hour_to_long()
        if rate is None or (before is not None and index.settled_s == before.settled_s):
            return ()
        settled = FundingRate(
            ts_ns=ts_ns,
            instrument=index.instrument,
            settle_ts_ns=index.settled_s * NS_PER_S,
            interval_h=index.interval_s / SECONDS_PER_HOUR,
            rate_per_hour=rate,
        )
        if before is None:
            return (settled,)
        gap = self._gap(before, index, ts_ns)
        return (settled,) if gap is None else (gap, settled)

    def _gap(self, before: FundingIndex, index: FundingIndex, ts_ns: int) -> FeedGap | None:
        """The last settlement does not explain the growth: others went by unseen, or a bankruptcy was shared out."""
        grown = (index.long_index - before.long_index, index.short_index - before.short_index)
        if grown == (index.last_rate_long, index.last_rate_short):
            return None
        return FeedGap(
            ts_ns=ts_ns,
            source=self.source,
            instrument=index.instrument,
            from_ts_ns=before.settled_s * NS_PER_S,
            to_ts_ns=max(before.settled_s, index.settled_s - index.interval_s) * NS_PER_S,
            reason=(
                f"the long index grew by {grown[0]}, the last settlement explains {index.last_rate_long}: settlements "
                "went by unseen, or the venue shared out a loss"
            ),
        )
