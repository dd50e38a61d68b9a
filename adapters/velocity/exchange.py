"""Velocity's State account: who commands the program, and what it has paused."""

from msgspec import Struct

from adapters.drift import PerpLayout

#: bits of `exchange_status` (ExchangeStatus, programs/velocity/src/state/state.rs, read 2026-11)
EXCHANGE_PAUSES = (
    "deposits", "withdrawals", "amm", "fills", "liquidations", "funding", "pnl settlement", "immediate amm fills",
)  # fmt: skip
#: bits of a perp market's `paused_operations` (PerpOperation)
MARKET_PAUSES = (
    "funding", "amm fills", "fills", "pnl settlement", "pnl settlement of open positions", "liquidations",
    "immediate amm fills", "revenue settlement",
)  # fmt: skip
_PATHS = ("cold_admin", "warm_admin", "pause_admin", "exchange_status", "solvency_status", "number_of_markets")


class Exchange(Struct, frozen=True, kw_only=True, gc=False):
    """The state of the whole program."""

    slot: int
    cold_admin: str
    warm_admin: str
    pause_admin: str
    exchange_status: int
    solvency_status: int
    number_of_markets: int

    @classmethod
    def decode(cls, layout: PerpLayout, owner: str, data: bytes, slot: int) -> "Exchange":
        """Read an account by its owner and length. Raises `UnknownLayout`."""
        return cls(slot=slot, **dict(zip(_PATHS, layout.fields("State", owner, data, _PATHS), strict=True)))

    @property
    def admins(self) -> tuple[str, str, str]:
        """The keys that can change the program's rules: cold, warm, pause."""
        return self.cold_admin, self.warm_admin, self.pause_admin


def named_bits(mask: int, names: tuple[str, ...]) -> str:
    """The names of the bits that are set, for people; unknown bits by number.

    >>> named_bits(0b1010, EXCHANGE_PAUSES), named_bits(0, EXCHANGE_PAUSES)
    ('withdrawals, fills', '')
    """
    return ", ".join(
        names[bit] if bit < len(names) else f"bit {bit}" for bit in range(mask.bit_length()) if mask >> bit & 1
    )
