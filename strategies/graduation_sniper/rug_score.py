"""How much a coin looks like one that will be pulled: a fixed weighing of warning signs, not a trained model.

Each sign is scaled to 0..1, weighted and summed; the sum goes through a logistic curve. The weights are ours, chosen
so that no single sign passes the default limit of 0.35 by itself and any two strong ones do. It says so in the guide.
"""

from math import exp

from msgspec import Struct

MIDDLE = 1.0  #: weighted sum at which the score is one half
STEEPNESS = 3.0


class Signs(Struct, frozen=True, kw_only=True):
    """What is known of a coin; None = not known, which counts as half a sign."""

    top10_pct: float | None  #: of supply, pool and curve left out
    creator_pct: float | None
    largest_buyer_share: float | None  #: of the window's bought volume, 0..1
    buyers_per_buy: float | None  #: 1.0 = every purchase by another wallet
    minutes_to_complete: float | None
    is_freezable: bool | None  #: the mint has a freeze authority
    transfer_fee_bps: int | None


#: sign -> (weight, value at which it begins, value at which it is full)
SCALES: dict[str, tuple[float, float, float]] = {
    "top10_pct": (0.6, 15.0, 50.0),
    "creator_pct": (0.5, 1.0, 8.0),
    "largest_buyer_share": (0.5, 0.10, 0.50),
    "buyers_per_buy": (0.5, 0.70, 0.20),
    "minutes_to_complete": (0.4, 10.0, 1.0),
}
FREEZABLE_WEIGHT = 0.7
TRANSFER_FEE_WEIGHT = 0.7
UNKNOWN = 0.5


def rug_probability(signs: Signs) -> float:
    """0..1; rises with every sign."""
    total = 0.0
    for name, (weight, begin, full) in SCALES.items():
        value = getattr(signs, name)
        part = UNKNOWN if value is None else min(1.0, max(0.0, (value - begin) / (full - begin)))
        total += weight * part
    total += FREEZABLE_WEIGHT * (UNKNOWN if signs.is_freezable is None else float(signs.is_freezable))
    total += TRANSFER_FEE_WEIGHT * (
        UNKNOWN if signs.transfer_fee_bps is None else min(1.0, signs.transfer_fee_bps / 100.0)
    )
    return 1.0 / (1.0 + exp(-STEEPNESS * (total - MIDDLE)))
