"""Follows the event log into Postgres, exactly once: rows and offset are committed in the same transaction.

The log is the truth. Whatever goes wrong here (server away, commit outcome unknown, an event that no row can hold), the
projector throws its memory away and goes on from what the database says was committed.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import asyncpg

from bus.clock import stopwatch_ns
from bus.events import AnyEvent, Fill
from kernel.errors import BadInput, Invariant, StoreError
from kernel.log import LogHeader
from persistence import (
    projection_instruments,
    projection_opportunities,
    projection_orders,
    projection_positions,
    projection_runs,
    projection_system_logs,
    projection_trades,
)
from persistence.postgres import Database
from persistence.projection_cursor import LogCursor, WrittenBlock
from persistence.projection_fold import Fold
from persistence.projection_orders import OrderRow, order_uuid, restored
from persistence.projection_row import CHUNK_ROWS, Batch, Place
from persistence.projection_runs import run_row
from persistence.projection_system_logs import projector_row
from persistence.projection_text import bigint, clip

POLL_S = 0.25
RETRY_S_MAX = 5.0
SLICE_NS = 700_000  #: folding yields to the loop after this long
CHECK_EVERY_EVENTS = 4
BATCH_EVENTS_MAX = 8_192
BATCH_ROWS_MAX = 400  #: per table and transaction; one event adds two at most
RESTORE_ROWS = 200  #: instruments of one slice after a restart
FORGET_TIMEOUT_S = 3_600.0

TABLES = (
    "opportunities", "orders", "trades", "positions", "market_data", "funding_rate_history", "performance_metrics",
    "alerts", "system_logs",
)  # fmt: skip

_OFFSET = """
SELECT run_id, seq, segment, block_offset, block_crc, ts_ns FROM kernel_offsets WHERE projector = $1 AND log_id = $2"""
_BEGIN = """
INSERT INTO kernel_offsets (projector, log_id, run_id, seq) VALUES ($1, $2, '', 0) ON CONFLICT DO NOTHING"""
_ADVANCE = """
UPDATE kernel_offsets
SET run_id = $5, seq = $6, segment = $7, block_offset = $8, block_crc = $9, ts_ns = $10,
    updated_at = now()
WHERE projector = $1 AND log_id = $2 AND run_id = $3 AND seq = $4
RETURNING true"""

_UNFIT = (ArithmeticError, ValueError, TypeError, BadInput)  #: folding an event that no row can hold
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    TypeError,
)  #: writing one

State = Literal["off", "catching_up", "up", "degraded"]


class _Overtaken(StoreError):
    """Memory and database differ (another projector of this name, a refused batch): load again and go on."""


class _Unfit(Exception):
    """An event that cannot be projected; it is set aside and everything since the last commit is folded again."""

    def __init__(self, run_id: str, seq: int, why: str) -> None:
        self.key = (run_id, seq)
        self.why = why


class Projector:
    """Projects the log at `log_path` (a folder of segments, or one file) into `database`.

    `log_seq` gives the newest seq of the running kernel, for `lag_events`. Row ids are hashes of event identity, so
    projecting again changes nothing. One database holds the runs of one log.
    """

    def __init__(
        self, database: Database, log_path: Path, *, log_seq: Callable[[], int] | None = None, name: str = "main"
    ) -> None:
        self.state: State = "off"
        self.error = ""
        self.last_seq = 0  #: of the last committed event
        self.quarantined = 0  #: events since start that no row could hold; each has a line in system_logs
        self._database = database
        self._cursor = LogCursor(log_path)
        self._log_seq = log_seq
        self._name = name
        self._log_id = ""
        self._is_loaded = False
        self._careful_until = 0  #: up to this seq every event is committed alone, to find the one that does not fit
        self._unfit: dict[tuple[str, int], str] = {}
        self._note = ""
        self._reset()

    def _reset(self) -> None:
        self._is_loaded = False
        self._fold = Fold()
        self._run = self._committed_run = ""
        self._place_segment, self._place_offset, self._place_crc = "", 0, 0
        self._is_simulated = True
        self._block: WrittenBlock | None = None
        self._events: list[AnyEvent | str] = []
        self._index = 0
        self._ts_ns = 0
        self._batch = Batch()  #: not committed yet

    @property
    def lag_events(self) -> int:
        """Events of the log that are not in the database yet; 0 when nobody tells how long the log is."""
        return max(0, self._log_seq() - self.last_seq) if self._log_seq is not None else 0

    async def run(self, poll_s: float = POLL_S) -> None:
        """Follow the log until cancelled. Failures are shown in `state` and `error` and tried again."""
        retry_s = poll_s
        self.state = "catching_up"
        try:
            while True:
                try:
                    await self.catch_up()
                except (StoreError, BadInput, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    self.state, self.error = "degraded", str(error)
                    retry_s = min(RETRY_S_MAX, retry_s * 2)
                else:
                    self.state, self.error = "up", ""
                    retry_s = poll_s
                await asyncio.sleep(retry_s)
        finally:
            self.state = "off"

    async def catch_up(self, to_seq: int | None = None) -> int:
        """Project everything that is written (or up to `to_seq`); returns the last committed seq.

        Raises `StoreError` when the database is away or belongs to another log, `BadInput` when the log is damaged and
        nothing readable follows.
        """
        while await self._step(to_seq):
            pass
        return self.last_seq

    async def reproject(self) -> int:
        """Delete this log's rows (acknowledgements of alerts with them) and project it from its start again."""
        self._log_id = self._log_id or self._cursor.log_id()
        if self._log_id:
            await self._forget()
        self._reset()
        return await self.catch_up()

    # one transaction ----------------------------------------------------------------------------------------------

    async def _step(self, to_seq: int | None) -> bool:
        """Gather and commit one batch; False when there is nothing to do."""
        is_done = False
        try:
            if not self._is_loaded and not await self._load():
                return False
            batch = self._batch
            reached = await self._gather(batch, to_seq)
            if batch.events:
                await self._commit(batch, reached)
            is_done = True
            return batch.events > 0
        except _Overtaken:
            return True
        except _Unfit as unfit:
            if unfit.key in self._unfit:
                raise Invariant(f"projector: seq {unfit.key[1]} was set aside and still fails: {unfit.why}") from unfit
            self._unfit[unfit.key] = unfit.why
            return True
        finally:
            if not is_done:
                self._reset()

    async def _gather(self, batch: Batch, to_seq: int | None) -> int:
        """Fold written events until a limit is met or there are no more; returns the seq reached."""
        reached = self.last_seq
        slice_end_ns = stopwatch_ns() + SLICE_NS
        while batch.events < BATCH_EVENTS_MAX and batch.largest < BATCH_ROWS_MAX:
            if batch.events and reached < self._careful_until:
                break
            if self._index >= len(self._events):
                try:
                    block = self._cursor.next()
                except BadInput:
                    if not batch.events:
                        raise
                    break  # what is good is committed first
                if block is None:
                    break
                if block.last_seq <= reached and block.count:
                    self._at(block)
                    continue
                await self._enter(block, batch)
                slice_end_ns = stopwatch_ns() + SLICE_NS
                self._index = max(0, reached + 1 - block.first_seq) if not block.flaw else 0
                if block.flaw:
                    self._told(block, batch)
                    reached = max(reached, block.last_seq)
                    continue
            assert self._block is not None
            seq = self._block.first_seq + self._index
            if to_seq is not None and seq > to_seq:
                break
            event = self._events[self._index]
            try:
                await self._fold_one(Place(self._run, seq, self._is_simulated), event, batch)
            except _UNFIT as error:
                raise _Unfit(self._run, seq, f"{type(error).__name__}: {error}") from error
            reached = seq
            self._index += 1
            batch.events += 1
            if batch.events % CHECK_EVERY_EVENTS == 0 and stopwatch_ns() > slice_end_ns:
                await asyncio.sleep(0)
                slice_end_ns = stopwatch_ns() + SLICE_NS
        return reached

    async def _fold_one(self, place: Place, event: AnyEvent | str, batch: Batch) -> None:
        why = event if isinstance(event, str) else self._unfit.get((place.run_id, place.seq), "")
        if why or isinstance(event, str):
            kind = "event" if isinstance(event, str) else str(type(event).__struct_config__.tag)
            text = f"seq {place.seq} ({kind}) left out: {why}"
            row = projector_row(place, self._ts_ns, "quarantined", text)
            batch.put(projection_system_logs.UPSERT, row)
            self.quarantined += 1
            return
        if bigint(event.ts_ns) is None:
            raise ValueError(f"ts_ns: expected nanoseconds within 64 bits, found {event.ts_ns}")
        if self._fold.is_late(event):
            order = await self._find_order(event, batch)
            is_booked = type(event) is Fill and await self._is_booked(place, event, batch)
            self._fold.apply_late(place, event, order, is_booked, batch)
        else:
            self._fold.apply(place, event, batch)
        self._ts_ns = event.ts_ns

    async def _find_order(self, event: Any, batch: Batch) -> OrderRow | None:
        row_id = order_uuid(event.order_id)
        waiting: OrderRow | None = batch.get(projection_orders.UPSERT, row_id)
        if waiting is not None:
            return waiting
        async with self._database.acquire() as connection:
            record = await connection.fetchrow(projection_orders.BY_ID, row_id)
        return restored(record) if record is not None else None

    async def _is_booked(self, place: Place, fill: Fill, batch: Batch) -> bool:
        row_id = projection_trades.trade_id(place, fill)
        if batch.get(projection_trades.UPSERT, row_id) is not None:
            return True
        async with self._database.acquire() as connection:
            return bool(await connection.fetchval(projection_trades.EXISTS, row_id))

    # blocks and runs ----------------------------------------------------------------------------------------------

    def _at(self, block: WrittenBlock) -> None:
        if not block.flaw:
            self._place_segment, self._place_offset, self._place_crc = block.segment, block.offset, block.crc

    async def _enter(self, block: WrittenBlock, batch: Batch) -> None:
        if clip(block.header.run) != self._run:
            await self._enter_run(block.header, block.first_seq, batch)
        self._is_simulated = not block.header.is_live
        await asyncio.sleep(0)  # decoding a full block is a slice of its own
        self._block = block
        self._events = block.events()
        self._at(block)
        await asyncio.sleep(0)

    async def _enter_run(self, header: LogHeader, block_seq: int, batch: Batch) -> None:
        async with self._database.acquire() as connection:
            owner = await connection.fetchval(projection_runs.OWNER, clip(header.run))
        if owner is not None and owner != self._log_id:
            raise StoreError(
                f"the database holds run {header.run} of another event log ({owner}, this one is {self._log_id});"
                " give each log folder its own database"
            )
        if self._run:
            batch.ended.append((self._run, self._ts_ns, block_seq - 1, "continued"))
        self._run = clip(header.run)
        batch.put(projection_runs.UPSERT, run_row(header, self._log_id))

    def _told(self, block: WrittenBlock, batch: Batch) -> None:
        """Say that a block could not be read."""
        text = f"seq {block.first_seq} to {block.last_seq} are missing: {block.flaw}"
        place = Place(self._run, block.first_seq, self._is_simulated)
        batch.put(projection_system_logs.UPSERT, projector_row(place, self._ts_ns, "damaged", text))
        batch.events += 1

    # database -----------------------------------------------------------------------------------------------------

    async def _commit(self, batch: Batch, reached: int) -> None:
        if self._note:
            place = Place(self._run, reached, self._is_simulated)
            row = projector_row(place, self._ts_ns, "reprojected", self._note)
            batch.put(projection_system_logs.UPSERT, row)
        try:
            await self._write(batch, reached)
        except _REFUSED as error:
            if batch.events > 1:
                self._careful_until = reached  # commit event by event up to here: the one that fails is to blame
                raise _Overtaken(f"a batch up to seq {reached} was refused: {error}") from error
            raise _Unfit(self._run, reached, f"{type(error).__name__}: {error.args[0]}") from error
        is_full = batch.events >= BATCH_EVENTS_MAX or batch.largest >= BATCH_ROWS_MAX
        if is_full and self.state == "up":
            self.state = "catching_up"
        self.last_seq = reached
        self._committed_run = self._run
        self._note = ""
        self._unfit = {key: why for key, why in self._unfit.items() if key[1] > reached}
        self._batch = Batch()

    async def _write(self, batch: Batch, reached: int) -> None:
        states = self._fold.instruments.save()
        key = (self._name, self._log_id)
        async with self._database.acquire() as connection, connection.transaction():
            is_moved = await connection.fetchval(
                _ADVANCE, *key, self._committed_run, self.last_seq, self._run, reached, self._place_segment,
                self._place_offset, self._place_crc, self._ts_ns,
            )  # fmt: skip
            if not is_moved:
                raise _Overtaken("another projector moved the offset")
            await batch.write(connection)
            if batch.touched:
                await connection.execute(projection_opportunities.REFRESH, sorted(batch.touched))
            for start in range(0, len(states), CHUNK_ROWS):
                await connection.execute(projection_instruments.SAVE, *key, states[start : start + CHUNK_ROWS])
            for ended in batch.ended:
                await connection.execute(projection_runs.END, *ended)
            await connection.execute(projection_runs.ADVANCE, self._run, reached)
            await self._before_commit()

    async def _before_commit(self) -> None:
        """Everything is sent and nothing is committed: the seam where tests let the process die."""

    async def _load(self) -> bool:
        """Stand where the database says; False while there is no log yet."""
        self._reset()
        self._cursor.close()
        self._log_id = self._cursor.log_id()
        if not self._log_id:
            return False
        key = (self._name, self._log_id)
        async with self._database.acquire() as connection:
            await connection.execute(_BEGIN, *key)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                offset = await connection.fetchrow(_OFFSET, *key)
                states = await connection.fetch(projection_instruments.LOAD, *key)
                positions = await connection.fetch(projection_positions.OPEN, self._log_id)
                orders = await connection.fetch(projection_orders.OPEN, self._log_id)
                names = [record["order_id"] for record in orders]
                fills = await connection.fetch(projection_trades.IDS_OF_ORDERS, names)
        if offset is None:
            raise StoreError("kernel_offsets: the row of this log vanished while it was read; it is made again")
        if offset["seq"] and not self._cursor.resume(offset["segment"], offset["block_offset"], offset["block_crc"]):
            self._note = (
                f"the log does not hold what was projected up to seq {offset['seq']} of run {offset['run_id']}"
                " (cut short, or another log of the same name); all its rows were made again from the log"
            )
            await self._forget()
            return await self._load()
        self.last_seq = offset["seq"]
        self._run = self._committed_run = offset["run_id"]
        self._ts_ns = offset["ts_ns"]
        for start in range(0, len(states), RESTORE_ROWS):
            rows = states[start : start + RESTORE_ROWS]
            self._fold.instruments.restore(record["value"] for record in rows)
            await asyncio.sleep(0)
        self._restore(positions, orders, fills)
        self._is_loaded = True
        return True

    def _restore(self, positions: list[Any], orders: list[Any], fills: list[Any]) -> None:
        fold = self._fold
        fold.positions.restore(positions)
        for record in orders:
            order = restored(record)
            fold.orders[order.order_id] = order
            fold.fills[order.order_id] = set()
        for record in fills:
            fold.fills[record["order_id"]].add(record["id"])

    async def _forget(self) -> None:
        """Delete every row of this log."""
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            for table in TABLES:
                await connection.execute(
                    f"DELETE FROM {table} WHERE run_id IN (SELECT run_id FROM runs WHERE log_id = $1)",
                    self._log_id,
                    timeout=FORGET_TIMEOUT_S,
                )
            for table in ("runs", "kernel_fold_state", "kernel_offsets"):
                await connection.execute(f"DELETE FROM {table} WHERE log_id = $1", self._log_id)
