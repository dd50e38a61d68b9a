"""Table `runs`: one row per run of the kernel, from the headers of its segments."""

import uuid
from typing import Any

from msgspec import Struct

from kernel.log import LogHeader
from persistence.projection_text import clip

UPSERT = """
INSERT INTO runs (run_id, log_id, previous_run, profile, mode, simulated, code_version, schema_version, settings,
                  started_ts_ns, metadata)
SELECT run_id, log_id, previous_run, profile, mode, simulated, code_version, schema_version, settings,
       started_ts_ns, metadata
FROM json_populate_recordset(NULL::runs, $1::json)
ON CONFLICT (run_id) DO NOTHING"""

OWNER = "SELECT log_id FROM runs WHERE run_id = $1"

ADVANCE = "UPDATE runs SET last_seq = $2, updated_at = now() WHERE run_id = $1"

END = """
UPDATE runs SET ended_ts_ns = coalesce($2, ended_ts_ns), last_seq = coalesce($3, last_seq), end_reason = $4,
                updated_at = now()
WHERE run_id = $1"""


class RunRow(Struct, kw_only=True):
    """The run as its first segment tells it."""

    run_id: str
    log_id: str
    previous_run: str | None
    profile: str
    mode: str
    simulated: bool
    code_version: str
    schema_version: int
    settings: dict[str, Any]
    started_ts_ns: int
    metadata: dict[str, Any]

    @property
    def id(self) -> uuid.UUID:
        """Not a column; rows of a batch are told apart by it."""
        return uuid.uuid5(uuid.NAMESPACE_OID, self.run_id)


def run_row(header: LogHeader, log_id: str) -> RunRow:
    """The row of a run."""
    return RunRow(
        run_id=clip(header.run),
        log_id=log_id,
        previous_run=clip(header.previous_run) or None,
        profile=clip(header.profile),
        mode="live" if header.is_live else "paper",
        simulated=not header.is_live,
        code_version=clip(header.code_version),
        schema_version=header.schema_version,
        settings=header.settings,
        started_ts_ns=header.created_ts_ns,
        metadata={
            "seed": str(header.seed),
            "strategies": list(header.strategies),
            "note": clip(header.note),
            "first_seq": header.first_seq,
        },
    )
