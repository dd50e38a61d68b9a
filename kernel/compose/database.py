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
    """The database of a run. `server` is None when it is not ours; `url` is "" when it is."""

    url: str
    server: EmbeddedPostgres | None
    label: str

    @property
    def dsn(self) -> str:
        """Where it listens now. Raises `StoreError` while our own server has not been started."""
        return self.server.dsn if self.server is not None else self.url

    @property
    def is_ended(self) -> bool:
        """Whether our own server does not run, so that only we can bring it back."""
        return self.server is not None and not self.server.is_running

    def start(self) -> None:
        """Start our own server if it does not run. Blocks, so call it outside the event loop. Raises `StoreError`."""
        if self.server is not None:
            self.server.start()

    def stop(self) -> None:
        """Stop what we started."""
        if self.server is not None:
            self.server.stop()


def choose_database(profile: Profile, data: Path) -> DatabaseChoice:
    """DATABASE_URL if given, else the embedded server of the data folder; nothing is started."""
    if profile.database_url:
        return DatabaseChoice(profile.database_url, None, "DATABASE_URL")
    server = EmbeddedPostgres(data / POSTGRES_FOLDER, bin_dir=Path(profile.pg_bin) if profile.pg_bin else None)
    return DatabaseChoice("", server, "embedded Postgres")


def start_database(profile: Profile, data: Path) -> DatabaseChoice:
    """Choose and start. Call outside the event loop. Raises `StoreError` when neither can be had."""
    choice = choose_database(profile, data)
    choice.start()
    return choice


async def migrate_database(database: Database) -> list[str]:
    """Bring the schema up to the code; names of what was applied."""
    async with database.acquire() as connection:
        return [each.name for each in await migrate(connection)]


async def schema_status(database: Database) -> list[MigrationState]:
    """Applied, pending, edited and unknown migrations."""
    async with database.acquire() as connection:
        return await status(connection)
