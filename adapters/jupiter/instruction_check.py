"""Looks at what Jupiter wants signed before anybody signs it: who signs, which programs, what the plain ones do.

The signer checks again by its own policy; this says no earlier and in Jupiter's terms. What the aggregator's own
program does inside cannot be read from here: the simulation's balances show it (`simulated_deltas.py`).
"""

import binascii
import struct
from base64 import b64decode

from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from adapters.jupiter.answers import ApiInstruction, BuildAnswer
from adapters.solana.mints import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from adapters.solana.token_instructions import ASSOCIATED, SOL_MINT, TOKEN, token_account
from kernel.errors import BadWire, VenueRefused

JUPITER_PROGRAM = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
SYSTEM_PROGRAM = "11111111111111111111111111111111"
BUDGET_PROGRAM = "ComputeBudget111111111111111111111111111111"
PLAIN = frozenset({SYSTEM_PROGRAM, TOKEN_PROGRAM, TOKEN_2022_PROGRAM, str(ASSOCIATED)})
_SYSTEM_TRANSFER = 2
_TOKEN_SYNC, _TOKEN_CLOSE = 17, 9


def instructions_of(answer: BuildAnswer, taker: Pubkey, amount_in: int) -> list[Instruction]:
    """The swap's instructions in order, each allowed. Raises `VenueRefused` or `BadWire`.

    Compute budget is left to us; a tip that nobody asked for is refused.
    """
    if answer.tip_instruction is not None:
        raise VenueRefused("Jupiter /build: a tip that was not asked for")
    if answer.swap_instruction.program_id != JUPITER_PROGRAM:
        raise VenueRefused(f"Jupiter /build: expected program {JUPITER_PROGRAM}, found {_of(answer.swap_instruction)}")
    around = [*answer.setup_instructions, *answer.other_instructions]
    after = [] if answer.cleanup_instruction is None else [answer.cleanup_instruction]
    for each in (*around, *after):
        if each.program_id not in PLAIN:
            raise VenueRefused(f"Jupiter /build: {_of(each)} is not among the allowed programs")
    made = [_instruction(each) for each in (*around, answer.swap_instruction, *after)]
    wrapped = 0
    for instruction in made:
        _check_signers(instruction, taker)
        wrapped += _check_plain(instruction, taker)
    if wrapped > amount_in:
        raise VenueRefused(f"Jupiter /build: expected at most {amount_in} lamports to be wrapped, found {wrapped}")
    return made


def message_of(raw: str, taker: Pubkey) -> MessageV0 | Message:
    """The message of an `/order` transaction, with ours the only signature. Raises `VenueRefused` or `BadWire`."""
    try:
        message = VersionedTransaction.from_bytes(b64decode(raw, validate=True)).message
    except (binascii.Error, ValueError) as error:
        raise BadWire(
            f"Jupiter /order: expected a transaction, found {len(raw)} characters ({str(error)[:80]})"
        ) from None
    if not isinstance(message, MessageV0 | Message):
        raise VenueRefused("Jupiter /order: expected a legacy or v0 message, found a newer kind")
    keys = message.account_keys
    if message.header.num_required_signatures != 1 or not keys or keys[0] != taker:
        count = message.header.num_required_signatures
        raise VenueRefused(f"Jupiter /order: expected our signature alone, found {count} required (a quoted trade?)")
    for each in message.instructions:
        if each.program_id_index >= len(keys):
            raise VenueRefused("Jupiter /order: a program comes out of a lookup table")
        program = str(keys[each.program_id_index])
        if program not in PLAIN | {JUPITER_PROGRAM, BUDGET_PROGRAM}:
            raise VenueRefused(f"Jupiter /order: {program} is not among the allowed programs")
    return message


def _instruction(each: ApiInstruction) -> Instruction:
    try:
        metas = [AccountMeta(Pubkey.from_string(a.pubkey), a.is_signer, a.is_writable) for a in each.accounts]
        return Instruction(Pubkey.from_string(each.program_id), b64decode(each.data, validate=True), metas)
    except (binascii.Error, ValueError) as error:
        raise BadWire(f"Jupiter /build: an instruction that cannot be read ({str(error)[:80]})") from None


def _check_signers(each: Instruction, taker: Pubkey) -> None:
    for meta in each.accounts:
        if meta.is_signer and meta.pubkey != taker:
            raise VenueRefused(f"Jupiter /build: expected {taker} as the only signer, found {meta.pubkey}")


def _check_plain(each: Instruction, taker: Pubkey) -> int:
    """Of the programs that everybody knows, only what a swap needs; returns the lamports that are wrapped."""
    program, data, accounts = str(each.program_id), bytes(each.data), [meta.pubkey for meta in each.accounts]
    wrapped = token_account(taker, SOL_MINT, TOKEN)
    if program == SYSTEM_PROGRAM:
        if len(data) != 12 or struct.unpack_from("<I", data)[0] != _SYSTEM_TRANSFER or accounts != [taker, wrapped]:
            raise VenueRefused(
                "Jupiter /build: expected the system program to fill our wrapped account, found another use"
            )
        lamports: int = struct.unpack_from("<Q", data, 4)[0]
        return lamports
    if program in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        is_close = data == bytes([_TOKEN_CLOSE]) and accounts[:3] == [wrapped, taker, taker]
        if data != bytes([_TOKEN_SYNC]) and not is_close:
            raise VenueRefused("Jupiter /build: expected the token program to wrap or unwrap SOL, found another use")
    elif program == str(ASSOCIATED):
        is_ours = len(accounts) >= 6 and accounts[0] == accounts[2] == taker
        if data not in (b"", b"\x00", b"\x01") or not is_ours:
            raise VenueRefused("Jupiter /build: expected a token account made for ourselves, found another")
    return 0


def _of(each: ApiInstruction) -> str:
    return each.program_id[:44]
