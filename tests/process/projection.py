"""Whether Postgres holds exactly what the log says: table by table against a projection that starts from nothing."""

from pathlib import Path
from typing import Any

from bus.events import Fill, OrderApproved, OrderDenied
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.postgres import Database
from persistence.projector import Projector
from tests.persistence.projector_logs import rows
from tests.postgres_fixture import FAST_UNSAFE, query
from tests.process.recorded_log import RecordedLog

Tables = dict[str, list[dict[str, Any]]]


def stored_in(data: Path) -> tuple[Tables, int]:
    """The tables of a stopped kernel's own database, and the seq up to which they tell the log."""
    server = EmbeddedPostgres(data / "postgres", settings=FAST_UNSAFE)
    try:
        return stored_at(server.start())
    finally:
        server.stop()


def stored_at(dsn: str) -> tuple[Tables, int]:
    """The same of a running server."""
    offset = query(dsn, lambda connection: connection.fetchval("SELECT max(seq) FROM kernel_offsets"))
    return rows(dsn), offset or 0


async def assert_projected_exactly_once(log: RecordedLog, stored: tuple[Tables, int], empty_dsn: str) -> None:
    """Nothing lost, nothing doubled, nothing different."""
    tables, seq = stored
    assert seq == log.last_seq
    assert len(tables["trades"]) == log.count(Fill)
    assert len(tables["orders"]) == log.count(OrderApproved) + log.count(OrderDenied)
    database = Database(empty_dsn)
    try:
        assert await Projector(database, log.folder).catch_up() == log.last_seq
    finally:
        await database.close()
    anew = rows(empty_dsn)
    assert {table: len(each) for table, each in tables.items()} == {table: len(each) for table, each in anew.items()}
    assert tables == anew
