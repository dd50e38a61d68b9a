"""Finds what programs emitted in a transaction: by their self-calls in the inner instructions, or in log lines.

Anchor programs emit an event twice: as a `Program data:` log line, and as a call to themselves that nobody else can
sign. Logs are cut at 10 kB and any program can print any line; so inner instructions come first, and a log line counts
only while its program is the one that runs. Whatever does not fit is passed over: a transaction is a stranger's.
"""

import binascii
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from solders.transaction import VersionedTransaction

SELF_CALL = bytes.fromhex("e445a52e51cb9a1d")  #: in front of an event within a program's call to itself
DATA_CHARS_MAX = 16_384  #: of one line or instruction; a transaction has 1,232 bytes, inner data at most 10 kB
LINES_MAX = 10_000  #: log lines looked at; the runtime's own cap is 10 kB of text
CALLS_MAX = 1_024  #: inner instructions looked at; the runtime traces at most 64
DEPTH_MAX = 16  #: nested calls followed in logs; the runtime allows 5, 9 with newer features

_INVOKE = re.compile(r"Program (\w{32,44}) invoke \[\d+\]")
_LEFT = re.compile(r"Program (\w{32,44}) (?:success|failed.*)")
_DATA = "Program data: "
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHUNK = 10  #: base58 letters whose number fits a machine word
_DIGIT = {char: value for value, char in enumerate(_ALPHABET)}


def from_base58(text: str) -> bytes | None:
    """The bytes of base58 text; None if it is none or too long."""
    if len(text) > DATA_CHARS_MAX:
        return None
    number = 0
    for start in range(0, len(text), _CHUNK):  # few large multiplications instead of one a letter
        part = 0
        chunk = text[start : start + _CHUNK]
        for char in chunk:
            digit = _DIGIT.get(char)
            if digit is None:
                return None
            part = part * 58 + digit
        number = number * 58 ** len(chunk) + part
    zeros = len(text) - len(text.lstrip("1"))
    return b"\x00" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def from_base64(text: str) -> bytes | None:
    """The bytes of base64 text; None if it is none or too long."""
    if len(text) > DATA_CHARS_MAX:
        return None
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None


def emitted_in_logs(lines: Iterable[Any]) -> Iterator[tuple[str, bytes]]:
    """(program, event bytes) of each data line, for the program that was running when it was printed."""
    running: list[str] = []
    for number, line in enumerate(lines):
        if number >= LINES_MAX:
            return
        if not isinstance(line, str) or not line.startswith("Program "):
            continue
        if line.startswith(_DATA):
            data = from_base64(line[len(_DATA) :])
            if running and data:
                yield running[-1], data
        elif entered := _INVOKE.fullmatch(line):
            if len(running) >= DEPTH_MAX:
                return
            running.append(entered[1])
        elif (left := _LEFT.fullmatch(line)) and running and running.pop() != left[1]:
            return  # lines are missing: nobody can say any more which program prints


def emitted_in_calls(transaction: Mapping[str, Any], programs: Container[str]) -> Iterator[tuple[str, bytes]]:
    """(program, event bytes) of each self-call of the programs, from getTransaction or a block, in any encoding."""
    meta = transaction.get("meta")
    groups = meta.get("innerInstructions") if isinstance(meta, Mapping) else None
    if not isinstance(groups, Sequence) or isinstance(groups, str):
        return
    keys: tuple[str, ...] | None = None
    looked_at = 0
    for group in groups:
        calls = group.get("instructions") if isinstance(group, Mapping) else None
        for call in calls if isinstance(calls, list) else ():
            looked_at += 1
            if looked_at > CALLS_MAX:
                return
            if not isinstance(call, Mapping):
                continue
            program = call.get("programId")
            if not isinstance(program, str):
                keys = account_keys(transaction) if keys is None else keys
                place = call.get("programIdIndex")
                if not isinstance(place, int) or not 0 <= place < len(keys):
                    continue
                program = keys[place]
            text = call.get("data")
            data = from_base58(text) if program in programs and isinstance(text, str) else None
            if data is not None and data[:8] == SELF_CALL:
                yield program, data[8:]


def account_keys(transaction: Mapping[str, Any]) -> tuple[str, ...]:
    """The accounts that a transaction's instructions count in, looked-up ones last; () where they cannot be read."""
    body = transaction.get("transaction")
    if isinstance(body, Sequence) and not isinstance(body, str) and len(body) == 2 and body[1] == "base64":
        data = from_base64(body[0]) if isinstance(body[0], str) else None
        try:
            keys = [str(key) for key in VersionedTransaction.from_bytes(data).message.account_keys] if data else []
        except ValueError:
            return ()
    else:
        message = body.get("message") if isinstance(body, Mapping) else None
        found = message.get("accountKeys") if isinstance(message, Mapping) else None
        listed = found if isinstance(found, list) else []
        keys = [str(key.get("pubkey") if isinstance(key, Mapping) else key) for key in listed]
    if not keys:
        return ()
    meta = transaction.get("meta")
    loaded = meta.get("loadedAddresses") if isinstance(meta, Mapping) else None
    if isinstance(loaded, Mapping):
        for side in ("writable", "readonly"):
            more = loaded.get(side)
            keys += [str(key) for key in more] if isinstance(more, list) else []
    return tuple(keys)


def is_failed(transaction: Mapping[str, Any]) -> bool:
    """Whether the transaction failed, or does not say that it did not: nothing that it emitted happened."""
    meta = transaction.get("meta")
    return not isinstance(meta, Mapping) or "err" not in meta or meta["err"] is not None
