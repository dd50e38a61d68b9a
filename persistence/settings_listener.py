"""Hears that settings changed in the database: LISTEN on a connection of its own, and a full look after each reconnect.

Postgres forgets notices for who is not there, and a connection can die silently; so a lost one is found by asking every
15 s, and whatever was missed is healed by reading everything again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg

from persistence.errors import DatabaseDown
from persistence.postgres import Database

CHANNEL = "config"
ASK_EVERY_S = 15.0
ANSWER_S = 5.0
RETRY_S_MIN, RETRY_S_MAX = 0.1, 5.0
_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DatabaseDown)


class SettingsListener:
    """`run` until cancelled. `on_connected` reads everything; `on_change` reads one module (both may fail and wait)."""

    def __init__(
        self,
        database: Database,
        on_connected: Callable[[], Awaitable[None]],
        on_change: Callable[[str], Awaitable[None]],
    ) -> None:
        self.is_listening = False
        self._database = database
        self._on_connected = on_connected
        self._on_change = on_change
        self._changed: dict[str, None] = {}  #: modules to read, in order of their notices
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; every failure of the connection leads to a new one."""
        retry_s = RETRY_S_MIN
        while True:
            try:
                await self._listen()
                retry_s = RETRY_S_MIN
            except _LOST:
                retry_s = min(RETRY_S_MAX, retry_s * 2) if not self.is_listening else RETRY_S_MIN
            finally:
                self.is_listening = False
            await asyncio.sleep(retry_s)

    async def _listen(self) -> None:
        connection = await self._database.dedicated()
        try:
            self._changed.clear()
            self._wake.clear()
            connection.add_termination_listener(lambda _: self._wake.set())
            await connection.add_listener(CHANNEL, self._notice)
            await self._on_connected()
            self.is_listening = True
            while not connection.is_closed():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), ASK_EVERY_S)
                if not self._wake.is_set():
                    await connection.fetchval("SELECT 1", timeout=ANSWER_S)
                self._wake.clear()
                while self._changed:
                    module = next(iter(self._changed))
                    del self._changed[module]
                    await self._on_change(module)
        finally:
            connection.terminate()

    def _notice(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        self._changed[str(payload)] = None
        self._wake.set()
