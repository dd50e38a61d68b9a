"""Laws 2, 9 and 13: nothing decides by wall clock, chance or environment; modes are told apart in `compose` alone."""

import ast
import re
from pathlib import Path

import pytest

from tests.laws.sources import dotted, files, imports, name_of, tree, uses

CLOCKS = frozenset({
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
    "time.localtime", "time.gmtime", "time.strftime", "time.sleep", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today", "uuid.uuid1", "uuid.uuid4", "os.urandom", "os.environ",
    "os.getenv", "os.environb",
})  # fmt: skip
CHANCE = ("random.", "secrets.", "numpy.random")
SEATS = {
    "bus/clock.py": "the one place that reads time",
    "kernel/profile.py": "the one place that reads the environment, but for secrets",
    "kernel/compose/secret_environment.py": "takes secrets out of the environment",
    "kernel/compose/commands.py": "command: how long an import took",
}
DECIDING = ("bus", "kernel", "strategies")


def _forbidden(path: Path) -> list[str]:
    return [
        f"{name_of(path)}:{line} uses {name}"
        for name, line in uses(path)
        if any(name == each or name.startswith(each + ".") for each in CLOCKS) or name.startswith(CHANCE)
    ]


def test_nothing_that_decides_reads_clock_chance_or_environment() -> None:
    found = [each for path in files(*DECIDING) if name_of(path) not in SEATS for each in _forbidden(path)]
    assert found == []


def test_every_seat_is_needed() -> None:
    assert [name for name in SEATS if not _forbidden(files(name)[0])] == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as t\nx = t.time_ns",
        "from time import time_ns as now\nnow()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "from uuid import uuid4\nuuid4()",
        "import random\nrandom.random()",
        "from random import Random\nRandom(1)",
        "import os\nos.environ['A']",
        "from os import environ\nenviron.get('A')",
        "import os\nos.getenv('A')",
    ],
)
def test_the_search_sees_through_aliases(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_text(text)
    monkeypatch.setattr("tests.laws.test_purity.name_of", str)
    assert _forbidden(path)


STRATEGY_IMPORTS = ("asyncio", "logging", "structlog", "time", "random", "os", "socket", "threading", "pathlib", "io")


def test_strategies_neither_wait_nor_do_io() -> None:
    found = []
    for path in files("strategies"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
                found.append(f"{name_of(path)}:{node.lineno} waits")
            if isinstance(node, ast.Call) and dotted(node.func) in ("open", "print", "input", "eval", "exec"):
                found.append(f"{name_of(path)}:{node.lineno} calls {dotted(node.func)}")
        found.extend(
            f"{name_of(path)}:{line} imports {name}"
            for name, line in imports(path)
            if name.partition(".")[0] in STRATEGY_IMPORTS
        )
    assert found == []


def test_strategies_gate_and_ledger_do_not_know_whether_they_are_simulated() -> None:
    word = re.compile(r"paper|dry.?run", re.IGNORECASE)
    gate = [
        each for each in files("kernel") if each.parent.name == "kernel" and each.name.startswith(("risk", "ledger"))
    ]
    assert len(gate) >= 3
    found = [
        f"{name_of(path)}:{number} {line.strip()}"
        for path in [*files("strategies"), *gate]
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if word.search(line)
    ]
    assert found == []


def test_ties_never_depend_on_ids_or_hashes() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} calls {dotted(node.func)}()"
        for path in files(*DECIDING)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and dotted(node.func) in ("id", "hash")
    ]
    assert found == []
