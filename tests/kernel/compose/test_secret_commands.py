"""The command line of secrets: as a user runs it, beside a running server, never with a value on the screen."""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import structlog

from kernel.compose.secret_arguments import add_arguments
from kernel.compose.secret_commands import command
from kernel.errors import ConfigError
from kernel.secrets.secret_errors import BadSecret, WrongMasterKey
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.running_server import running_dsn
from tests.postgres_fixture import FAST_UNSAFE, query

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
KEY = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


class Desk:
    """Runs commands on one data folder."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.code = 0
        self.errors = ""

    def run(self, *arguments: str, typed: str = "") -> str:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        self._monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        places = [] if arguments[0] == "new-key" else ["--data", str(self.data)]
        self.code = command(parser.parse_args([*arguments, *places]))
        captured = self._capsys.readouterr()
        self.errors = captured.err
        return captured.out


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    for name in ("DATABASE_URL", "KERNEL_MASTER_KEY_FILE", "MODE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kernel.compose.secret_commands.harden_process", list)  # not this test's process
    data = tmp_path / "data"
    server = EmbeddedPostgres(data / "postgres", settings=FAST_UNSAFE)  # as a running kernel has it
    data.mkdir(mode=0o700)
    server.start()
    yield Desk(data, monkeypatch, capsys)
    server.stop()
    structlog.reset_defaults()


def test_beside_a_running_kernel_secrets_are_set_listed_checked_and_deleted(desk: Desk) -> None:
    assert desk.run("set", "PRIVATE_KEY", "--stdin", typed=KEY + "\n") == "stored PRIVATE_KEY, version 1\n"
    assert desk.run("set", "PRIVATE_KEY", "--stdin", typed=KEY) == "stored PRIVATE_KEY, version 2\n"
    listed = desk.run("list")
    assert "PRIVATE_KEY" in listed and f"version 2, set just now, never used address {ADDRESS}" in listed
    assert f"ok      cex_dex_arb: PRIVATE_KEY from database, address {ADDRESS}" in desk.run("check")
    assert desk.code == 1  # others are missing
    shown = msgspec.json.decode(desk.run("check", "--json"))
    assert not shown["is_ok"] and shown["master_key"]["is_generated"]
    problems = {each["name"]: each["problem"] for each in shown["secrets"]}
    assert problems["PRIVATE_KEY"] == "" and "is not set" in problems["binance_api_key"]
    assert desk.run("rotate", "--values") == "encrypted 1 value(s) under a fresh data key\n"
    assert desk.run("delete", "PRIVATE_KEY", "--yes") == "deleted PRIVATE_KEY\n"
    assert desk.run("list") == "no secrets\n"
    with pytest.raises(ConfigError, match="the database has no secret PRIVATE_KEY"):
        desk.run("delete", "PRIVATE_KEY", "--yes")
    found = running_dsn(desk.data / "postgres")
    assert found is not None
    rows = query(found, lambda connection: connection.fetch(
        "SELECT purpose, secret_name FROM credential_access_log WHERE result = 'changed' ORDER BY ts_ns"
    ))  # fmt: skip
    assert [tuple(row) for row in rows] == [
        ("set", "PRIVATE_KEY"), ("set", "PRIVATE_KEY"), ("rotate values", "all"), ("delete", "PRIVATE_KEY"),
    ]  # fmt: skip


def test_the_master_key_is_rotated_to_a_file_that_is_needed_from_then_on(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run("set", "PRIVATE_KEY", "--stdin", typed=KEY)
    with pytest.raises(ConfigError, match="--master needs --new-key-file"):
        desk.run("rotate", "--master")
    new = tmp_path / "keys" / "next"
    assert "wrapped 1 data key(s)" in desk.run("rotate", "--master", "--new-key-file", str(new))
    with pytest.raises(WrongMasterKey):
        desk.run("rotate", "--values")
    monkeypatch.setenv("KERNEL_MASTER_KEY_FILE", str(new))
    assert ADDRESS in desk.run("list")


def test_no_value_is_taken_from_an_argument_or_shown(desk: Desk) -> None:
    with pytest.raises(SystemExit):
        desk.run("set", "PRIVATE_KEY", KEY)
    with pytest.raises(ConfigError, match="no terminal to ask at: add --stdin"):
        desk.run("set", "PRIVATE_KEY")
    with pytest.raises(BadSecret) as found:
        desk.run("set", "PRIVATE_KEY", "--stdin", typed=KEY[:-1])
    assert KEY[:-1] not in str(found.value)
    with pytest.raises(ConfigError, match="nothing was given"):
        desk.run("set", "PRIVATE_KEY", "--stdin", typed="\n")
    with pytest.raises(ConfigError, match="add --yes"):
        desk.run("delete", "PRIVATE_KEY")


def test_what_is_printed_for_programs_holds_no_log_line(desk: Desk) -> None:
    msgspec.json.decode(desk.run("check", "--json"))
    assert "master_key_generated" in desk.errors


def test_an_unknown_name_is_stored_with_a_note(desk: Desk) -> None:
    desk.run("set", "my_own.key", "--stdin", typed="anything")
    assert "not a name that the kernel knows" in desk.errors


def test_a_new_master_key_is_made_once(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "master"
    assert "keep a copy where no backup of the database is" in desk.run("new-key", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadSecret, match="exists already"):
        desk.run("new-key", str(path))


def test_a_live_profile_without_a_master_key_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no master key: a live profile needs"):
        desk.run("list", "--profile", "prod")
