"""Replay jobs and the figures of their runs in Postgres: for SQL, and for a kernel whose replay files are gone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

from kernel.replay_job import Figures, ReplayJob
from persistence.errors import DatabaseDown, DatabaseRefused
from persistence.postgres import Database

RESULTS_MAX = 10_000  #: rows kept of `replay_results`; the oldest are deleted first

_SAVE_JOB = """
INSERT INTO replay_jobs (id, number, name, mode, log, asked_by, state, asked_at, started_at, ended_at, pnl_usd, fills,
    error, job)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, started_at = excluded.started_at, ended_at = excluded.ended_at,
    pnl_usd = excluded.pnl_usd, fills = excluded.fills, error = excluded.error, job = excluded.job, updated_at = now()
"""
_SAVE_RESULT = """
INSERT INTO replay_results (key, job_id, pnl_usd, max_drawdown_usd, costs_usd, orders, fills, closed, profitable,
    digest, figures)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
ON CONFLICT (key) DO NOTHING
"""
_THIN_RESULTS = """
DELETE FROM replay_results WHERE key IN
    (SELECT key FROM replay_results ORDER BY created_at DESC, key OFFSET $1)
"""
_LOAD = "SELECT job FROM replay_jobs ORDER BY number DESC, id LIMIT $1"


class StoredResult(Struct, frozen=True, kw_only=True):
    """The figures of one run under the key that identifies it."""

    key: str
    job_id: str
    figures: Figures


class ReplayStore:
    """Reads and writes `replay_jobs` and `replay_results`. Raises `StoreError` when the database cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, limit: int) -> tuple[ReplayJob, ...]:
        """The newest jobs; rows that another version wrote are passed over."""
        try:
            async with self._database.acquire() as connection:
                records = await connection.fetch(_LOAD, limit)
        except asyncpg.PostgresError as error:
            raise DatabaseRefused(f"replays cannot be read: {error}") from error
        found = []
        for record in records:
            try:
                found.append(msgspec.convert(record["job"], ReplayJob))
            except msgspec.ValidationError:
                continue
        return tuple(found)

    async def save(self, jobs: Sequence[ReplayJob], deleted: Sequence[str], results: Sequence[StoredResult]) -> None:
        """All of it in one transaction."""
        try:
            async with self._database.acquire() as connection, connection.transaction():
                await connection.executemany(_SAVE_JOB, [_job_row(each) for each in jobs])
                if deleted:
                    await connection.execute("DELETE FROM replay_jobs WHERE id = ANY($1::text[])", list(deleted))
                await connection.executemany(_SAVE_RESULT, [_result_row(each) for each in results])
                if results:
                    await connection.execute(_THIN_RESULTS, RESULTS_MAX)
        except asyncpg.PostgresError as error:
            raise DatabaseDown(f"replays cannot be written: {error}") from error


def _job_row(job: ReplayJob) -> tuple[Any, ...]:
    figures = job.figures or Figures()
    return (
        job.id, job.number, _clean(job.spec.name), job.spec.mode, _clean(job.spec.log), _clean(job.by), job.state,
        _moment(job.created_ts_ns), _moment(job.started_ts_ns), _moment(job.ended_ts_ns), _money(figures.pnl_usd),
        figures.fills, _clean(job.error), _cleaned(msgspec.to_builtins(job)),
    )  # fmt: skip


def _result_row(result: StoredResult) -> tuple[Any, ...]:
    figures = result.figures
    return (
        result.key, result.job_id, _money(figures.pnl_usd), _money(figures.max_drawdown_usd),
        _money(figures.costs_usd), figures.orders, figures.fills, figures.closed, figures.profitable, figures.digest,
        msgspec.to_builtins(figures),
    )  # fmt: skip


def _moment(ts_ns: int | None) -> Any:
    return None if ts_ns is None else datetime.fromtimestamp(ts_ns // 1_000 / 1e6, UTC)


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _clean(text: str) -> str:
    return text.replace("\x00", "\ufffd")  # Postgres keeps no NUL in text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value
