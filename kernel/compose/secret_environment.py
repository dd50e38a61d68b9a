"""Takes secrets out of the environment, once, at the start of the process. With `kernel.profile` the one that reads it.

What is taken is deleted there, so that no child process and no crash report inherits it. The block that the process was
started with stays in its memory, where `harden_process` keeps others from reading it: files are the better place.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

from msgspec import Struct

from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import known_name

MASTER_KEY = "KERNEL_MASTER_KEY"
FILE_SUFFIX = "_FILE"


class SecretEnvironment(Struct, frozen=True, kw_only=True):
    """What the environment said about secrets."""

    values: dict[str, Secret] = {}  #: by the secret's own name
    files: dict[str, Path] = {}  #: NAME_FILE: where the secret NAME is
    credentials_directory: Path | None = None  #: of systemd
    master_key: Secret | None = None
    master_key_file: Path | None = None
    master_passphrase_file: Path | None = None


def take_environment(environ: MutableMapping[str, str] | None = None) -> SecretEnvironment:
    """Everything of ours, removed from the environment where it is secret. Empty variables count as unset."""
    env = os.environ if environ is None else environ
    values: dict[str, Secret] = {}
    files: dict[str, Path] = {}
    for key in sorted(env):
        name = known_name(key)
        if name is not None:
            secret = Secret(env.pop(key).strip())
            if secret:
                values[name] = secret
        elif key.endswith(FILE_SUFFIX):
            name = known_name(key.removesuffix(FILE_SUFFIX))
            if name is not None and env[key]:
                files[name] = Path(env[key])
    master = Secret(env.pop(MASTER_KEY, "").strip())
    return SecretEnvironment(
        values=values,
        files=files,
        credentials_directory=_path(env, "CREDENTIALS_DIRECTORY"),
        master_key=master if master else None,
        master_key_file=_path(env, "KERNEL_MASTER_KEY_FILE"),
        master_passphrase_file=_path(env, "KERNEL_MASTER_PASSPHRASE_FILE"),
    )


def _path(env: MutableMapping[str, str], key: str) -> Path | None:
    text = env.get(key, "")
    return Path(text) if text else None
