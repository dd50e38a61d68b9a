"""The dashboard's access token: made once, kept in a file that only its owner may read. Whoever has it is admin."""

import os
import secrets
from pathlib import Path

from kernel.errors import ConfigError
from webui.auth import TOKEN_CHARS_MIN
from webui.private_file import read_private

WHAT = "dashboard token"
FILE_BYTES_MAX = 4096


def load_or_make_token(path: Path) -> str:
    """The token in `path`; a missing file is made with 256 random bits and mode 0600 (never readable in between).

    Raises ConfigError when the file is readable by others, not ours, a link, too short or not readable at all.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise ConfigError(f"{WHAT}: cannot write {path}: {error.strerror}; choose another --data") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w") as file:
        file.write(token + "\n")
    return token


def _read(path: Path) -> str:
    try:
        token = read_private(path, WHAT, FILE_BYTES_MAX).decode().strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise ConfigError(f"{WHAT}: cannot read {path}: {error}; delete it to make a new one") from error
    if len(token) < TOKEN_CHARS_MIN:
        raise ConfigError(
            f"{WHAT}: expected at least {TOKEN_CHARS_MIN} characters in {path}, found {len(token)}; "
            "delete it to make a new one"
        )
    return token
