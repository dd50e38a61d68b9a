"""What the pages of logs and alerts read. Synchronous = a look at memory; asynchronous = files or Postgres."""

from typing import Protocol

from msgspec import Struct

from kernel.logs.log_tail import LogPage


class LogQuery(Struct, frozen=True, kw_only=True):
    """Which lines to show, newest first, before the cursor `before` ("" = from the newest)."""

    module: str
    kind: str = "trading"
    level: str = ""
    text: str = ""
    before: str = ""
    limit: int = 100


class LogState(Struct, frozen=True, kw_only=True):
    """How the log of a module is: lines since the start. `trouble` "" = it can be written."""

    written: int = 0
    dropped: int = 0
    queued: int = 0
    trouble: str = ""


class LogsSource(Protocol):
    """Log files."""

    async def modules(self) -> list[str]:
        """Those that have a folder."""

    def state(self, module: str) -> LogState:
        """Of a module; of one that wrote nothing yet: zeros."""

    async def page(self, query: LogQuery) -> LogPage:
        """Lines. Raises ConfigError or BadInput naming the argument that cannot be."""


class AlertAsk(Struct, frozen=True, kw_only=True):
    """Which alerts to list, newest first, below `before_key`. "" = all."""

    before_key: str = ""
    limit: int = 50
    module: str = ""
    severity: str = ""
    status: str = ""
    code: str = ""


class AlertMark(Struct, frozen=True, kw_only=True):
    """What an operator said about an alert."""

    status: str
    by: str
    ts_ns: int
    note: str


class AlertItem(Struct, frozen=True, kw_only=True):
    """One alert; `message` may quote on-chain text. `marks`: oldest first."""

    id: str
    key: str
    run_id: str
    seq: int
    ts_ns: int
    module: str
    severity: str
    code: str
    message: str
    status: str
    marks: tuple[AlertMark, ...] = ()


class AlertSlice(Struct, frozen=True, kw_only=True):
    """A slice; `next_key` "" = there are no older ones."""

    rows: tuple[AlertItem, ...] = ()
    next_key: str = ""
    modules: tuple[str, ...] = ()


class ChannelRow(Struct, frozen=True, kw_only=True):
    """A destination. `stopped_by`: why nothing more is sent to it, "" = it works. Counts since the start."""

    name: str
    stopped_by: str = ""
    waiting: int = 0
    dropped: int = 0
    delivered: int = 0
    refused: int = 0
    given_up: int = 0


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """What became of one message. `ts_ns`: wall time of the latest change."""

    number: int
    ts_ns: int
    channel: str
    severity: str
    title: str
    status: str
    attempts: int
    error: str = ""


class ChannelsView(Struct, frozen=True, kw_only=True):
    """The channels now. `held`: repeats that wait to be told as a count; `lost`: events that came too fast."""

    is_on: bool = False
    why_off: str = ""
    channels: tuple[ChannelRow, ...] = ()
    deliveries: tuple[DeliveryRow, ...] = ()
    held: int = 0
    lost: int = 0
    window_s: int = 0


class AlertsSource(Protocol):
    """Alerts in the database, and the channels that tell people."""

    async def alerts(self, ask: AlertAsk) -> AlertSlice:
        """Raises StoreError while the database is away, ValueError for a key or filter that is none."""

    async def counts(self) -> dict[tuple[str, str], int]:
        """By (status, severity). Raises StoreError."""

    async def mark(self, ids: tuple[str, ...], status: str, *, by: str, note: str) -> int:
        """acknowledged or resolved; how many changed. Raises StoreError or ValueError."""

    def channels(self) -> ChannelsView:
        """Now."""

    def version(self) -> object:
        """Changes when the list or the channels may have."""

    def send_test(self, by: str) -> str:
        """Tell every channel a test message; what was done, in words. Raises ConfigError where nobody would hear it."""
