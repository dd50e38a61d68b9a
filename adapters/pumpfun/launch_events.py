"""From what pump.fun emits to what strategies hear."""

from adapters.pumpfun.accounts import ZERO_KEY
from adapters.pumpfun.addresses import WRAPPED_SOL
from adapters.pumpfun.event_records import (
    CompleteEvent,
    CompletePumpAmmMigrationEvent,
    CreateEvent,
    PumpEvent,
    TradeEvent,
)
from bus.events.launch import LaunchCompleted, LaunchCreated, LaunchMigrated, LaunchTrade

PLATFORM = "pumpfun"
NAME_CHARS_MAX = 64  #: of a coin's name and symbol; the program's own caps are 32 and 10 to 13 bytes

LaunchEvent = LaunchCreated | LaunchTrade | LaunchCompleted | LaunchMigrated


def quote_mint_of(mint: str) -> str:
    """The mint that a curve is paid in: the zero key stands for SOL."""
    return str(WRAPPED_SOL) if mint == ZERO_KEY else mint


def legible(text: str) -> str:
    """A creator's words without what could draw on a page or a terminal, cut short."""
    return "".join(char if char.isprintable() else " " for char in text[:NAME_CHARS_MAX]).strip()


def launch_event(event: PumpEvent, *, instrument: str, ts_ns: int, slot: int, tx: str) -> LaunchEvent | None:
    """What happened on a curve; None for PumpSwap's events. `tx` is the signature, `ts_ns` our receipt time."""
    if isinstance(event, TradeEvent):
        is_sol = quote_mint_of(event.quote_mint) == str(WRAPPED_SOL)
        # Events before the quote mints carry SOL amounts alone, newer ones carry both for SOL quotes.
        has_quote = not is_sol or event.virtual_quote_reserves > 0
        return LaunchTrade(
            ts_ns=ts_ns,
            instrument=instrument,
            slot=slot,
            tx=tx,
            user=event.user,
            is_buy=event.is_buy,
            base_amount=event.token_amount,
            quote_amount=event.quote_amount if has_quote else event.sol_amount,
            fee_amount=event.fee + event.creator_fee,
            virtual_base=event.virtual_token_reserves,
            virtual_quote=event.virtual_quote_reserves if has_quote else event.virtual_sol_reserves,
            real_base=event.real_token_reserves,
            real_quote=event.real_quote_reserves if has_quote else event.real_sol_reserves,
        )
    if isinstance(event, CreateEvent):
        return LaunchCreated(
            ts_ns=ts_ns,
            instrument=instrument,
            slot=slot,
            tx=tx,
            platform=PLATFORM,
            mint=event.mint,
            quote_mint=quote_mint_of(event.quote_mint),
            creator=event.creator,
            token_program=event.token_program,
            name=legible(event.name),
            symbol=legible(event.symbol),
            is_mayhem=event.is_mayhem_mode,
        )
    if isinstance(event, CompleteEvent):
        mint, quote = event.mint, quote_mint_of(event.quote_mint)
        return LaunchCompleted(ts_ns=ts_ns, instrument=instrument, slot=slot, tx=tx, mint=mint, quote_mint=quote)
    if isinstance(event, CompletePumpAmmMigrationEvent):
        return LaunchMigrated(
            ts_ns=ts_ns,
            instrument=instrument,
            slot=slot,
            tx=tx,
            mint=event.mint,
            quote_mint=quote_mint_of(event.quote_mint),
            pool=event.pool,
            base_amount=event.mint_amount,
            quote_amount=event.sol_amount,
        )
    return None
