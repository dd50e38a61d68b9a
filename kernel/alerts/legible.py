"""Hostile text made fit for a person's eye: no control characters, no text that runs backwards, no lone surrogates."""

import re

CHARS_MAX = 2_000  #: of one quoted text; a token's name can be megabytes long
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def legible(text: str, chars_max: int = CHARS_MAX) -> str:
    """The text with what would hide or reorder it replaced by `\N{REPLACEMENT CHARACTER}`; newline and tab stay.

    A text that is too long ends in `… (N more characters)`.
    """
    kept = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text[:chars_max])
    more = len(text) - chars_max
    return f"{kept}… ({more:,} more characters)" if more > 0 else kept
