"""Takes secrets out of text before it leaves the process: values that were seen, and shapes that look like keys.

The second net. The first is `kernel.secrets.secret.Secret`, which does not print at all.
"""

import re
from collections import OrderedDict
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

MASK = "***"
REMEMBERED_MAX = 4096  #: values; the oldest are forgotten first
REMEMBERED_CHARS_MIN = 6  #: a shorter text would hide parts of ordinary words
TOKEN_CHARS_MIN = 16  #: a path segment of a URL this long, letters with digits, is taken for a key

_remembered: OrderedDict[str, None] = OrderedDict()

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----"  # PEM
    r"|(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{128}(?![0-9A-Za-z])"  # an Ed25519 pair in hex
    r"|(?<![1-9A-HJ-NP-Za-km-z])[1-9A-HJ-NP-Za-km-z]{86,88}(?![1-9A-HJ-NP-Za-km-z])"  # a Solana key pair in base58
    r"|(?<![0-9A-Za-z])\d{8,10}:[A-Za-z0-9_-]{30,50}(?![0-9A-Za-z_-])"  # a Telegram bot token
)
_PRIVATE_HEX = re.compile(r"(?i)((?:private[_ ]?key|secret|mnemonic|seed)\W{1,4})(?:0x)?[0-9a-f]{64}(?![0-9a-z])")
_URL = re.compile(r"(?:https?|wss?|postgres(?:ql)?|redis)://[^\s'\"<>]+")
_TOKEN = re.compile(rf"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{{{TOKEN_CHARS_MIN},}}")


def remember(value: str) -> None:
    """Scrub this value from now on."""
    if len(value) < REMEMBERED_CHARS_MIN:
        return
    _remembered[value] = None
    _remembered.move_to_end(value)
    while len(_remembered) > REMEMBERED_MAX:
        _remembered.popitem(last=False)


def mask_remembered(text: str) -> str:
    """The text without remembered values alone: for what is public but looks like a key (a transaction's signature)."""
    for value in tuple(_remembered):  # a copy: the logs' thread reads while others remember
        if value in text:
            text = text.replace(value, MASK)
    return text


def redact(text: str) -> str:
    """The text without remembered values, key-bearing URLs and key-like shapes.

    A bare 64-digit hex number stays unless a word before it says that it is a key: transaction hashes look the same. A
    Solana signature (base58, 87 or 88 characters) looks like a key pair and is masked; log signatures as a field of
    their own type instead.
    """
    text = mask_remembered(text)
    if "://" in text:
        text = _URL.sub(lambda found: redact_url(found.group()), text)
    text = _SHAPES.sub(MASK, text)
    return _PRIVATE_HEX.sub(lambda found: found.group(1) + MASK, text)


def redact_url(url: str) -> str:
    """A URL that may be shown: no user info, no query values, no path segment that looks like a key."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return MASK
    if ":" in host:
        host = f"[{host}]"
    user = f"{MASK}@" if "@" in parts.netloc else ""
    path = "/".join(MASK if _TOKEN.fullmatch(segment) else segment for segment in parts.path.split("/"))
    query = urlencode(
        [(key, MASK) for key, _ in parse_qsl(parts.query, keep_blank_values=True)], safe="*", quote_via=quote
    )
    return urlunsplit((parts.scheme, f"{user}{host}{port}", path, query, ""))
