"""What can go wrong between the kernel and its database; all are kernel.errors.StoreError.

EmbeddedPostgresError   the local server could not be prepared, started or kept (the text names the cure)
DatabaseDown            not reachable or not answering now: retry later
DatabaseRefused         the server answered no (credentials, missing database): retrying does not help
MigrationRefused        schema and code do not fit together: nothing was changed
  MigrationFailed       a migration's SQL failed: its transaction was rolled back
"""

from kernel.errors import StoreError


class EmbeddedPostgresError(StoreError):
    """The embedded server cannot run; the text says what was found and what to do."""


class DatabaseDown(StoreError):
    """The database is not answering now. Retryable; the outcome of a commit in flight is unknown."""


class DatabaseRefused(StoreError):
    """The database answered and said no, for a reason that a retry does not cure."""


class MigrationRefused(StoreError):
    """Database schema and migration files contradict each other; nothing was applied."""


class MigrationFailed(MigrationRefused):
    """The SQL of one migration failed; it left no trace unless it is marked no-transaction."""
