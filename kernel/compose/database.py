"""Which database a run has: the one that is named, an embedded one, or none."""

from dataclasses import dataclass
from pathlib import Path

from kernel.profile import Profile
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.migrate import MigrationState, migrate, status
from persistence.postgres import Database

POSTGRES_FOLDER = "postgres"


@dataclass
class DatabaseChoice:
    """The started database of a run. `server` is None when it is not ours."""

    dsn: str
    server: EmbeddedPostgres | None
    label: str

    def stop(self) -> None:
        """Stop what we started."""
        if self.server is not None:
            self.server.stop()


def start_database(profile: Profile, data: Path) -> DatabaseChoice:
    """DATABASE_URL if given, else the embedded server of the data folder. Call outside the event loop.

    Raises `StoreError` when neither can be had.
    """
    if profile.database_url:
        return DatabaseChoice(profile.database_url, None, "DATABASE_URL")
    server = EmbeddedPostgres(data / POSTGRES_FOLDER, bin_dir=Path(profile.pg_bin) if profile.pg_bin else None)
    return DatabaseChoice(server.start(), server, "embedded Postgres")


async def migrate_database(database: Database) -> list[str]:
    """Bring the schema up to the code; names of what was applied."""
    async with database.acquire() as connection:
        return [each.name for each in await migrate(connection)]


async def schema_status(database: Database) -> list[MigrationState]:
    """Applied, pending, edited and unknown migrations."""
    async with database.acquire() as connection:
        return await status(connection)
