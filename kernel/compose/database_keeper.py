"""Keeps the database of a run in use: starts our own server again when it ended, migrates, projects, says how it is.

Trading never waits for any of it: what blocks runs in a thread, and what fails is tried again for as long as the run
lasts.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Literal

import asyncpg

from kernel.compose.database import DatabaseChoice, migrate_database
from kernel.errors import KernelError, StoreError
from persistence.postgres import Database
from persistence.projector import Projector

WATCH_S = 0.25
RETRY_S_MIN = 0.25
RETRY_S_MAX = 30.0
CATCH_UP_S = 3.0
PREPARE_S = 10.0
ATTEMPT_END_S = 5.0  #: how long a stop waits for a start that is under way

Tell = Callable[[str, str, str], None]  #: (severity, code, text)
State = Literal["off", "catching_up", "up", "degraded"]

_FAILURES = (KernelError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class DatabaseKeeper:
    """One task (`run`) beside the kernel. `state`, `error` and `lag_events` are what the page shows."""

    def __init__(self, choice: DatabaseChoice, log_folder: Path, log_seq: Callable[[], int], tell: Tell) -> None:
        self.database = Database(lambda: choice.dsn)
        self._choice = choice
        self._projector = Projector(self.database, log_folder, log_seq=log_seq)
        self._tell = tell
        self._dsn = ""
        self._trouble = ""  #: why there is no database to project into; "" once there is
        self._is_ready = False
        self._projecting: asyncio.Task[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._told: State = "up"

    @property
    def state(self) -> State:
        """As of the projector, unless there is no database for it."""
        if self._trouble or self._choice.is_ended:
            return "degraded"
        return self._projector.state if self._is_ready else "catching_up"

    @property
    def error(self) -> str:
        """What is wrong, for people; "" when nothing is."""
        return self._trouble or self._projector.error

    @property
    def lag_events(self) -> int:
        """Events of the log that are not in the database yet."""
        return self._projector.lag_events

    async def prepare(self) -> None:
        """Try once to have the schema up to date before the kernel starts; trouble is left to `run`."""
        with contextlib.suppress(*_FAILURES):
            async with asyncio.timeout(PREPARE_S):
                await self._migrate()

    async def run(self) -> None:
        """Until cancelled."""
        retry_s = RETRY_S_MIN
        while True:
            try:
                await self._make_ready()
            except _FAILURES as error:
                self._trouble = str(error)
                self._report()
                await asyncio.sleep(retry_s)
                retry_s = min(RETRY_S_MAX, retry_s * 2)
                continue
            self._trouble = ""
            retry_s = RETRY_S_MIN
            self._report()
            await asyncio.sleep(WATCH_S)

    async def _make_ready(self) -> None:
        """Server, schema, projector: whatever of them is missing."""
        if self._choice.is_ended:
            if not self._trouble and self._is_ready:
                self._trouble = "the database server ended by itself; it is started again"
                self._report()
            await self._start_server()
        await self._migrate()
        if self._projecting is not None and self._projecting.done():
            task, self._projecting = self._projecting, None
            error = None if task.cancelled() else task.exception()
            raise StoreError(f"the projector ended ({error!r}) and is started again")
        if self._projecting is None:
            self._projecting = asyncio.create_task(self._projector.run(), name="projector")

    async def _migrate(self) -> None:
        if self._dsn != self._choice.dsn:  # a server that came back elsewhere
            await self.database.close()
            self._dsn = self._choice.dsn
        if not self._is_ready:
            await self.database.connect()
            await migrate_database(self.database)
            self._is_ready = True

    async def _start_server(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = self._attempt = loop.create_future()

        def finish(error: BaseException | None) -> None:
            if not attempt.done():
                attempt.set_exception(error) if error is not None else attempt.set_result(None)

        def start() -> None:
            error: BaseException | None = None
            try:
                self._choice.start()
            except (StoreError, OSError) as found:
                error = found
            with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
                loop.call_soon_threadsafe(finish, error)

        # A thread of our own: the pool's threads would be waited for at exit, however long a start takes.
        Thread(target=start, name="postgres-start", daemon=True).start()
        await asyncio.shield(attempt)

    def _report(self) -> None:
        """Tell once what changed."""
        state = self.state
        if state == "degraded" and self._told != "degraded":
            self._told = state
            self._tell("warning", "database_away", f"{self.error or 'the database is away'}; trading goes on")
        elif state == "up" and self._told == "degraded":
            self._told = state
            self._tell("info", "database_back", "the database is back and has caught up")

    async def stop(self) -> None:
        """End the projector with a last catch-up (3 s at most), close the connections. `run` must be cancelled."""
        if self._projecting is not None:
            self._projecting.cancel()
            await asyncio.gather(self._projecting, return_exceptions=True)
            if not self._choice.is_ended:
                with contextlib.suppress(*_FAILURES):
                    async with asyncio.timeout(CATCH_UP_S):
                        await self._projector.catch_up()
        await self.database.close()
        if self._attempt is not None and not self._attempt.done():
            await asyncio.wait({self._attempt}, timeout=ATTEMPT_END_S)

    @property
    def is_starting(self) -> bool:
        """Whether a start is still under way in its thread: then the server is left to end with this process."""
        return self._attempt is not None and not self._attempt.done()
