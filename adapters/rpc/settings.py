"""What an operator may set about the RPC pool. All of it can change while running."""

from typing import Annotated, Any

from msgspec import Meta

from kernel.strategy import Settings

_TIME, _BREAKER, _BUDGET, _CHECK, _WS = "Timeouts", "Circuit breaker", "Budget", "Checks", "Subscriptions"


def _meta(title: str, unit: str, group: str, description: str, recommended: Any, **bounds: Any) -> Meta:
    extra = {"unit": unit, "group": group, "recommended": recommended}
    return Meta(title=title, description=description, extra=extra, **bounds)


class RpcSettings(Settings, frozen=True, kw_only=True):
    """Settings of the RPC pool."""

    connect_timeout_s: Annotated[
        float, _meta("Connect timeout", "s", _TIME, "Name, TCP and TLS of a new connection.", 2, ge=0.05, le=30.0)
    ] = 2.0
    attempt_timeout_s: Annotated[
        float,
        _meta("Attempt timeout", "s", _TIME, "One request to one endpoint, from sending to the last byte.", 4,
              ge=0.05, le=120.0),
    ] = 4.0  # fmt: skip
    call_timeout_s: Annotated[
        float,
        _meta("Call timeout", "s", _TIME, "A whole call with all its attempts, where the caller names no time.", 10,
              ge=0.1, le=300.0),
    ] = 10.0  # fmt: skip
    hedge_after_ms: Annotated[
        int,
        _meta("Hedge after", "ms", _TIME, "A read that has no answer by then is asked of another endpoint as well; "
              "both count against their budgets. 0 = never.", 250, ge=0, le=60_000),
    ] = 250  # fmt: skip
    answer_mb_max: Annotated[
        int,
        _meta("Largest answer", "MB", _TIME, "A longer answer is cut off and counts as a failure.", 32, ge=1, le=512),
    ] = 32

    breaker_failures: Annotated[
        int,
        _meta("Failures to open", "failures", _BREAKER, "In a row, before an endpoint is left alone.", 3, ge=1, le=100),
    ] = 3
    cool_down_s: Annotated[
        float, _meta("First cool-down", "s", _BREAKER, "Doubles with each failed trial.", 2, ge=0.05, le=600.0)
    ] = 2.0
    cool_down_s_max: Annotated[
        float, _meta("Longest cool-down", "s", _BREAKER, "Where the doubling ends.", 300, ge=1.0, le=86_400.0)
    ] = 300.0
    suspect_s: Annotated[
        float,
        _meta("Suspicion", "s", _BREAKER, "How long an endpoint that contradicted the majority is asked last.", 600,
              ge=1.0, le=86_400.0),
    ] = 600.0  # fmt: skip

    reserve_pct: Annotated[
        float,
        _meta("Reserved budget", "%", _BUDGET, "Of an endpoint's burst, kept for cancels and closes.", 20,
              ge=0.0, le=90.0),
    ] = 20.0  # fmt: skip

    check_interval_s: Annotated[
        float,
        _meta("Check interval", "s", _CHECK, "Each endpoint is asked for its chain and head this often.", 3600,
              ge=1.0, le=86_400.0),
    ] = 3600.0  # fmt: skip
    head_interval_s: Annotated[
        float,
        _meta("Head interval", "s", _CHECK, "Endpoints in use are asked for their head this often; 0 = only at "
              "checks.", 15, ge=0.0, le=60.0),
    ] = 15.0  # fmt: skip
    head_lag_s_max: Annotated[
        float,
        _meta("Head lag", "s", _CHECK, "An endpoint whose head is this far behind the best known one is asked last.",
              30, ge=1.0, le=3600.0),
    ] = 30.0  # fmt: skip

    ws_ping_s: Annotated[
        float, _meta("Ping", "s", _WS, "A connection whose ping is not answered is given up.", 15, ge=0.1, le=300.0)
    ] = 15.0
    ws_silence_s_max: Annotated[
        float,
        _meta("Silence", "s", _WS, "A subscription that brings nothing for so long moves to another endpoint, unless "
              "the subscriber named a time of its own.", 60, ge=0.1, le=86_400.0),
    ] = 60.0  # fmt: skip
    ws_queue_max: Annotated[
        int,
        _meta("Queue", "messages", _WS, "Messages that wait for a slow reader; what happens then is the "
              "subscription's policy.", 10_000, ge=1, le=1_000_000),
    ] = 10_000  # fmt: skip
