"""Transactions that may land: written and synced before the first byte is sent, so that no crash sends one twice.

One file, append-only, a line a record: CRC32 in hex, a space, JSON. Opening it cuts a torn last line (what it held was
never sent, as sending waits for the sync), refuses damage anywhere else, and rewrites the file without what is old.
"""

import contextlib
import fcntl
import os
import zlib
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from bus.clock import NS_PER_DAY
from kernel.errors import StoreError

KEPT_NS = 2 * NS_PER_DAY  #: ended ones, for a restart that lost the report of the end
RECORDS_MAX = 5_000  #: in memory and after rewriting; the oldest ended ones go first
APPENDED_MAX = 12_000  #: lines; then the file is rewritten
FILE_BYTES_MAX = 256_000_000

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


_DECODER = msgspec.json.Decoder(PendingTransaction | _Ended | _Begun)


class PendingTransactions:
    """The file and what it holds. One process at a time: a lock is kept on it. Not for use by several threads."""

    def __init__(self, path: Path, now_ns: int) -> None:
        """Open or make it (mode 0600). Raises `StoreError`: locked, damaged, or not to be written."""
        self.path = path
        self.complete_since_ns = now_ns  #: an order approved after this that is not here was never sent
        self._sent: dict[str, PendingTransaction] = {}
        self._signatures: set[str] = set()
        self._ends: dict[str, End] = {}
        self._lines = 0
        self._file = self._lock = -1
        is_open = False
        try:
            self._open(now_ns)
            is_open = True
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error
        finally:
            if not is_open:
                self.close()

    def _open(self, now_ns: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path.with_name(self.path.name + ".lock")
        self._lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{self.path} is in use: another process sends transactions of this data folder") from None
        self._load()
        self._rewrite(now_ns)

    def close(self) -> None:
        """Let go of file and lock. Idempotent."""
        for each in (self._file, self._lock):
            if each >= 0:
                os.close(each)
        self._file = self._lock = -1

    def add(self, transaction: PendingTransaction) -> None:
        """Write and sync; after this it may be sent. Raises `StoreError`: then it must not be sent."""
        if transaction.order_id in self._sent:
            raise StoreError(f"order {transaction.order_id} has a transaction already; a second one is never made")
        if transaction.signature in self._signatures:
            raise StoreError(f"order {transaction.order_id}: its bytes are those of another order; not sent twice")
        self._append(transaction, is_synced=True)
        self._signatures.add(transaction.signature)
        self._sent[transaction.order_id] = transaction

    def end(self, order_id: str, end: End, now_ns: int) -> None:
        """Remember what became of it. Not synced: it can be found out again. Raises `StoreError`."""
        if order_id in self._sent and self._ends.get(order_id) != end:
            self._ends[order_id] = end
            self._append(_Ended(order_id=order_id, end=end), is_synced=False)
            if self._lines > APPENDED_MAX:
                try:
                    self._rewrite(now_ns)
                except OSError as error:
                    raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def get(self, order_id: str) -> PendingTransaction | None:
        """The transaction of an order, ended or not."""
        return self._sent.get(order_id)

    def open(self) -> list[PendingTransaction]:
        """Those whose end is not known, oldest first."""
        return [each for each in self._sent.values() if each.order_id not in self._ends]

    def _load(self) -> None:
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size > FILE_BYTES_MAX:
                    raise StoreError(f"{self.path}: expected at most {FILE_BYTES_MAX} bytes; move it away and look")
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for number, line in enumerate(lines[:-1], start=1):  # the last is empty, or torn and was never sent
            self._take(number, line)

    def _take(self, number: int, line: bytes) -> None:
        crc, _, body = line.partition(b" ")
        where = f"{self.path}, line {number}"
        if crc != b"%08x" % zlib.crc32(body):
            raise StoreError(f"{where} is damaged: nothing is sent until the file is restored or moved away")
        try:
            record = _DECODER.decode(body)
        except msgspec.MsgspecError as error:
            raise StoreError(f"{where}: {str(error)[:200]}") from None
        match record:
            case PendingTransaction():
                self._sent[record.order_id] = record
            case _Ended():
                self._ends[record.order_id] = record.end
            case _Begun():
                self.complete_since_ns = record.complete_since_ns

    def _append(self, record: PendingTransaction | _Ended | _Begun, *, is_synced: bool) -> None:
        line = _line(record)
        try:
            start = os.lseek(self._file, 0, os.SEEK_END)
            try:
                if os.write(self._file, line) != len(line):
                    raise OSError(28, "no space left")
                if is_synced:
                    os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):  # a half-written line would be damage in the middle of the file
                    os.ftruncate(self._file, start)
                raise
        except OSError as error:
            raise StoreError(f"{self.path}: not written ({error.strerror or error}); nothing was sent") from error
        self._lines += 1

    def _rewrite(self, now_ns: int) -> None:
        """All open ones and the younger ended ones into a new file that takes the old one's place."""
        ended = [each for each in self._sent.values() if each.order_id in self._ends]
        old = {each.order_id for each in ended if now_ns - each.persisted_ns > KEPT_NS}
        old |= {each.order_id for each in ended[: max(0, len(self._sent) - RECORDS_MAX)]}
        dropped = [self._sent[each].persisted_ns for each in old]
        self.complete_since_ns = max([self.complete_since_ns, *dropped])
        self._sent = {name: each for name, each in self._sent.items() if name not in old}
        self._ends = {name: end for name, end in self._ends.items() if name in self._sent}
        self._signatures = {each.signature for each in self._sent.values()}
        records: list[PendingTransaction | _Ended | _Begun] = [
            _Begun(complete_since_ns=self.complete_since_ns),
            *self._sent.values(),
        ]
        records += [_Ended(order_id=name, end=end) for name, end in self._ends.items()]
        fresh = self.path.with_name(self.path.name + ".new")
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(file, "wb", closefd=False) as out:
                out.writelines(_line(each) for each in records)
            os.fsync(file)
            os.replace(fresh, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(file)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._lines = file, len(records)


def _line(record: PendingTransaction | _Ended | _Begun) -> bytes:
    body = msgspec.json.encode(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)
