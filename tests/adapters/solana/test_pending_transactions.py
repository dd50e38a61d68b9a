"""The file that makes sending idempotent: whatever happens to it, what it says is true."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.solana import pending_transactions as module
from adapters.solana.pending_transactions import KEPT_NS, HopPlan, PendingTransaction, PendingTransactions
from kernel.errors import StoreError

HOP = HopPlan(pool="orca:X", is_first_in=True, mint_in="a", mint_out="b", amount_in=(1 << 64) - 1)


def sent(order_id: str = "o1", **changes: Any) -> PendingTransaction:
    fields: dict[str, Any] = {
        "order_id": order_id, "strategy": "s", "signature": f"signature of {order_id}", "raw": bytes(range(256)),
        "last_valid_height": 5,
        "persisted_ns": 1_000, "wallet": "w", "accounts": ("x",), "hops": (HOP,),
    }  # fmt: skip
    return PendingTransaction(**(fields | changes))


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["add", "end", "reopen"])), max_size=25))
def test_it_says_after_reopening_what_it_said_before(steps: list[tuple[int, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "deep" / "pending"
        pending = PendingTransactions(path, 500)
        known: dict[str, PendingTransaction] = {}
        ended: set[str] = set()
        for number, what in steps:
            order_id = f"o{number}"
            if what == "reopen":
                pending.close()
                pending = PendingTransactions(path, 2_000)
            elif what == "end":
                pending.end(order_id, "landed", 2_000)
                ended |= {order_id} & known.keys()
            elif order_id in known:
                with pytest.raises(StoreError, match="already"):
                    asyncio.run(pending.add(sent(order_id)))
            else:
                known[order_id] = sent(order_id)
                asyncio.run(pending.add(known[order_id]))
            assert [each.order_id for each in pending.open()] == [each for each in known if each not in ended]
            assert all(pending.get(each) == value for each, value in known.items())
        assert pending.complete_since_ns == 500
        pending.close()


def test_bytes_of_another_order_are_refused_also_after_reopening(tmp_path: Path) -> None:
    for opening in range(2):
        pending = PendingTransactions(tmp_path / "pending", 1)
        if not opening:
            asyncio.run(pending.add(sent("o1")))
        with pytest.raises(StoreError, match="those of another order"):
            asyncio.run(pending.add(sent("o2", signature="signature of o1")))
        pending.close()


def test_what_is_added_is_on_disk_before_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = PendingTransactions(tmp_path / "pending", 1)
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), real(file)))
    asyncio.run(pending.add(sent()))
    assert synced == [(tmp_path / "pending").stat().st_size]
    assert stat.S_IMODE((tmp_path / "pending").stat().st_mode) == 0o600
    pending.close()


def test_a_disk_that_fails_refuses_the_transaction_and_leaves_a_good_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = PendingTransactions(tmp_path / "pending", 1)
    asyncio.run(pending.add(sent("o1")))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StoreError, match="nothing was sent"):
            asyncio.run(pending.add(sent("o2")))
    assert pending.get("o2") is None
    asyncio.run(pending.add(sent("o3")))
    pending.close()
    again = PendingTransactions(tmp_path / "pending", 1)
    assert [each.order_id for each in again.open()] == ["o1", "o3"]
    again.close()


@pytest.mark.parametrize("at", [3, 40, 90])
def test_damage_inside_refuses_to_open(at: int, tmp_path: Path) -> None:
    path = tmp_path / "pending"
    pending = PendingTransactions(path, 1)
    asyncio.run(pending.add(sent()))
    asyncio.run(pending.add(sent("o2")))
    pending.close()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"line \d is damaged"):
        PendingTransactions(path, 1)
    path.write_bytes(b"")
    PendingTransactions(path, 1).close()


def test_old_ends_go_and_it_says_how_far_back_it_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pending"
    pending = PendingTransactions(path, 1)
    asyncio.run(pending.add(sent("old", persisted_ns=1_000)))
    asyncio.run(pending.add(sent("open", persisted_ns=1_001)))
    asyncio.run(pending.add(sent("young", persisted_ns=KEPT_NS)))
    pending.end("old", "landed", 2_000)
    pending.end("young", "expired", 2_000)
    pending.close()
    again = PendingTransactions(path, KEPT_NS + 1_500)
    assert again.get("old") is None and again.get("open") is not None and again.get("young") is not None
    assert again.complete_since_ns == 1_000
    monkeypatch.setattr(module, "APPENDED_MAX", 6)
    for number in range(4):
        asyncio.run(again.add(sent(f"n{number}", persisted_ns=KEPT_NS)))
        again.end(f"n{number}", "landed", KEPT_NS + 1_500)
    assert path.read_bytes().count(b"\n") <= 6 + 8
    again.close()
    once_more = PendingTransactions(path, KEPT_NS + 1_500)
    assert [each.order_id for each in once_more.open()] == ["open"]
    once_more.close()
