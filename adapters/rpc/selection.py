"""Which endpoint is asked next: the usable ones first, then by priority, then by score.

Deterministic: equal scores fall back on the label. Nothing here sends or counts anything.
"""

import math
from collections.abc import Iterable

from msgspec import Struct

from adapters.rpc.endpoint import Endpoint
from adapters.rpc.settings import RpcSettings


class Choice(Struct, frozen=True):
    """The endpoint to ask now; else how long until one may be asked (inf = none will by itself)."""

    endpoint: Endpoint | None
    wait_s: float


def best_head(peers: Iterable[Endpoint], now_s: float) -> float | None:
    """The best head known among the peers, ages allowed for; None = none is known.

    With three heads or more, the highest alone counts for nothing: one endpoint that makes up a head must not put
    every other one behind.
    """
    heads = sorted(
        (head for each in peers if not each.wrong_chain and (head := each.expected_head(now_s)) is not None),
        reverse=True,
    )
    return heads[1] if len(heads) >= 3 else heads[0] if heads else None


def head_lag(endpoint: Endpoint, best: float | None, now_s: float) -> float | None:
    """Blocks behind the best head; None = not known."""
    own = endpoint.expected_head(now_s)
    return None if own is None or best is None else max(0.0, best - own)


def choose(
    endpoints: Iterable[Endpoint],
    now_s: float,
    settings: RpcSettings,
    *,
    reserve: float,
    excluded: frozenset[Endpoint] | set[Endpoint] = frozenset(),
    is_last_resort: bool = False,
) -> Choice:
    """The best endpoint outside `excluded` that may be asked now with `reserve` (0 to 1) of its budget left alone.

    Order: closed breaker before half-open; not suspect, with a recent head and mostly good answers; priority; score.
    """
    everybody = list(endpoints)
    reference = best_head(everybody, now_s)
    best: tuple[bool, bool, int, float, str] | None = None
    chosen: Endpoint | None = None
    wait_s = math.inf
    for each in everybody:
        if each in excluded:
            continue
        own_wait_s = max(each.rest_s(now_s, is_last_resort=is_last_resort), each.bucket.wait_s(now_s, reserve))
        if own_wait_s > 0.0:
            wait_s = min(wait_s, own_wait_s)
            continue
        lag_s = (head_lag(each, reference, now_s) or 0.0) * each.provider.block_s
        is_poor = (
            now_s < each.suspect_until_s
            or lag_s > settings.head_lag_s_max
            or each.outcomes.error_rate(now_s) > 0.5
            or bool(each.key_trouble)
        )
        is_trial = each.breaker.state(now_s) != "closed"
        rank = (is_trial, is_poor, each.spec.priority, each.score(now_s, lag_s, settings), each.label)
        if best is None or rank < best:
            best, chosen = rank, each
    return Choice(chosen, 0.0 if chosen is not None else wait_s)
