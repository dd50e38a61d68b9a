"""Margin of one linear perp leg with its own collateral: how far the price may move before liquidation.

Liquidated when collateral + funding + qty * (price - entry) <= maintenance * |qty| * price. Worked number: short 1 at
100 with 57.5 of collateral and 5 % maintenance is liquidated at (57.5 + 100) / 1.05 = 150, 50 % away.
"""


def collateral_share(is_short: bool, distance_pct: float, maintenance_pct: float, leverage_max: float) -> float:
    """Collateral per notional that keeps this distance to liquidation at entry and respects the leverage cap.

    >>> round(collateral_share(True, 50.0, 5.0, 3.0), 6)
    0.575
    """
    maintenance, distance = maintenance_pct / 100, distance_pct / 100
    if is_short:
        needed = (1 + maintenance) * (1 + distance) - 1
    else:
        needed = 1 - (1 - maintenance) * (1 - distance)
    return max(1 / leverage_max, needed)


def liquidation_distance_pct(
    qty: float, entry_price: float, price: float, collateral_usd: float, maintenance_pct: float
) -> float | None:
    """Adverse move from `price` to liquidation in percent of `price`; <= 0 = beyond it, None = cannot be liquidated.

    >>> liquidation_distance_pct(-1.0, 100.0, 100.0, 57.5, 5.0)
    50.0
    """
    if qty == 0 or price <= 0:
        return None
    maintenance, size = maintenance_pct / 100, abs(qty)
    if qty < 0:
        liquidation = (collateral_usd / size + entry_price) / (1 + maintenance)
        return (liquidation / price - 1) * 100
    liquidation = (entry_price - collateral_usd / size) / (1 - maintenance)
    return None if liquidation <= 0 else (1 - liquidation / price) * 100
