"""Database fixtures of these tests."""

from tests.postgres_fixture import pg_db, pg_server

__all__ = ["pg_db", "pg_server"]
