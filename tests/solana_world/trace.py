"""What is left of a transaction's run beside changed accounts: logs, inner instructions, compute units."""

from typing import NamedTuple

from solders.pubkey import Pubkey

from tests.solana_world.program_error import ProgramError

LOG_BYTES_MAX = 10_000  #: then a node cuts the logs off


class Inner(NamedTuple):
    """A call that a program made. `height` is 2 for the first below a top-level instruction."""

    program: Pubkey
    accounts: tuple[Pubkey, ...]
    data: bytes
    height: int


class Trace:
    """Of one transaction."""

    def __init__(self, unit_limit: int) -> None:
        self.unit_limit = unit_limit
        self.units = 0
        self.logs: list[str] = []
        self.inner: dict[int, list[Inner]] = {}
        self.index = 0  #: the top-level instruction under way
        self._log_bytes = 0

    @property
    def units_left(self) -> int:
        """Compute units that may still be used."""
        return self.unit_limit - self.units

    def consume(self, units: int) -> None:
        """Raises `ProgramError` when the limit is passed."""
        if units > self.units_left:
            self.units = self.unit_limit
            raise ProgramError("ProgramFailedToComplete")
        self.units += units

    def log(self, text: str) -> None:
        """One line; after `LOG_BYTES_MAX` the rest is lost, as with a node."""
        if self._log_bytes > LOG_BYTES_MAX:
            return
        self._log_bytes += len(text)
        self.logs.append("Log truncated" if self._log_bytes > LOG_BYTES_MAX else text)

    def add_inner(self, inner: Inner) -> None:
        """A call below the present top-level instruction."""
        self.inner.setdefault(self.index, []).append(inner)
