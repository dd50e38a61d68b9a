"""Typed streams over the pool's subscriptions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.solana import subscriptions
from adapters.solana.subscriptions import LogsNotice, ProgramNotice, SignatureNotice, SlotNotice
from tests.adapters.solana.desk import DEX
from tests.adapters.solana.fake_chain import FakeChain, until

SIGNATURE = "5" * 80


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with FakeChain() as made:
        yield made


async def tell(chain: FakeChain, name: str, *results: Any) -> None:
    await until(lambda: any(name in each.values() for each in chain.sockets.values()))
    for socket, subs in list(chain.sockets.items()):
        for number, subject in subs.items():
            if subject == name:
                for result in results:
                    await chain._notify(socket, "xNotification", number, result)


async def test_slots(chain: FakeChain) -> None:
    stream = subscriptions.slots(chain.pool, pytest.fail)
    assert await anext(stream) == SlotNotice(1_000, 999, 968)
    await stream.aclose()  # type: ignore[attr-defined]


async def test_logs_skip_what_does_not_fit(chain: FakeChain) -> None:
    import asyncio

    bad: list[str] = []
    stream = subscriptions.logs(chain.pool, str(DEX), bad.append)
    first = asyncio.ensure_future(anext(stream))  # type: ignore[arg-type]
    good = {"context": {"slot": 5}, "value": {"signature": SIGNATURE, "err": None, "logs": ["a", "b"]}}
    await tell(chain, str(DEX), {"context": {}}, 5, good)
    assert await first == LogsNotice(5, SIGNATURE, None, ("a", "b"))
    assert len(bad) == 2
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_programs_accounts_and_a_signature(chain: FakeChain) -> None:
    import asyncio

    bad: list[str] = []
    stream = subscriptions.program_accounts(chain.pool, str(DEX), [{"dataSize": 3}], bad.append)
    first = asyncio.ensure_future(anext(stream))  # type: ignore[arg-type]
    account = {"data": ["YWJj", "base64"], "owner": str(DEX), "lamports": 1}
    keyed = {"context": {"slot": 5}, "value": {"pubkey": "4" * 44, "account": account}}
    odd = {"context": {"slot": 5}, "value": {"pubkey": "4" * 44, "account": account | {"data": ["%", "base64"]}}}
    await tell(chain, str(DEX), odd, keyed)
    found = await first
    assert isinstance(found, ProgramNotice) and found.account is not None and found.account.data == b"abc"
    assert len(bad) == 1
    await stream.aclose()  # type: ignore[attr-defined]
    notices = subscriptions.signature(chain.pool, SIGNATURE, pytest.fail)
    one = asyncio.ensure_future(anext(notices))  # type: ignore[arg-type]
    await tell(chain, SIGNATURE, {"context": {"slot": 6}, "value": {"err": None}})
    assert await one == SignatureNotice(6, None)
    with pytest.raises(StopAsyncIteration):
        await anext(notices)
