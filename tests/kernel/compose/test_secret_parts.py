"""The parts together: a read is answered, recorded and told of once; trouble with the key degrades the demo only."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bus.clock import ManualClock
from kernel.compose.secret_environment import SecretEnvironment
from kernel.compose.secret_parts import SecretParts
from kernel.errors import ConfigError
from kernel.profile import load_profile
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret, MissingSecret, SecretUnavailable
from persistence.postgres import Database
from tests.postgres_fixture import query

DEMO = load_profile("demo", {})
LIVE = msgspec.structs.replace(DEMO, is_live=True, mode="LIVE", name="prod")


@pytest.mark.postgres
async def test_a_stored_secret_is_read_recorded_and_told_of_once(tmp_path: Path, pg_db: str) -> None:
    told: list[tuple[str, str]] = []
    first = asyncio.Event()

    def tell(module: str, name: str) -> None:
        told.append((module, name))
        first.set()

    database = Database(pg_db)
    parts = SecretParts(DEMO, tmp_path / "data", SecretEnvironment(), database, ManualClock(7), on_first_seen=tell)
    assert parts.table is not None and parts.trouble == ""
    await parts.table.put("JUPITER_API_KEY", Secret("abcdefgh"))
    await parts.start()
    for _ in range(3):
        found = await parts.service.get("JUPITER_API_KEY", module="drift_funding_arb", purpose="a test")
        assert found.reveal() == "abcdefgh"
    async with asyncio.timeout(10):
        await first.wait()
    await parts.stop()
    assert told == [("drift_funding_arb", "JUPITER_API_KEY")]
    count = query(pg_db, lambda connection: connection.fetchval("SELECT count(*) FROM credential_access_log"))
    assert count == 3
    await database.close()


async def test_without_a_database_files_and_environment_answer_and_a_first_look_is_told_of(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    environment = SecretEnvironment(values={"JUPITER_API_KEY": Secret("abcdefgh")})
    parts = SecretParts(LIVE, tmp_path, environment, None, ManualClock(), on_first_seen=lambda *pair: told.append(pair))
    for _ in range(2):
        await parts.service.get("JUPITER_API_KEY", module="m", purpose="a test")
    with pytest.raises(MissingSecret):
        await parts.service.get("PRIVATE_KEY", module="m", purpose="a test")
    await parts.stop()
    assert told == [("m", "JUPITER_API_KEY"), ("m", "PRIVATE_KEY")]


async def test_a_broken_master_key_degrades_the_demo_and_stops_a_live_run(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("not a key")
    path.chmod(0o600)
    environment = SecretEnvironment(master_key_file=path)
    database = Database("postgresql://kernel@127.0.0.1:1/kernel")
    parts = SecretParts(DEMO, tmp_path, environment, database, ManualClock(), on_first_seen=lambda *pair: None)
    assert parts.table is None and "expected 32 bytes" in parts.trouble
    with pytest.raises(SecretUnavailable, match=r"the database cannot be read .*expected 32 bytes"):
        await parts.service.get("PRIVATE_KEY", module="m", purpose="a test")
    for profile, wrong, error in ((LIVE, environment, BadSecret), (LIVE, SecretEnvironment(), ConfigError)):
        with pytest.raises(error):
            SecretParts(profile, tmp_path, wrong, database, ManualClock(), on_first_seen=lambda *pair: None)
