"""A crash at any point never sends a second transaction for an order, and every order still gets its one end."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from solders.transaction import VersionedTransaction

from adapters.solana.pending_transactions import PendingTransactions
from bus.events import Fill, Rejected, Unknown
from kernel.errors import StoreError
from tests.adapters.solana.desk import SOL, Desk, landed
from tests.adapters.solana.fake_chain import FakeChain, until


async def _reconciled(chain: FakeChain, folder: Path, order: object, end: str) -> Desk:
    desk = Desk(chain, folder)
    await desk.executor.reconcile(order, Decimal(0))  # type: ignore[arg-type]
    await until(lambda: end in desk.names())
    return desk


async def test_before_it_was_written_down_it_was_not_sent(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        order = desk.order()
        chain.answers["simulateTransaction"] = lambda params: asyncio.get_running_loop().call_soon(task.cancel) and None
        task = asyncio.create_task(desk.executor.submit(order))
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() and desk.names() == []
        desk.close()
        again = await _reconciled(chain, tmp_path, order, "Rejected")
        assert again.names() == ["Rejected"] and again.one(Rejected).reason.startswith("not_sent")
        assert chain.sent == []
        again.close()


async def test_written_down_but_never_sent_expires_and_is_not_sent_later(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path, sends={"rpc": lambda sent: asyncio.sleep(3600)})
        order = desk.order()
        await desk.executor.submit(order)
        desk.close()
        assert chain.sent == [] and desk.names() == ["Submitted"]
        again = Desk(chain, tmp_path)
        await again.executor.reconcile(order, Decimal(0))
        await again.executor.submit(order)  # even if it were handed over once more
        chain.height += 200
        await until(lambda: "Expired" in again.names())
        assert again.names() == ["Expired"] and chain.sent == []
        again.close()


async def test_what_landed_while_we_were_away_is_booked_and_not_sent_again(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=7)
        chain.answers["getSignatureStatuses"] = {"__error": {"code": -32000, "message": "down"}}
        desk = Desk(chain, tmp_path)
        order = desk.order()
        await desk.executor.submit(order)
        await until(lambda: chain.sent)
        desk.close()
        count = len(chain.sent)
        del chain.answers["getSignatureStatuses"]
        again = await _reconciled(chain, tmp_path, order, "Landed")
        assert again.names() == ["NativeSpent", "Fill", "Landed"]
        assert again.one(Fill).fill_id == str(VersionedTransaction.from_bytes(chain.sent[0]).signatures[0])
        assert len(chain.sent) == count
        again.close()


async def test_an_end_whose_report_was_lost_is_reported_again_the_same(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=7)
        desk = Desk(chain, tmp_path)
        order = desk.order()
        await desk.executor.submit(order)
        await until(lambda: "Landed" in desk.names())
        first = desk.one(Fill)
        desk.close()
        again = await _reconciled(chain, tmp_path, order, "Landed")
        second = again.one(Fill)
        assert (first.fill_id, first.qty, first.price) == (second.fill_id, second.qty, second.price)
        await again.executor.reconcile(order, Decimal(2))
        await asyncio.sleep(0.05)
        assert again.names().count("Landed") == 1
        again.close()


async def test_a_file_that_does_not_reach_back_makes_nobody_guess(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        order = desk.order()
        desk.close()
        (tmp_path / "pending").unlink()
        again = Desk(chain, tmp_path)
        await again.executor.reconcile(order, Decimal(0))
        await again.executor.reconcile(order, Decimal(0))
        assert again.names() == ["Unknown"] and "by hand" in again.one(Unknown).reason
        assert again.codes() == ["order_unexplained"]
        again.close()


@pytest.mark.slow
async def test_a_file_torn_at_any_byte_means_not_sent_and_loses_nothing_else(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        first, second = desk.order(), desk.order(order_id="r-s-2-0")
        await desk.executor.submit(first)
        await desk.executor.submit(second)
        desk.close()
        whole = (tmp_path / "pending").read_bytes()
        start = whole[:-1].rindex(b"\n") + 1
        for cut in [*range(start, len(whole), 61), len(whole) - 1, len(whole)]:
            folder = tmp_path / str(cut)
            folder.mkdir()
            (folder / "pending").write_bytes(whole[:cut])
            pending = PendingTransactions(folder / "pending", desk.clock.now_ns())
            assert pending.get("r-s-1-0") is not None
            assert (pending.get("r-s-2-0") is not None) == (cut == len(whole))
            assert pending.complete_since_ns < first.ts_ns
            pending.close()


async def test_two_processes_cannot_send_for_one_folder(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        with pytest.raises(StoreError, match="in use"):
            PendingTransactions(tmp_path / "pending", 1)
        desk.close()
