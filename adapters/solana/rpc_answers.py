"""What Solana's JSON-RPC answers, as typed structs (Agave 2.x / 3.x RPC, read 2026-11). All of it is hostile input.

Fields that nobody reads are left out. Whole numbers are bounded to what the chain can hold, so that a lying node cannot
make an amount negative or of unbounded size; text is bounded where it is shown, not here.
"""

from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")
#: Slots, heights and lamports stay far below 2^63; token amounts are u64 and come as text.
Whole = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Digits = Annotated[str, Meta(pattern="^[0-9]{1,20}$")]
Key = Annotated[str, Meta(min_length=32, max_length=44)]
Text = Annotated[str, Meta(max_length=20_000)]
Lines = Annotated[list[Text], Meta(max_length=10_000)]


class Context(Struct, frozen=True):
    """The slot that the answering node was at."""

    slot: Whole


class WithContext(Struct, Generic[T], frozen=True):
    """An answer that says for which slot it is."""

    context: Context
    value: T


class LatestBlockhash(Struct, frozen=True, rename="camel"):
    """`getLatestBlockhash`."""

    blockhash: Key
    last_valid_block_height: Whole


class EpochInfo(Struct, frozen=True, rename="camel"):
    """`getEpochInfo`: slot, height and epoch of one moment."""

    absolute_slot: Whole
    block_height: Whole
    epoch: Whole


class RawAccount(Struct, frozen=True):
    """An account; its data come as base64 text. `executable` and `rentEpoch` are not needed."""

    data: tuple[bytes, str]
    owner: Key
    lamports: Whole


class SignatureStatus(Struct, frozen=True, rename="camel"):
    """One of `getSignatureStatuses`."""

    slot: Whole
    err: Any = None
    confirmation_status: Annotated[str, Meta(max_length=40)] | None = None


class Simulation(Struct, frozen=True, rename="camel"):
    """The value of `simulateTransaction`; `accounts` only where some were asked for."""

    err: Any = None
    logs: Lines | None = None
    units_consumed: Whole | None = None
    accounts: list[RawAccount | None] | None = None


class PrioritizationFee(Struct, frozen=True, rename="camel"):
    """One slot of `getRecentPrioritizationFees`, micro-lamports per compute unit."""

    slot: Whole
    prioritization_fee: Whole


class UiAmount(Struct, frozen=True):
    """A token amount; the floats beside it are not read."""

    amount: Digits
    decimals: Annotated[int, Meta(ge=0, le=255)]


class TokenAccountInfo(Struct, frozen=True, rename="camel"):
    """A token account as the node parsed it."""

    mint: Key
    token_amount: UiAmount


class _ParsedInfo(Struct, frozen=True):
    info: TokenAccountInfo


class _ParsedData(Struct, frozen=True):
    parsed: _ParsedInfo


class _ParsedAccount(Struct, frozen=True):
    data: _ParsedData


class ParsedTokenAccount(Struct, frozen=True):
    """One of getTokenAccountsByOwner."""

    account: _ParsedAccount


class TokenBalance(Struct, frozen=True, rename="camel"):
    """A token account before or after a transaction."""

    account_index: Annotated[int, Meta(ge=0, le=255)]
    mint: Key
    ui_token_amount: UiAmount
    owner: Key | None = None


class MessageKey(Struct, frozen=True):
    """An account of a transaction, in jsonParsed form: those out of lookup tables come last."""

    pubkey: Key


class ParsedMessage(Struct, frozen=True, rename="camel"):
    """The part of a jsonParsed message that fills need."""

    account_keys: Annotated[list[MessageKey], Meta(max_length=256)]


class ParsedTransaction(Struct, frozen=True):
    """Signatures and message."""

    signatures: Annotated[list[str], Meta(min_length=1, max_length=32)]
    message: ParsedMessage


class TransactionMeta(Struct, frozen=True, rename="camel"):
    """What a transaction did."""

    fee: Whole
    pre_balances: list[Whole]
    post_balances: list[Whole]
    err: Any = None
    pre_token_balances: list[TokenBalance] | None = None
    post_token_balances: list[TokenBalance] | None = None
    log_messages: Lines | None = None


class ConfirmedTransaction(Struct, frozen=True, rename="camel"):
    """`getTransaction` with jsonParsed encoding."""

    slot: Whole
    transaction: ParsedTransaction
    meta: TransactionMeta
    block_time: Annotated[int, Meta(ge=0, le=1 << 40)] | None = None
