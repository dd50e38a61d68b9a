import argparse
import io
from pathlib import Path

import pytest

from kernel.compose.user_arguments import ROLES, add_arguments
from kernel.compose.user_commands import command
from kernel.errors import ConfigError
from webui.accounts import ACCOUNTS_FILE, hash_api_token, load_accounts
from webui.passwords import Passwords
from webui.roles import Role

PASSWORD = "correct horse battery"


class Desk:
    """Runs commands as a terminal would."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self.path = data / ACCOUNTS_FILE
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, text: str, stdin: str = "") -> str:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert command(parser.parse_args([*text.split(), "--data", str(self.data)])) == 0
        return self._capsys.readouterr().out


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, monkeypatch, capsys)


@pytest.mark.slow
async def test_a_user_is_made_changed_and_removed(run: Desk) -> None:
    assert run("add anna --role operator --stdin", PASSWORD + "\n") == "anna may log in as operator\n"
    (made,) = load_accounts(run.path).users
    assert made.role == "operator" and not made.disabled
    passwords = Passwords()
    assert await passwords.is_right(PASSWORD, made.password)
    run("passwd anna --stdin", "another long password\r\n")
    (changed,) = load_accounts(run.path).users
    assert await passwords.is_right("another long password", changed.password)
    passwords.close()
    run("disable anna")
    assert "disabled" in run("list")
    run("enable anna")
    run("role anna --role admin")
    (changed,) = load_accounts(run.path).users
    assert changed.role == "admin" and not changed.disabled
    assert "Argon" not in run("list") and "$" not in run("list")
    run("remove anna")
    assert "no users" in run("list")


@pytest.mark.slow
def test_what_is_wrong_is_refused_by_name_and_changes_nothing(run: Desk) -> None:
    run("add anna --role viewer --stdin", PASSWORD)
    before = run.path.read_bytes()
    for text, stdin, said in (
        ("add anna --role viewer --stdin", PASSWORD, "there is a user 'anna' already"),
        ("add Otto --role viewer --stdin", PASSWORD, "name: expected a letter"),
        ("add owner --role viewer --stdin", PASSWORD, "choose another"),
        ("add otto --role viewer --stdin", "short", "expected 12 to 256 characters, found 5"),
        ("add otto --role viewer --stdin", "", "expected 12 to 256 characters, found 0"),
        ("add otto-the-first --role viewer --stdin", "otto-the-first", "something else than the user's name"),
        ("passwd otto --stdin", PASSWORD, "there is no user 'otto'; known: anna"),
        ("remove otto", "", "there is no user 'otto'"),
        ("token revoke x", "", "there is no token 'x'"),
    ):
        with pytest.raises(ConfigError, match=said):
            run(text, stdin)
    assert run.path.read_bytes() == before


def test_a_typed_password_is_asked_twice(run: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD + "x"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    with pytest.raises(ConfigError, match="expected the same twice"):
        run("add anna --role viewer")
    assert not run.path.exists()


def test_an_api_token_is_shown_once_and_kept_as_a_hash(run: Desk) -> None:
    shown = run("token add prometheus").strip()
    assert shown.startswith("kt_")
    (kept,) = load_accounts(run.path).tokens
    assert (kept.name, kept.role, kept.sha256) == ("prometheus", "viewer", hash_api_token(shown))
    assert shown not in run.path.read_text() and shown not in run("token list")
    with pytest.raises(ConfigError, match="revoke it first"):
        run("token add prometheus")
    run("token revoke prometheus")
    assert load_accounts(run.path).tokens == ()


def test_a_folder_that_is_not_there_is_said(run: Desk) -> None:
    run.data = run.data / "none"
    with pytest.raises(ConfigError, match="there is no folder"):
        run("list")


def test_the_roles_of_the_command_line_are_the_roles() -> None:
    assert tuple(each.label for each in Role) == ROLES
