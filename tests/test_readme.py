"""The documents hold: the README's commands run, everything that is named exists, links and anchors resolve."""

import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from kernel.__main__ import _parser
from tests.newcomer import DOCUMENTS, Demo, environment, run, shell_blocks
from tests.shared_data import PROJECT, require_shared

README = (PROJECT / "README.md").read_text()
BLOCKS = shell_blocks(README)
ENVIRONMENT = environment(PYTHONPATH=str(PROJECT))
PLACEHOLDERS = ("NAME", "NNNN", "data/", "dip_buyer", "test_writing_a_strategy.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout as far as commands see it; what they write stays here."""
    (tmp_path / "samples").symlink_to(PROJECT / "samples")
    return tmp_path


def as_typed(line: str, folder: Path) -> list[str]:
    """The command with this Python, its own temporary folder, a free port, and the shelf where it lies."""
    words = shlex.split(line.replace("/tmp/", f"{folder}/"))
    for index, word in enumerate(words):
        if word == "python":
            words[index] = sys.executable
        elif word == "--port":
            words[index + 1] = "0"
        elif word == "../shared/data":
            words[index] = str(require_shared("data"))
    return words


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("lines", BLOCKS, ids=[lines[0].split()[3] for lines in BLOCKS])
def test_the_commands_of_the_readme_run_as_they_are_written(lines: list[str], folder: Path) -> None:
    for line in lines:
        command = as_typed(line, folder)
        if command[3] != "run":
            printed = run(command, folder, ENVIRONMENT)
            assert printed.strip(), f"{line}: printed nothing"
            continue
        data = Path(command[command.index("--data") + 1])
        with Demo(command, folder, ENVIRONMENT) as demo:
            assert "cex_dex_arb" in demo.page("/")
            demo.wait_recorded(data / "log")
            assert "stopped; log" in demo.stop()


def test_the_readme_shows_every_command() -> None:
    shown = {line.split()[3] for lines in BLOCKS for line in lines}
    assert shown == {
        "run", "replay", "import", "log", "check", "db", "doctor", "secrets", "users", "kill", "resume", "sweep",
    }  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_command_of_a_document_is_one(document: Path) -> None:
    for lines in shell_blocks(document.read_text()):
        for line in lines:
            words = shlex.split(line.partition(" |")[0], comments=True)
            if words[2] == "kernel" and "[" not in line:
                _parser().parse_args(words[3:])


def slug(heading: str) -> str:
    """A heading's anchor."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name}: {target}"
        assert PROJECT in (file, *file.parents), f"{document.name}: {target} leads out of the project"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
            assert anchor in map(slug, headings), f"{document.name}: {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_that_a_document_names_exist(document: Path) -> None:
    for name in re.findall(r"`([\w./-]+\.(?:py|md|toml|evl|sql)|[\w./-]+/)`", document.read_text()):
        if "/" in name and not any(word in name for word in PLACEHOLDERS):
            assert (PROJECT / name).exists() or (PROJECT / "bus" / name).exists(), f"{document.name}: {name}"


def test_make_help_lists_what_the_documents_call() -> None:
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^\s+make (\S+)\s+\S", listed, re.M))
    called = {name for path in DOCUMENTS for name in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.M)}
    assert called <= targets
    assert {"setup", "run", "test", "check", "lint", "types", "bench", "bench-peers"} <= targets


def test_ci_calls_exactly_make_test() -> None:
    script = (PROJECT / ".ci" / "run").read_text().splitlines()
    assert [line for line in script if line.startswith("make ")] == ["make test"]


def test_the_picture_is_one_of_the_whole_page() -> None:
    head = (PROJECT / "docs" / "dashboard.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1440, 900)
