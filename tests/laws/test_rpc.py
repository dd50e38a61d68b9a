"""Nobody but `adapters/rpc` opens a connection: budgets, keys and forbidden addresses are kept in one place."""

import ast
from pathlib import Path

import pytest

from tests.laws.sources import aliases, dotted, files, imports, name_of, tree

DOOR = "adapters/rpc/"
#: Libraries that speak HTTP, WebSocket or RPC by themselves.
CLIENTS = (
    "httpx", "httpx2", "requests", "urllib3", "urllib.request", "http.client", "websockets", "websocket", "wsproto",
    "pycurl", "web3", "solana", "jsonrpcclient", "grpc", "ftplib", "smtplib", "telnetlib", "xmlrpc.client",
)  # fmt: skip
#: Types and exceptions of aiohttp may be named (sessions are handed in); what opens something may not.
OPENERS = frozenset({
    "aiohttp.ClientSession", "aiohttp.request", "aiohttp.TCPConnector", "aiohttp.UnixConnector",
    "aiohttp.BaseConnector",
    "aiohttp.client.ClientSession", "aiohttp.connector.TCPConnector", "asyncio.open_connection",
    "asyncio.open_unix_connection", "socket.create_connection",
})  # fmt: skip
METHODS = frozenset({"create_connection", "create_unix_connection", "create_datagram_endpoint", "sock_connect"})
#: asyncpg and Postgres' own tools speak to the database, and need no exception: they are none of the above.


def _opens(path: Path) -> list[str]:
    known = aliases(path)
    found = [
        f"{name_of(path)}:{line} imports {name}"
        for name, line in imports(path)
        if any(name == each or name.startswith(each + ".") for each in CLIENTS)
    ]
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        head, _, rest = dotted(node.func).partition(".")
        full = ".".join(each for each in (known.get(head, head), rest) if each)
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
        if full in OPENERS or is_method:
            found.append(f"{name_of(path)}:{node.lineno} opens a connection by {full or node.func}")
    return found


def test_nobody_else_opens_a_connection() -> None:
    assert [each for path in files() if not name_of(path).startswith(DOOR) for each in _opens(path)] == []


def test_the_door_itself_opens_sessions_in_one_file() -> None:
    assert {name_of(path) for path in files("adapters/rpc") if _opens(path)} == {"adapters/rpc/session.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s:\n        pass",
        "from aiohttp import ClientSession as S\nS()",
        "import httpx",
        "from web3 import Web3",
        "import urllib.request as r",
        "from urllib.request import urlopen",
        "from solana.rpc.async_api import AsyncClient",
        "import asyncio\nasyncio.open_connection('h', 1)",
        "loop.create_connection(None)",
        "import socket as s\ns.create_connection(('h', 1))",
    ],
)
def test_the_search_sees_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_text(text)
    monkeypatch.setattr("tests.laws.test_rpc.name_of", str)
    assert _opens(path)


def test_a_session_that_was_handed_in_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_text("import aiohttp\ndef f(session: aiohttp.ClientSession) -> None:\n    session.get('x')\n")
    monkeypatch.setattr("tests.laws.test_rpc.name_of", str)
    assert _opens(path) == []
