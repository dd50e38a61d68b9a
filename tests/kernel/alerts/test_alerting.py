"""From the bus to channels: what is told, what is not, and that nothing of it can hurt the kernel."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from bus.bus import Bus
from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, ManualClock
from bus.events import (
    Alert,
    Event,
    Fill,
    KillSwitchSet,
    OrphanLeg,
    RunRestarted,
    StrategyFaulted,
    StrategyStateChanged,
    Unknown,
    VenueHealth,
)
from bus.units import Side
from kernel.alerts.alert_settings import AlertSettings
from kernel.alerts.alerting import INBOX_MAX, Alerting
from kernel.alerts.legible import legible
from kernel.alerts.message import Message
from kernel.alerts.notice_source import NOTICED, notice_of
from kernel.alerts.route import Route
from kernel.errors import ConfigError, StoreError
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings

NOW = 100 * NS_PER_DAY + 6 * NS_PER_HOUR
ROUTE = Route(severity_min="info", digest_minutes=0, messages_per_minute=60)
SIDE: Side = "buy"
EVENTS: list[Event] = [
    Alert(ts_ns=1, severity="odd", source="kernel", code="x", text="an alert"),
    KillSwitchSet(ts_ns=2, is_on=True, strategy="", reason="why", by="dashboard"),
    StrategyFaulted(ts_ns=3, strategy="s", cause_seq=9, error="ValueError: x"),
    StrategyStateChanged(ts_ns=4, strategy="s", state="blocked", reason="no gas"),
    OrphanLeg(ts_ns=5, strategy="s", group="g", instrument="i", side=SIDE, qty=Decimal("1E+3"), action="unwind"),
    Unknown(ts_ns=6, strategy="s", order_id="o-1", simulated=True, reason="timeout"),
    VenueHealth(ts_ns=7, venue="binance", status="stale", reason="silent"),
    RunRestarted(ts_ns=8, previous_run="r1", is_tail_torn=False, open_orders=0, note=""),
    Fill(
        ts_ns=9, strategy="s", order_id="o-1", simulated=True, instrument="i", side=SIDE, qty=Decimal("0.10"),
        price=Decimal("1E+2"), fee_usd=Decimal("0.01"),
    ),
]  # fmt: skip


class Memory:
    """A channel that keeps what it gets; `fault` is raised instead, once."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.got: list[Message] = []
        self.fault: Exception | None = None
        self.came = asyncio.Event()
        self._parts: dict[str, Message] = {}

    def parts(self, message: Message) -> tuple[str, ...]:
        key = str(len(self._parts))
        self._parts[key] = message
        return (key,)

    async def send(self, part: str) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.got.append(self._parts[part])
        self.came.set()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()


class World:
    """A bus, alerting and one channel."""

    def __init__(self, **settings: object) -> None:
        self.bus = Bus()
        self.clock = ManualClock(NOW)
        self.told: list[tuple[str, str, str]] = []
        self.channel = Memory()
        self.summaries = 0
        self.fault: StoreError | None = None
        self.alerting = Alerting(
            self.bus,
            self.clock,
            convert_settings(AlertSettings, settings),
            tell_kernel=lambda *said: self.told.append(said),
            summary=self.summary,
        )

    async def summary(self) -> Message:
        self.summaries += 1
        if self.fault is not None:
            raise self.fault
        return Message(title="Daily summary")

    async def __aenter__(self) -> "World":
        await self.alerting.start()
        await self.alerting.use([(self.channel, ROUTE)])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.alerting.stop()

    def publish(self, *events: Event) -> None:
        for each in events:
            self.bus.publish(each)
        self.bus.pump()


def test_each_noticed_kind_has_words_and_a_severity() -> None:
    assert {type(each) for each in EVENTS} == set(NOTICED)
    notices = [notice_of(number, each) for number, each in enumerate(EVENTS)]
    assert [each.severity for each in notices] == [
        "warning", "critical", "critical", "warning", "critical", "warning", "warning", "info", "info",
    ]  # fmt: skip
    assert "1000 of i stands alone" in notices[4].text
    assert "at 100," in notices[8].text
    assert "(simulated)" in notices[8].text


def test_texts_are_scrubbed_of_secrets_and_of_what_hides() -> None:
    secret = Secret("hunter2-hunter2")
    text = f"token \u202eEVIL\x1b[31m, password {secret.reveal()}, " + "x" * 5_000
    told = notice_of(1, Alert(ts_ns=1, severity="info", source="s\u202e", code="c", text=text))
    assert "hunter2" not in told.text
    assert "\u202e" not in told.text + told.source
    assert "\x1b" not in told.text
    assert len(told.text) < 2_100
    assert legible("a\nb\tc é 漢 😀") == "a\nb\tc é 漢 😀"


async def test_events_of_the_bus_reach_the_channel_with_their_numbers() -> None:
    async with World() as world:
        world.publish(*EVENTS)
        await world.channel.wait(3)  # one a severity: what waits together is told together
        seqs = {each.seq for message in world.channel.got for each in message.notices}
    assert seqs == set(range(1, 9))
    assert [each.code for each in world.alerting.recent][:2] == ["kill_on", "faulted"]


async def test_fills_are_told_only_when_asked_for() -> None:
    async with World(fills_enabled=True) as world:
        world.publish(EVENTS[-1])
        await world.channel.wait(1)
    assert world.channel.got[0].notices[0].code == "fill"


async def test_new_settings_count_at_once_and_off_is_silent() -> None:
    async with World() as world:
        world.alerting.apply(convert_settings(AlertSettings, {"enabled": False}))
        world.publish(EVENTS[1])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.alerting.apply(convert_settings(AlertSettings, {}))
        world.publish(EVENTS[2])
        await world.channel.wait(1)
    assert [each.notices[0].code for each in world.channel.got] == ["faulted"]


async def test_a_burst_loses_what_is_not_grave_and_counts_it() -> None:
    async with World() as world:
        for number in range(INBOX_MAX + 10):
            world.publish(Alert(ts_ns=1, severity="info", source="s", code=f"c{number % 3}", text="t"))
        world.publish(EVENTS[1])
        await world.channel.wait(1)
        assert world.alerting.lost == 10
        assert world.channel.got[0].severity == "critical"


async def test_a_channel_that_stops_is_told_and_the_others_go_on() -> None:
    async with World() as world:
        other = Memory("other")
        await world.alerting.use([(world.channel, ROUTE), (other, ROUTE)])
        world.channel.fault = ConfigError("the token is wrong")
        world.publish(EVENTS[1])
        await other.wait(1)
        async with asyncio.timeout(5):
            while not world.told:
                await asyncio.sleep(0)
        world.publish(EVENTS[2])
        await other.wait(2)
    assert world.told == [("critical", "channel_stopped", "memory: the token is wrong")]
    assert world.channel.got == []


async def test_a_bug_in_a_channel_is_told_and_the_channel_goes_on() -> None:
    async with World() as world:
        world.channel.fault = ZeroDivisionError("a bug")
        world.publish(EVENTS[1])
        async with asyncio.timeout(5):
            while not world.told:
                await asyncio.sleep(0)
        world.publish(EVENTS[2])
        await world.channel.wait(1)
    assert world.told == [("critical", "channel_failed", "memory: ZeroDivisionError: a bug")]


async def test_the_end_of_a_run_lets_critical_notices_out() -> None:
    world = World()
    async with world:
        world.publish(EVENTS[1])
    assert [each.severity for each in world.channel.got] == ["critical"]
    world.publish(EVENTS[2])
    assert len(world.channel.got) == 1


async def test_the_daily_summary_is_told_once_at_its_hour() -> None:
    async with World(daily_hour=7) as world:
        world.publish(EVENTS[1])
        await world.channel.wait(1)
        assert world.summaries == 0
        world.clock.advance_to(NOW + NS_PER_HOUR)
        world.alerting.apply(convert_settings(AlertSettings, {"daily_hour": 8}))
        world.clock.advance_to(NOW + 2 * NS_PER_HOUR)
        world.publish(EVENTS[2])
        await world.channel.wait(3)
        world.clock.advance_to(NOW + 2 * NS_PER_HOUR + NS_PER_S)
        world.publish(EVENTS[4])
        await world.channel.wait(4)
    assert world.summaries == 1
    assert "Daily summary" in {each.title for each in world.channel.got}


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_summary_that_cannot_be_made_becomes_a_warning(enabled: bool) -> None:
    async with World(daily_hour=7, daily_enabled=enabled) as world:
        world.fault = StoreError("database away")
        world.clock.advance_to(NOW + NS_PER_HOUR)
        world.publish(EVENTS[1])
        await world.channel.wait(1 + enabled)
    codes = {each.code for message in world.channel.got for each in message.notices}
    assert codes == ({"kill_on", "daily_failed"} if enabled else {"kill_on"})


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/services/T0AB/B0CD/x9Yz8Wv7Ut6Sr5Qp4On3M",
        "https://u:p@h.example/",
        "https://h.example/?key=1",
    ],
)
def test_a_webhook_address_that_holds_a_key_is_kept_out_of_settings_and_so_of_the_log(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"webhook_urls: address 2 .* secret:ALERT_WEBHOOK_URL") as caught:
        convert_settings(AlertSettings, {"webhook_urls": f"secret:ALERT_WEBHOOK_URL {url}"})
    assert url not in str(caught.value)
