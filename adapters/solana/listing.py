"""A pool as an instrument: its id, which token is the base, and names that no stranger chose.

Names on chain are hostile: anybody may call a token USDC. A token is named here by its mint when that is one of the few
known to be genuine, else by the mint's address.
"""

from collections.abc import Mapping

from adapters.solana.mints import Mint
from adapters.solana.tracked_pool import TrackedPool
from bus.events import InstrumentListed

VENUE = CHAIN = "solana"
#: mint -> symbol; checked 2026-11 against the issuers' pages
GENUINE: dict[str, str] = {
    "So11111111111111111111111111111111111111112": "SOL",
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": "USDC",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": "USDT",
    "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So": "mSOL",
    "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn": "JitoSOL",
}
#: which token of a pool is the quote: the first of these that it has, else its second token
QUOTES = ("USDC", "USDT", "SOL")


def instrument_of(pool: TrackedPool) -> str:
    """The id of a pool."""
    return f"{VENUE}:{pool.family}/{pool.address}"


def symbol_of(mint: str, genuine: Mapping[str, str] = GENUINE) -> str:
    """The name of a token."""
    return genuine.get(mint, mint)


def listing_of(pool: TrackedPool, mints: tuple[Mint, Mint], ts_ns: int) -> InstrumentListed:
    """The event that lists a pool."""
    names = tuple(symbol_of(each) for each in pool.mints)
    quote_at = next((names.index(each) for each in QUOTES if each in names), 1)
    base_at = 1 - quote_at
    return InstrumentListed(
        ts_ns=ts_ns,
        instrument=instrument_of(pool),
        venue=VENUE,
        kind="pool",
        base=names[base_at],
        quote=names[quote_at],
        underlying=names[base_at],
        base_decimals=mints[base_at].decimals,
        quote_decimals=mints[quote_at].decimals,
        base_is_token0=base_at == 0,
        chain=CHAIN,
        family=pool.family,
        address=pool.address,
        base_mint=pool.mints[base_at],
        quote_mint=pool.mints[quote_at],
    )
