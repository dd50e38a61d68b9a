"""Units of Drift v2, which Velocity kept (programs/*/src/math/constants.rs, read 2026-11)."""

from decimal import Decimal

BASE_SCALE = 10**9  #: base quantities, positions and orders
QUOTE_SCALE = 10**6  #: amounts of the settlement asset
PRICE_SCALE = 10**6
FUNDING_SCALE = 10**9  #: indices and rates: quote per base
MARGIN_SCALE = 10**4
FUNDING_DIVISOR = FUNDING_SCALE * BASE_SCALE // QUOTE_SCALE  #: of a product index growth * base, to quote units


def decimal_of(raw: int, scale: int) -> Decimal:
    """A raw integer as a Decimal, exact at any size. `scale` is a power of ten.

    >>> decimal_of(-1_500_000_000, BASE_SCALE), decimal_of(7, 1)
    (Decimal('-1.5'), Decimal('7'))
    """
    whole, part = divmod(abs(raw), scale)
    text = f"{whole}.{part:0{len(str(scale)) - 1}d}".rstrip("0").rstrip(".") if part else str(whole)
    return Decimal(f"-{text}" if raw < 0 else text)
