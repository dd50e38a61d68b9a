"""One endpoint in use: its budget, its breaker, what it showed of itself, and when it may be asked again.

The URL stays a `Secret`; `open_url` fills the key in for the one place that connects.
"""

import math
from collections.abc import Awaitable, Callable

from adapters.rpc.breaker import Breaker
from adapters.rpc.latencies import Latencies
from adapters.rpc.outcomes import Outcomes
from adapters.rpc.settings import RpcSettings
from adapters.rpc.snapshot import EndpointState
from adapters.rpc.token_bucket import TokenBucket
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_providers import PROVIDER_TYPES, ProviderType
from kernel.rpc.rpc_url import PLACEHOLDER, fill_key, secret_name
from kernel.secrets.secret import Secret

ResolveSecret = Callable[[str], Awaitable[Secret]]
ERROR_CHARS_MAX = 300
RATE_LIMIT_S_MIN = 1.0  #: after the first 429 that names no time; doubles with each further one
RATE_LIMIT_S_MAX = 60.0
UNKNOWN_LATENCY_S = 0.25  #: an endpoint never asked is taken for a middling one
HEAD_AGE_S_MAX = 90.0  #: an older head says nothing: nominal block times are off by a percent or so
DOUBLINGS_MAX = 16


class Endpoint:
    """Mutable; all times are seconds of the pool's monotonic clock unless they end in `_ns`."""

    def __init__(self, spec: RpcEndpoint, now_s: float) -> None:
        self.spec = spec
        self.provider: ProviderType = PROVIDER_TYPES[spec.provider_type]
        self.breaker = Breaker()
        self.bucket = TokenBucket(spec.rate_per_s, spec.burst, now_s)
        self.latencies = Latencies()
        self.outcomes = Outcomes()
        self.is_verified = False
        self.wrong_chain = ""  #: what it said it was; "" = nothing wrong
        self.key_trouble = ""
        self.cool_until_s = 0.0
        self.suspect_until_s = 0.0
        self.head: int | None = None
        self.head_at_s = 0.0
        self.check_at_s = now_s  #: next active check
        self.is_used_since_head = False
        self.is_retired = False  #: taken out of the pool while calls to it were under way
        self.calls = self.errors = self.rate_limited = 0
        self.last_ok_ns = self.last_error_ns = 0
        self.last_error = ""
        self._limited_in_row = 0
        self._opened_url: Secret | None = None

    @property
    def label(self) -> str:
        """How people call it."""
        return self.spec.label

    @property
    def key(self) -> tuple[str, str]:
        """(provider type, label)."""
        return self.spec.key

    def change(self, spec: RpcEndpoint, now_s: float) -> None:
        """Other settings for the same endpoint; what it showed of itself stays, unless it is another URL."""
        if spec.url != self.spec.url:
            self.is_verified, self.wrong_chain, self.check_at_s = False, "", now_s
            self.breaker, self.outcomes, self.cool_until_s, self.suspect_until_s = Breaker(), Outcomes(), 0.0, 0.0
            self.head = None
        if spec.is_enabled and not self.spec.is_enabled:
            self.check_at_s = now_s
        self.forget_key()
        if (spec.rate_per_s, spec.burst) != (self.spec.rate_per_s, self.spec.burst):
            self.bucket.resize(spec.rate_per_s, spec.burst, now_s)
        self.spec = spec

    async def open_url(self, resolve: ResolveSecret) -> Secret:
        """The URL to connect to, key filled in. Raises what `resolve` raises, or `ConfigError`."""
        if self._opened_url is None:
            url = self.spec.url
            key = await resolve(secret_name(self.label)) if PLACEHOLDER in url.reveal() else None
            self._opened_url = fill_key(url, key)
        return self._opened_url

    def forget_key(self) -> None:
        """Ask for the key again next time: it was refused, or replaced."""
        self._opened_url = None
        self.key_trouble = ""

    def rest_s(self, now_s: float, *, is_last_resort: bool = False) -> float:
        """How long it must not be asked, whatever the budget; inf = until something else changes.

        `is_last_resort`: nobody else is left, so an open breaker is passed, twice a second at most.
        """
        if not self.spec.is_enabled or self.wrong_chain or self.is_retired:
            return math.inf
        wait_s = max(0.0, self.cool_until_s - now_s)
        if is_last_resort:
            wait_s = max(wait_s, self.breaker.force_wait_s(now_s))
        elif not self.breaker.may_pass(now_s):
            # While a trial is under way nobody knows when it ends; look again soon.
            wait_s = max(wait_s, self.breaker.until_s - now_s, 0.05)
        return wait_s

    def limit_rate(self, retry_after_s: float | None, now_s: float) -> float:
        """It wants to be left alone; returns for how long."""
        self._limited_in_row = min(self._limited_in_row + 1, DOUBLINGS_MAX)
        own_s = min(RATE_LIMIT_S_MIN * 2 ** (self._limited_in_row - 1), RATE_LIMIT_S_MAX)
        wait_s = own_s if retry_after_s is None else max(retry_after_s, 0.05)
        self.cool_until_s = max(self.cool_until_s, now_s + wait_s)
        return wait_s

    def answered(self) -> None:
        """It answered: what counted in a row begins anew."""
        self._limited_in_row = 0

    def state(self, now_s: float) -> EndpointState:
        """In one word, the gravest first."""
        if not self.spec.is_enabled:
            return "disabled"
        if self.wrong_chain:
            return "wrong_chain"
        if self.key_trouble:
            return "no_key"
        if now_s < self.cool_until_s:
            return "cooling"
        breaker = self.breaker.state(now_s)
        if breaker != "closed":
            return "resting" if breaker == "open" else "trial"
        return "ready" if self.last_ok_ns else "new"

    def expected_head(self, now_s: float) -> float | None:
        """Where its head is by now if it went on at the nominal pace; None when it was not seen for 90 s."""
        if self.head is None or not self.provider.block_s or now_s - self.head_at_s > HEAD_AGE_S_MAX:
            return None
        return self.head + (now_s - self.head_at_s) / self.provider.block_s

    def see_head(self, head: int, now_s: float) -> None:
        """A head that it reported; an older answer that comes late does not turn it back within a second."""
        if self.head is None or head >= self.head or now_s - self.head_at_s > 1.0:
            self.head, self.head_at_s = head, now_s

    def score(self, now_s: float, lag_s: float, settings: RpcSettings) -> float:
        """The lower the better: seconds that a call is likely to cost here, retries and lag included, over weight."""
        latency_s = UNKNOWN_LATENCY_S if self.latencies.ewma_s is None else self.latencies.ewma_s
        error_rate = self.outcomes.error_rate(now_s)
        scarcity = 1.0 - self.bucket.left(now_s)
        cost_s = latency_s + error_rate * settings.attempt_timeout_s + lag_s * 0.05
        return cost_s * (1.0 + scarcity) / self.spec.weight
