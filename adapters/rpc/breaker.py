"""A circuit breaker: leaves an endpoint alone after failures in a row, and tries it again, one request at a time."""

from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]
FORCED_SPACING_S = 0.5  #: between requests through an open breaker when there is nobody else to ask
DOUBLINGS_MAX = 20  #: of the cool-down, far above any maximum; keeps the power small


class Breaker:
    """Times are seconds of one monotonic clock; the limits are passed in, as they may change while running."""

    __slots__ = ("_begun_s", "_failures", "_opened", "_trial_until_s", "until_s")

    def __init__(self) -> None:
        self._begun_s = 0.0  # the latest request while not closed
        self._failures = 0  # in a row, while closed
        self._opened = 0  # times in a row
        self._trial_until_s = 0.0
        self.until_s = 0.0  #: end of the cool-down

    def state(self, now_s: float) -> BreakerState:
        """half_open: the cool-down is over and trials decide."""
        if not self._opened:
            return "closed"
        return "open" if now_s < self.until_s else "half_open"

    def may_pass(self, now_s: float) -> bool:
        """Whether a request may be sent; in half-open only while no trial is under way."""
        state = self.state(now_s)
        return state == "closed" or (state == "half_open" and now_s >= self._trial_until_s)

    def force_wait_s(self, now_s: float) -> float:
        """How long until a request may be forced through although it is open: for when nobody else is left."""
        return max(0.0, self._begun_s + FORCED_SPACING_S - now_s)

    def begin(self, now_s: float, trial_s: float) -> None:
        """A request is sent. In half-open it is the one trial, until its answer or for at most `trial_s`."""
        state = self.state(now_s)
        if state != "closed":
            self._begun_s = now_s
        if state == "half_open":
            self._trial_until_s = now_s + trial_s

    def end_trial(self) -> None:
        """The trial was taken back without a result."""
        self._trial_until_s = 0.0

    def succeed(self) -> None:
        """Close."""
        self._failures = self._opened = 0
        self._trial_until_s = 0.0

    def fail(self, now_s: float, *, failures_max: int, cool_down_s: float, cool_down_s_max: float) -> bool:
        """Count a failure; True when this opened it. An answer to a request of before the opening changes nothing."""
        if self._opened and now_s < self.until_s:
            return False
        self._failures += 1
        if not self._opened and self._failures < failures_max:
            return False
        doublings = min(self._opened, DOUBLINGS_MAX)
        self._opened += 1
        self._trial_until_s = 0.0
        self.until_s = now_s + min(cool_down_s * 2**doublings, cool_down_s_max)
        return True
