"""Secrets in Postgres: written and read one at a time, rotated all at once. Schema: 0005_secrets.sql.

All writers hold one advisory lock for their transaction, so a rotation never meets a half-written row. Readers hold
none, as a row and its key come from one statement, hence from one state of the database.
"""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from kernel.errors import ConfigError, StoreError
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret, SecretTampered, WrongMasterKey
from kernel.secrets.secret_names import is_name, shape_problem
from persistence.data_key import DataKey
from persistence.master_key import MasterKey
from persistence.postgres import Database

LOCK_KEY = 0x73656372657473  #: "secrets"
SECRETS_MAX = 1_000  #: a rotation holds all of them in one transaction

_READ = """
SELECT c.version, c.ciphertext, c.key_id, k.wrapped_key, k.master_id, k.retired_at
FROM secure_credentials c JOIN secure_credential_keys k ON k.id = c.key_id
WHERE c.name = $1 AND c.status = 'active'"""
_PUT = """
INSERT INTO secure_credentials (name, version, ciphertext, key_id, status) VALUES ($1, $2, $3, $4, 'active')
ON CONFLICT (name) DO UPDATE SET version = excluded.version, ciphertext = excluded.ciphertext,
    key_id = excluded.key_id, status = 'active', updated_at = now(), last_used_at = NULL"""
_DELETE = """
UPDATE secure_credentials SET version = version + 1, ciphertext = '', key_id = NULL, status = 'deleted',
    updated_at = now() WHERE name = $1 AND status = 'active'"""
_READ_ALL = """
SELECT c.name, c.version, c.ciphertext, c.key_id, k.wrapped_key, k.master_id, k.retired_at
FROM secure_credentials c JOIN secure_credential_keys k ON k.id = c.key_id
WHERE c.status = 'active' ORDER BY c.name"""
_RETIRE = """
UPDATE secure_credential_keys SET retired_at = now(), wrapped_key = '', updated_at = now() WHERE retired_at IS NULL"""
_NEW_KEY = "INSERT INTO secure_credential_keys (id, wrapped_key, master_id) VALUES ($1, $2, $3)"
_RESEAL = """
UPDATE secure_credentials SET ciphertext = $1, key_id = $2 WHERE name = $3 AND version = $4 AND key_id = $5"""
_HELD_BY_RETIRED = """
SELECT EXISTS (SELECT FROM secure_credentials c JOIN secure_credential_keys k ON k.id = c.key_id
               WHERE k.retired_at IS NOT NULL)"""
_LIVE_KEYS = "SELECT id, wrapped_key, master_id FROM secure_credential_keys WHERE retired_at IS NULL FOR UPDATE"

_Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class StoredSecret(Struct, frozen=True):
    """A value with the version that a change of it may insist on."""

    secret: Secret
    version: int


class SecretRow(Struct, frozen=True, kw_only=True):
    """What may be shown of a stored secret."""

    name: str
    version: int
    created_at: datetime
    updated_at: datetime  #: of this value
    last_used_at: datetime | None


class SecretTable:
    """The store. Every method raises StoreError while the database is away, and WrongMasterKey for a wrong key."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._seen: dict[str, int] = {}  # name -> highest version read; a row that goes back was rolled back

    @property
    def master(self) -> MasterKey:
        """The master key in use."""
        return self._master

    async def read(self, name: str) -> StoredSecret | None:
        """The value, or None if there is no such row. Raises SecretTampered for a row that is not as it was written."""
        newest = self._seen.get(name, 0)  # before asking: a change beside this read is no rollback
        async with self._database.acquire() as connection:
            row = await connection.fetchrow(_READ, name)
        if row is None:
            return None
        found = self._open(name, row)
        if found.version < newest:
            raise SecretTampered(
                f"secret {name!r} refused: version {newest} was read before, now the row says {found.version}; it was "
                "rolled back. Set it anew and find out who wrote to the database"
            )
        self._saw(name, found.version)
        return found

    async def has(self, name: str) -> bool:
        """Whether there is an active row of that name."""
        async with self._database.acquire() as connection:
            return bool(
                await connection.fetchval(
                    "SELECT EXISTS (SELECT FROM secure_credentials WHERE name = $1 AND status = 'active')", name
                )
            )

    async def put(self, name: str, secret: Secret, *, expected_version: int | None = None) -> int:
        """Write a value and return its version. `expected_version`: of the value to replace, 0 = there is none.

        Raises BadSecret for a wrong name or form, ConfigError when another change came first or the table is full.
        """
        if not is_name(name):
            raise BadSecret(f"{name!r}: expected a letter, then letters, digits and _ . : -, at most 128 in all")
        problem = shape_problem(name, secret)
        if problem:
            raise BadSecret(problem)
        async with self._database.acquire() as connection, connection.transaction():
            await _lock(connection)
            version, is_active = await _version(connection, name)
            _expect(name, expected_version, version if is_active else 0)
            if not version and await connection.fetchval("SELECT count(*) FROM secure_credentials") >= SECRETS_MAX:
                raise ConfigError(f"{SECRETS_MAX} secrets are stored, the most there may be; delete some")
            key = await self._active_key(connection)
            await connection.execute(_PUT, name, version + 1, key.seal(name, version + 1, secret), key.id)
        self._saw(name, version + 1)
        return version + 1

    async def delete(self, name: str, *, expected_version: int | None = None) -> bool:
        """Remove a value; its version number stays behind so that it is never used again. False if there was none."""
        async with self._database.acquire() as connection, connection.transaction():
            await _lock(connection)
            version, is_active = await _version(connection, name)
            if is_active:
                _expect(name, expected_version, version)
                await connection.execute(_DELETE, name)
        return is_active

    async def rows(self) -> list[SecretRow]:
        """Names, ages and last uses, by name."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT name, version, created_at, updated_at, last_used_at FROM secure_credentials "
                f"WHERE status = 'active' ORDER BY name LIMIT {SECRETS_MAX}"
            )
        return [SecretRow(**dict(row)) for row in rows]

    async def rotate_values(self) -> int:
        """Encrypt everything anew under a fresh data key and forget the old ones, in one transaction.

        Returns how many values. One that does not decrypt stops the rotation, and nothing has changed.
        """
        async with self._database.acquire() as connection, connection.transaction():
            await _lock(connection)
            rows = await connection.fetch(_READ_ALL)
            opened = [(row["name"], row["key_id"], self._open(row["name"], row)) for row in rows]
            await self._check_live_keys(connection)
            fresh = DataKey.generate()
            await connection.execute(_RETIRE)
            await connection.execute(_NEW_KEY, fresh.id, self._master.wrap(fresh), self._master.master_id)
            for name, key_id, found in opened:
                ciphertext = fresh.seal(name, found.version, found.secret)
                done = await connection.execute(_RESEAL, ciphertext, fresh.id, name, found.version, key_id)
                if done != "UPDATE 1":
                    raise StoreError(f"secret {name!r} was changed behind the rotation; nothing was rotated, try again")
            if await connection.fetchval(_HELD_BY_RETIRED):
                raise StoreError("a secret was written behind the rotation; nothing was rotated, try again")
        return len(opened)

    async def rotate_master(self, new: MasterKey) -> int:
        """Wrap the data keys with another master key; no value is touched. Returns how many keys.

        From then on only the new master key opens anything, also for kernels that run with the old one.
        """
        async with self._database.acquire() as connection, connection.transaction():
            await _lock(connection)
            rows = await connection.fetch(_LIVE_KEYS)
            for row in rows:
                key = self._unwrap(row["id"], row["wrapped_key"], row["master_id"])
                await connection.execute(
                    "UPDATE secure_credential_keys SET wrapped_key = $1, master_id = $2, updated_at = now() "
                    "WHERE id = $3",
                    new.wrap(key), new.master_id, row["id"],
                )  # fmt: skip
        self._master = new
        return len(rows)

    async def check_master(self) -> None:
        """Raise WrongMasterKey if what is stored needs another master key."""
        async with self._database.acquire() as connection:
            await self._check_live_keys(connection)

    async def _check_live_keys(self, connection: _Connection) -> None:
        rows = await connection.fetch(_LIVE_KEYS.removesuffix(" FOR UPDATE"))
        for row in rows:
            self._unwrap(row["id"], row["wrapped_key"], row["master_id"])

    async def _active_key(self, connection: _Connection) -> DataKey:
        """The data key in use; the first one is made here."""
        row = await connection.fetchrow(_LIVE_KEYS)
        if row is not None:
            return self._unwrap(row["id"], row["wrapped_key"], row["master_id"])
        key = DataKey.generate()
        await connection.execute(_NEW_KEY, key.id, self._master.wrap(key), self._master.master_id)
        return key

    def _unwrap(self, key_id: UUID, wrapped: str, master_id: str) -> DataKey:
        if master_id != self._master.master_id:
            raise WrongMasterKey(
                f"the stored secrets need master key {master_id}, the one from {self._master.origin} is "
                f"{self._master.master_id}: give the key that they were written with"
            )
        key = self._master.unwrap(key_id, wrapped)
        if key is None:
            raise SecretTampered(
                f"data key {key_id} is damaged or was exchanged: restore secure_credential_keys from a backup"
            )
        return key

    def _open(self, name: str, row: asyncpg.Record) -> StoredSecret:
        if row["retired_at"] is not None:
            raise SecretTampered(f"secret {name!r} refers to a retired key: set it anew")
        key = self._unwrap(row["key_id"], row["wrapped_key"], row["master_id"])
        found = key.open(name, row["version"], row["ciphertext"])
        if isinstance(found, str):
            raise SecretTampered(f"secret {name!r} refused: {found}; set it anew and see who wrote to the database")
        return StoredSecret(found, row["version"])

    def _saw(self, name: str, version: int) -> None:
        self._seen[name] = max(self._seen.get(name, 0), version)


async def _lock(connection: _Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)


async def _version(connection: _Connection, name: str) -> tuple[int, bool]:
    """Latest version ever given to the name (0 = none), and whether there is a value now."""
    row = await connection.fetchrow("SELECT version, status FROM secure_credentials WHERE name = $1", name)
    return (row["version"], row["status"] == "active") if row is not None else (0, False)


def _expect(name: str, expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise ConfigError(f"secret {name!r}: expected version {expected}, found {found}; somebody changed it meanwhile")
