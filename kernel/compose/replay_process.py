"""One worker process, driven from the event loop: started fresh, read line by line, ended for certain."""

import asyncio
import contextlib
import sys
from collections.abc import Callable

import msgspec

from kernel.compose.code_version import ROOT
from kernel.compose.replay_worker import Done, Failed, Message, Task
from kernel.redaction import redact

GRACE_S = 2.0  #: between the request to end and the kill
LINE_BYTES_MAX = 1 << 20  #: a message is a few hundred bytes; anything near this is no message
ERRORS_KEPT = 8_192  #: bytes of what the worker complained about: the end of a traceback
ENVIRONMENT = {"LANG": "C.UTF-8"}  #: nothing of ours: what a replay does is in its task

_decoder = msgspec.json.Decoder(Message)


async def run_worker(task: Task, on_message: Callable[[Message], None], *, time_limit_s: float) -> Done | Failed:
    """Run one task to its end. Cancelling ends the process; a crash, a limit or nonsense from it is a `Failed`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kernel.compose.replay_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=str(ROOT),
        env=ENVIRONMENT,
        limit=LINE_BYTES_MAX,
        start_new_session=True,  # a Ctrl-C in the terminal is the kernel's to handle
    )
    assert process.stderr is not None
    complaints = asyncio.create_task(_tail(process.stderr))
    end: Done | Failed | None = None
    try:
        async with asyncio.timeout(time_limit_s):
            end = await _converse(process, task, on_message)
            await process.wait()
    except TimeoutError:
        end = Failed(f"took longer than {time_limit_s:,.0f} s, which is the limit for one replay")
    except (ValueError, msgspec.MsgspecError) as error:
        end = Failed(f"the worker said something that is no message ({error})")
    finally:
        await _end(process)
        text = await complaints
    if end is None:
        lines = text.strip().splitlines()
        said = f": {redact(lines[-1])[:400]}" if lines else "; it may have been killed for its memory"
        end = Failed(f"the worker ended with code {process.returncode} before it was done{said}")
    return end


async def _converse(
    process: asyncio.subprocess.Process, task: Task, on_message: Callable[[Message], None]
) -> Done | Failed | None:
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(ConnectionError):  # it ended at once; its exit says why
        process.stdin.write(msgspec.json.encode(task))
        await process.stdin.drain()
        process.stdin.close()
    end: Done | Failed | None = None
    while line := await process.stdout.readline():
        message = _decoder.decode(line)
        if isinstance(message, Done | Failed):
            end = message
        else:
            on_message(message)
    return end


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    while more := await stream.read(ERRORS_KEPT):
        kept = (kept + more)[-ERRORS_KEPT:]
    return kept.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
