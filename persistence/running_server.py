"""Finds the embedded Postgres that a running kernel has started, to use it beside that kernel. Changes nothing."""

from pathlib import Path
from urllib.parse import quote

from persistence.embedded_postgres import DATABASE, ROLE, is_server_of
from persistence.server_account import relocated_folder

PID_LINE, PORT_LINE, SOCKET_LINE, STATE_LINE = 0, 3, 4, 7  #: of postmaster.pid (miscadmin.h of Postgres 14 to 18)


def running_dsn(data_dir: Path) -> str | None:
    """DSN of the server that runs for this data folder and accepts connections; None if there is none."""
    absolute = data_dir.absolute()
    for folder in (absolute, relocated_folder(absolute)):
        cluster = folder / "cluster"
        try:
            lines = (cluster / "postmaster.pid").read_text().splitlines()
            pid = int(lines[PID_LINE])
        except (OSError, ValueError, IndexError):
            continue
        is_ready = len(lines) > STATE_LINE and lines[STATE_LINE].strip() == "ready"
        if is_ready and is_server_of(pid, cluster):
            host, port = quote(lines[SOCKET_LINE]), lines[PORT_LINE]
            return f"postgresql://{ROLE}@/{DATABASE}?host={host}&port={port}"
    return None
