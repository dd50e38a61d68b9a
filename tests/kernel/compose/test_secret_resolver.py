"""Files before the database before the environment; every answer recorded; no broken source passed over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from bus.clock import ManualClock
from kernel.compose.secret_environment import SecretEnvironment, take_environment
from kernel.compose.secret_resolver import SecretResolver
from kernel.errors import KernelError
from kernel.secrets.access_entry import AccessEntry
from kernel.secrets.redaction import redact
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret, MissingSecret, SecretTampered, SecretUnavailable
from kernel.secrets.service import SecretProblem, missing_secrets
from persistence.master_key import MasterKey, new_master_key_text
from persistence.postgres import Database
from persistence.secret_table import SecretTable
from tests.postgres_fixture import query
from tests.shared_data import PROJECT

AWAY = "postgresql://kernel@127.0.0.1:1/kernel"
IN_FILE, IN_DB, IN_ENV = "value-of-the-file", "value-of-the-database", "value-of-the-environment"


class Recorded:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[AccessEntry] = []

    def record(self, entry: AccessEntry) -> None:
        self.entries.append(entry)

    @property
    def answers(self) -> list[tuple[str, str, str]]:
        return [(each.name, each.source, each.result) for each in self.entries]


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    folder = tmp_path / "run-secrets"
    folder.mkdir(mode=0o755)
    return folder


def resolver(
    mounted: Path, *, table: SecretTable | None = None, environment: SecretEnvironment | None = None
) -> tuple[SecretResolver, Recorded]:
    recorded = Recorded()
    made = SecretResolver(environment or SecretEnvironment(), table, recorded, ManualClock(7), mounted=mounted)
    return made, recorded


def put_file(path: Path, value: str, mode: int = 0o600) -> None:
    path.write_text(value + "\n")
    path.chmod(mode)


def env(name: str, value: str) -> SecretEnvironment:
    return SecretEnvironment(values={name: Secret(value)})


async def get(service: SecretResolver, name: str = "JUPITER_API_KEY") -> str:
    return (await service.get(name, module="cex_dex_arb", purpose="a test")).reveal()


@pytest.mark.postgres
async def test_files_come_before_the_database_before_the_environment(mounted: Path, pg_db: str) -> None:
    database = Database(pg_db)
    table = SecretTable(database, MasterKey(new_master_key_text(), origin="a test"))
    service, recorded = resolver(mounted, table=table, environment=env("JUPITER_API_KEY", IN_ENV))
    assert await get(service) == IN_ENV
    await table.put("JUPITER_API_KEY", Secret(IN_DB))
    assert await get(service) == IN_DB
    put_file(mounted / "JUPITER_API_KEY", IN_FILE, 0o444)
    assert await get(service) == IN_FILE
    assert [source for _, source, _ in recorded.answers] == ["environment", "database", "file"]
    assert {each.ts_ns for each in recorded.entries} == {7}
    await database.close()


async def test_every_place_of_a_file_is_looked_at_in_order(mounted: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    named = tmp_path / "named"
    environment = SecretEnvironment(credentials_directory=credentials, files={"JUPITER_API_KEY": named})
    service, _ = resolver(mounted, environment=environment)
    put_file(named, "from-the-named-file")
    assert await get(service) == "from-the-named-file"
    put_file(credentials / "JUPITER_API_KEY", "from-the-credential", 0o400)
    assert await get(service) == "from-the-credential"
    put_file(mounted / "JUPITER_API_KEY", "from-the-mount")
    assert await get(service) == "from-the-mount"


async def test_a_file_that_is_wrong_is_refused_although_the_environment_has_the_secret(
    mounted: Path, tmp_path: Path
) -> None:
    named = tmp_path / "named"
    environment = SecretEnvironment(values={"JUPITER_API_KEY": Secret(IN_ENV)}, files={"JUPITER_API_KEY": named})
    service, recorded = resolver(mounted, environment=environment)
    with pytest.raises(BadSecret, match=r"JUPITER_API_KEY_FILE names .*where there is no file"):
        await get(service)
    put_file(named, IN_FILE, 0o644)
    with pytest.raises(BadSecret, match="has mode 0644"):
        await get(service)
    put_file(mounted / "JUPITER_API_KEY", "white space")
    with pytest.raises(BadSecret, match=r"expected 8 to 512 printable.*\(from file\)") as found:
        await get(service)
    assert "white space" not in str(found.value)
    assert [result for _, _, result in recorded.answers] == ["refused"] * 3


async def test_names_of_files_and_environment_are_listed_without_what_is_no_secret(
    mounted: Path, tmp_path: Path
) -> None:
    put_file(mounted / "PRIVATE_KEY", IN_FILE)
    put_file(mounted / ".hidden", IN_FILE)
    (mounted / "folder").mkdir()
    environment = SecretEnvironment(
        values={"JUPITER_API_KEY": Secret(IN_ENV)},
        files={"ACROSS_API_KEY": tmp_path / "none"},
        credentials_directory=tmp_path / "none",
    )
    service, recorded = resolver(mounted, environment=environment)
    assert service.names_outside_database() == {"PRIVATE_KEY": "file", "JUPITER_API_KEY": "environment"}
    assert [await service.source_of(name) for name in ("PRIVATE_KEY", "JUPITER_API_KEY", "ACROSS_API_KEY", "../x")] == [
        "file", "environment", "", "",
    ]  # fmt: skip
    assert recorded.entries == []


async def test_a_secret_that_nobody_has_names_every_place(mounted: Path) -> None:
    service, recorded = resolver(mounted)
    with pytest.raises(MissingSecret, match=f"JUPITER_API_KEY is not set: looked for {mounted}/JUPITER_API_KEY"):
        await get(service)
    assert recorded.answers == [("JUPITER_API_KEY", "", "missing")]


@pytest.mark.parametrize("name", ["../kernel", "kernel_master_key", "KERNEL_MASTER_KEY", ""])
async def test_neither_paths_nor_the_master_key_can_be_asked_for(mounted: Path, name: str) -> None:
    put_file(mounted / "kernel_master_key", "k" * 44)
    service, recorded = resolver(mounted)
    with pytest.raises(BadSecret, match="is no name of a secret"):
        await get(service, name)
    assert recorded.answers == [(name, "", "refused")]
    assert service.names_outside_database() == {}


async def test_with_the_database_away_files_and_environment_still_answer(mounted: Path) -> None:
    database = Database(AWAY)
    table = SecretTable(database, MasterKey(new_master_key_text(), origin="a test"))
    service, recorded = resolver(mounted, table=table, environment=env("JUPITER_API_KEY", IN_ENV))
    assert await get(service) == IN_ENV
    put_file(mounted / "ACROSS_API_KEY", IN_FILE)
    assert await get(service, "ACROSS_API_KEY") == IN_FILE
    with pytest.raises(SecretUnavailable, match="the database cannot be read"):
        await get(service, "PRIVATE_KEY")
    assert [result for _, _, result in recorded.answers] == ["ok", "ok", "unavailable"]
    assert not await service.available("PRIVATE_KEY")
    assert await service.available("JUPITER_API_KEY")


@pytest.mark.postgres
async def test_a_row_that_was_tampered_with_is_not_passed_over(mounted: Path, pg_db: str) -> None:
    database = Database(pg_db)
    table = SecretTable(database, MasterKey(new_master_key_text(), origin="a test"))
    await table.put("JUPITER_API_KEY", Secret(IN_DB))
    query(pg_db, lambda connection: connection.execute("UPDATE secure_credentials SET ciphertext = 'x'"))
    service, recorded = resolver(mounted, table=table, environment=env("JUPITER_API_KEY", IN_ENV))
    with pytest.raises(SecretTampered):
        await get(service)
    assert recorded.answers == [("JUPITER_API_KEY", "database", "refused")]
    await database.close()


async def test_the_environment_warns_once_a_secret_and_is_emptied(mounted: Path) -> None:
    environ = {"JUPITER_API_KEY": IN_ENV, "BINANCE_API_KEY": "b" * 64, "RPC_KEY_X": "", "HOME": "/root"}
    service, _ = resolver(mounted, environment=take_environment(environ))
    assert environ == {"HOME": "/root"}
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await get(service)
        assert await get(service, "binance_api_key") == "b" * 64
    assert [each["secret"] for each in logs] == ["JUPITER_API_KEY", "binance_api_key"]
    assert IN_ENV not in str(logs)
    with pytest.raises(MissingSecret):
        await get(service, "RPC_KEY_X")


def test_a_child_process_does_not_inherit_what_was_taken() -> None:
    code = (
        "import subprocess, sys\n"
        "from kernel.compose.secret_environment import take_environment\n"
        "assert take_environment().values['JUPITER_API_KEY'].reveal() == 'value-of-the-environment'\n"
        "print(subprocess.run(['env'], capture_output=True, text=True, check=True).stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True,
        env={**os.environ, "JUPITER_API_KEY": IN_ENV, "KERNEL_MASTER_KEY": "k" * 44},
    )  # fmt: skip
    assert "PATH=" in done.stdout
    assert IN_ENV not in done.stdout and "MASTER" not in done.stdout


async def test_a_module_is_told_exactly_what_it_lacks(mounted: Path) -> None:
    put_file(mounted / "binance_api_key", "b" * 64)
    put_file(mounted / "PRIVATE_KEY", "too short")
    service, recorded = resolver(mounted)
    wanted = ("binance_api_key", "binance_api_secret", "PRIVATE_KEY")
    problems = await missing_secrets(wanted, service, module="cex_dex_arb")
    assert [each.name for each in problems] == ["binance_api_secret", "PRIVATE_KEY"]
    assert "is not set" in problems[0].reason and "expected 64 hexadecimal" in problems[1].reason
    assert all(isinstance(each, SecretProblem) and "too short" not in each.reason for each in problems)
    assert {each.purpose for each in recorded.entries} == {"start check"}


async def test_other_spellings_of_a_key_are_scrubbed_too(mounted: Path) -> None:
    digits = "a1" * 32
    put_file(mounted / "PRIVATE_KEY", "0x" + digits)
    service, _ = resolver(mounted)
    await get(service, "PRIVATE_KEY")
    assert redact(f"x {digits} y {digits.upper()} z 0x{digits}") in ("x *** y *** z ***", "x *** y *** z 0x***")


async def test_errors_hold_no_value_in_what_they_carry(mounted: Path) -> None:
    put_file(mounted / "PRIVATE_KEY", "deadbeef-not-a-key-at-all")
    service, _ = resolver(mounted)
    with pytest.raises(KernelError) as found:
        await get(service, "PRIVATE_KEY")
    import traceback

    shown = "".join(traceback.TracebackException.from_exception(found.value, capture_locals=True).format())
    assert "secret = ***" in shown and "deadbeef" not in shown
