"""docs/writing-a-strategy.md, followed to the letter in a copy: the new strategy checks, tests, replays and runs."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.newcomer import Demo, environment, run
from tests.shared_data import PROJECT

GUIDE = (PROJECT / "docs" / "writing-a-strategy.md").read_text()
PARTS = ("bus", "kernel", "strategies", "adapters", "persistence", "webui", "migrations", "samples", "tests")
LAWS = [f"tests/laws/test_{name}.py" for name in ("strategies", "purity", "seats", "shape")]
PAGES = ("dashboard", "performance", "trades", "positions")


def one(pattern: str) -> str:
    """The only block behind a sentence of the guide."""
    found = re.findall(pattern, GUIDE, re.M | re.S)
    assert len(found) == 1, f"{pattern!r} occurs {len(found)} times in the guide"
    return str(found[0])


def follow(root: Path) -> list[str]:
    """Write what the guide says to write; the files."""
    files = re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", GUIDE, re.M | re.S)
    for name, body in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    registry = root / "kernel" / "compose" / "registry.py"
    head = "STRATEGIES: dict[str, str] = {\n"
    assert head in registry.read_text()
    registry.write_text(
        registry.read_text().replace(head, head + one(r"inside `STRATEGIES`:\n\n```python\n(.*?)^```$"))
    )
    laws = root / "tests" / "laws" / "test_strategies.py"
    head = "SAMPLES = {\n"
    assert head in laws.read_text()
    laws.write_text(
        laws.read_text().replace(head, head + one(r"`tests/laws/test_strategies\.py`\n\n```python\n(.*?)^```$"))
    )
    with (root / "kernel" / "profiles" / "demo.toml").open("a") as profile:
        profile.write("\n" + one(r"`kernel/profiles/demo\.toml`:\n\n```toml\n(.*?)^```$"))
    return [name for name, _ in files]


@pytest.mark.slow
def test_the_guide_followed_to_the_letter_gives_a_working_strategy(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    for part in PARTS:
        shutil.copytree(PROJECT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", "vendor.json"))
    shutil.copy(PROJECT / "pyproject.toml", root)
    files = follow(root)
    assert len(files) == 7
    python, environ = [sys.executable, "-m"], environment()
    kernel = [*python, "kernel"]

    checked = run([*kernel, "check", "--no-db", "--data", str(tmp_path / "data")], root, environ)
    assert "dip_buyer" in checked and "FAILED" not in checked
    run([*python, "ruff", "check", "strategies/dip_buyer", "tests/strategies/dip_buyer"], root, environ)
    run([*python, "ruff", "format", "--check", "strategies/dip_buyer", "tests/strategies/dip_buyer"], root, environ)
    tested = run([*python, "pytest", "-p", "no:cacheprovider", "tests/strategies/dip_buyer", *LAWS], root, environ)
    assert "..." in tested

    replayed = run([*kernel, "replay", "samples/demo.evl", "--strategy", "dip_buyer"], root, environ)
    assert re.search(r"orders [1-9]", replayed), "the guide's strategy is expected to trade now and then"

    data = tmp_path / "data"
    with Demo([*kernel, "run", "--no-db", "--data", str(data), "--port", "0"], root, environ) as demo:
        for page in PAGES:
            assert "Dip buyer" in demo.page(f"/dip_buyer/{page}")
        demo.wait_recorded(data / "log")
        demo.stop()
    assert "identical" in run([*kernel, "replay", str(data / "log"), "--mode", "verify"], root, environ)
