"""A kernel as its user starts it: `python -m kernel run` in a process of its own, seen through its page and files."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from tests.shared_data import PROJECT

T = TypeVar("T")
BUSY = PROJECT / "tests" / "process" / "busy.toml"
READY = "Ctrl-C stops"
WAIT_S = 60.0  #: a loaded machine; nothing here takes so long by itself
POLL_S = 0.01
OUR_VARIABLES = ("DATABASE_URL", "KERNEL_PG_BIN", "MODE", "DRY_RUN")


def wait_for(find: Callable[[], T | None], what: str, timeout_s: float = WAIT_S, poll_s: float = POLL_S) -> T:
    """The first true answer of `find`, asked again and again."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = find()
        if found:
            return found
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(poll_s)


class KernelRun:
    """One process. Output goes to files, so that a full pipe never stops it."""

    def __init__(
        self, data: Path, *arguments: str, output: Path, environ: dict[str, str] | None = None, cwd: Path = PROJECT
    ) -> None:
        """Start it; what it prints goes into files of the folder `output`."""
        self.data = data
        number = len(list(output.glob("run-*.out"))) + 1
        self._out = output / f"run-{number:03d}.out"
        self._err = self._out.with_suffix(".err")
        clean = {
            key: value
            for key, value in os.environ.items()
            if key not in OUR_VARIABLES and not key.endswith("_MODULE_ENABLED")
        }
        command = [sys.executable, "-m", "kernel", "run", "--data", str(data), *arguments]
        if "--port" not in arguments:
            command += ["--port", "0"]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**clean, **(environ or {})}
            )
        self._cookie = ""
        self._csrf = ""

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._out.read_text()

    @property
    def errors(self) -> str:
        """What it printed to stderr so far."""
        return self._err.read_text()

    def wait_ready(self) -> "KernelRun":
        """Until it serves."""
        wait_for(lambda: READY in self.output or self.process.poll() is not None, "the kernel's start")
        assert READY in self.output, f"exit {self.process.returncode}\n{self.output}\n{self.errors}"
        return self

    def wait_ended(self, timeout_s: float = WAIT_S) -> int:
        """Its exit code."""
        return self.process.wait(timeout_s)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to stop; exit code and seconds until then."""
        started_s = time.monotonic()
        self.process.send_signal(number)
        code = self.wait_ended()
        return code, time.monotonic() - started_s

    def kill(self) -> None:
        """The power goes off."""
        self.process.kill()
        self.process.wait()

    def said(self, label: str) -> str:
        """A line of the greeting, by its first word; "" when it is not there."""
        found = re.search(rf"^{label}\s+(.*)$", self.output, re.MULTILINE)
        return found[1] if found else ""

    # its page -----------------------------------------------------------------------------------------------------

    def _address(self) -> tuple[str, int, str]:
        found = re.search(r"http://([\d.]+):(\d+)/login\?token=(\S+)", self.output)
        assert found, self.output
        return found[1], int(found[2]), found[3]

    @property
    def port(self) -> int:
        return self._address()[1]

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """One request on a connection of its own, logged in; the caller closes the connection."""
        host, port, token = self._address()
        if not self._cookie:
            connection = http.client.HTTPConnection(host, port, timeout=WAIT_S)
            connection.request("GET", f"/login?token={token}")
            self._cookie = (connection.getresponse().getheader("Set-Cookie") or "").partition(";")[0]
            connection.close()
            page = self.read("/")
            self._csrf = page.partition('data-csrf="')[2].partition('"')[0]
        connection = http.client.HTTPConnection(host, port, timeout=WAIT_S)
        headers = {"Cookie": self._cookie, "Accept": "text/html"}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({**form, "csrf": self._csrf})
        connection.request(method, path, body=body, headers=headers)
        return connection, connection.getresponse()

    def read(self, path: str) -> str:
        """A page."""
        connection, answer = self.ask("GET", path)
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, (answer.status, text[:200])
        return text

    def post(self, path: str, **form: str) -> int:
        """A command; the status."""
        connection, answer = self.ask("POST", path, form)
        answer.read()
        connection.close()
        return answer.status

    def cells(self) -> dict[str, str]:
        """What the overview shows now, by cell: the first full frames of a stream."""
        connection, answer = self.ask("GET", "/stream?topics=overview")
        assert answer.status == 200, answer.status
        cells: dict[str, str] = {}
        topics: set[str] = set()
        while topics != {"shell", "overview"}:
            line = answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                frame: Any = msgspec.json.decode(line[6:])
                if frame.get("full"):
                    topics.add(frame["topic"])
                    cells.update({key: cell[0] for key, cell in frame["cells"].items()})
        answer.close()
        connection.close()
        return cells

    def wait_cell(self, key: str, wanted: str | Callable[[str], bool], timeout_s: float = WAIT_S) -> str:
        """Until the page shows it."""
        is_met = wanted if callable(wanted) else lambda text: text == wanted
        last: list[str] = []

        def look() -> list[str] | None:
            text = self.cells().get(key, "")
            last[:] = [text]
            return [text] if is_met(text) else None

        try:
            return wait_for(look, f"{key} on the page", timeout_s)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows {last}\n{self.errors}") from None


def servers_of(data: Path) -> list[int]:
    """Process ids of the Postgres processes that stand in the cluster of a data folder."""
    cluster = os.path.realpath(data / "postgres" / "cluster")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.readlink(entry / "cwd") == cluster and (entry / "comm").read_text().strip() == "postgres":
                    found.append(int(entry.name))
            except OSError:
                continue
    return sorted(found)


def postmaster_of(data: Path) -> int:
    """Process id of the server of a data folder."""
    return int((data / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()[0])
