"""Where the master key comes from. The first source that is there decides; a broken one is refused, not skipped.

1. `$CREDENTIALS_DIRECTORY/kernel_master_key` (systemd's LoadCredentialEncrypted)
2. the file named by KERNEL_MASTER_KEY_FILE
3. a passphrase: from the file named by KERNEL_MASTER_PASSPHRASE_FILE, or typed at a terminal
4. the variable KERNEL_MASTER_KEY, with a warning
5. a key generated for demo and paper, in `DATA.keys/` beside the data folder: a backup of the data folder does not
   hold it, and it moves with nothing by accident. A live profile refuses it wherever it was copied to.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import structlog

from kernel.compose.private_file import read_private, write_private
from kernel.compose.secret_environment import SecretEnvironment
from kernel.errors import ConfigError
from kernel.profile import Profile
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from persistence.master_key import SALT_BYTES, SCRYPT_N, MasterKey, key_of_passphrase, new_master_key_text, new_salt

CREDENTIAL = "kernel_master_key"
GENERATED_MARK = "demo:"  #: begins the text of a generated key
SALT_FILE = "master.salt"

log = structlog.get_logger("secrets")


def find_master_key(
    profile: Profile,
    data: Path,
    environment: SecretEnvironment,
    *,
    ask_passphrase: Callable[[], Secret] | None = None,
    scrypt_cost: int = SCRYPT_N,
) -> MasterKey:
    """The master key. `ask_passphrase`: asks at a terminal, only where a person sits.

    Blocks (a passphrase costs 0.4 s). Raises BadSecret for a broken source, ConfigError when a live profile has none.
    """
    if environment.credentials_directory is not None:
        credential = environment.credentials_directory / CREDENTIAL
        with contextlib.suppress(FileNotFoundError):  # systemd lets a unit's user in by an access list: mode 0440
            return _made(profile, read_private(credential, is_mounted=True), str(credential))
    if environment.master_key_file is not None:
        return _from_file(profile, environment.master_key_file)
    if environment.master_passphrase_file is not None:
        return _of_passphrase(data, _read(environment.master_passphrase_file), scrypt_cost)
    if ask_passphrase is not None:
        return _of_passphrase(data, ask_passphrase(), scrypt_cost)
    if environment.master_key is not None:
        log.warning(
            "master_key_from_environment",
            advice="other processes of this user may have read it; put it into a 0600 file, KERNEL_MASTER_KEY_FILE",
        )
        return _made(profile, environment.master_key, "the environment")
    if is_strict(profile):
        raise ConfigError(
            "no master key: a live profile needs KERNEL_MASTER_KEY_FILE (a 0600 file; `kernel secrets new-key FILE` "
            f"makes one), a systemd credential {CREDENTIAL}, or KERNEL_MASTER_PASSPHRASE_FILE"
        )
    return _generated(profile, data)


def is_strict(profile: Profile) -> bool:
    """Whether real money depends on the key, so that a generated one will not do."""
    return profile.is_live or profile.name == "prod" or profile.mode == "LIVE"


def generated_key_path(data: Path) -> Path:
    """Where demo and paper keep the key that they made."""
    absolute = data.absolute()
    return absolute.with_name(f"{absolute.name}.keys") / "master.key"


def make_key_file(path: Path) -> None:
    """Write a fresh master key into a new 0600 file. Raises BadSecret if it exists."""
    write_private(path, new_master_key_text())


def read_key_file(profile: Profile, path: Path) -> MasterKey:
    """The key in a file. Raises BadSecret."""
    return _from_file(profile, path)


def _generated(profile: Profile, data: Path) -> MasterKey:
    path = generated_key_path(data)
    if not path.exists():
        write_private(path, Secret(GENERATED_MARK + new_master_key_text().reveal()))
        ignored = path.with_name(".gitignore")
        ignored.write_text("*\n")
        log.info("master_key_generated", path=str(path), note="for demo and paper only; lose it and secrets are lost")
    return _from_file(profile, path)


def _read(path: Path) -> Secret:
    try:
        return read_private(path)
    except FileNotFoundError as error:
        raise BadSecret(f"{path}: there is no such file, though it was named as the place of a key") from error


def _from_file(profile: Profile, path: Path) -> MasterKey:
    return _made(profile, _read(path), str(path))


def _made(profile: Profile, text: Secret, origin: str) -> MasterKey:
    is_generated = text.reveal().startswith(GENERATED_MARK)
    if is_generated and is_strict(profile):
        raise ConfigError(
            f"the master key from {origin} was generated for demo and paper; a live profile needs one of its own: "
            "`kernel secrets new-key FILE`, then KERNEL_MASTER_KEY_FILE=FILE"
        )
    return MasterKey(Secret(text.reveal().removeprefix(GENERATED_MARK)), origin=origin, is_generated=is_generated)


def _of_passphrase(data: Path, passphrase: Secret, cost: int) -> MasterKey:
    return MasterKey(key_of_passphrase(passphrase, _salt(data), cost=cost), origin="a passphrase")


def _salt(data: Path) -> bytes:
    """Not secret, but without it the passphrase opens nothing: it belongs into the backup."""
    path = data / SALT_FILE
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, Secret(new_salt().hex()))
    try:
        salt = bytes.fromhex(read_private(path).reveal())
    except ValueError:
        salt = b""
    if len(salt) != SALT_BYTES:
        raise BadSecret(f"{path}: expected {2 * SALT_BYTES} hex digits; restore it from a backup")
    return salt
