"""Transactions that may land: on disk before the first byte is sent, so that no crash sends an order twice.

What is asked is answered from memory; a thread of its own writes and syncs, so that a slow disk holds up nobody else.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from adapters.solana.transaction_file import TransactionFile
from bus.clock import NS_PER_DAY
from kernel.errors import StoreError

KEPT_NS = 2 * NS_PER_DAY  #: ended ones, for a restart that lost the report of the end
RECORDS_MAX = 5_000  #: after rewriting; the oldest ended ones go first
APPENDED_MAX = 12_000  #: lines; then the file is rewritten
_log = structlog.get_logger(__name__)

End = Literal["", "landed", "reverted", "expired"]


class HopPlan(Struct, frozen=True, kw_only=True):
    """One swap of a transaction: instrument, tokens and what was put in, as needed to read its fill later."""

    pool: str
    is_first_in: bool  #: the pool's first token goes in
    mint_in: str
    mint_out: str
    amount_in: int


class PendingTransaction(Struct, frozen=True, kw_only=True, tag="sent"):
    """Everything that is needed to find out what became of a transaction, and to send the same bytes again."""

    order_id: str
    strategy: str
    signature: str
    raw: bytes  #: as signed
    last_valid_height: int
    persisted_ns: int
    wallet: str
    accounts: tuple[str, ...]  #: our token accounts that it may touch
    hops: tuple[HopPlan, ...]
    tip_lamports: int = 0
    tip_account: str = ""
    route: str = "rpc"  #: rpc, jito or jupiter
    request_id: str = ""  #: of Jupiter's /execute


class _Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    order_id: str
    end: End


class _Begun(Struct, frozen=True, kw_only=True, tag="begun"):
    complete_since_ns: int


_Record = PendingTransaction | _Ended | _Begun
_DECODER = msgspec.json.Decoder(_Record)


class PendingTransactions:
    """The file and what it holds; one process at a time. Use it from one event loop."""

    def __init__(self, path: Path, now_ns: int) -> None:
        """Open or make it. Raises `StoreError`: in use, damaged, or not to be written."""
        self.path = path
        self.complete_since_ns = now_ns  #: an order approved after this that is not here was never sent
        self._sent: dict[str, PendingTransaction] = {}
        self._signatures: set[str] = set()
        self._ends: dict[str, End] = {}
        self._lines = 0
        self._file = TransactionFile(path)
        try:
            for number, body in enumerate(self._file.read(), start=1):
                self._take(number, body)
            self._file.rewrite(self._kept(now_ns))
        except StoreError:
            self._file.close()
            raise
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="solana-pending")

    def close(self) -> None:
        """Finish what is being written; let go of file and lock. Idempotent."""
        self._disk.shutdown(wait=True)
        self._file.close()

    async def add(self, transaction: PendingTransaction) -> None:
        """Write and sync; after this it may be sent. Raises `StoreError`: then it must not be sent."""
        order_id = transaction.order_id
        if order_id in self._sent:
            raise StoreError(f"order {order_id} has a transaction already; a second one is never made")
        if transaction.signature in self._signatures:
            raise StoreError(f"order {order_id}: its bytes are those of another order; not sent twice")
        self._sent[order_id] = transaction
        self._signatures.add(transaction.signature)
        try:
            await asyncio.wrap_future(self._append(transaction, is_synced=True))
        except StoreError:
            del self._sent[order_id]
            self._signatures.discard(transaction.signature)
            raise

    def end(self, order_id: str, end: End, now_ns: int) -> None:
        """Remember what became of it. Not waited for: it can be found out again."""
        if order_id not in self._sent or self._ends.get(order_id) == end:
            return
        self._ends[order_id] = end
        self._append(_Ended(order_id=order_id, end=end), is_synced=False).add_done_callback(_tell)
        if self._lines > APPENDED_MAX:
            self._disk.submit(self._file.rewrite, self._kept(now_ns)).add_done_callback(_tell)

    def get(self, order_id: str) -> PendingTransaction | None:
        """The transaction of an order, ended or not, or still being written."""
        return self._sent.get(order_id)

    def open(self) -> list[PendingTransaction]:
        """Those whose end is not known, oldest first."""
        return [each for each in self._sent.values() if each.order_id not in self._ends]

    def _append(self, record: _Record, *, is_synced: bool) -> "Future[None]":
        self._lines += 1
        try:
            return self._disk.submit(self._file.append, msgspec.json.encode(record), is_synced=is_synced)
        except RuntimeError as error:  # shut down
            raise StoreError(f"{self.path} is closed; nothing was sent") from error

    def _take(self, number: int, body: bytes) -> None:
        try:
            record = _DECODER.decode(body)
        except msgspec.MsgspecError as error:
            raise StoreError(f"{self.path}, line {number}: {str(error)[:200]}") from None
        match record:
            case PendingTransaction():
                self._sent[record.order_id] = record
            case _Ended():
                self._ends[record.order_id] = record.end
            case _Begun():
                self.complete_since_ns = record.complete_since_ns

    def _kept(self, now_ns: int) -> list[bytes]:
        """Forget old ends; what is left, as records."""
        ended = [each for each in self._sent.values() if each.order_id in self._ends]
        old = {each.order_id for each in ended if now_ns - each.persisted_ns > KEPT_NS}
        old |= {each.order_id for each in ended[: max(0, len(self._sent) - RECORDS_MAX)]}
        self.complete_since_ns = max([self.complete_since_ns, *(self._sent[each].persisted_ns for each in old)])
        self._sent = {name: each for name, each in self._sent.items() if name not in old}
        self._ends = {name: end for name, end in self._ends.items() if name in self._sent}
        self._signatures = {each.signature for each in self._sent.values()}
        records: list[_Record] = [_Begun(complete_since_ns=self.complete_since_ns), *self._sent.values()]
        records += [_Ended(order_id=name, end=end) for name, end in self._ends.items()]
        self._lines = len(records)
        return [msgspec.json.encode(each) for each in records]


def _tell(done: "Future[None]") -> None:
    error = done.exception()
    if error is not None:
        _log.warning("transaction_end_not_stored", error=str(error)[:300])
