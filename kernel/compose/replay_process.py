"""One worker process, driven from the event loop: started fresh, read line by line, ended for certain.

It is started by `subprocess`, not by the loop: uvloop forks, and a fork copies the page tables of the whole kernel. At
300 MB in use that held the loop up for 20 to 30 ms; `subprocess` (vfork) takes 0.3 ms.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import msgspec

from kernel.compose.code_version import ROOT
from kernel.compose.replay_worker import Done, Failed, Message, Task
from kernel.secrets.redaction import redact

GRACE_S = 2.0  #: between the request to end and the kill
LINE_BYTES_MAX = 1 << 20  #: a message is a few hundred bytes; anything near this is no message
ERRORS_KEPT = 8_192  #: bytes of what the worker complained about: the end of a traceback
ENVIRONMENT = {"LANG": "C.UTF-8"}  #: nothing of ours: what a replay does is in its task

_decoder = msgspec.json.Decoder(Message)


async def run_worker(task: Task, on_message: Callable[[Message], None], *, time_limit_s: float) -> Done | Failed:
    """Run one task to its end. Cancelling ends the process; a crash, a limit or nonsense from it is a `Failed`."""
    process = subprocess.Popen(  # noqa: ASYNC220 - 0.3 ms, see above
        [sys.executable, "-m", "kernel.compose.replay_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(ROOT),
        env=ENVIRONMENT,
        start_new_session=True,  # a Ctrl-C in the terminal is the kernel's to handle
    )
    assert process.stdout is not None and process.stderr is not None
    told, telling = await _reader(process.stdout)
    complained, complaining = await _reader(process.stderr)
    complaints = asyncio.create_task(_tail(complained))
    end: Done | Failed | None = None
    try:
        async with asyncio.timeout(time_limit_s):
            end = await _converse(process, told, task, on_message)
            await asyncio.to_thread(process.wait)
    except TimeoutError:
        end = Failed(f"took longer than {time_limit_s:,.0f} s, which is the limit for one replay")
    except (ValueError, msgspec.MsgspecError) as error:
        end = Failed(f"the worker said something that is no message ({error})")
    finally:
        await _end(process)
        text = await complaints
        telling.close()
        complaining.close()
    if end is None:
        lines = text.strip().splitlines()
        said = f": {redact(lines[-1])[:400]}" if lines else "; it may have been killed for its memory"
        end = Failed(f"the worker ended with code {process.returncode} before it was done{said}")
    return end


async def _reader(pipe: IO[bytes]) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX, loop=loop)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), pipe)
    return reader, transport


def _give(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Blocks until the worker has taken it."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it ended at once; its exit says why
        process.stdin.write(data)
    with contextlib.suppress(OSError):
        process.stdin.close()


async def _converse(
    process: "subprocess.Popen[bytes]",
    told: asyncio.StreamReader,
    task: Task,
    on_message: Callable[[Message], None],
) -> Done | Failed | None:
    await asyncio.to_thread(_give, process, msgspec.json.encode(task))
    end: Done | Failed | None = None
    while line := await told.readline():
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


async def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
