"""The dashboard's access token: made once, kept in a file that only its owner may read."""

import os
import secrets
from pathlib import Path

from kernel.errors import ConfigError
from webui.auth import TOKEN_CHARS_MIN


def load_or_make_token(path: Path) -> str:
    """The token in `path`; a missing file is made with 256 random bits and mode 0600 (never readable in between).

    Raises ConfigError when the file is readable by others, too short or not readable at all.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise ConfigError(f"dashboard token: cannot write {path}: {error.strerror}; choose another --data") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w") as file:
        file.write(token + "\n")
    return token


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"dashboard token: cannot read {path}: {error}; delete it to make a new one") from error
    if mode & 0o077:
        raise ConfigError(f"dashboard token: expected {path} with mode 0600, found {mode:04o}; run chmod 600 {path}")
    if len(token) < TOKEN_CHARS_MIN:
        raise ConfigError(
            f"dashboard token: expected at least {TOKEN_CHARS_MIN} characters in {path}, found {len(token)}; "
            "delete it to make a new one"
        )
    return token
