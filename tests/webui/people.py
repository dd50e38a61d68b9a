"""A file of users and API tokens for tests; the password of all is hashed once."""

from functools import cache
from pathlib import Path

import msgspec

from webui.accounts import ACCOUNTS_FILE, Account, Accounts, AccountsFile, ApiToken, hash_api_token
from webui.passwords import hash_password

PASSWORD = "correct horse battery"
API_TOKEN = "kt_test-token-of-a-viewer"
OPERATOR_TOKEN = "kt_test-token-of-an-operator"


@cache
def kept() -> str:
    return hash_password(PASSWORD)


def user(name: str, role: str, *, disabled: bool = False, changed_ns: int = 1) -> Account:
    return Account(name=name, role=role, password=kept(), created_ns=1, changed_ns=changed_ns, disabled=disabled)


def token(name: str, role: str, text: str) -> ApiToken:
    return ApiToken(name=name, role=role, sha256=hash_api_token(text), created_ns=1)


PEOPLE = ("vera", "viewer"), ("otto", "operator"), ("anna", "admin")


def everybody() -> AccountsFile:
    return AccountsFile(
        users=tuple(user(name, role) for name, role in PEOPLE),
        tokens=(token("prometheus", "viewer", API_TOKEN), token("script", "operator", OPERATOR_TOKEN)),
    )


def write(folder: Path, known: AccountsFile) -> Accounts:
    path = folder / ACCOUNTS_FILE
    path.write_bytes(msgspec.json.encode(known))
    path.chmod(0o600)
    return Accounts(path)
