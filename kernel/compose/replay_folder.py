"""The files of the replays: `<id>/job.json`, `result.json`, `report.html`, and `cells/<key>.json` of all sweeps."""

import re
import shutil
from hashlib import blake2b
from pathlib import Path

import msgspec

from kernel.compose.replay_worker import RESULT_FILE, read_result, write_atomically
from kernel.replay_job import ReplayJob, RunResult

JOB_FILE = "job.json"
CELLS = "cells"
CELL_FILES_MAX = 4_000  #: ten full sweeps, about 100 MB; the oldest go first and can be computed again
JOBS_READ_MAX = 1_000  #: at a start; there are never so many unless somebody copied them here
JOB_BYTES_MAX = 4 << 20  #: 400 cells take about 200 kB

_ID = re.compile(r"[0-9a-f]{10}")
_KEY = re.compile(r"[0-9a-f]{32}")


class ReplayFolder:
    """All of it blocks: call it in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cells = root / CELLS

    def of(self, job_id: str) -> Path:
        """Where a job's files are. Raises ValueError for what is no id."""
        if not _ID.fullmatch(job_id):
            raise ValueError(f"expected ten hex digits, found {job_id[:40]!r}")
        return self.root / job_id

    @staticmethod
    def new_id(created_ts_ns: int, number: int) -> str:
        """An id that no other job of this folder has."""
        return blake2b(f"{created_ts_ns}:{number}".encode(), digest_size=5).hexdigest()

    def make(self, job_id: str) -> None:
        """Raises OSError."""
        self.of(job_id).mkdir(parents=True, exist_ok=True, mode=0o700)

    def load(self) -> list[ReplayJob]:
        """Jobs of earlier runs; files that are none of ours are passed over."""
        if not self.root.is_dir():
            return []
        found = []
        for folder in sorted(self.root.iterdir())[:JOBS_READ_MAX]:
            path = folder / JOB_FILE
            if not _ID.fullmatch(folder.name) or not path.is_file() or path.stat().st_size > JOB_BYTES_MAX:
                continue
            try:
                job = msgspec.json.decode(path.read_bytes(), type=ReplayJob)
            except (OSError, msgspec.MsgspecError):
                continue  # another version wrote it
            if job.id == folder.name:
                found.append(job)
        return found

    def save(self, jobs: tuple[ReplayJob, ...], dropped: tuple[str, ...]) -> None:
        """Write these jobs, delete the folders of those. Raises OSError."""
        for job in jobs:
            write_atomically(self.of(job.id) / JOB_FILE, msgspec.json.encode(job))
        for job_id in dropped:
            shutil.rmtree(self.of(job_id), ignore_errors=True)
        self._thin_cells()

    def result(self, job_id: str) -> RunResult | None:
        """What a job found; None when there is none."""
        return read_result(self.of(job_id) / RESULT_FILE)

    def cell(self, key: str) -> RunResult | None:
        """What a cell's run found; None when there is none, or it is no longer kept."""
        return read_result(self.cells / f"{key}.json") if _KEY.fullmatch(key) else None

    def _thin_cells(self) -> None:
        if not self.cells.is_dir():
            return
        found = list(self.cells.glob("*.json"))
        if len(found) > CELL_FILES_MAX:
            found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
            for path in found[: len(found) - CELL_FILES_MAX]:
                path.unlink(missing_ok=True)
