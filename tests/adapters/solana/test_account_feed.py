"""The feed: nothing older overwrites newer, gaps are told and filled, and one bad pool harms no other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.solana.account_feed import AccountFeed
from adapters.solana.account_socket import AccountSocket
from adapters.solana.account_source import AccountChange, SlotSeen, SourceReady
from adapters.solana.mints import WRAPPED_SOL, MintBook
from adapters.solana.node import SolanaNode
from adapters.solana.slot_clock import SlotClock
from bus.clock import WallClock
from bus.events import Alert, Event, FeedGap, VenueHealth
from bus.pool_parts.token_fee import TokenFee
from tests.adapters.solana.desk import CHEAP, DEAR, USDC, Seen, StandInPool, mint_bytes
from tests.adapters.solana.fake_chain import FakeChain, until

AROUND = ("4" * 44, "5" * 44)


class Feed:
    """A feed over the fake chain, and what it told."""

    def __init__(self, chain: FakeChain, **changes: Any) -> None:
        self.chain = chain
        self.told: list[tuple[str, int, str, str]] = []
        self.fees: list[tuple[str, TokenFee]] = []
        self.events: list[Event] = []
        self.disabled: list[str] = []
        node = SolanaNode(chain.pool)
        self.socket = AccountSocket(
            chain.pool.open_websocket, chain.pool.report_failure, silence_s_max=changes.pop("silence_s_max", 1.0)
        )
        self.feed = AccountFeed(
            node, self.socket, MintBook(node), WallClock(), SlotClock(), publish=self._on, emit=self.events.append,
            on_disabled=lambda name, _: self.disabled.append(name),
            **({"recheck_s": 60.0, "grace_s": 0.02} | changes),
        )  # fmt: skip
        chain.put(str(USDC), mint_bytes(6))
        chain.put(WRAPPED_SOL, mint_bytes(9))

    def _on(self, instrument: str, slot: int, parts: tuple[Any, ...]) -> None:
        for each in parts:
            if isinstance(each, Seen):
                self.told.append((instrument, slot, each.address[:4], each.text))
            else:
                self.fees.append((instrument, each))

    def texts(self, instrument: str = CHEAP) -> list[str]:
        return [text for name, _, _, text in self.told if name == instrument]

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.events if isinstance(each, kind)]


@contextlib.asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_snapshot_comes_first_and_then_every_change(chain: FakeChain) -> None:
    feed = Feed(chain)
    pool = StandInPool(20, AROUND)
    chain.put(pool.address, b"p1")
    chain.put(AROUND[0], b"n1")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        assert sorted(feed.texts()) == ["missing", "n1", "p1"]
        assert {each.is_first for _, each in feed.fees} == {True, False}
        chain.slot += 1
        await chain.change(pool.address, b"p2")
        await chain.change(AROUND[1], b"m1")
        await until(lambda: "m1" in feed.texts())
        assert feed.told[-2:] == [(CHEAP, 1_001, pool.address[:4], "p2"), (CHEAP, 1_001, "5555", "m1")]
        assert chain.methods().count("accountSubscribe") == 3 and len(chain.sockets) == 1


async def test_older_slots_are_dropped_and_writes_of_one_slot_keep_their_order(chain: FakeChain) -> None:
    feed = Feed(chain)
    pool = StandInPool(20)
    chain.put(pool.address, b"a")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        for text, slot in ((b"b", 1_005), (b"c", 1_005), (b"old", 1_004), (b"d", 1_006)):
            await chain.change(pool.address, text, slot=slot)
            await asyncio.sleep(0.01)
        await until(lambda: "d" in feed.texts())
        assert feed.texts() == ["a", "b", "c", "d"]
        assert feed.feed.counts.dropped_old == 1


async def test_a_lost_connection_is_a_gap_and_is_filled_from_a_node_that_is_not_behind(chain: FakeChain) -> None:
    feed = Feed(chain)
    pool = StandInPool(20)
    chain.put(pool.address, b"a")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        await chain.change(pool.address, b"b", slot=1_010)
        await until(lambda: "b" in feed.texts())
        await chain.cut()
        chain.put(pool.address, b"stale")
        await until(lambda: not feed.feed.is_live)
        await until(
            lambda: (
                len([m for m in chain.seen if m[0] == "getMultipleAccounts" and m[1][1].get("minContextSlot") == 1_010])
                > 1
            )
        )
        assert not feed.feed.is_live and "stale" not in feed.texts()
        chain.slot = 1_011
        chain.put(pool.address, b"c")
        await until(lambda: feed.feed.is_live)
        assert feed.texts() == ["a", "b", "c"]
        (gap,) = feed.of(FeedGap)
        assert gap.instrument == CHEAP and 0 < gap.from_ts_ns <= gap.to_ts_ns
        assert [each.status for each in feed.of(VenueHealth)] == ["ok", "stale", "ok"]
        await chain.change(pool.address, b"d", slot=1_012)
        await until(lambda: "d" in feed.texts())


async def test_a_connection_without_slots_is_dead_however_open_it_looks(chain: FakeChain) -> None:
    feed = Feed(chain, silence_s_max=0.15)
    feed.feed.track(CHEAP, StandInPool(20))
    chain.put(StandInPool(20).address, b"a")
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        chain.is_silent = True
        await until(lambda: chain.methods().count("slotSubscribe") >= 2)
        chain.is_silent = False
        await until(lambda: feed.feed.is_live and feed.of(FeedGap))


async def test_an_unknown_layout_disables_that_pool_alone(chain: FakeChain) -> None:
    feed = Feed(chain)
    bad, good = StandInPool(20), StandInPool(21)
    chain.put(bad.address, b"fine")
    chain.put(good.address, b"good")
    feed.feed.track(CHEAP, bad)
    feed.feed.track(DEAR, good)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        await chain.change(bad.address, b"bad", slot=1_001)
        await until(lambda: feed.disabled == [CHEAP])
        await chain.change(good.address, b"better", slot=1_002)
        await until(lambda: "better" in feed.texts(DEAR))
        assert feed.feed.tracked() == (DEAR,)
        assert [each.code for each in feed.of(Alert)] == ["pool_disabled"]
        await until(lambda: "accountUnsubscribe" in chain.methods())


async def test_a_pool_that_is_not_there_and_a_mint_that_is_none_are_disabled(chain: FakeChain) -> None:
    feed = Feed(chain)
    lost, odd = StandInPool(20), StandInPool(21)
    odd.mints = (str(USDC), odd.address)
    chain.put(odd.address, b"x")
    feed.feed.track(CHEAP, lost)
    feed.feed.track(DEAR, odd)
    async with running(feed):
        await until(lambda: set(feed.disabled) == {CHEAP, DEAR})
        assert feed.texts() == []


async def test_when_the_price_moves_other_neighbours_are_watched(chain: FakeChain) -> None:
    feed = Feed(chain)
    pool = StandInPool(20, AROUND[:1])
    chain.put(pool.address, b"p")
    chain.put(AROUND[0], b"n0")
    chain.put(AROUND[1], b"n1")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        await chain.change(pool.address, f"q,{AROUND[1]}".encode(), slot=1_001)
        await until(lambda: "n1" in feed.texts())
        await until(lambda: "accountUnsubscribe" in chain.methods())
        count = len(feed.told)
        await chain.change(AROUND[0], b"n9", slot=1_002)
        await chain.change(AROUND[1], b"n2", slot=1_002)
        await until(lambda: "n2" in feed.texts())
        assert len(feed.told) == count + 1


async def test_a_change_that_the_stream_did_not_tell_is_found_told_and_repaired(chain: FakeChain) -> None:
    feed = Feed(chain, recheck_s=0.05)
    pool = StandInPool(20)
    chain.put(pool.address, b"a")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        chain.slot = 1_050
        chain.put(pool.address, b"missed")
        await until(lambda: "missed" in feed.texts())
        assert feed.feed.counts.missed == 1
        assert [each.code for each in feed.of(Alert)] == ["account_change_missed"]


async def test_pools_that_share_an_account_are_both_told(chain: FakeChain) -> None:
    feed = Feed(chain)
    first, second = StandInPool(20, AROUND[:1]), StandInPool(21, AROUND[:1])
    for each in (first.address, second.address, AROUND[0]):
        chain.put(each, b"x")
    feed.feed.track(CHEAP, first)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        feed.feed.track(DEAR, second)
        await until(lambda: len(feed.texts(DEAR)) == 2)
        await chain.change(AROUND[0], b"y", slot=1_001)
        await until(lambda: "y" in feed.texts(DEAR) and "y" in feed.texts(CHEAP))


async def test_a_slow_reader_gets_the_latest_of_each_account_in_the_order_of_writing(chain: FakeChain) -> None:
    socket = AccountSocket(chain.pool.open_websocket, chain.pool.report_failure)
    socket.watch(AROUND)
    while not isinstance(await socket.get(), SourceReady):
        pass
    for number in range(50):
        await chain.change(AROUND[0], b"a%d" % number, slot=1_001 + number)
        if number == 40:
            await chain.change(AROUND[1], b"b", slot=1_041)
    await until(lambda: len(socket._changes) == 2 and socket._changes[AROUND[0]].slot == 1_050)
    got = []
    while len(got) < 2:
        event = await socket.get()
        if isinstance(event, AccountChange):
            got.append((event.address, event.account.data if event.account else None))
        else:
            assert isinstance(event, SlotSeen)
    assert got == [(AROUND[1], b"b"), (AROUND[0], b"a49")]
    assert socket.coalesced == 49
    await socket.close()


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", "null", '"x"', "{", '{"method":"accountNotification"}', '{"id":null,"result":{}}',
        '{"method":"slotNotification","params":{"subscription":1,"result":{"slot":-1}}}',
        '{"method":"accountNotification","params":{"subscription":102,"result":{"context":{"slot":1},"value":'
        '{"data":["!!","base64"],"owner":"44444444444444444444444444444444","lamports":1}}}}',
        '{"method":"accountNotification","params":{"subscription":102,"result":{"context":{"slot":1},"value":'
        '{"data":["","jsonParsed"],"owner":"44444444444444444444444444444444","lamports":1}}}}',
    ],
)  # fmt: skip
async def test_hostile_messages_are_counted_and_survived(text: str, chain: FakeChain) -> None:
    feed = Feed(chain)
    pool = StandInPool(20)
    chain.put(pool.address, b"a")
    feed.feed.track(CHEAP, pool)
    async with running(feed):
        await until(lambda: feed.feed.is_live)
        for socket in list(chain.sockets):
            await socket.send_str(text)
        await chain.change(pool.address, b"b", slot=1_001)
        await until(lambda: "b" in feed.texts())
        assert feed.socket.bad_messages <= 1 and not feed.of(FeedGap)


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with FakeChain() as made:
        yield made
