"""A value that must not be seen: it cannot be printed, formatted, encoded, pickled, compared in leaking time or hashed.

Whoever needs the text says so with `reveal()`, as late as possible, and keeps no copy. Each value is also remembered by
`kernel.secrets.redaction`, so that a log line which quotes it by accident is scrubbed.
"""

import hmac
from typing import Any, NoReturn

from kernel.secrets.redaction import remember

MASK = "***"


class Secret:
    """One secret text. `repr`, `str` and `format` give `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a dict of secrets would compare them by hash

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret":
        return self
