"""One child process bound to our life: forked by a thread that outlives it, with its output in a log file."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from queue import SimpleQueue

from persistence.server_account import ServerAccount

LOG_TAIL_LINES = 12
LOG_TAIL_BYTES_MAX = 16_384


class ServerProcess:
    """A started child. The kernel's death by any signal makes the child's own orderly stop begin (Linux)."""

    def __init__(self, argv: list[str], *, account: ServerAccount, log_path: Path) -> None:
        """Fork and return at once. Raises OSError when the program cannot be executed."""
        self._log_path = log_path
        self._log_start_bytes = log_path.stat().st_size if log_path.exists() else 0
        started: SimpleQueue[subprocess.Popen[bytes] | Exception] = SimpleQueue()
        # The parent-death signal belongs to the forking thread, so that thread must live as long as the child.
        self._keeper = threading.Thread(
            target=self._keep, args=(argv, account, started), name="postgres-keeper", daemon=True
        )
        self._keeper.start()
        child = started.get()
        if isinstance(child, Exception):
            raise child
        self._child = child

    def _keep(
        self,
        argv: list[str],
        account: ServerAccount,
        started: "SimpleQueue[subprocess.Popen[bytes] | Exception]",
    ) -> None:
        try:
            output = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                child = account.popen(argv, death_signal=signal.SIGINT, output=output)
            finally:
                os.close(output)
        except (OSError, subprocess.SubprocessError) as error:
            started.put(error)
            return
        started.put(child)
        child.wait()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._keeper.is_alive()

    @property
    def exit_status(self) -> int | None:
        """None while running; negative is minus the signal that ended it."""
        return self._child.returncode

    def send(self, number: signal.Signals) -> None:
        """Signal the child; no error if it has ended."""
        if self.is_running:
            self._child.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """True if the child has ended within the time."""
        self._keeper.join(timeout_s)
        return not self._keeper.is_alive()

    def log_tail(self) -> str:
        """Last lines that this child wrote, oldest first; empty if none."""
        try:
            with self._log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start_bytes, end - LOG_TAIL_BYTES_MAX))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
