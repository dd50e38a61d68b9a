"""The executor against a scripted node: it lands, reverts, expires or rejects, and says so once."""

import asyncio
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.jito.block_engine import BlockEngine
from adapters.jito.request_budget import RequestBudget
from adapters.solana.lookup_tables import LookupTable
from bus.events import Fill, Landed, Rejected, Reverted, Submitted
from bus.events.execution import NativeSpent
from bus.intents import Hop
from kernel.execution.lanes import Lane
from tests.adapters.solana.desk import (
    CHEAP,
    DEAR,
    SOL,
    SOL_ACCOUNT,
    TIP,
    USDC_ACCOUNT,
    WALLET,
    Desk,
    keys_of,
    landed,
    swap,
)  # fmt: skip
from tests.adapters.solana.fake_chain import FakeChain, until
from tests.builders import place

DONE = ["Submitted", "NativeSpent", "Fill", "Landed"]


async def test_a_swap_lands_and_is_booked_from_its_balances(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=299_500_000, rent=2_039_280)
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: "Landed" in desk.names())
        assert desk.names() == DONE
        fill = desk.one(Fill)
        assert (fill.side, fill.qty, fill.price) == ("sell", Decimal(2), Decimal("149.75"))
        assert (fill.amount_in_raw, fill.amount_out_raw, fill.pool, fill.instrument) == (
            2 * SOL, 299_500_000, CHEAP, CHEAP,
        )  # fmt: skip
        assert fill.gas_usd == Decimal("0.000005") * 150 and fill.fill_id == desk.one(Submitted).venue_id
        spent = desk.one(NativeSpent)
        assert (spent.fee_raw, spent.tip_raw, spent.rent_raw) == (5_000, 0, 2_039_280)
        assert desk.one(Landed).tx == fill.fill_id
        assert desk.pending.open() == [] and desk.sender.under_way() == 0
        desk.close()


async def test_the_limit_comes_from_the_simulation_and_the_price_from_our_accounts(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        chain.fees[desk.pools[CHEAP].address] = [0, 4, 800_000, 900_000]
        chain.fees[str(USDC_ACCOUNT)] = [10]
        await desk.executor.submit(desk.order(swap(priority_fee_lamports_max=10**6)))
        await until(lambda: chain.sent)
        budget = _budget(chain.sent[0])
        assert budget == (115_001, 800_000)
        await desk.executor.submit(desk.order(swap(priority_fee_lamports_max=1_150), "r-s-2-0"))
        await until(lambda: len(set(chain.sent)) == 2)
        assert {_budget(each) for each in chain.sent} == {(115_001, 800_000), (115_002, 9_999)}
        desk.close()


def _budget(raw: bytes) -> tuple[int, int]:
    """(units, price) of a transaction."""
    message = VersionedTransaction.from_bytes(raw).message
    found = {}
    for each in message.instructions:
        if str(message.account_keys[each.program_id_index]).startswith("ComputeBudget"):
            data = bytes(each.data)
            found[data[0]] = struct.unpack_from("<I" if data[0] == 2 else "<Q", data, 1)[0]
    return found[2], found[3]


async def test_two_pools_make_one_transaction_and_two_fills(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=13_000_000, usdc=1_000, tip=20_000)
        desk = Desk(chain, tmp_path)
        cycle = swap(
            Hop(pool=DEAR, is_zero_for_one=True), Hop(pool=CHEAP, is_zero_for_one=False), amount_in=2 * SOL,
            amount_out_min=2 * SOL + 10_000, tip_lamports=20_000,
        )  # fmt: skip
        await desk.executor.submit(desk.order(cycle))
        await until(lambda: "Landed" in desk.names())
        first, second = (each for each in desk.events if isinstance(each, Fill))
        assert (first.amount_in_raw, first.amount_out_raw, first.pool) == (2 * SOL, 302_001_000, DEAR)
        assert (second.amount_in_raw, second.amount_out_raw, second.pool) == (302_000_000, 2_013_000_000, CHEAP)
        assert first.side == "sell" and second.side == "buy" and second.gas_usd == 0
        assert first.gas_usd == Decimal("0.000025") * 150 and first.fill_id != second.fill_id
        assert first.instrument == second.instrument == CHEAP
        assert desk.one(NativeSpent).tip_raw == 20_000
        assert str(TIP) in keys_of(chain.sent[0])
        desk.close()


async def test_two_equal_orders_are_two_transactions(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        for number in range(20):
            await desk.executor.submit(desk.order(order_id=f"r-s-{number}-0"))
        await until(lambda: len(set(chain.sent)) == 20)
        desk.close()


async def test_missing_accounts_are_made_and_sol_is_wrapped_and_unwrapped_inside(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        chain.put(str(USDC_ACCOUNT), bytes(165))
        await desk.executor.submit(desk.order(order_id="r-s-2-0"))
        await until(lambda: len(set(chain.sent)) == 2)
        shapes = []
        for raw in dict.fromkeys(chain.sent):
            message = VersionedTransaction.from_bytes(raw).message
            keys = [str(each) for each in message.account_keys]
            shapes.append([(keys[each.program_id_index][:4], bytes(each.data)[:1]) for each in message.instructions])
        wrapping = [("AToken"[:4], b"\x01"), ("1111", b"\x02"), ("Toke", b"\x11")]
        for shape, made in zip(shapes, (1, 0), strict=True):
            assert shape[2:5] == wrapping
            assert [each for each in shape[5:] if each[0] == "ATok"] == [("ATok", b"\x01")] * made
            assert shape[-1] == ("Toke", b"\x09")
        desk.close()


async def test_a_failed_transaction_reverts_with_its_reason_and_costs_its_fee(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        err = {"InstructionError": [5, {"Custom": 6001}]}
        chain.lands = lambda raw: landed(raw, sol=0, usdc=0, err=err)
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order(swap(tip_lamports=5_000)))
        await until(lambda: "Reverted" in desk.names())
        assert desk.names() == ["Submitted", "NativeSpent", "Reverted"]
        reverted = desk.one(Reverted)
        assert reverted.gas_usd == Decimal("0.000005") * 150
        assert "instruction 5: custom program error 6001" in reverted.reason and "slippage" in reverted.reason
        assert desk.one(NativeSpent).tip_raw == 0
        desk.close()


async def test_the_same_bytes_are_sent_until_they_land(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.broken["sendTransaction"] = 3
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1) if len(chain.sent) >= 3 else None
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: "Landed" in desk.names())
        assert len(set(chain.sent)) == 1 and len(chain.sent) >= 3
        assert desk.names() == DONE
        desk.close()


async def test_processed_is_not_landed_and_may_be_rolled_back(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.commitment = "processed"
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1)
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: chain.methods().count("getSignatureStatuses") > 5)
        assert desk.names() == ["Submitted"]
        chain.lands = lambda raw: None
        chain.transactions.clear()  # the fork lost
        chain.height += 500
        await until(lambda: "Expired" in desk.names())
        assert desk.names() == ["Submitted", "Expired"]
        desk.close()


async def test_it_expires_only_when_nodes_at_that_height_do_not_know_it(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: chain.sent)
        chain.slot += 400
        chain.height += 400
        behind = {"context": {"slot": chain.slot - 1}, "value": [None]}
        chain.answers["getSignatureStatuses"] = behind
        seen = chain.methods().count("getSignatureStatuses")
        await until(lambda: chain.methods().count("getSignatureStatuses") > seen + 8)
        assert desk.names() == ["Submitted"], "the answering node was behind the height at which it expires"
        del chain.answers["getSignatureStatuses"]
        await until(lambda: "Expired" in desk.names())
        searched = [params[1] for method, params in chain.seen if method == "getSignatureStatuses" and len(params) > 1]
        assert searched[-1] == {"searchTransactionHistory": True}
        sent = len(chain.sent)
        await until(lambda: desk.sender.under_way() == 0)
        assert len(chain.sent) == sent
        desk.close()


async def test_an_outcome_that_nobody_tells_is_unknown_once_and_then_found(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1)
        chain.answers["getTransaction"] = None
        desk = Desk(chain, tmp_path)
        order = desk.order()
        await desk.executor.submit(order)
        await until(lambda: "Unknown" in desk.names())
        await desk.executor.reconcile(order, Decimal(0))
        del chain.answers["getTransaction"]
        await until(lambda: "Landed" in desk.names())
        assert desk.names() == ["Submitted", "Unknown", *DONE[1:]]
        assert desk.codes() == ["outcome_unknown"]
        desk.close()


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        (place(), "unsupported"),
        (swap(is_flash_loan=True), "flash_loan"),
        (swap(Hop(pool="orca:NOBODY", is_zero_for_one=True)), "pool_unknown"),
        (swap(Hop(pool=CHEAP, is_zero_for_one=True), Hop(pool=DEAR, is_zero_for_one=True)), "route"),
        (swap(amount_out_min=300_000_001), "min_out"),
        (swap(amount_in=1 << 64), "amount"),
        (swap(is_bundle=True, tip_lamports=999), "tip"),
        (swap(is_bundle=True, tip_lamports=2_000), "by 'jito'"),
        (swap(min_slot=5_000, amount_out_min=1), "simulation"),
    ],
)
async def test_what_cannot_be_sent_is_rejected_and_nothing_is_sent(intent: object, reason: str, tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.simulation = {"err": "AccountNotFound", "logs": None}
        if reason != "simulation":
            chain.simulation = {"err": None, "unitsConsumed": 1000, "logs": []}
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order(intent))  # type: ignore[arg-type]
        assert desk.names() == ["Rejected"]
        assert reason in desk.one(Rejected).reason
        assert chain.sent == [] and desk.pending.open() == []
        desk.close()


@pytest.mark.slow
async def test_a_node_that_does_not_answer_in_time_is_a_rejection(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.broken["simulateTransaction"] = 1000
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        assert desk.names() == ["Rejected"] and chain.sent == []
        desk.close()


async def test_the_signers_refusal_is_a_rejection(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order(swap(tip_lamports=10**8)))
        assert desk.names() == ["Rejected"] and "not signed (tip)" in desk.one(Rejected).reason
        desk.close()


async def test_every_report_of_a_simulated_venue_says_so(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1)
        desk = Desk(chain, tmp_path, simulated=True)
        await desk.executor.submit(desk.order())
        await desk.executor.submit(desk.order(place(), "r-s-2-0"))
        await until(lambda: "Landed" in desk.names())
        reports = [each for each in desk.events if hasattr(each, "order_id")]
        assert len(reports) == 5 and all(each.simulated for each in reports)
        desk.close()


async def test_without_a_price_of_sol_gas_is_nothing_and_that_is_told_once(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1)
        desk = Desk(chain, tmp_path)
        desk.price = None
        await desk.executor.submit(desk.order())
        await desk.executor.submit(desk.order(order_id="r-s-2-0"))
        await until(lambda: "Landed" in desk.names("r-s-2-0") and "Landed" in desk.names())
        assert desk.codes() == ["native_price_unknown"]
        assert [each.fee_raw for each in desk.events if isinstance(each, NativeSpent)] == [5_000, 5_000]
        desk.close()


async def test_a_bundle_goes_to_the_block_engine_alone_and_lands_by_our_node(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=-2 * SOL, usdc=1, tip=50_000)
        chain.answers["getTipAccounts"] = [str(TIP)]
        engine = BlockEngine(chain.pool, RequestBudget(0.001), lambda: 1, seed=7)
        desk = Desk(
            chain, tmp_path, sends={"jito": lambda sent: engine.send_bundle([sent.raw])},
            tip_account=engine.tip_account,
        )  # fmt: skip
        await desk.executor.submit(
            desk.order(swap(is_bundle=True, tip_lamports=50_000, priority_fee_lamports_max=10**6))
        )
        await until(lambda: "Landed" in desk.names())
        assert "sendTransaction" not in chain.methods() and "getRecentPrioritizationFees" not in chain.methods()
        assert {tuple(each) for each in chain.bundles} == {(chain.sent[0],)}
        params = next(params for method, params in chain.seen if method == "sendBundle")
        assert params[1] == {"encoding": "base64"}
        assert _budget(chain.sent[0])[1] == 0
        desk.close()


async def test_a_bundle_transaction_that_fails_on_chain_was_unbundled(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.lands = lambda raw: landed(raw, sol=0, usdc=0, err={"InstructionError": [4, "InvalidArgument"]})

        async def send(sent: object) -> None:
            chain.take(sent.raw)  # type: ignore[attr-defined]

        desk = Desk(chain, tmp_path, sends={"jito": send})
        await desk.executor.submit(desk.order(swap(is_bundle=True, tip_lamports=50_000)))
        await until(lambda: "Reverted" in desk.names())
        assert desk.one(Reverted).reason.startswith("unbundled")
        desk.close()


async def test_cancel_stops_sending_and_the_outcome_is_still_looked_for(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        order = desk.order()
        await desk.executor.submit(order)
        await until(lambda: chain.sent)
        await desk.executor.cancel(order)
        count = len(chain.sent)
        seen = chain.methods().count("getSignatureStatuses")
        await until(lambda: chain.methods().count("getSignatureStatuses") > seen + 10)
        assert len(chain.sent) == count
        chain.height += 500
        await until(lambda: "Expired" in desk.names())
        desk.close()


async def test_stopping_sends_nothing_more_and_waits_for_outcomes(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: chain.sent)
        assert await desk.sender.stop(0.1) == 1
        assert [each.order_id for each in desk.pending.open()] == ["r-s-1-0"]
        await desk.executor.submit(desk.order(order_id="r-s-2-0"))
        assert desk.names("r-s-2-0") == ["Rejected"]
        count = len(chain.sent)
        chain.height += 500
        desk.close()
        again = Desk(chain, tmp_path)
        await again.executor.reconcile(desk.order(), Decimal(0))
        await until(lambda: "Expired" in again.names())
        assert len(chain.sent) == count
        assert await again.sender.stop(1.0) == 0
        again.close()


async def test_accounts_of_ours_never_come_out_of_a_lookup_table(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        pool = Pubkey.from_string(desk.pools[CHEAP].address)
        table = LookupTable(
            address=str(Pubkey.from_bytes(bytes([77] * 32))), last_extended_slot=5, last_extended_start=0,
            addresses=(TIP, SOL_ACCOUNT, WALLET, pool),
        )  # fmt: skip
        desk.executor._tables._tables = (table,)
        await desk.executor.submit(desk.order(swap(tip_lamports=5_000)))
        await until(lambda: chain.sent)
        message = VersionedTransaction.from_bytes(chain.sent[0]).message
        assert {str(TIP), str(SOL_ACCOUNT), str(WALLET)} <= set(keys_of(chain.sent[0]))
        assert desk.pools[CHEAP].address not in keys_of(chain.sent[0])
        assert [bytes(each.writable_indexes) for each in message.address_table_lookups] == [b"\x03"]
        desk.close()


async def test_it_never_burns_more_than_its_gas_limit_and_never_sends_after_its_deadline(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        chain.fees[desk.pools[CHEAP].address] = [10**9]
        await desk.executor.submit(desk.order(swap(priority_fee_lamports_max=10**8, gas_usd_max=Decimal("0.01"))))
        late = replace(desk.order(order_id="r-s-2-0"), deadline_ns=desk.clock.now_ns())
        await desk.executor.submit(late)
        first, second = (each.reason for each in desk.events if isinstance(each, Rejected))
        assert first.startswith("gas: expected at most 0.01 USD") and second.startswith("deadline")
        assert chain.sent == []
        desk.close()


async def test_a_pool_that_is_disabled_while_an_order_is_made_harms_nobody(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        chain.answers["getMultipleAccounts"] = lambda params: (
            desk.pools.clear() or {"context": {"slot": 1_000}, "value": [chain.account(each) for each in params[0]]}
        )
        await desk.executor.submit(desk.order())
        assert desk.names() == ["Submitted"]
        await desk.executor.submit(desk.order(order_id="r-s-2-0"))
        assert desk.names("r-s-2-0") == ["Rejected"]
        desk.close()


async def test_behind_the_lane_orders_leave_one_after_another_and_nobody_waits_for_the_chain(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        desk = Desk(chain, tmp_path)
        barriers: list[int] = []
        lane = Lane(desk.executor, lambda: barriers.append(len(chain.sent)), desk.events.append, desk.clock.now_ns)
        task = asyncio.create_task(lane.run())
        for number in range(3):
            lane.submit(desk.order(order_id=f"r-s-{number}-0"))
        await until(lambda: len(set(chain.sent)) == 3)
        assert desk.sender.under_way() == 3 and len(barriers) == 3
        lane.cancel(desk.order(order_id="r-s-0-0"))
        lane.reconcile(desk.order(order_id="r-s-9-0"), Decimal(0))
        await until(lambda: desk.names("r-s-9-0") == ["Rejected"])
        chain.height += 500
        await until(lambda: desk.sender.under_way() == 0)
        assert [desk.names(f"r-s-{number}-0") for number in range(3)] == [["Submitted", "Expired"]] * 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        desk.close()


async def test_a_height_that_nobody_tells_hides_no_landing_and_is_told_as_unknown(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.answers["getEpochInfo"] = {"__error": {"code": -32601, "message": "Method not found"}}
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order())
        await until(lambda: desk.names() == ["Submitted", "Unknown"])
        chain.transactions[desk.one(Submitted).venue_id] = landed(chain.sent[0], sol=-2 * SOL, usdc=1)
        await until(lambda: "Landed" in desk.names())
        desk.close()


async def test_fees_that_nobody_tells_are_no_reason_to_leave_an_order_undone(tmp_path: Path) -> None:
    async with FakeChain() as chain:
        chain.answers["getRecentPrioritizationFees"] = {"__error": {"code": -32601, "message": "Method not found"}}
        desk = Desk(chain, tmp_path)
        await desk.executor.submit(desk.order(swap(priority_fee_lamports_max=10**6)))
        await until(lambda: chain.sent)
        assert _budget(chain.sent[0])[1] == 0
        desk.close()
