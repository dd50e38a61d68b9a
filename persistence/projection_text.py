"""Makes hostile values fit the database, visibly: NUL becomes ␀, long text is cut and says so, huge ints are None."""

import re

BIGINT_MAX = 2**63 - 1
TEXT_MAX = 4_000  #: characters of a message
NUL_SHOWN = b"\\u2400"

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE = re.compile("[\ud800-\udfff]")


def without_nul(raw: bytes) -> bytes:
    """JSON bytes in which every escaped NUL is the visible sign ␀: Postgres holds no NUL in text or jsonb."""
    return _NUL.sub(rb"\1" + NUL_SHOWN.replace(b"\\", b"\\\\"), raw) if b"\\u0000" in raw else raw


def clip(text: str, limit: int = TEXT_MAX) -> str:
    """Text that a column and a page can hold: no NUL, no lone surrogate, at most `limit` characters and a note."""
    if not text.isascii():
        text = _SURROGATE.sub("�", text)
    text = text.replace("\0", "␀")
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def bigint(value: int) -> int | None:
    """The integer where a bigint column can hold it, else None."""
    return value if -BIGINT_MAX <= value <= BIGINT_MAX else None
