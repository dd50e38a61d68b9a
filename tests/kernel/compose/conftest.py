"""Database fixtures of these tests; and loggers as a fresh process has them, whatever an earlier test had set up."""

import sys

import pytest
import structlog

from tests.postgres_fixture import pg_db, pg_empty_db, pg_server

__all__ = ["pg_db", "pg_empty_db", "pg_server"]
OURS = ("adapters", "kernel", "persistence", "webui")


@pytest.fixture(autouse=True)
def fresh_loggers() -> None:
    """structlog's proxies keep the first configuration that they met: make them forget it."""
    structlog.reset_defaults()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in OURS and module is not None:
            proxy = vars(module).get("log")
            if isinstance(proxy, structlog._config.BoundLoggerLazyProxy):
                vars(proxy).pop("bind", None)
