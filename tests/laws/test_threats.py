"""docs/threats.md says of every threat by which test it is met, or why there is none; each named test exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.laws.sources import dotted, files, imports, name_of, tree
from tests.shared_data import PROJECT

PAGE = PROJECT / "docs" / "threats.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
REASON_CHARS_MIN = 40
REASON = "no test:"


def _rows(text: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return [row for row in rows if row[0].isdigit()]


def _problem(row: list[str]) -> str:
    if len(row) != 4 or not all(row):
        return "expected four filled cells"
    met = row[3]
    for path, function in TEST.findall(met):
        if not (PROJECT / path).is_file():
            return f"{path} does not exist"
        nodes = ast.walk(ast.parse((PROJECT / path).read_text()))
        names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if function and function not in names:
            return f"{path} has no {function}"
    if TEST.search(met):
        return ""
    reason = met.removeprefix(REASON).strip()
    if not met.startswith(REASON) or len(reason) < REASON_CHARS_MIN:
        return f"names neither a test nor a reason that begins with {REASON!r}"
    return ""


def test_every_threat_names_a_test_that_exists_or_a_reason() -> None:
    rows = _rows(PAGE.read_text())
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 16
    assert [(row[0], _problem(row)) for row in rows if _problem(row)] == []


@pytest.mark.parametrize(
    "met",
    ["", "soon", "no test: later", "`tests/laws/test_none.py`", "`tests/laws/test_threats.py::test_that_is_not_here`"],
)
def test_the_check_sees_an_empty_promise(met: str) -> None:
    assert _problem(["1", "a threat", "an answer", met])


RUNS_DATA = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "dask")


def _runs_data(path: Path) -> list[str]:
    found = [
        f"{name_of(path)}:{line} imports {name}" for name, line in imports(path) if name.split(".")[0] in RUNS_DATA
    ]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            if dotted(node.func) in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"):
                found.append(f"{name_of(path)}:{node.lineno} calls {dotted(node.func)}")
            if any(each.arg == "shell" for each in node.keywords):
                found.append(f"{name_of(path)}:{node.lineno} passes shell=")
    return found


def test_no_code_runs_data() -> None:
    assert [each for path in files() for each in _runs_data(path)] == []


@pytest.mark.parametrize(
    "text", ["import pickle", "from yaml import load", "eval('1')", "import os\nos.system('x')", "run('x', shell=True)"]
)
def test_the_search_for_it_finds_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_text(text)
    monkeypatch.setattr("tests.laws.test_threats.name_of", str)
    assert _runs_data(path)


SECRET_NAMES = re.compile(r"\.reveal\(\)")
MAY_REVEAL = {
    "kernel/secrets/secret_names.py": "checks the form",
    "kernel/compose/private_file.py": "writes a key file",
    "kernel/compose/master_key.py": "sees the mark of a generated key",
    "persistence/master_key.py": "makes the key object",
    "persistence/data_key.py": "encrypts",
    "adapters/signing/address.py": "derives an address",
    "adapters/signing/evm_signer.py": "makes the signer's key",
    "adapters/binance/request_signing.py": "signs requests",
    "adapters/jito/block_engine.py": "says who asks, in a header",
    "adapters/jupiter/api.py": "says who asks, in a header",
    "adapters/telegram/api.py": "the token is part of every URL",
    "adapters/telegram/totp.py": "computes the codes",
    "adapters/webhook/channel.py": "opens a secret URL and signs bodies",
    "kernel/rpc/rpc_endpoint.py": "checks the form of a URL that may hold a key",
    "kernel/rpc/rpc_url.py": "fills the key into a URL",
    "persistence/rpc_tables.py": "refuses to store a key; stores the URL without it",
    "adapters/rpc/endpoint.py": "fills a key into its URL",
    "adapters/rpc/transport.py": "opens a URL that holds a key",
    "kernel/compose/alerts.py": "tells by digest whether a secret changed",
}


def test_secrets_are_revealed_in_named_places_alone() -> None:
    found = {name_of(path) for path in files() if SECRET_NAMES.search(path.read_text())}
    assert found - set(MAY_REVEAL) == set()
    assert set(MAY_REVEAL) - found == set()
