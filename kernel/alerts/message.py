"""What a channel is given to deliver: a title and plain text; each channel has its own way to mark them up."""

from msgspec import Struct

from kernel.alerts.notice import Notice, Severity


class Message(Struct, frozen=True, kw_only=True):
    """Plain text, unescaped. `is_table`: columns line up in a fixed-width face."""

    title: str
    text: str = ""
    severity: Severity = "info"
    is_table: bool = False
    notices: tuple[Notice, ...] = ()  #: what it tells, for machines
