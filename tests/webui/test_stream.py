import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from tests.webui.fake_source import FakeSource
from webui import stream
from webui.stream import StreamHub
from webui.stream_client import BYE, RESYNC, StreamClient


class Sessions:
    def __init__(self) -> None:
        self.is_live = True

    def __call__(self, session_id: str) -> bool:
        return self.is_live


def frames(raw: bytes) -> Iterator[dict]:
    for block in raw.split(b"\n\n"):
        if block.startswith(b"data: "):
            yield msgspec.json.decode(block[6:])


async def test_the_first_frame_is_whole_and_the_next_are_differences() -> None:
    hub = StreamHub(FakeSource(), Sessions())
    client = hub.open(("overview",), "s")
    assert client is not None
    await hub.tick()
    (first,) = frames(await client.take(0))
    assert first["full"] and first["topic"] == "overview"
    await hub.tick()
    (second,) = frames(await client.take(0))
    assert not second["full"]
    assert 0 < len(second["cells"]) < len(first["cells"])
    assert "s.cex_dex_arb.today" in second["cells"]
    assert "s.launch_sniper.state" not in second["cells"]


async def test_a_frame_is_encoded_once_for_all_clients() -> None:
    hub = StreamHub(FakeSource(), Sessions())
    clients = [hub.open(("overview",), "s") for _ in range(12)]
    await hub.tick()
    await hub.tick()
    assert hub.frames_encoded == 3  # a delta nobody needed yet, the full frame, the second delta
    assert len({await client.take(0) for client in clients if client is not None}) == 1


async def test_an_age_that_only_grew_with_the_clock_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(stream, "_now_s", lambda: now_s)
    source = FakeSource()
    source.age_ms = 200
    hub = StreamHub(source, Sessions())
    client = hub.open(("shell",), "s")
    assert client is not None
    await hub.tick()
    await client.take(0)
    now_s, source.age_ms = 101.0, 1_210
    await hub.tick()
    assert all("last" not in frame["cells"] for frame in frames(await client.take(0)))
    now_s, source.age_ms = 102.0, 90
    await hub.tick()
    assert any("last" in frame["cells"] for frame in frames(await client.take(0)))


async def test_new_chart_points_follow_and_old_ones_do_not_repeat() -> None:
    source = FakeSource()
    hub = StreamHub(source, Sessions())
    client = hub.open(("shell", "strategy:cex_dex_arb"), "s")
    assert client is not None
    await hub.tick()
    await client.take(0)
    await hub.tick()
    points = [point for frame in frames(await client.take(0)) for point in frame["points"]]
    assert [ms for ms, _, _ in points] == [source.now_ns / 1e6]


async def test_a_client_that_does_not_read_is_bounded_and_told_to_start_over() -> None:
    hub = StreamHub(FakeSource(), Sessions(), queue_max=8)
    client = hub.open(("overview",), "s")
    assert client is not None
    for _ in range(30):
        await hub.tick()
        assert client.queued <= 8
    assert client.resyncs == 1
    assert await client.take(0) == RESYNC
    await hub.tick()
    (frame,) = (each for each in frames(await client.take(0)) if each["topic"] == "overview")
    assert frame["full"]


async def test_a_client_that_reads_nothing_for_long_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(stream, "_now_s", lambda: now_s)
    hub = StreamHub(FakeSource(), Sessions())
    client = hub.open(("overview",), "s")
    assert client is not None
    await hub.tick()
    now_s = stream.STALL_S + 1
    await hub.tick()
    assert hub.clients == 0


async def test_there_is_a_cap_on_clients() -> None:
    hub = StreamHub(FakeSource(), Sessions(), clients_max=2)
    assert [hub.open(("shell",), "s") is not None for _ in range(3)] == [True, True, False]


async def test_an_ended_session_ends_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(stream, "_now_s", lambda: now_s)
    sessions = Sessions()
    hub = StreamHub(FakeSource(), sessions)
    client = hub.open(("shell",), "s")
    assert client is not None
    await hub.tick()
    await client.take(0)
    sessions.is_live = False
    now_s = stream.SESSION_CHECK_S + 1
    await hub.tick()
    assert await client.take(0) == BYE
    assert await client.take(0) == b""


async def test_without_clients_the_source_is_left_alone() -> None:
    source = FakeSource()
    hub = StreamHub(source, Sessions())
    task = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.looks == 0
    hub.close()
    await asyncio.wait_for(task, 1)


async def test_close_wakes_a_waiting_client() -> None:
    client = StreamClient(("shell",), "s", 0)
    waiting = asyncio.create_task(client.take(0))
    await asyncio.sleep(0)
    client.close()
    assert await asyncio.wait_for(waiting, 1) == b""


async def test_lost_queues_are_counted_over_clients_that_are_gone() -> None:
    hub = StreamHub(FakeSource(), Sessions(), queue_max=1)
    client = hub.open(("overview",), "s")
    assert client is not None
    for _ in range(3):
        client.push(b"data: {}\n\n")
    assert hub.resyncs == 1
    hub.leave(client)
    hub.leave(client)
    assert (hub.clients, hub.resyncs) == (0, 1)
