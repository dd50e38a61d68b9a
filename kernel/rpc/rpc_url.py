"""URLs of endpoints: which of them carry a key, and how a key gets in at the last moment.

A URL that is stored or shown has the placeholder `{KEY}` where the key belongs; the key is the secret
`RPC_KEY_<LABEL>`. What looks like a key in a URL cannot be told from one, so it counts as one.
"""

import re
from urllib.parse import parse_qsl, quote, urlsplit

from kernel.errors import ConfigError
from kernel.secrets.redaction import redact_url
from kernel.secrets.secret import Secret

PLACEHOLDER = "{KEY}"
SCHEMES = {"http": frozenset({"http", "https"}), "ws": frozenset({"ws", "wss"})}
URL_CHARS_MAX = 2_048
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/#*?&=\[\]-]{0,119}")
KEY_CHARS_MIN = 20  #: letters alone, or digits alone, of this length are no word that a path would have

_BLIND = re.compile(rf"[A-Za-z0-9_-]{{{KEY_CHARS_MIN},}}")
_TOKEN = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{16,}")
_HOST_KEY = re.compile(r"[0-9a-z]{24,}")


def carries_key(url: str) -> bool:
    """Whether anything but the placeholder stands where a key may: user info, query values, key-like segments."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.fragment:
        return True
    if any(_HOST_KEY.fullmatch(label) for label in (parts.hostname or "").split(".")):
        return True
    segments = parts.path.replace(PLACEHOLDER, "").split("/")
    if any(_TOKEN.fullmatch(each) or _BLIND.fullmatch(each) for each in segments):
        return True
    return any(value != PLACEHOLDER for _, value in parse_qsl(parts.query, keep_blank_values=True))


def secret_name(label: str) -> str:
    """`RPC_KEY_<LABEL>` with everything but letters and digits as underscores."""
    return "RPC_KEY_" + re.sub(r"[^A-Z0-9]+", "_", label.upper()).strip("_")


def fill_key(url: Secret, key: Secret | None) -> Secret:
    """The URL to open. Raises `ConfigError` when it wants a key and there is none."""
    text = url.reveal()
    if PLACEHOLDER not in text:
        return url
    if key is None or not key:
        raise ConfigError(f"the URL has {PLACEHOLDER}, expected a secret for it, found none")
    return Secret(text.replace(PLACEHOLDER, quote(key.reveal(), safe="")))


def shown_url(url: str) -> str:
    """How an endpoint without a label of its own is called: host and path, nothing that may be a key."""
    shown = redact_url(url).partition("://")
    return (shown[2] or shown[0]).rstrip("/")


def shown_secret_url(url: Secret) -> str:
    """A stored URL for a person: as `shown_url`."""
    return shown_url(url.reveal())


def wants_key(url: Secret) -> bool:
    """Whether a key belongs into it."""
    return PLACEHOLDER in url.reveal()


def check_url(url: str, transport: str, where: str) -> None:
    """Raises `ConfigError` naming `where` unless it is an absolute URL of the transport's schemes, no user info."""
    allowed = " or ".join(f"{each}://" for each in sorted(SCHEMES[transport]))
    if len(url) > URL_CHARS_MAX:
        raise ConfigError(f"{where}: expected at most {URL_CHARS_MAX} characters, found {len(url)}")
    if any(each.isspace() or not each.isprintable() for each in url):
        raise ConfigError(f"{where}: expected no blanks or control characters in the URL")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{where}: expected a URL, found something that cannot be read as one") from None
    if parts.scheme not in SCHEMES[transport] or not parts.hostname:
        raise ConfigError(f"{where}: expected a URL that starts with {allowed}, found {redact_url(url)[:120]!r}")
    if PLACEHOLDER in parts.netloc:
        raise ConfigError(f"{where}: {PLACEHOLDER} may stand in the path or query, not in the host")
    if "@" in parts.netloc:
        raise ConfigError(f"{where}: expected no user name or password in the URL; use {PLACEHOLDER} and a secret")
