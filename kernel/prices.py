"""The prices that a verdict rests on, each looked up once: an instrument's own, its reference, its worth in USD."""

from decimal import Decimal

from bus.units import exact
from kernel.finance.money import divide, multiply, settle
from kernel.intent_flaws import is_between
from kernel.market import Market


class Prices:
    """The market at one moment: make one per verdict and drop it, it does not see later events."""

    __slots__ = ("_own", "_references", "_usd", "market")

    def __init__(self, market: Market) -> None:
        self.market = market
        self._own: dict[str, Decimal | None] = {}
        self._references: dict[str, Decimal | None] = {}
        self._usd: dict[str, Decimal | None] = {}

    def own(self, instrument: str) -> Decimal | None:
        """The instrument's own last price in quote per base; None when there is none or it is no price."""
        if instrument in self._own:
            return self._own[instrument]
        known = self.market.price(instrument)
        price = None if known is None else exact(known[0])
        if price is not None and not is_between(price, 0, is_open=True):
            price = None
        self._own[instrument] = price
        return price

    def reference(self, instrument: str) -> Decimal | None:
        """What it is worth in its own quote currency: by its mark where it names one, else by its own price."""
        if instrument in self._references:
            return self._references[instrument]
        price = self._references[instrument] = self._reference(instrument)
        return price

    def usd(self, instrument: str) -> Decimal | None:
        """USD per base unit by the reference price."""
        if instrument in self._usd:
            return self._usd[instrument]
        reference, rate = self.reference(instrument), self.market.quote_usd(instrument)
        is_known = reference is not None and rate is not None and is_between(rate, 0, is_open=True)
        price = self._usd[instrument] = multiply(reference, rate) if is_known else None  # type: ignore[arg-type]
        return price

    def _reference(self, instrument: str) -> Decimal | None:
        market = self.market
        listed = market.instruments.get(instrument)
        if listed is None or not listed.mark_from or listed.mark_from == instrument:
            return self.own(instrument)
        mark = self.own(listed.mark_from)
        mark_usd, own_usd = market.quote_usd(listed.mark_from), market.quote_usd(instrument)
        if mark is None or mark_usd is None or not own_usd:
            return None
        return mark if mark_usd == own_usd else settle(divide(multiply(mark, mark_usd), own_usd))
