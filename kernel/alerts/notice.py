"""Something worth telling a person, before it is known whom and when."""

from typing import Literal

from msgspec import Struct

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")  #: in rising order


class Notice(Struct, frozen=True, kw_only=True):
    """One fact of the log in words. `source` and `code` say what it is about; equal ones are told once a window."""

    severity: Severity
    source: str  #: strategy or platform part
    code: str
    text: str  #: may quote on-chain strings: hostile
    seq: int  #: in the log; 0 = not of the log
    ts_ns: int  #: event time
    count: int = 1  #: how many this one stands for
    span_s: int = 0  #: in which time, where it stands for several
    is_always_told: bool = False  #: never folded into a count: a kill switch that goes on, off and on again is three

    @property
    def rank(self) -> int:
        """0 info, 1 warning, 2 critical."""
        return SEVERITIES.index(self.severity)
