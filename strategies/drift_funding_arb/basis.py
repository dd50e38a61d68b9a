"""How far the perp's settlement currency is from the spot leg's: measured where a market of the two is known.

Profit, loss and funding arrive in the one, the spot leg is sold for the other. Dollar coins count as a dollar in every
other sum of this kernel; here alone the distance between two of them is a cost.
"""

from bus.clock import NS_PER_HOUR
from bus.events import InstrumentListed
from kernel.market import Market
from strategies.drift_funding_arb.settings import DriftFundingArbSettings


def settlement_basis_bps(
    market: Market, perp: InstrumentListed, spot: InstrumentListed, settings: DriftFundingArbSettings, now_ns: int
) -> float:
    """The larger of the reserve in the settings and the measured distance from 1, in basis points.

    Without a fresh price of one currency in the other the reserve stands alone; equal currencies need none but it.
    """
    reserve = settings.settlement_basis_bps
    if perp.quote == spot.quote:
        return reserve
    measured = [
        abs(price[0] - 1.0) * 10_000
        for name, listed in market.instruments.items()
        if {listed.base, listed.quote} == {perp.quote, spot.quote}
        and (price := market.price(name)) is not None
        and now_ns - price[1] <= settings.max_price_age_hours * NS_PER_HOUR
    ]
    return max([reserve, *measured])
