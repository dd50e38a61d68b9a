"""The endpoints of the pool and all that is known of them: selection, reports, alerts, counts. Sends nothing itself."""

import math
from collections.abc import Callable, Iterator, Sequence

from adapters.rpc.endpoint import ERROR_CHARS_MAX, Endpoint
from adapters.rpc.selection import Choice, best_head, choose, head_lag
from adapters.rpc.settings import RpcSettings
from adapters.rpc.snapshot import EndpointSnapshot, PoolSnapshot
from adapters.rpc.usage import UsageCounters
from bus.clock import Clock
from kernel.errors import ConfigError
from kernel.rpc.caller import Priority, Tell
from kernel.rpc.rpc_endpoint import RpcEndpoint, check_endpoint
from kernel.rpc.rpc_errors import RpcUnavailable
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from kernel.secrets.redaction import redact

ENDPOINTS_MAX = 500  #: of all provider types; a page and an hourly check of more would be of no use
DOUBT_SPACING_S = 1.0  #: between checks of an endpoint that calls gave up on


class Roster:
    """`now_s`: the monotonic clock of everything in here. `wake` is called when a check became due earlier."""

    def __init__(self, settings: RpcSettings, clock: Clock, tell: Tell, now_s: Callable[[], float]) -> None:
        self.settings = settings
        self.usage = UsageCounters()
        self.now_s = now_s
        self.wake: Callable[[], None] = lambda: None
        self._clock = clock
        self._tell = tell
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._by_type: dict[str, list[Endpoint]] = {}
        self._exhausted: set[str] = set()

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(list(self._endpoints.values()))

    def replace(self, specs: Sequence[RpcEndpoint]) -> None:
        """From now on these. Those that were here keep what is known of them. All or nothing: raises `ConfigError`."""
        if len(specs) > ENDPOINTS_MAX:
            raise ConfigError(f"RPC pool: expected at most {ENDPOINTS_MAX} endpoints, found {len(specs)}")
        fresh: dict[tuple[str, str], RpcEndpoint] = {}
        for spec in specs:
            check_endpoint(spec)
            if spec.key in fresh:
                raise ConfigError(
                    f"RPC pool: two endpoints of {spec.provider_type} are called {spec.label!r}; rename one"
                )
            fresh[spec.key] = spec
        now_s = self.now_s()
        endpoints: dict[tuple[str, str], Endpoint] = {}
        for key, spec in fresh.items():
            known = self._endpoints.get(key)
            if known is None:
                known = Endpoint(spec, now_s)
            else:
                known.change(spec, now_s)
            endpoints[key] = known
        for key, gone in self._endpoints.items():
            if key not in endpoints:
                gone.is_retired = True
        self._endpoints = endpoints
        self._by_type = {}
        for each in endpoints.values():
            self._by_type.setdefault(each.spec.provider_type, []).append(each)
        self._exhausted &= self._by_type.keys()
        self.wake()

    def of(self, provider_type: str) -> list[Endpoint]:
        """All of a type. Raises `RpcUnavailable` where there are none, with what to do about it."""
        found = self._by_type.get(provider_type)
        if found:
            return found
        known = PROVIDER_TYPES.get(provider_type)
        if known is None:
            raise ConfigError(f"RPC pool: there is no provider type {provider_type[:40]!r}")
        variables = f" or set {' or '.join(known.environment)}" if known.environment else ""
        raise RpcUnavailable(f"{provider_type}: no endpoint is configured; add one on the RPC page{variables}")

    def reserve(self, priority: Priority) -> float:
        """The share of the budget that a call of this priority leaves alone."""
        return 0.0 if priority == "risk_reducing" else self.settings.reserve_pct / 100.0

    def choose(
        self,
        provider_type: str,
        priority: Priority,
        excluded: set[Endpoint] | None = None,
        *,
        is_last_resort: bool = False,
    ) -> Choice:
        """The endpoint to ask now; counts nothing. Raises `RpcUnavailable` where there are none at all."""
        return choose(
            self.of(provider_type),
            self.now_s(),
            self.settings,
            reserve=self.reserve(priority),
            excluded=excluded if excluded is not None else set(),
            is_last_resort=is_last_resort,
        )

    def begin(self, endpoint: Endpoint, method_class: str, *, trial_s: float, is_check: bool = False) -> None:
        """A request is about to be sent: it counts against the budget whatever becomes of it."""
        now_s = self.now_s()
        endpoint.bucket.take(now_s, 0.0)
        endpoint.breaker.begin(now_s, trial_s)
        endpoint.calls += 1
        self.usage.add(endpoint.key, method_class, self._clock.now_ns())
        if is_check or endpoint.is_used_since_head:
            return
        endpoint.is_used_since_head = True
        if self.settings.head_interval_s and endpoint.provider.block_s:
            self._check_by(endpoint, now_s + self.settings.head_interval_s)

    def report_success(self, endpoint: Endpoint, latency_s: float, method_class: str = "read") -> None:
        """It answered, be it with a no of its own."""
        now_s = self.now_s()
        endpoint.answered()
        endpoint.latencies.add(latency_s, now_s)
        endpoint.outcomes.add(True, now_s)
        endpoint.last_ok_ns = self._clock.now_ns()
        self.usage.add(
            endpoint.key, method_class, endpoint.last_ok_ns, calls=0, latency_us=max(1, round(latency_s * 1e6))
        )
        endpoint.breaker.succeed()
        provider_type = endpoint.spec.provider_type
        if provider_type in self._exhausted:
            self._exhausted.discard(provider_type)
            self._tell("info", "rpc_back", f"{provider_type}: calls are answered again")

    def report_failure(
        self, endpoint: Endpoint, why: str, method_class: str = "read", *, is_final: bool = False
    ) -> None:
        """It did not answer, or not with an answer. `is_final`: it will not by itself (a refused key): rest at once."""
        self._count_error(endpoint, why, method_class, errors=1)
        now_s = self.now_s()
        endpoint.outcomes.add(False, now_s)
        settings = self.settings
        opened = endpoint.breaker.fail(
            now_s, failures_max=1 if is_final else settings.breaker_failures, cool_down_s=settings.cool_down_s,
            cool_down_s_max=settings.cool_down_s_max,
        )  # fmt: skip
        if is_final:
            endpoint.forget_key()
        if opened:
            self._check_by(endpoint, endpoint.breaker.until_s)

    def report_rate_limit(
        self, endpoint: Endpoint, retry_after_s: float | None = None, why: str = "", method_class: str = "read"
    ) -> None:
        """It wants to be left alone for `retry_after_s` seconds; None: it named no time."""
        endpoint.rate_limited += 1
        endpoint.breaker.end_trial()
        wait_s = endpoint.limit_rate(retry_after_s, self.now_s())
        self._count_error(endpoint, f"rate limited for {wait_s:.1f} s: {why}", method_class, rate_limited=1)

    def report_elsewhere(self, endpoint: Endpoint, latency_s: float, why: str, method_class: str) -> None:
        """It answered that it cannot say; counted as an error of this call, not of the connection."""
        endpoint.answered()
        endpoint.breaker.succeed()
        endpoint.latencies.add(latency_s, self.now_s())
        endpoint.outcomes.add(False, self.now_s())
        self._count_error(endpoint, why, method_class, errors=1)

    def report_overtaken(self, endpoint: Endpoint, elapsed_s: float) -> None:
        """Another endpoint was faster, this one was given up: no failure, but a reason to look at it."""
        now_s = self.now_s()
        endpoint.breaker.end_trial()
        endpoint.latencies.add_at_least(elapsed_s)
        if elapsed_s * 1000.0 >= self.settings.hedge_after_ms > 0:
            self._check_by(endpoint, now_s + DOUBT_SPACING_S)

    def report_identity(self, endpoint: Endpoint, found: str) -> bool:
        """The chain that it says it is; False when that is another than expected, which quarantines it."""
        expected = endpoint.provider.identity
        if found == expected:
            if endpoint.wrong_chain:
                self._tell("info", "rpc_back", f"{self.name(endpoint)} is on chain {expected} now")
            endpoint.wrong_chain = ""
            endpoint.is_verified = True
            return True
        told = redact(found)[:80]
        is_news = endpoint.wrong_chain != told
        endpoint.wrong_chain, endpoint.is_verified = told, False
        text = f"expected chain {expected}, found {told}"
        self._note(endpoint, text)
        if is_news:
            self._tell(
                "critical", "rpc_wrong_chain",
                f"{self.name(endpoint)}: {text}; it is not used until that is corrected: check its URL",
            )  # fmt: skip
        return False

    def report_liar(self, endpoint: Endpoint, text: str) -> None:
        """It contradicted the majority: asked last for a while, and told."""
        now_s = self.now_s()
        was_suspect = now_s < endpoint.suspect_until_s
        endpoint.suspect_until_s = now_s + self.settings.suspect_s
        endpoint.outcomes.add(False, now_s)
        self._note(endpoint, text)
        if not was_suspect:
            self._tell("critical", "rpc_lying", f"{self.name(endpoint)} contradicts the others: {redact(text)}")

    def report_exhausted(self, provider_type: str, text: str) -> None:
        """A call found nobody to answer it; told once until calls are answered again."""
        if provider_type not in self._exhausted and provider_type in self._by_type:
            self._exhausted.add(provider_type)
            self._tell("critical", "rpc_exhausted", redact(text))

    def lag(self, endpoint: Endpoint) -> float | None:
        """Blocks behind the best known head of its type; None = not known."""
        now_s = self.now_s()
        return head_lag(endpoint, best_head(self._by_type.get(endpoint.spec.provider_type, ()), now_s), now_s)

    def snapshot(self, subscriptions: int = 0) -> PoolSnapshot:
        """Everything a page shows, in the order provider type, priority, label."""
        now_s = self.now_s()
        ordered = sorted(self, key=lambda each: (each.spec.provider_type, each.spec.priority, each.label))
        return PoolSnapshot(
            taken_ns=self._clock.now_ns(),
            endpoints=tuple(self._shown(each, now_s) for each in ordered),
            exhausted=tuple(
                name for name, group in sorted(self._by_type.items()) if all(each.rest_s(now_s) > 0 for each in group)
            ),
            subscriptions=subscriptions,
            usage_dropped=self.usage.dropped,
        )

    @staticmethod
    def name(endpoint: Endpoint) -> str:
        """For people."""
        return f"{endpoint.spec.provider_type} {endpoint.label}"

    def _shown(self, each: Endpoint, now_s: float) -> EndpointSnapshot:
        lag = self.lag(each)
        rest_s = each.rest_s(now_s)
        ewma_s = each.latencies.ewma_s
        return EndpointSnapshot(
            provider_type=each.spec.provider_type, label=each.label, source=each.spec.source, state=each.state(now_s),
            breaker=each.breaker.state(now_s), is_enabled=each.spec.is_enabled, is_verified=each.is_verified,
            is_suspect=now_s < each.suspect_until_s, priority=each.spec.priority, weight=each.spec.weight,
            latency_ms=None if ewma_s is None else ewma_s * 1000.0, p99_ms=each.latencies.p99_ms(),
            p99_ms_minutes=each.latencies.minutes(now_s), error_pct=each.outcomes.error_rate(now_s) * 100.0,
            head=each.head, head_lag=None if lag is None else round(lag),
            head_lag_s=None if lag is None else lag * each.provider.block_s,
            budget_left_pct=each.bucket.left(now_s) * 100.0, cool_down_s=0.0 if math.isinf(rest_s) else rest_s,
            calls=each.calls, errors=each.errors, rate_limited=each.rate_limited, last_ok_ns=each.last_ok_ns,
            last_error_ns=each.last_error_ns, last_error=each.last_error,
        )  # fmt: skip

    def _count_error(
        self, endpoint: Endpoint, why: str, method_class: str, *, errors: int = 0, rate_limited: int = 0
    ) -> None:
        endpoint.errors += errors
        self._note(endpoint, why)
        self.usage.add(
            endpoint.key, method_class, endpoint.last_error_ns, calls=0, errors=errors, rate_limited=rate_limited
        )

    def _note(self, endpoint: Endpoint, text: str) -> None:
        endpoint.last_error = redact(text)[:ERROR_CHARS_MAX]
        endpoint.last_error_ns = self._clock.now_ns()

    def _check_by(self, endpoint: Endpoint, at_s: float) -> None:
        if at_s < endpoint.check_at_s:
            endpoint.check_at_s = at_s
            self.wake()
