"""Real Postgres for tests: one server a session, one fresh migrated database a test (about 15 ms each).

A test package uses it by `from tests.postgres_fixture import pg_db, pg_server` in its conftest.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from persistence.embedded_postgres import EmbeddedPostgres
from persistence.migrate import migrate

T = TypeVar("T")
FAST_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_running: list[EmbeddedPostgres] = []
_users = 0
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DSN of the session's server, its database empty. One server also when several conftests import this."""
    global _users
    if not _running:
        server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("pg")) / "data", settings=FAST_UNSAFE)
        dsn = server.start()
        _running.append(server)
        query(dsn, lambda connection: connection.execute("CREATE DATABASE migrated"))
        query(at_database(dsn, "migrated"), migrate)
    _users += 1
    yield _running[0].dsn
    _users -= 1
    if not _users:
        _running.pop().stop()


@pytest.fixture
def pg_db(pg_server: str) -> Iterator[str]:
    """DSN of a database of the test's own, with all migrations applied; dropped afterwards."""
    name = f"test_{next(_numbers)}"
    query(pg_server, lambda connection: connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated"))
    yield at_database(pg_server, name)
    query(pg_server, lambda connection: connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def pg_empty_db(pg_server: str) -> Iterator[str]:
    """DSN of an empty database of the test's own."""
    name = f"test_{next(_numbers)}"
    query(pg_server, lambda connection: connection.execute(f"CREATE DATABASE {name}"))
    yield at_database(pg_server, name)
    query(pg_server, lambda connection: connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))


def at_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def query(dsn: str, action: "Callable[[asyncpg.Connection[Any]], Awaitable[T]]") -> T:
    """Run `action` on a connection of its own, from synchronous code, in a loop of its own."""

    async def run() -> T:
        connection = await asyncpg.connect(dsn)
        try:
            return await action(connection)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:  # a test's own event loop may be running in this one
        return thread.submit(lambda: asyncio.run(run())).result()
