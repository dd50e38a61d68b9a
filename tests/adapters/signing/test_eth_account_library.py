"""The library's import must not take away the guard against JSON that is nested too deeply."""

import re
import subprocess
import sys

from tests.shared_data import PROJECT

SCRIPT = """
import sys
import msgspec
from adapters.signing.eth_account_library import eth_account
before = sys.getrecursionlimit()
eth_account()
assert "py_ecc" in sys.modules and sys.getrecursionlimit() == before
try:
    msgspec.json.decode(b"[" * 1_000_000)
except RecursionError:
    print("refused")
"""


def test_deep_json_is_refused_after_the_import_rather_than_ending_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


def test_nobody_imports_it_otherwise() -> None:
    found = [
        path.relative_to(PROJECT).as_posix()
        for folder in ("adapters", "kernel", "persistence", "webui", "strategies", "bus")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"^\s*(from|import) eth_", path.read_text(), re.MULTILINE)
    ]
    assert found == ["adapters/signing/eth_account_library.py"]
