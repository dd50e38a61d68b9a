"""A private Postgres server of the kernel's own: made on first start, gone with the kernel, nothing to set up.

It listens on a Unix socket in a 0700 folder only, so its `trust` rule reaches nobody but the folder's owner.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from persistence.errors import EmbeddedPostgresError
from persistence.postgres_binaries import PostgresBinaries, find_binaries
from persistence.server_account import ServerAccount, ServerHome, choose_home
from persistence.server_process import ServerProcess

ROLE = "kernel"
DATABASE = "kernel"
PORT = 5432  # only part of the socket's file name
SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un.sun_path less its final zero, on Linux
SHORT_PARENTS = ("/tmp", "/var/tmp")  # where TMPDIR itself is too long for a socket
INITDB_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 120.0  # includes crash recovery
LEFTOVER_TIMEOUT_S = 15.0
FAST_STOP_TIMEOUT_S = 30.0
QUIT_TIMEOUT_S = 5.0
POLL_S = 0.01
LOG_BYTES_MAX = 5_000_000

_OUR_ENTRIES = {"cluster", "cluster.new", "run", "launcher.lock", "socket_dir", "postgres.log", "postgres.log.1"}
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "40",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """Launcher for one data folder. Not thread-safe; `start` and `stop` block (0.1 s warm, 0.6 s first)."""

    def __init__(
        self, data_dir: Path, *, bin_dir: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """`data_dir`: ours alone, made 0700 if missing. `settings`: server parameters over our defaults."""
        self._data_dir = data_dir.absolute()
        self._bin_dir = bin_dir
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: ServerProcess | None = None
        self._lock_fd: int | None = None
        self._socket_dir: Path | None = None

    def start(self) -> str:
        """Make the cluster if there is none, run the server, return its asyncpg DSN once it accepts connections.

        Raises EmbeddedPostgresError; then nothing is left running and the lock is free.
        """
        if self._process is not None:
            if self._process.is_running:
                return self.dsn
            self.stop()
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise EmbeddedPostgresError(
                f"embedded Postgres in {self._data_dir}: {error}; check owner, mode and free space of the folder, "
                "or set DATABASE_URL"
            ) from error
        except BaseException:
            self.stop()
            raise
        return self.dsn

    def stop(self) -> None:
        """Fast shutdown (open transactions are rolled back), then release lock and socket folder. Idempotent."""
        if self._process is not None:
            for number, timeout_s in (
                (signal.SIGINT, FAST_STOP_TIMEOUT_S),
                (signal.SIGQUIT, QUIT_TIMEOUT_S),
                (signal.SIGKILL, QUIT_TIMEOUT_S),
            ):
                self._process.send(number)
                if self._process.wait(timeout_s):
                    break
            self._process = None
        if self._lock_fd is not None:  # without the lock these files may be another kernel's
            if self._socket_dir is not None:
                shutil.rmtree(self._socket_dir, ignore_errors=True)
            (self._data_dir / "socket_dir").unlink(missing_ok=True)
            os.close(self._lock_fd)
            self._lock_fd = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises EmbeddedPostgresError when not started."""
        if self._process is None:
            raise EmbeddedPostgresError(f"embedded Postgres in {self._data_dir} is not started")
        return self._process.pid

    @property
    def dsn(self) -> str:
        """asyncpg (and libpq) URL. Raises EmbeddedPostgresError when not started."""
        if self._process is None or self._socket_dir is None:
            raise EmbeddedPostgresError(f"embedded Postgres in {self._data_dir} is not started")
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self._socket_dir))}&port={PORT}"

    def check(self) -> None:
        """Raise EmbeddedPostgresError, with the server's last words, if it was started and has ended by itself."""
        if self._process is not None and not self._process.is_running:
            raise EmbeddedPostgresError(_ended(self._process, "ended by itself"))

    def _start(self) -> None:
        binaries = find_binaries(self._bin_dir)
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_foreign_folder()
        self._take_lock()
        self._rotate_log()
        home = choose_home(self._data_dir, binaries)
        cluster = home.folder / "cluster"
        if not cluster.exists():
            _make_cluster(home)
        _check_version(cluster, home.binaries)
        _settle_leftover(cluster)
        self._socket_dir = self._make_socket_dir(home)
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not self._run_until_ready(home, self._socket_dir, deadline_s):
            time.sleep(10 * POLL_S)

    def _refuse_foreign_folder(self) -> None:
        entries = {entry.name for entry in self._data_dir.iterdir()}
        if "PG_VERSION" in entries:
            raise EmbeddedPostgresError(
                f"{self._data_dir} is the data folder of another Postgres server: expected an empty folder or one "
                "made by this kernel; choose another --data folder, or set DATABASE_URL to that server"
            )
        foreign = sorted(entries - _OUR_ENTRIES)
        if foreign and "cluster" not in entries:
            raise EmbeddedPostgresError(
                f"{self._data_dir} holds foreign files ({', '.join(foreign[:5])}): expected an empty folder or one "
                "made by this kernel; choose another --data folder"
            )

    def _take_lock(self) -> None:
        fd = os.open(self._data_dir / "launcher.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise EmbeddedPostgresError(
                f"{self._data_dir} is in use by another kernel (process {holder}): stop it, or use another --data"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def _rotate_log(self) -> None:
        log = self._data_dir / "postgres.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(self._data_dir / "postgres.log.1")

    def _make_socket_dir(self, home: ServerHome) -> Path:
        """A 0700 folder whose socket path fits; under the temporary folder when our own path does not do."""
        _remove_old_socket_dir(self._data_dir / "socket_dir")
        beside = home.folder / "run"
        if _fits_socket(beside):
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(mode=0o700)
            folder = beside
        else:
            folder = self._make_temporary_dir()
            note = self._data_dir / "socket_dir"
            note.touch(mode=0o600)
            note.write_text(str(folder))
        home.account.own(folder)
        return folder

    def _make_temporary_dir(self) -> Path:
        if self._socket_dir is not None:  # a restart keeps its DSN if nobody took the name meanwhile
            with contextlib.suppress(FileExistsError):
                self._socket_dir.mkdir(mode=0o700)
                return self._socket_dir
        for parent in (tempfile.gettempdir(), *SHORT_PARENTS):
            if _fits_socket(Path(parent) / "kernel-pg-12345678") and os.access(parent, os.W_OK):
                return Path(tempfile.mkdtemp(prefix="kernel-pg-", dir=parent))
        return Path(tempfile.mkdtemp(prefix="kernel-pg-"))

    def _run_until_ready(self, home: ServerHome, socket_dir: Path, deadline_s: float) -> bool:
        """True when it accepts connections; False when backends of a killed server still hold the shared memory."""
        cluster = home.folder / "cluster"
        settings = {"unix_socket_directories": '"' + str(socket_dir).replace('"', '""') + '"', **self._settings}
        argv = [home.binaries.postgres, "-D", str(cluster)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        process = ServerProcess(argv, account=home.account, log_path=self._data_dir / "postgres.log")
        self._process = process
        while not _is_ready(cluster, process.pid):
            if not process.is_running:
                if "pre-existing shared memory block" in process.log_tail() and time.monotonic() < deadline_s:
                    return False
                raise EmbeddedPostgresError(_ended(process, "ended while starting"))
            if time.monotonic() > deadline_s:
                raise EmbeddedPostgresError(
                    f"embedded Postgres not ready after {READY_TIMEOUT_S:.0f} s; its last lines:\n{process.log_tail()}"
                )
            time.sleep(POLL_S)
        return True


def _fits_socket(folder: Path) -> bool:
    """Whether a socket there has a path short enough, and one that a DSN can hold (a comma separates hosts)."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX and "," not in str(folder)


def _make_cluster(home: ServerHome) -> None:
    """Build under another name and rename, so that a start cut short leaves nothing that looks like a cluster."""
    unfinished = home.folder / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    initdb = [home.binaries.initdb, "-D", str(unfinished), "-U", ROLE, "-E", "UTF8", "--locale=C.UTF-8"]
    initdb += ["--auth-local=trust", "--auth-host=reject", "--no-sync"]
    _run(home.account, initdb)
    single = [home.binaries.postgres, "--single", "-D", str(unfinished), "-c", "exit_on_error=on", "postgres"]
    _run(home.account, single, f"CREATE DATABASE {DATABASE}\n".encode())
    unfinished.rename(home.folder / "cluster")


def _run(account: ServerAccount, argv: list[str], text: bytes | None = None) -> None:
    with tempfile.TemporaryFile() as output:
        child = account.popen(argv, death_signal=signal.SIGKILL, output=output.fileno(), input_bytes=text is not None)
        try:
            child.communicate(text, timeout=INITDB_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.returncode != 0:
            output.seek(0)
            lines = output.read().decode("utf-8", "replace").splitlines()[-12:]
            raise EmbeddedPostgresError(
                f"{argv[0]} ended with status {child.returncode}; its last lines:\n" + "\n".join(lines)
            )


def _check_version(cluster: Path, binaries: PostgresBinaries) -> None:
    try:
        found = (cluster / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError) as error:
        raise EmbeddedPostgresError(
            f"{cluster} is not a Postgres data folder (no readable PG_VERSION): restore it from a backup, "
            "or move it away to start with an empty database"
        ) from error
    if found != str(binaries.major):
        raise EmbeddedPostgresError(
            f"{cluster} was made by Postgres {found}, the programs in {binaries.bin_dir} are {binaries.major}: "
            f"set KERNEL_PG_BIN to the bin folder of Postgres {found}, or dump with it and restore into a new folder"
        )


def _settle_leftover(cluster: Path) -> None:
    """Deal with the postmaster.pid of a server that outlived or died with a killed kernel; we hold the lock.

    A server still on its way down is waited for. A file that names a process that is now something else is
    re-labelled with our own pid: Postgres takes its parent's pid for stale, and still checks the shared memory.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        lines = pid_file.read_text().splitlines(keepends=True)
        pid = int(lines[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid_file.unlink()
        return
    if not Path(f"/proc/{pid}").exists():
        return
    if not is_server_of(pid, cluster):
        pid_file.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
        return
    deadline_s = time.monotonic() + LEFTOVER_TIMEOUT_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    while is_server_of(pid, cluster):
        if time.monotonic() > deadline_s:
            raise EmbeddedPostgresError(
                f"an earlier server (process {pid}) still runs in {cluster} and does not stop: end it and retry"
            )
        time.sleep(POLL_S)


def is_server_of(pid: int, cluster: Path) -> bool:
    """Whether process `pid` is a postmaster with this data folder (it stays in that folder while it runs)."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return name == "postgres" and os.path.samefile(f"/proc/{pid}/cwd", cluster)
    except OSError:
        return False


def _is_ready(cluster: Path, pid: int) -> bool:
    """Line 1 of postmaster.pid is the pid, line 8 the state: what pg_ctl itself waits for."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _remove_old_socket_dir(note: Path) -> None:
    """Remove the temporary folder that a killed kernel left, if it is ours and holds nothing but a socket."""
    try:
        folder = Path(note.read_text())
        names = [entry.name for entry in folder.iterdir()]
        if folder.name.startswith("kernel-pg-") and all(name.startswith(".s.PGSQL.") for name in names):
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass
    note.unlink(missing_ok=True)


def _ended(process: ServerProcess, how: str) -> str:
    tail = process.log_tail() or "(it wrote nothing)"
    return f"embedded Postgres {how} (status {process.exit_status}); its last lines:\n{tail}"
