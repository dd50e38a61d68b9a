"""Rates of lending markets."""

from bus.events.base import Event


class LendingRate(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="lending_rate"):
    """Yearly rates as fractions (0.05 = 5 % a year), and the exact ray indexes where the source has them."""

    venue: str
    chain: str
    asset: str
    supply_apr: float
    borrow_apr: float
    supply_index_ray: int = 0
    borrow_index_ray: int = 0
