"""Gas in money."""

from decimal import Decimal

from bus.events import GasPrice
from bus.units import exact

WEI_PER_NATIVE_EXPONENT = 18


def gas_cost_usd(price: GasPrice, gas_units: int) -> Decimal | None:
    """USD cost of `gas_units` at a gas price, or None while the native token's price is unknown.

    >>> gas_cost_usd(GasPrice(ts_ns=0, chain="polygon", gas_price_wei=50_000_000_000, native_usd=0.7), 200_000)
    Decimal('0.0070')
    """
    if price.native_usd <= 0:
        return None
    return Decimal(price.gas_price_wei * gas_units).scaleb(-WEI_PER_NATIVE_EXPONENT) * exact(price.native_usd)
