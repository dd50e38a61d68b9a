"""What pool maths raises when the contract would revert or the state needed for an exact answer is not known."""

from typing import Literal

RefusalReason = Literal[
    "amount_out_of_range",
    "amount_too_small",
    "arithmetic_overflow",
    "arrays_exhausted",
    "curve_complete",
    "depth_unknown",
    "insufficient_liquidity",
    "liquidity_out_of_range",
    "price_limit_out_of_range",
    "price_out_of_range",
    "range_invalid",
    "state_diverged",
    "state_inconsistent",
    "swap_disabled",
    "tick_out_of_range",
]


class PoolRefused(ValueError):
    """A pool operation that has no answer: the contract reverts, or the answer would be a guess.

    `reason` is a stable code to count and to show; the message says what was expected, what was found and
    what to do. Refusals are normal for quotes (`depth_unknown`) and alarming for events (`state_diverged`).
    """

    def __init__(self, reason: RefusalReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason: RefusalReason = reason
