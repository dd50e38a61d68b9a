"""A webhook through every fault: what we call delivered is what the server took; where it may not go it does not."""

import asyncio
import contextlib
import hashlib
import hmac
import traceback
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webhook.bodies import DISCORD_CHARS_MAX, STYLES, bodies_of
from adapters.webhook.channel import WebhookChannel
from adapters.webhook.targets import check_url
from bus.clock import NS_PER_S, ManualClock
from kernel.alerts.channel import SendLater
from kernel.alerts.delivery_log import Delivery, DeliveryLog
from kernel.alerts.message import Message
from kernel.alerts.notice_lane import NoticeLane
from kernel.alerts.route import Route
from kernel.errors import ConfigError, FeedError, KernelError, VenueRefused
from kernel.secrets.secret import Secret
from tests.adapters.webhook.hook_server import HookServer, hook_server

KEY = "a signing key of some length"
CLOCK = ManualClock(1_700_000_000 * NS_PER_S)


def channel(url: str, *, private: bool = True, style: str = "json", timeout_s: float = 2.0) -> WebhookChannel:
    return WebhookChannel(
        Secret(url), CLOCK, number=1, style=style, signing_key=Secret(KEY), is_private_allowed=private,
        timeout_s=timeout_s,
    )  # fmt: skip


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    async with hook_server() as running:
        yield running


async def deliver(hook: WebhookChannel, *messages: Message) -> list[Delivery]:
    """Through a lane with short pauses, until every message has its end."""
    log = DeliveryLog()
    lane = NoticeLane(hook, Route(messages_per_minute=60, attempts_max=3), CLOCK, log, backoff_s_min=0.001)
    for each in messages:
        lane.offer_message(each)
    task = asyncio.create_task(lane.run())
    try:
        async with asyncio.timeout(10):
            while sum(log.totals.values()) < len(messages) and not lane.stopped_by:
                await asyncio.sleep(0.002)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await hook.close()
    return list(reversed(log.newest()))


async def test_a_body_is_signed_over_its_time_and_itself(server: HookServer) -> None:
    (done,) = await deliver(channel(server.url), Message(title="T", text="<b>&", severity="critical"))
    assert done.status == "delivered"
    headers, body = server.seen[0]
    assert headers["x-kernel-timestamp"] == "1700000000"
    expected = hmac.new(KEY.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["x-kernel-signature"] == f"v1={expected}"
    value = msgspec.json.decode(body)
    assert (value["title"], value["text"], value["severity"]) == ("T", "<b>&", "critical")


@pytest.mark.parametrize("fault", ["500", "429", "malformed", "bad_headers", "huge_header", "cut"])
async def test_a_fault_that_may_pass_is_tried_again_with_the_same_delivery_id(server: HookServer, fault: str) -> None:
    server.faults.append(fault)
    (done,) = await deliver(channel(server.url), Message(title="T"))
    assert (done.status, done.attempts) == ("delivered", 2)
    assert len(server.took) == 1
    assert server.seen[0][1] == server.seen[1][1]


async def test_an_endless_answer_is_not_read(server: HookServer) -> None:
    server.faults.append("endless")
    (done,) = await deliver(channel(server.url), Message(title="T"))
    assert (done.status, done.attempts) == ("delivered", 1)


async def test_a_silent_server_is_left_in_time(server: HookServer) -> None:
    hook = channel(server.url, timeout_s=0.05)
    server.faults.append("silent")
    with pytest.raises(FeedError, match="no answer within"):
        await hook.send("{}")
    await hook.close()


@pytest.mark.parametrize("fault", ["400", "410", "redirect"])
async def test_a_no_is_not_asked_twice_and_redirects_are_not_followed(server: HookServer, fault: str) -> None:
    server.faults.append(fault)
    refused, kept = await deliver(channel(server.url), Message(title="A"), Message(title="B"))
    assert (refused.status, refused.attempts, kept.status) == ("refused", 1, "delivered")
    assert len(server.seen) == 2


async def test_a_forged_pause_is_not_believed(server: HookServer) -> None:
    hook = channel(server.url)
    server.faults.append("429_forged")
    with pytest.raises(SendLater) as caught:
        await hook.send("{}")
    assert caught.value.after_s == 30.0
    await hook.close()


async def test_what_is_given_up_was_not_taken(server: HookServer) -> None:
    server.faults.extend(["500"] * 3)
    (done,) = await deliver(channel(server.url), Message(title="A"))
    assert done.status == "given up"
    assert server.took == []


# where it may go ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::ffff:169.254.169.254]"])
def test_metadata_and_link_local_addresses_are_never_allowed(address: str) -> None:
    for private in (False, True):
        with pytest.raises(ConfigError, match="never connected to"):
            check_url(f"http://{address}/", is_private_allowed=private)


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "10.1.2.3", "100.64.0.1"])
def test_the_local_network_needs_the_setting(address: str) -> None:
    with pytest.raises(ConfigError, match="webhook_private_enabled"):
        check_url(f"http://{address}/", is_private_allowed=False)
    assert check_url(f"http://{address}/", is_private_allowed=True)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/x", "file:///etc/passwd", "https://", "http://127.0.0.1/", "http://[::1]/", "http://[half",
     "http://user:hunter2x@example.com/", "http://example.com:99999/", "gopher://x", "http://169.254.169.254/", ""],
)  # fmt: skip
def test_a_url_that_may_not_be_used_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ConfigError, match="webhook_urls") as caught:
        check_url(url, is_private_allowed=False)
    assert "hunter2x" not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_as_url_is_a_host_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert check_url(text, is_private_allowed=False)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1"])
async def test_other_spellings_of_this_machine_do_not_get_through(server: HookServer, host: str) -> None:
    hook = channel(f"http://{host}:{server.port}/", private=False)
    with pytest.raises((ConfigError, FeedError)):
        await hook.send("{}")
    await hook.close()
    assert server.seen == []


async def test_no_failure_shows_the_path_or_the_key(server: HookServer) -> None:
    told = []
    server.faults.extend(["500", "400", "429", "malformed", "redirect", "cut"])
    hook = channel(server.url)
    dead = channel("http://127.0.0.1:9/hook/SECRETPATH1234567890")
    for each in [hook] * 6 + [dead]:
        try:
            await each.send("{}")
        except KernelError as error:
            told += [str(error), "".join(traceback.format_exception(error)), repr(each.__dict__), each.name]
    await hook.close()
    await dead.close()
    assert len(told) == 7 * 4
    assert [each for each in told if "SECRETPATH" in each or KEY in each] == []


def test_a_short_key_or_another_style_is_refused() -> None:
    with pytest.raises(ConfigError, match="WEBHOOK_SIGNING_KEY"):
        WebhookChannel(Secret("https://example.com/"), CLOCK, number=1, signing_key=Secret("short"))
    with pytest.raises(ConfigError, match="webhook_style"):
        WebhookChannel(Secret("https://example.com/"), CLOCK, number=1, style="teams")


# bodies -------------------------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.one_of(st.sampled_from("<>&`@\n"), st.characters(codec="utf-8")), max_size=300),
       st.sampled_from(STYLES), st.booleans(), st.integers(1, 20))  # fmt: skip
def test_bodies_are_json_within_the_limits_and_mention_nobody(text: str, style: str, table: bool, times: int) -> None:
    message = Message(title="T", text=text * times, is_table=table)
    for body in bodies_of(message, style, "id"):
        value = msgspec.json.decode(body)
        if style == "slack":
            assert "<" not in value["text"]
        if style == "discord":
            assert len(value["content"]) <= 2_000
            assert value["allowed_mentions"] == {"parse": []}


def test_a_long_text_for_discord_is_cut_at_lines_and_loses_none() -> None:
    text = "\n".join(f"{number:04d}" + "x" * 60 for number in range(100))
    contents = [
        msgspec.json.decode(each)["content"] for each in bodies_of(Message(title="T", text=text), "discord", "")
    ]
    assert "".join(each.removeprefix("**T**\n") for each in contents) == text
    assert max(map(len, contents)) <= DISCORD_CHARS_MAX + 10


async def test_a_refusal_is_no_feed_error(server: HookServer) -> None:
    hook = channel(server.url)
    server.faults.append("400")
    with pytest.raises(VenueRefused, match="HTTP 400"):
        await hook.send("{}")
    await hook.close()
