"""Probes and metrics: open to those without a login, and saying no more than they must."""

import json
from collections.abc import AsyncIterator

import pytest

from kernel.errors import ConfigError
from kernel.metrics.readiness import DATABASE, EVENT_LOG, Readiness
from tests.webui.client import Client
from tests.webui.guarded import Guarded
from tests.webui.serve import TOKEN
from webui.access import Access
from webui.health import Health

METRICS_TOKEN = "metrics-token-metrics-token"
PAGE = b"# HELP kernel_ready R.\n# TYPE kernel_ready gauge\nkernel_ready 1.0\n"


class Parts:
    """What the handlers ask."""

    def __init__(self) -> None:
        self.readiness = Readiness()
        self.pages = 0

    async def page(self) -> bytes:
        self.pages += 1
        return PAGE


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
async def guarded(parts: Parts) -> AsyncIterator[Guarded]:
    """The handlers behind the real guard on a real port."""
    health = Health(lambda: parts.readiness, parts.page, METRICS_TOKEN)
    made = Guarded(Access(TOKEN, cookie_name="k"), routes=health.routes())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def port(guarded: Guarded) -> int:
    return guarded.port


async def test_healthz_answers_anybody_by_any_name(port: int) -> None:
    answer = await Client(port).send("GET", "/healthz", {"Host": "kernel.svc"})
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_readyz_gives_503_with_codes_while_something_hinders(port: int, parts: Parts) -> None:
    client = Client(port)
    assert (await client.send("GET", "/readyz")).status == 200
    parts.readiness = Readiness(reasons=(EVENT_LOG,), warnings=(DATABASE,))
    answer = await client.send("GET", "/readyz")
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "not_ready", "reasons": [EVENT_LOG], "warnings": [DATABASE]}
    parts.readiness = Readiness(warnings=(DATABASE,))
    assert (await client.send("GET", "/readyz")).status == 200


async def test_metrics_want_their_token_or_a_session(port: int, parts: Parts, guarded: Guarded) -> None:
    client = Client(port)
    for header in ("", "Bearer ", f"Bearer {TOKEN}", f"Basic {METRICS_TOKEN}", f"Bearer {METRICS_TOKEN}x", "Bearer é"):
        answer = await client.send("GET", "/metrics", {"Authorization": header} if header else None)
        assert answer.status == 401 and "kernel_ready" not in answer.body
    assert parts.pages == 0
    answer = await client.send("GET", "/metrics", {"Authorization": f"bearer {METRICS_TOKEN}"})
    assert answer.status == 200 and answer.body.encode() == PAGE
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    session = guarded.access.sessions.login(TOKEN)
    assert session is not None
    client.cookie = f"k={session.session_id}"
    assert (await client.send("GET", "/metrics")).status == 200


async def test_the_guard_stays_closed_for_everything_else(port: int) -> None:
    client = Client(port)
    assert (await client.send("GET", "/healthz/../secret", {"Accept": "*/*"})).status == 401
    assert (await client.send("GET", "/metricsx", {"Accept": "*/*"})).status == 401
    assert (await client.send("GET", "/other", {"Host": "evil.example"})).status == 421
    assert (await client.send("POST", "/healthz", {"Host": "evil.example"})).status == 421


def test_a_short_token_is_refused(parts: Parts) -> None:
    with pytest.raises(ConfigError, match="metrics token"):
        Health(Readiness, parts.page, "short")
