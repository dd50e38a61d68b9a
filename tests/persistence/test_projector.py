import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence.postgres import Database
from persistence.projector import Projector
from tests.persistence.projector_logs import Segment, Trading, header, rows

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


async def test_a_log_is_projected_into_every_table(database: Database, pg_db: str, tmp_path: Path) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(3000))
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == last == projector.last_seq
    found = rows(pg_db)
    assert all(found.values()), {name: len(each) for name, each in found.items()}
    assert projector.quarantined == 0, [each for each in found["system_logs"] if each["module"] == "projector"]
