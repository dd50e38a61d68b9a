"""`kill` and `resume`: the kill switch from a shell. Both work by files, so they need neither page nor database.

`kill` also holds while the kernel is down: it then starts stopped. `resume` never lifts anything by itself: it takes
the file away and asks the running kernel for the reset, which it refuses where that would not be safe.
"""

import argparse
import asyncio
import fcntl
import os
import sys
from pathlib import Path

from bus.clock import WallClock
from kernel.compose.kill_file import KILL, RESUME, Answer, Request, read_answer, remove, write
from kernel.errors import ConfigError

WAIT_S = 3.0
POLL_S = 0.05
REASON_CHARS_MIN, REASON_CHARS_MAX = 3, 200
BY = "command line"
WORD = "resume"


def command(arguments: argparse.Namespace) -> int:
    """Run `kill` or `resume`. Returns 0 when it is so, 1 when it is not known to be so. Raises `KernelError`."""
    reason = " ".join(arguments.reason.split())
    if not REASON_CHARS_MIN <= len(reason) <= REASON_CHARS_MAX:
        raise ConfigError(
            f"--reason: expected {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters, found {len(reason)}"
        )
    data: Path = arguments.data
    if not data.is_dir():
        raise ConfigError(f"{data} is not a folder; give the kernel's --data, or nothing would be stopped")
    request = Request(reason=reason, by=BY, nonce=f"{os.getpid()}-{WallClock().now_ns()}")
    if arguments.command == "kill":
        return _kill(data, request)
    return _resume(data, request, is_sure=arguments.yes)


def _kill(data: Path, request: Request) -> int:
    write(data / KILL, request)
    pid = running_pid(data)
    if pid is None:
        print(f"{data / KILL} is written. No kernel runs there; it will start stopped. `resume` lifts it.")
        return 0
    answer = asyncio.run(_wait(data, request.nonce))
    if answer is None:
        print(
            f"error: {data / KILL} is written, but the kernel (pid {pid}) did not answer within {WAIT_S:g} s. It stops"
            f" as soon as it sees the file. If trading must end now, end the process: kill {pid}",
            file=sys.stderr,
        )
        return 1
    print(f"stopped: {answer.text}")
    return 0


def _resume(data: Path, request: Request, *, is_sure: bool) -> int:
    if not is_sure:
        _ask(data)
    pid = running_pid(data)
    was_there = remove(data / KILL)
    if pid is None:
        print(
            f"{data / KILL} {'is removed' if was_there else 'was not there'}. No kernel runs there. If it"
            " was stopped while it ran, it remembers: start it, then run `resume` again."
        )
        return 0
    write(data / RESUME, request)
    answer = asyncio.run(_wait(data, request.nonce))
    if answer is not None and answer.is_done:
        print(f"lifted: {answer.text}")
        return 0
    remove(data / RESUME)  # it must not be taken later, when nobody looks
    told = f"the kernel (pid {pid}) did not answer within {WAIT_S:g} s" if answer is None else answer.text
    print(f"error: not lifted: {told}", file=sys.stderr)
    return 1


def _ask(data: Path) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("resume: expected --yes where nobody can be asked")
    print(f"This lets strategies in {data} send orders again. Type {WORD} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != WORD:
        raise ConfigError("not lifted: nothing was changed")


def running_pid(data: Path) -> str | None:
    """The pid of the kernel that holds this folder, "unknown" if it did not say; None while none does."""
    try:
        descriptor = os.open(data / "kernel.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return "unknown"  # better to wait for an answer that does not come than to believe that nothing runs
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None


async def _wait(data: Path, nonce: str) -> Answer | None:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WAIT_S
    while loop.time() < until_s:
        answer = read_answer(data, nonce)
        if answer is not None:
            return answer
        await asyncio.sleep(POLL_S)
    return None
