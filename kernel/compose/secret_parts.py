"""Puts the secrets part together: master key, table, access log, service."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import structlog

from bus.clock import Clock
from kernel.compose.master_key import find_master_key, is_strict
from kernel.compose.secret_environment import SecretEnvironment
from kernel.compose.secret_resolver import SecretResolver
from kernel.errors import KernelError
from kernel.profile import Profile
from kernel.secrets.secret import Secret
from persistence.access_log import AccessLog, FirstSeen
from persistence.postgres import Database
from persistence.secret_table import SecretTable

log = structlog.get_logger("secrets")


class SecretParts:
    """`service` answers, `table` is for list, set and rotation, `access_log` is also where signers record."""

    def __init__(
        self,
        profile: Profile,
        data: Path,
        environment: SecretEnvironment,
        database: Database | None,
        clock: Clock,
        *,
        on_first_seen: FirstSeen,
        ask_passphrase: Callable[[], Secret] | None = None,
    ) -> None:
        """Blocks up to half a second where a passphrase is used, so make it before the loop or in a thread.

        Raises ConfigError when a live profile has no master key; in demo and paper, `trouble` says so and files and
        environment still answer.
        """
        self.trouble = ""
        self.table: SecretTable | None = None
        if database is not None:
            try:
                master = find_master_key(profile, data, environment, ask_passphrase=ask_passphrase)
                self.table = SecretTable(database, master)
            except KernelError as error:
                if is_strict(profile):
                    raise
                self.trouble = str(error)
                log.warning("secrets_without_database", error=str(error))
        self.access_log = AccessLog(database, on_first_seen=on_first_seen)
        self.service = SecretResolver(environment, self.table, self.access_log, clock, trouble=self.trouble)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write the access log."""
        self._task = asyncio.create_task(self.access_log.run(), name="access-log")

    async def stop(self) -> None:
        """Write what is left of it, within 3 s, while the database still runs."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.access_log.close()
