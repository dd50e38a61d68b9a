"""The secrets service: files, then the database, then the environment; every answer is recorded.

It keeps no value: the caller does, in the one object that needs it. A source that has the secret but cannot give it (a
file that others may read, a damaged row) is an error and never passed over in silence; only a database that does not
answer is.
"""

import asyncio
import itertools
import os
from pathlib import Path

import structlog

from bus.clock import Clock
from kernel.compose.master_key import CREDENTIAL
from kernel.compose.private_file import SHARED_ROOT, read_private
from kernel.compose.secret_environment import MASTER_KEY, SecretEnvironment
from kernel.errors import StoreError
from kernel.secrets.access_entry import AccessEntry, AccessRecorder, Result, Source
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret, MissingSecret, SecretTampered, SecretUnavailable
from kernel.secrets.secret_names import is_name, remember_forms, shape_problem
from persistence.secret_table import SecretTable

RESERVED = frozenset({CREDENTIAL, MASTER_KEY})  #: lie beside secrets, and are nobody's to ask for

LISTED_MAX = 1_000  #: files of a folder of secrets, as many as a database may hold

log = structlog.get_logger("secrets")


class SecretResolver:
    """See `kernel.secrets.service.SecretsService`."""

    def __init__(
        self,
        environment: SecretEnvironment,
        table: SecretTable | None,
        recorder: AccessRecorder,
        clock: Clock,
        *,
        mounted: Path = SHARED_ROOT,
        trouble: str = "",
    ) -> None:
        """`table`: None = there is no database, or it cannot be opened for `trouble`. `mounted`: of the container."""
        self._environment = environment
        self._table = table
        self._recorder = recorder
        self._clock = clock
        self._mounted = mounted
        self._trouble = trouble
        self._warned: set[str] = set()  # bounded by the known names

    async def get(self, name: str, *, module: str, purpose: str) -> Secret:
        """The secret. Raises MissingSecret, BadSecret, SecretUnavailable, SecretTampered or WrongMasterKey."""
        source: Source = ""
        result: Result = "refused"
        try:
            if not is_name(name) or name in RESERVED:
                raise BadSecret(f"{name!r} is no name of a secret: expected letters, digits and _ . : -")
            source, secret = await self._find(name)
            problem = shape_problem(name, secret)
            if problem:
                raise BadSecret(f"{problem} (from {source})")
            remember_forms(name, secret)
            result = "ok"
            return secret
        except MissingSecret:
            result = "missing"
            raise
        except SecretTampered:
            source = "database"
            raise
        except StoreError:
            result = "unavailable"
            raise
        finally:
            self._record(module, name, purpose, source, result)

    async def available(self, name: str) -> bool:
        """Whether a source has it, without reading its value. False also while the database does not answer."""
        return await self.source_of(name) != ""

    async def source_of(self, name: str) -> Source:
        """Which source would answer; "" = none."""
        if self._has_file(name):
            return "file"
        if self._table is not None:
            try:
                if await self._table.has(name):
                    return "database"
            except StoreError as error:
                log.warning("secrets_database_away", secret=name, error=str(error))
        return "environment" if name in self._environment.values else ""

    def names_outside_database(self) -> dict[str, Source]:
        """Names that files and the environment have, for a list."""
        found: dict[str, Source] = dict.fromkeys(self._environment.values, "environment")
        for folder in (self._environment.credentials_directory, self._mounted):
            if folder is not None:
                found |= dict.fromkeys(_names_in(folder), "file")
        return found | {name: "file" for name, path in self._environment.files.items() if os.path.lexists(path)}

    async def _find(self, name: str) -> tuple[Source, Secret]:
        for path, is_mounted in self._paths(name):
            try:
                return "file", await asyncio.to_thread(read_private, path, is_mounted=is_mounted)
            except FileNotFoundError as error:
                if path == self._environment.files.get(name):
                    raise BadSecret(f"{name}_FILE names {path}, where there is no file") from error
        trouble = self._trouble
        if self._table is not None:
            try:
                stored = await self._table.read(name)
                if stored is not None:
                    return "database", stored.secret
            except SecretTampered:
                raise
            except StoreError as error:
                trouble = str(error)
        if name in self._environment.values:
            if name not in self._warned:
                self._warned.add(name)
                log.warning("secret_from_environment", secret=name, advice="store it: kernel secrets set " + name)
            return "environment", self._environment.values[name]
        if trouble:
            raise SecretUnavailable(
                f"{name}: not in a file or the environment, and the database cannot be read ({trouble})"
            )
        raise MissingSecret(
            f"{name} is not set: looked for {self._mounted / name}, a systemd credential {name}, {name}_FILE, the "
            f"database and the environment; store it with `kernel secrets set {name}`"
        )

    def _has_file(self, name: str) -> bool:
        return any(os.path.lexists(path) for path, _ in self._paths(name))

    def _paths(self, name: str) -> list[tuple[Path, bool]]:
        """Where its file may be, and whether a container's runtime or systemd put it there."""
        if not is_name(name):
            return []
        paths = [(self._mounted / name, True)]
        if self._environment.credentials_directory is not None:
            paths.append((self._environment.credentials_directory / name, True))
        named = self._environment.files.get(name)
        if named is not None:
            paths.append((named, named.is_relative_to(self._mounted)))
        return paths

    def _record(self, module: str, name: str, purpose: str, source: Source, result: Result) -> None:
        entry = AccessEntry(
            ts_ns=self._clock.now_ns(), module=module, name=name[:128], purpose=purpose, source=source, result=result
        )
        self._recorder.record(entry)


def _names_in(folder: Path) -> list[str]:
    """Names of secrets in a folder; none if it is not there or not ours to look into."""
    try:
        entries = itertools.islice(folder.iterdir(), LISTED_MAX)
        return [each.name for each in entries if is_name(each.name) and each.name not in RESERVED and each.is_file()]
    except OSError:
        return []
