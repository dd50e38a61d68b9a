import os
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kernel.errors import ConfigError
from tests.webui.people import API_TOKEN, everybody, kept, token, user, write
from webui.accounts import (
    ACCOUNTS_FILE,
    FILE_BYTES_MAX,
    TOKENS_MAX,
    USERS_MAX,
    Accounts,
    AccountsFile,
    changing_accounts,
    hash_api_token,
    load_accounts,
    make_api_token,
    require_good_name,
    role_named,
)


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert load_accounts(tmp_path / "none") == AccountsFile()
    accounts = Accounts(tmp_path / "none")
    assert accounts.user("anna") is None and not accounts.has_users and accounts.problem == ""


def test_a_change_is_seen_at_the_next_look(tmp_path: Path) -> None:
    accounts = write(tmp_path, everybody())
    assert accounts.user("anna") is not None and accounts.token(hash_api_token(API_TOKEN)) is not None
    with changing_accounts(accounts.path) as box:
        box[0] = replace(box[0], users=(user("anna", "admin", disabled=True),), tokens=())
    assert accounts.user("anna") is None and accounts.user("vera") is None and not accounts.has_users
    assert accounts.token(hash_api_token(API_TOKEN)) is None
    accounts.path.unlink()
    assert accounts.user("vera") is None


HOSTILE = {
    "garbage": b"\x00\xff garbage",
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "not text": b'{"version":1,"users":[{"name":1}]}',
    "unknown field": b'{"version":1,"users":[],"tokens":[],"backdoor":true}',
    "newer": b'{"version":2,"users":[],"tokens":[]}',
    "deep": b"[" * 100_000,
    "huge": b" " * (FILE_BYTES_MAX + 1),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_cannot_be_trusted_lets_nobody_in_and_says_why(tmp_path: Path, raw: bytes) -> None:
    accounts = write(tmp_path, everybody())
    assert accounts.user("anna") is not None
    accounts.path.write_bytes(raw)
    assert accounts.user("anna") is None
    assert accounts.token(hash_api_token(API_TOKEN)) is None
    assert accounts.problem.startswith("dashboard users: ")
    with pytest.raises(ConfigError, match="dashboard users: "):
        load_accounts(accounts.path)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (AccountsFile(users=(user("anna", "admin"), user("anna", "viewer"))), "found one twice"),
        (AccountsFile(users=(user("Anna", "admin"),)), "name: expected a letter"),
        (AccountsFile(users=(user("owner", "admin"),)), "'owner' is what the access token's sessions are called"),
        (AccountsFile(users=(user("anna", "god"),)), "role: expected one of viewer, operator, admin, found 'god'"),
        (AccountsFile(users=(replace(user("anna", "admin"), password="x"),)), "the hash of 'anna' is none of ours"),
        (
            AccountsFile(users=(replace(user("anna", "admin"), password=kept().replace("m=65536", "m=999999")),)),
            "the hash of 'anna' is none of ours",
        ),
        (AccountsFile(users=tuple(user(f"u{at}", "viewer") for at in range(USERS_MAX + 1))), "at most 64 users"),
        (AccountsFile(tokens=(replace(token("t", "viewer", "x"), sha256="zz"),)), "the hash of token 't'"),
        (
            AccountsFile(tokens=tuple(token(f"t{at}", "viewer", str(at)) for at in range(TOKENS_MAX + 1))),
            "at most 64 tokens",
        ),
    ],
)
def test_a_well_formed_file_that_makes_no_sense_is_refused(tmp_path: Path, known: AccountsFile, said: str) -> None:
    accounts = write(tmp_path, known)
    with pytest.raises(ConfigError, match=said):
        load_accounts(accounts.path)
    assert accounts.user("anna") is None


def test_wrong_modes_and_links_are_refused(tmp_path: Path) -> None:
    accounts = write(tmp_path, everybody())
    accounts.path.chmod(0o644)
    assert accounts.user("anna") is None and "run chmod 600" in accounts.problem
    accounts.path.chmod(0o600)
    assert accounts.user("anna") is not None and accounts.problem == ""
    real = tmp_path / "real"
    os.rename(accounts.path, real)
    accounts.path.symlink_to(real)
    assert accounts.user("anna") is None and "no link" in accounts.problem


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / ACCOUNTS_FILE
    path.write_bytes(raw)
    path.chmod(0o600)
    assert Accounts(path).user("anna") is None


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    accounts = write(tmp_path, everybody())
    before = accounts.path.read_bytes()
    with pytest.raises(ConfigError, match="role"), changing_accounts(accounts.path) as box:
        box[0] = AccountsFile(users=(user("anna", "god"),))
    assert accounts.path.read_bytes() == before


def test_changes_at_once_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / ACCOUNTS_FILE

    def add(name: str) -> None:
        with changing_accounts(path) as box:
            box[0] = replace(box[0], tokens=(*box[0].tokens, token(name, "viewer", name)))

    threads = [threading.Thread(target=add, args=(f"t{at}",)) for at in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.name for each in load_accounts(path).tokens} == {f"t{at}" for at in range(20)}


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / ACCOUNTS_FILE
    with changing_accounts(path) as box:
        box[0] = everybody()
    assert load_accounts(path) == everybody()
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_and_roles_are_checked() -> None:
    for name in ("", "1a", "Anna", "a" * 33, "a/b", "a b", "../a", "a\n"):
        with pytest.raises(ConfigError, match="name: "):
            require_good_name(name)
    require_good_name("anna.meier-2_x")
    with pytest.raises(ConfigError, match="role: "):
        role_named("ROOT")


def test_api_tokens_are_long_and_only_their_hash_is_kept() -> None:
    one, other = make_api_token(), make_api_token()
    assert one != other and len(one) >= 43 and one.startswith("kt_")
    assert one not in repr(token("t", "viewer", one)) and hash_api_token(one) not in repr(token("t", "viewer", one))
    assert kept() not in repr(user("anna", "admin"))
    assert one.encode() not in msgspec.json.encode(token("t", "viewer", one))
