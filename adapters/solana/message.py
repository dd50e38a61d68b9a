"""Compiles instructions to a v0 message that fits a packet, with its compute budget in front."""

from collections.abc import Sequence

from msgspec import Struct
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from kernel.errors import VenueRefused

PACKET_BYTES = 1_232
UNITS_MAX = 1_400_000  #: of one transaction, the runtime's own limit
UNITS_MARGIN_PCT = 15  #: the state moves between simulation and landing
NUMBERS = 1_000  #: transactions of one blockhash that can be told apart; a wallet sends far fewer in a minute
_SIGNED_OVERHEAD = 1 + 64  # the count and our one signature
ACCOUNTS_LOCKED_MAX = 64  #: of one transaction, the runtime's own limit


class Budget(Struct, frozen=True):
    """Compute units asked for and what is bid for each, micro-lamports."""

    units: int = UNITS_MAX
    price_micro_lamports: int = 0


def units_for(consumed: int) -> int:
    """The limit to ask for after a simulation that consumed so many.

    >>> units_for(100_000), units_for(1_300_000)
    (115000, 1400000)
    """
    return min(UNITS_MAX, max(1, -(-consumed * (100 + UNITS_MARGIN_PCT) // 100)))


def told_apart(units: int, number: int) -> int:
    """The limit, changed by next to nothing so that two equal orders never become the same bytes.

    Equal bytes have equal signatures: the second order would be taken for landed when the first one is.

    >>> told_apart(115_000, 3), told_apart(1_400_000, 3)
    (115003, 1399997)
    """
    step = number % NUMBERS
    return units + step if units + step <= UNITS_MAX else units - step


def compile_message(
    wallet: Pubkey,
    instructions: Sequence[Instruction],
    blockhash: str,
    budget: Budget,
    tables: Sequence[AddressLookupTableAccount] = (),
) -> MessageV0:
    """The message to sign. Raises `VenueRefused` where no transaction can hold it."""
    head = [set_compute_unit_limit(budget.units), set_compute_unit_price(budget.price_micro_lamports)]
    try:
        message = MessageV0.try_compile(wallet, [*head, *instructions], list(tables), Hash.from_string(blockhash))
        size = len(to_bytes_versioned(message)) + _SIGNED_OVERHEAD
    except (CompileError, ValueError, OverflowError) as error:
        raise VenueRefused(f"transaction_not_compiled: {str(error)[:200]}") from error
    if size > PACKET_BYTES:
        raise VenueRefused(
            f"transaction_too_large: expected at most {PACKET_BYTES} bytes, found {size}; configure a lookup table "
            "that holds the pools' accounts, or use a shorter route"
        )
    locked = len(message.account_keys) + sum(
        len(each.writable_indexes) + len(each.readonly_indexes) for each in message.address_table_lookups
    )
    if locked > ACCOUNTS_LOCKED_MAX:
        raise VenueRefused(f"too_many_accounts: expected at most {ACCOUNTS_LOCKED_MAX}, found {locked}")
    return message


def unsigned(message: MessageV0) -> bytes:
    """A transaction with an empty signature, for simulation."""
    return bytes(VersionedTransaction.populate(message, [Signature.default()]))
