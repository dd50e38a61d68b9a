"""The running kernel's side of the kill switch by file: takes what the files ask for and answers.

A reset must be asked for anew: a `RESUME` that lay there before the start, or is older than half a minute, is thrown
away, and none is taken while `KILL` lies there or the log cannot be written.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bus.clock import NS_PER_S, Clock
from bus.events import KillSwitchSet
from kernel.compose.kill_file import ANSWER, KILL, RESUME, Answer, is_there, read_request, remove, write
from kernel.errors import StoreError
from kernel.live import LOG_HALT

POLL_S = 0.25
RESUME_AGE_S_MAX = 30
UNSEEN = "\x00"  #: no nonce of a file


class SetKill(Protocol):
    """`KernelProcess.kill`."""

    def __call__(self, reason: str, by: str, *, is_on: bool = True) -> None: ...


class KillWatch:
    """`run` until cancelled; `poll` is one look."""

    def __init__(
        self, data: Path, kill: SetKill, standing: Callable[[], KillSwitchSet | None], wall_clock: Clock
    ) -> None:
        """`standing`: the kill switch of everything that is on now, as the runner sees it. `wall_clock`: of files."""
        self._data = data
        self._kill = kill
        self._standing = standing
        self._clock = wall_clock
        self._taken = UNSEEN  #: nonce of the KILL that was taken; UNSEEN = none lies there
        self._asked: tuple[str, bool] | None = None  #: nonce to answer and the state asked for
        self._is_first = True

    async def run(self) -> None:
        """Look four times a second."""
        while True:
            self.poll()
            await asyncio.sleep(POLL_S)

    def poll(self) -> None:
        """Take what lies there. Never raises: a disk that refuses an answer must not end the watch."""
        self._answer()
        kill, resume = self._data / KILL, self._data / RESUME
        if is_there(kill):
            request = read_request(kill)
            if request.nonce != self._taken:
                self._taken = request.nonce
                self._kill(request.reason, request.by)
                self._asked = (request.nonce, True)
        else:
            self._taken = UNSEEN
        if is_there(resume):
            self._take_resume(resume, is_killed=is_there(kill))
        self._is_first = False

    def _take_resume(self, path: Path, *, is_killed: bool) -> None:
        request = read_request(path)
        is_stale = self._is_first or self._age_s(path) > RESUME_AGE_S_MAX
        try:
            remove(path)
        except StoreError:
            return  # it would be taken again and again; a reset that cannot be taken once is not taken
        if is_stale:
            self._say(request.nonce, False, "this request is old; ask again")
            return
        standing = self._standing()
        if standing is None:
            self._say(request.nonce, True, "the kill switch was not on")
        elif is_killed:
            self._say(request.nonce, False, f"the file {self._data / KILL} lies there")
        elif standing.by == LOG_HALT:
            self._say(request.nonce, False, f"the kernel itself stopped: {standing.reason}")
        else:
            self._kill(f"{request.reason} (was: {standing.reason}, by {standing.by})", request.by, is_on=False)
            self._asked = (request.nonce, False)

    def _age_s(self, path: Path) -> int:
        try:
            return abs(self._clock.now_ns() - path.lstat().st_mtime_ns) // NS_PER_S
        except OSError:
            return RESUME_AGE_S_MAX + 1

    def _answer(self) -> None:
        """Once the gate has it: what was asked is then true, not only on its way."""
        if self._asked is None:
            return
        nonce, is_on = self._asked
        if (self._standing() is not None) is is_on:
            self._asked = None
            words = (
                "the kill switch is on: orders are cancelled, new ones denied" if is_on else "the kill switch is off"
            )
            self._say(nonce, True, words)

    def _say(self, nonce: str, is_done: bool, text: str) -> None:
        if nonce:
            with contextlib.suppress(StoreError):
                write(self._data / ANSWER, Answer(nonce=nonce, is_done=is_done, text=text))
