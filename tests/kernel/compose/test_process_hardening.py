"""A hardened process leaves no core file, hides its memory, and still starts children and a database."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.shared_data import PROJECT

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hides a process")

CODE = """
import resource, subprocess, sys
from pathlib import Path
from kernel.compose.process_hardening import harden_process, is_dumpable
assert is_dumpable()
assert harden_process() == [] and harden_process() == []
assert not is_dumpable()
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
child = "from kernel.compose.process_hardening import is_dumpable; print(is_dumpable())"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout.strip())
if len(sys.argv) > 1:
    import asyncio, asyncpg
    from persistence.embedded_postgres import EmbeddedPostgres
    from persistence.running_server import running_dsn
    server = EmbeddedPostgres(Path(sys.argv[1]))
    dsn = server.start()
    assert running_dsn(Path(sys.argv[1])) is not None
    async def ask():
        connection = await asyncpg.connect(dsn)
        print(await connection.fetchval("SELECT 42"))
        await connection.close()
    asyncio.run(ask())
    server.stop()
    assert running_dsn(Path(sys.argv[1])) is None
"""
PEEK = """
import os, signal, subprocess, sys
code = "from kernel.compose.process_hardening import harden_process; harden_process(); print('up', flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
try:
    open(f"/proc/{child.pid}/environ", "rb").read()
    print("read")
except PermissionError:
    print("refused")
child.communicate(b"\\n")
"""


def run(code: str, *arguments: str, prefix: Sequence[str] = ()) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@LINUX
def test_memory_is_hidden_and_children_start_as_always() -> None:
    assert run(CODE).split() == ["True"]


@LINUX
@pytest.mark.postgres
@pytest.mark.slow
def test_the_embedded_database_starts_under_a_hardened_process(tmp_path: Path) -> None:
    assert run(CODE, str(tmp_path / "postgres")).split() == ["True", "42"]


@LINUX
def test_another_process_of_the_same_user_cannot_read_the_environment() -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:  # a root without capabilities is a user like others
        tool = shutil.which("setpriv")
        if tool is None:
            pytest.skip("root may read everything, and there is no setpriv to take its capabilities")
        prefix = [tool, "--bounding-set=-all"]
    assert run(PEEK, prefix=prefix).strip() == "refused"
