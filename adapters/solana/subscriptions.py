"""Solana's other subscriptions as typed streams: slots, logs, a program's accounts, one signature.

Each is an async iterator of values and of `SubscriptionGap`s; after a gap whoever folds them reads the state anew.
Values that do not fit are skipped and told to the caller's `on_bad`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from adapters.solana.account_bytes import AccountBytes, account_of
from adapters.solana.rpc_answers import Context, Key, Lines, RawAccount, Whole
from kernel.errors import BadWire
from kernel.rpc.caller import RpcCaller, SubscriptionGap

WS = "SOLANA_WS"
QUIET_S_MAX = 3_600.0  #: of streams that are quiet by nature; the pool's pings find dead connections meanwhile
SIGNATURE_S_MAX = 120.0  #: a signature is decided within its blockhash's life

T = TypeVar("T")
OnBad = Callable[[str], None]


class SlotNotice(Struct, frozen=True):
    """A slot that the node processes."""

    slot: Whole
    parent: Whole = 0
    root: Whole = 0


class _LogsValue(Struct):
    signature: Annotated[str, Meta(min_length=32, max_length=90)]
    logs: Lines
    err: Any = None


class _Logs(Struct):
    context: Context
    value: _LogsValue


class LogsNotice(Struct, frozen=True):
    """Logs of one transaction; a node may cut them short, so what is not in them may still have happened."""

    slot: int
    signature: str
    err: Any
    logs: tuple[str, ...]


class _Keyed(Struct):
    pubkey: Key
    account: RawAccount


class _Program(Struct):
    context: Context
    value: _Keyed


class ProgramNotice(Struct, frozen=True):
    """An account of a program that changed; None = it exists no more."""

    slot: int
    address: str
    account: AccountBytes | None


class _SignatureValue(Struct):
    err: Any = None


class _Signature(Struct):
    context: Context
    value: _SignatureValue


class SignatureNotice(Struct, frozen=True):
    """The signature reached the commitment asked for."""

    slot: int
    err: Any


async def slots(rpc: RpcCaller, on_bad: OnBad) -> AsyncIterator[SlotNotice | SubscriptionGap]:
    """Every slot that the node processes."""
    async for each in _stream(rpc, "slotSubscribe", [], SlotNotice, on_bad, None):
        yield each


async def logs(
    rpc: RpcCaller, mention: str, on_bad: OnBad, commitment: str = "processed"
) -> AsyncIterator[LogsNotice | SubscriptionGap]:
    """Logs of transactions that name one account (a program); nodes take one name a subscription."""
    params = [{"mentions": [mention]}, {"commitment": commitment}]
    async for each in _stream(rpc, "logsSubscribe", params, _Logs, on_bad, QUIET_S_MAX):
        if isinstance(each, SubscriptionGap):
            yield each
        else:
            yield LogsNotice(each.context.slot, each.value.signature, each.value.err, tuple(each.value.logs))


async def program_accounts(
    rpc: RpcCaller, program: str, filters: Sequence[dict[str, Any]], on_bad: OnBad, commitment: str = "processed"
) -> AsyncIterator[ProgramNotice | SubscriptionGap]:
    """Changes of a program's accounts that pass the filters (`{"dataSize": n}`, `{"memcmp": {...}}`)."""
    params = [program, {"encoding": "base64", "commitment": commitment, "filters": list(filters)}]
    async for each in _stream(rpc, "programSubscribe", params, _Program, on_bad, QUIET_S_MAX):
        if isinstance(each, SubscriptionGap):
            yield each
            continue
        try:
            account = account_of(each.value.account)
        except BadWire as error:
            on_bad(str(error))
            continue
        yield ProgramNotice(each.context.slot, each.value.pubkey, account)


async def signature(
    rpc: RpcCaller, text: str, on_bad: OnBad, commitment: str = "confirmed"
) -> AsyncIterator[SignatureNotice | SubscriptionGap]:
    """One notice, when the transaction reaches the commitment. A gap means: ask for its status."""
    params = [text, {"commitment": commitment}]
    async for each in _stream(rpc, "signatureSubscribe", params, _Signature, on_bad, SIGNATURE_S_MAX):
        if isinstance(each, SubscriptionGap):
            yield each
            continue
        yield SignatureNotice(each.context.slot, each.value.err)
        return


async def _stream(
    rpc: RpcCaller, method: str, params: list[Any], kind: type[T], on_bad: OnBad, silence_s_max: float | None
) -> AsyncIterator[T | SubscriptionGap]:
    stream = rpc.subscribe(WS, method, params, silence_max_s=silence_s_max)
    try:
        async for notice in stream:
            if isinstance(notice, SubscriptionGap):
                yield notice
                continue
            try:
                value = msgspec.convert(notice.value, kind)
            except (msgspec.ValidationError, RecursionError) as error:
                on_bad(f"{method}: {str(error)[:200]}")
                continue
            yield value
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            await close()
