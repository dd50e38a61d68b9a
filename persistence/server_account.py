"""Under which account the server programs run: Postgres refuses uid 0, so root needs another identity.

Preferred is a user namespace that shows our own uid as 1000: files keep their owner and no mode is changed.
Where namespaces are blocked, the server runs as `nobody` from folders of its own under /var/lib/kernel.
"""

import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from persistence.errors import EmbeddedPostgresError
from persistence.postgres_binaries import PostgresBinaries

RELOCATED_ROOT = Path("/var/lib/kernel")
PROBE_TIMEOUT_S = 20.0

_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_PR_SET_PDEATHSIG = 1
# The child's whole environment: nothing of ours (secrets above all) reaches the server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True, kw_only=True)
class ServerAccount:
    """An identity for the server: an argv prefix (namespace) or a uid and gid, or neither for our own."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    @property
    def is_other_user(self) -> bool:
        return self.uid is not None

    def popen(
        self, argv: list[str], *, death_signal: signal.Signals, output: int, input_bytes: bool = False
    ) -> "subprocess.Popen[bytes]":
        """Start `argv` under this account, in a session of its own, stdout and stderr into fd `output`.

        On Linux the child gets `death_signal` when the *calling thread* ends, also by SIGKILL of the process.
        """
        return subprocess.Popen(
            [*self.prefix, *argv],
            stdin=subprocess.PIPE if input_bytes else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=[] if self.is_other_user else None,
            preexec_fn=_bind_to_parent(death_signal),
        )

    def own(self, path: Path) -> None:
        """Hand a folder that we have just made to the server's user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_run(self, binaries: PostgresBinaries) -> bool:
        """Whether this account may execute the server program."""
        return self._succeeds([binaries.postgres, "--version"])

    def can_write(self, folder: Path) -> bool:
        """Whether this account reaches `folder` and may write there."""
        return self._succeeds(["/bin/sh", "-c", 'test -w "$0" && test -x "$0"', str(folder)])

    def _succeeds(self, argv: list[str]) -> bool:
        try:
            child = self.popen(argv, death_signal=signal.SIGKILL, output=subprocess.DEVNULL)
        except OSError:
            return False
        except subprocess.SubprocessError:  # how Popen reports a refused setuid
            return False
        try:
            return child.wait(timeout=PROBE_TIMEOUT_S) == 0
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return False


@dataclass(frozen=True, kw_only=True)
class ServerHome:
    """Who runs the server, with which programs, and in which folder its files lie."""

    account: ServerAccount
    binaries: PostgresBinaries
    folder: Path


def relocated_folder(data_dir: Path) -> Path:
    """Where the files of an absolute `data_dir` lie when user `nobody` runs the server."""
    return RELOCATED_ROOT / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]


def choose_home(data_dir: Path, binaries: PostgresBinaries) -> ServerHome:
    """Decide the account for an existing, absolute `data_dir`. Raises EmbeddedPostgresError if none will do."""
    ourselves = ServerHome(account=ServerAccount(), binaries=binaries, folder=data_dir)
    relocated = relocated_folder(data_dir)
    has_cluster = (data_dir / "cluster").exists()
    if has_cluster:
        owner = (data_dir / "cluster").stat().st_uid
        if owner != os.geteuid():
            raise EmbeddedPostgresError(
                f"{data_dir / 'cluster'} belongs to uid {owner}, we run as uid {os.geteuid()}: "
                "start the kernel as its owner, or choose another data folder"
            )
    if os.geteuid() != 0:
        return ourselves
    namespace = ServerAccount(prefix=_NAMESPACE)
    moved_before = not has_cluster and (relocated / "cluster").exists()
    if not moved_before and namespace.can_run(binaries) and namespace.can_write(data_dir):
        return ServerHome(account=namespace, binaries=binaries, folder=data_dir)
    if has_cluster:
        raise EmbeddedPostgresError(
            f"{data_dir / 'cluster'} was made by root in a user namespace, and namespaces are blocked now: "
            "run the kernel as another user than root (after chown of the data folder), or set DATABASE_URL"
        )
    return _home_of_nobody(relocated, binaries)


def _home_of_nobody(folder: Path, binaries: PostgresBinaries) -> ServerHome:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise _no_account("there is no user nobody") from error
    account = ServerAccount(uid=entry.pw_uid, gid=entry.pw_gid)
    try:
        RELOCATED_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not account.can_run(binaries):
            binaries = _copy_install(binaries)
        if not folder.exists():
            folder.mkdir(mode=0o700)
            account.own(folder)
    except OSError as error:
        raise _no_account(f"{error}") from error
    if not account.can_run(binaries) or not account.can_write(folder):
        raise _no_account(f"user nobody cannot run {binaries.postgres} or write {folder}")
    return ServerHome(account=account, binaries=binaries, folder=folder)


def _copy_install(binaries: PostgresBinaries) -> PostgresBinaries:
    """Copy the wheel's install tree and its libraries (found relative to it) to where other users can reach them."""
    install = binaries.bin_dir.parent
    libraries = install.parent.parent / f"{install.parent.name}.libs"
    if not libraries.is_dir():
        raise _no_account(f"user nobody cannot reach {binaries.bin_dir}")
    stamp = int((binaries.bin_dir / "postgres").stat().st_mtime)
    target = RELOCATED_ROOT / f"{install.name}-{stamp}"
    if not target.exists():
        unfinished = RELOCATED_ROOT / f"{target.name}.new-{os.getpid()}"
        shutil.copytree(install, unfinished / install.parent.name / install.name, symlinks=True)
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    return PostgresBinaries(bin_dir=target / install.parent.name / install.name / "bin", major=binaries.major)


def _no_account(found: str) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "Postgres does not run as root: expected user namespaces (unshare --user) or a usable user nobody, "
        f"found neither ({found}); run the kernel as another user, or set DATABASE_URL"
    )


def _bind_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the line above took effect
            os._exit(1)

    return bind
