"""Golden cases: a small set of our own, and the folder named by VECTORS_DIR (default ../shared/vectors)."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import SHARED

OWN = Path(__file__).parent / "own"
VECTORS = Path(os.environ.get("VECTORS_DIR") or SHARED / "vectors")
ACCOUNTS = Path(os.environ.get("VECTOR_ACCOUNTS_DIR") or SHARED / "data" / "solana")


@cache
def files(name: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """(where it is from, content) of each file of that name that exists; our own comes first."""
    found = ((label, folder / name) for label, folder in (("own", OWN), ("vectors", VECTORS)))
    return tuple((label, json.loads(path.read_text())) for label, path in found if path.is_file())


def params(name: str, section: str) -> list[Any]:
    """Every case of a section of a file as a pytest parameter, with its file's whole content: (case, content).

    Where VECTORS_DIR has no such file, one parameter says so by skipping.
    """
    found = [
        pytest.param(case, content, id=f"{label}-{number}")
        for label, content in files(name)
        for number, case in enumerate(content.get(section, ()))
    ]
    if not any(label == "vectors" for label, _ in files(name)):
        skipped = pytest.mark.skip(reason=f"{VECTORS / name} is not there: only our own cases run")
        found.append(pytest.param(None, None, id="vectors-absent", marks=skipped))
    return found
