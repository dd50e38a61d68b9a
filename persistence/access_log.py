"""Writes the access log behind the callers' backs: kept while the database is away, written once it is there.

The table is append-only; see 0005_secrets.sql.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import structlog

from kernel.errors import StoreError
from kernel.secrets.access_entry import OPERATOR, AccessEntry
from persistence.postgres import Database

KEPT_MAX = 10_000  #: entries while the database is away, about 5 MB; a signer asks once, so this is days
PAIRS_MAX = 10_000  #: (module, name) pairs remembered as seen
BATCH_ROWS = 500
RETRY_S = 5.0
CLOSE_S = 3.0

_INSERT = """
INSERT INTO credential_access_log (id, ts_ns, module, secret_name, purpose, source, result, is_first, metadata)
SELECT $1, $2, $3, $4, $5, $6, $7,
    NOT EXISTS (SELECT FROM credential_access_log WHERE module = $3 AND secret_name = $4), $8
ON CONFLICT (id) DO NOTHING"""
_IS_FIRST = "SELECT is_first FROM credential_access_log WHERE id = $1"
_USED = """
UPDATE secure_credentials SET last_used_at = greatest(last_used_at, to_timestamp($2::bigint / 1000000000.0))
WHERE name = $1 AND status = 'active'"""
_SPENT = """
SELECT ts_ns, metadata->>'spent_raw' AS spent_raw FROM credential_access_log
WHERE secret_name = $1 AND ts_ns >= $2 AND result = 'signed' ORDER BY ts_ns"""

log = structlog.get_logger("secrets")

FirstSeen = Callable[[str, str], None]  #: (module, secret name)


class AccessLog:
    """One task (`run`) that writes; `record` only appends to a bounded queue and counts what did not fit."""

    def __init__(self, database: Database | None, *, on_first_seen: FirstSeen) -> None:
        """Without a database a pair counts as seen first once per process."""
        self.dropped = 0  #: entries lost because the queue was full
        self._database = database
        self._on_first_seen = on_first_seen
        self._kept: deque[tuple[UUID, AccessEntry]] = deque()
        self._told: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()

    @property
    def kept(self) -> int:
        """Entries not written yet."""
        return len(self._kept)

    def record(self, entry: AccessEntry) -> None:
        """Take an entry. Never waits, never fails."""
        if self._database is None:
            self._tell(entry)
            return
        if len(self._kept) >= KEPT_MAX:
            self._kept.popleft()
            self.dropped += 1
        self._kept.append((uuid4(), entry))
        self._wake.set()

    async def run(self) -> None:
        """Write as entries come, until cancelled. Call `close` afterwards."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self.flush():
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def close(self) -> None:
        """Write what is left, within 3 s."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.flush(), CLOSE_S)
        if self._kept:
            log.warning("access_log_lost", entries=len(self._kept))

    async def flush(self) -> bool:
        """Write everything kept; False if the database is away (and entries stay kept)."""
        async with self._flushing:
            while self._kept and self._database is not None:
                batch = [self._kept[number] for number in range(min(BATCH_ROWS, len(self._kept)))]
                try:
                    firsts = await self._write(self._database, batch)
                except (StoreError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    log.warning("access_log_waits", entries=len(self._kept), dropped=self.dropped, error=str(error))
                    for _, entry in batch:  # nobody can say whether it is known: better one alert too many
                        self._tell(entry)
                    return False
                written = {key for key, _ in batch}
                while self._kept and self._kept[0][0] in written:  # a full queue may have dropped some meanwhile
                    self._kept.popleft()
                for entry in firsts:
                    self._tell(entry)
        return True

    async def spent_since(self, name: str, since_ns: int) -> list[tuple[int, int]]:
        """(time, amount) of every signature made with a key since then, so that a restart forgets no spending."""
        if self._database is None:
            return []
        async with self._database.acquire() as connection:
            rows = await connection.fetch(_SPENT, name, since_ns)
        return [(row["ts_ns"], int(Decimal(row["spent_raw"] or 0))) for row in rows]

    async def _write(self, database: Database, batch: list[tuple[UUID, AccessEntry]]) -> list[AccessEntry]:
        firsts = []
        async with database.acquire() as connection, connection.transaction():
            for key, entry in batch:
                await connection.execute(
                    _INSERT, key, entry.ts_ns, entry.module, entry.name, entry.purpose, entry.source, entry.result,
                    entry.metadata,
                )  # fmt: skip
                if await connection.fetchval(_IS_FIRST, key):
                    firsts.append(entry)
            used = [e for _, e in batch if e.result == "ok" and e.source == "database" and e.module != OPERATOR]
            for name in sorted({e.name for e in used}):
                await connection.execute(_USED, name, max(e.ts_ns for e in used if e.name == name))
        return firsts

    def _tell(self, entry: AccessEntry) -> None:
        pair = (entry.module, entry.name)
        if pair in self._told:
            return
        if len(self._told) < PAIRS_MAX:
            self._told.add(pair)
        self._on_first_seen(*pair)
