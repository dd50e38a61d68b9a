"""What a newcomer does with the documents: run their commands in a folder, start the demo, open its pages."""

import os
import re
import shlex
import signal
import subprocess
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from tests.shared_data import PROJECT

START_S = 60.0
STOP_S = 30.0
COMMAND_S = 120.0
POLL_S = 0.05
RECORDED_BYTES = 8_000  #: a few seconds of the demo: enough that a replay has something to show

DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/*.md", "samples/*.md", "strategies/*/*.md") for path in PROJECT.glob(pattern)
)


def shell_blocks(text: str) -> list[list[str]]:
    """The `python -m kernel …` lines of each fenced block that has any."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    found = [[line for line in block.splitlines() if line.startswith("python -m ")] for block in blocks]
    return [lines for lines in found if lines]


def environment(**more: str) -> dict[str, str]:
    """Ours without what would change a profile."""
    own = ("DATABASE_URL", "KERNEL_PG_BIN", "MODE", "DRY_RUN", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if key not in own and not key.endswith("_MODULE_ENABLED")}
    return {**kept, **more}


def run(command: list[str], cwd: Path, environ: dict[str, str]) -> str:
    """Run to the end, expect success, give what was printed."""
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=COMMAND_S)
    assert done.returncode == 0, f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Demo:
    """`run`, from the printed link to the graceful stop."""

    def __init__(self, command: list[str], cwd: Path, environ: dict[str, str]) -> None:
        self.output = ""
        self._errors = cwd / "run.err"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def __enter__(self) -> "Demo":
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line.decode()
            if line.startswith(b"Ctrl-C stops"):
                return self
        self.process.wait(STOP_S)
        raise AssertionError(f"the demo did not start: {self.output}\n{self._errors.read_text()}")

    def page(self, path: str) -> str:
        """A page, logged in by the printed link."""
        link = re.search(r"http://\S+", self.output)
        assert link is not None, self.output
        self._opener.open(link[0], timeout=START_S).close()
        root = link[0].partition("/login")[0]
        with self._opener.open(root + path, timeout=START_S) as answer:
            assert answer.status == 200
            return str(answer.read().decode())

    def wait_recorded(self, log_folder: Path) -> None:
        """Until something worth replaying is in the log."""
        deadline_s = time.monotonic() + START_S
        while sum(path.stat().st_size for path in log_folder.glob("*.evl")) < RECORDED_BYTES:
            assert time.monotonic() < deadline_s, f"nothing was recorded in {log_folder}: {self._errors.read_text()}"
            time.sleep(POLL_S)

    def stop(self) -> str:
        """Ctrl-C; everything that was printed."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=STOP_S)
        self.output += rest.decode()
        assert self.process.returncode == 0, f"{self.output}\n{self._errors.read_text()}"
        return self.output

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_S)
