"""Law 6 over the real executor: whatever nodes, disk and crashes do, each order has one transaction at most, one end at
most in each life of the process, and in the end exactly the one that the chain has.
"""

import random
from pathlib import Path
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from bus.events import TERMINAL_REPORTS, Fill, OrderApproved, Report
from tests.adapters.solana.desk import SOL, Desk, landed
from tests.adapters.solana.fake_chain import FakeChain, until

ORDERS = 12
FAULTY = ("sendTransaction", "getSignatureStatuses", "getTransaction", "getEpochInfo", "simulateTransaction",
          "getLatestBlockhash", "getMultipleAccounts")  # fmt: skip


class Fates:
    """What becomes of each signature: lands, fails, is dropped; at once or after some sendings."""

    def __init__(self, chain: FakeChain, seed: int) -> None:
        self.chain = chain
        self.random = random.Random(seed)
        self.of: dict[str, tuple[str, int]] = {}
        self.arrived: dict[str, int] = {}
        self.is_over = False  #: the blockhashes have died

    def __call__(self, raw: bytes) -> dict[str, Any] | None:
        name = str(VersionedTransaction.from_bytes(raw).signatures[0])
        if name not in self.of:
            self.of[name] = (self.random.choice(["Landed", "Landed", "Reverted", "Expired"]), self.random.randint(1, 3))
        self.arrived[name] = self.arrived.get(name, 0) + 1
        fate, after = self.of[name]
        if fate == "Expired" or self.arrived[name] < after or self.is_over:
            return None
        if name in self.chain.late:
            return None
        err = {"InstructionError": [3, {"Custom": 1}]} if fate == "Reverted" else None
        did = landed(raw, sol=0 if err else -2 * SOL, usdc=0 if err else 299_000_000, err=err)
        if self.random.random() < 0.6:  # it travels for a while
            self.chain.late[name] = (self.random.randint(0, 25), did)
            return None
        return did


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_one_transaction_and_one_end_for_every_order(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    async with FakeChain() as chain:
        chain.lands = fates = Fates(chain, seed)
        desk = Desk(chain, tmp_path)
        lives, orders = [desk], {}
        for number in range(ORDERS):
            order = desk.order(order_id=f"r-s-{number}-0")
            orders[order.order_id] = order
            for method in FAULTY:
                if rng.random() < 0.15:
                    chain.broken[method] = rng.randint(1, 3)
            await desk.executor.submit(order)
            chain.commitment = rng.choice(["processed", "confirmed", "confirmed", "finalized"])
            if rng.random() < 0.8 and desk.sender.under_way():
                looks = len(chain.seen) + rng.randint(1, 40)
                await until(lambda looks=looks, desk=desk: len(chain.seen) > looks or not desk.sender.under_way())
            if rng.random() < 0.3:  # a crash; what it had said stays said
                desk.close()
                desk = Desk(chain, tmp_path)
                lives.append(desk)
                await _reconcile(desk, orders, lives)
        chain.commitment = "finalized"
        chain.broken.clear()
        fates.is_over = True
        chain.late.clear()
        chain.slot += 1_000
        chain.height += 1_000
        desk.close()
        last = Desk(chain, tmp_path)
        lives.append(last)
        await _reconcile(last, orders, lives)
        await until(lambda: not last.sender.under_way(), 20.0)
        _check(chain, lives, orders)
        last.close()


async def _reconcile(desk: Desk, orders: dict[str, OrderApproved], lives: list[Desk]) -> None:
    """As the router does: all orders whose end no life has told."""
    over = {each.order_id for life in lives for each in life.events if type(each) in TERMINAL_REPORTS}  # type: ignore[attr-defined]
    for name, order in orders.items():
        if name not in over:
            await desk.executor.reconcile(order, desk.price or 0)  # type: ignore[arg-type]


def _check(chain: FakeChain, lives: list[Desk], orders: dict[str, OrderApproved]) -> None:
    events = [each for life in lives for each in life.events]
    truth = {name: "Reverted" if each["meta"]["err"] else "Landed" for name, each in chain.transactions.items()}
    signatures: dict[str, str] = {}
    for name in orders:
        reports = [each for each in events if isinstance(each, Report) and each.order_id == name]
        ends = [each for each in reports if each.is_terminal]
        assert len(ends) == 1, (name, reports)
        sent = lives[-1].pending.get(name)
        if type(ends[0]).__name__ == "Rejected":
            assert sent is None or sent.signature not in truth
            continue
        assert sent is not None
        signatures[name] = sent.signature
        assert type(ends[0]).__name__ == truth.get(sent.signature, "Expired"), name
        fills = [each for each in reports if isinstance(each, Fill)]
        assert len(fills) == (type(ends[0]).__name__ == "Landed")
    assert len(set(signatures.values())) == len(signatures)
    on_wire = {str(VersionedTransaction.from_bytes(each).signatures[0]) for each in chain.sent}
    assert on_wire <= set(signatures.values())
    assert set(truth) <= set(signatures.values())
