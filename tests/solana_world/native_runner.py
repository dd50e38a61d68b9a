"""Runs instructions of programs that LiteSVM has; a payer of the world's own pays LiteSVM's fees, never a user."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from tests.solana_world.addresses import LOOKUP_TABLES, SYSTEM, named
from tests.solana_world.fees import BUDGET_UNITS
from tests.solana_world.resolved_message import Call
from tests.solana_world.trace import Inner

PAYER_LAMPORTS = 10**18
UNITS_MAX = 1_400_000
_BUDGET_LOGS = 2  # of the limit that is put in front
_INVOKE = re.compile(r" invoke \[(\d+)\]$")


class NativeResult(NamedTuple):
    """`err`: (place among the calls or None, the node's JSON of the instruction's or the transaction's error)."""

    err: tuple[int | None, Any] | None
    logs: list[str]
    units: int
    inner: list[list[Inner]]


class NativeRunner:
    """`slot_hashes` is asked when a program needs them: setting them each slot would cost more than all the rest."""

    def __init__(self, svm: LiteSVM, slot_hashes: Callable[[], Sequence[tuple[int, Hash]]]) -> None:
        self._svm = svm
        self._slot_hashes = slot_hashes
        self.payer = named("native runner")
        self._fill()

    def _fill(self) -> None:
        self._svm.set_account(self.payer, Account(PAYER_LAMPORTS, b"", SYSTEM, False, 0))

    def run(self, calls: Sequence[Call], unit_limit: int, depth: int = 1) -> NativeResult:
        """All or nothing. `depth` is the stack height that the calls have in their transaction."""
        if any(each.program == LOOKUP_TABLES for each in calls):
            self._svm.set_slot_hashes(self._slot_hashes())
        limit = set_compute_unit_limit(min(UNITS_MAX, unit_limit + BUDGET_UNITS))
        instructions = [limit, *(Instruction(each.program, each.data, each.metas) for each in calls)]
        message = Message.new_with_blockhash(instructions, self.payer, self._svm.latest_blockhash())
        signatures = [Signature.default()] * message.header.num_required_signatures
        result = self._svm.send_transaction(VersionedTransaction.populate(message, signatures))
        is_failed = isinstance(result, FailedTransactionMetadata)
        meta = result.meta() if isinstance(result, FailedTransactionMetadata) else result
        if (self._svm.get_balance(self.payer) or 0) < PAYER_LAMPORTS // 2:
            self._fill()
        keys = list(message.account_keys)
        return NativeResult(
            err=_err(json.loads(result.to_json())["err"], keys) if is_failed else None,
            logs=[_deeper(line, depth) for line in meta.logs()[_BUDGET_LOGS:]],
            units=max(0, meta.compute_units_consumed() - BUDGET_UNITS),
            inner=[[_inner(each, keys, depth) for each in group] for group in meta.inner_instructions()[1:]],
        )


def _err(err: Any, keys: list[Pubkey]) -> tuple[int | None, Any]:
    if isinstance(err, dict) and "InstructionError" in err:
        place, what = err["InstructionError"]
        return place - 1, what
    if isinstance(err, dict) and "InsufficientFundsForRent" in err:
        return None, {"InsufficientFundsForRent": {"account": keys[err["InsufficientFundsForRent"]["account_index"]]}}
    return None, err


def _deeper(line: str, depth: int) -> str:
    return _INVOKE.sub(lambda found: f" invoke [{int(found[1]) + depth - 1}]", line) if depth > 1 else line


def _inner(each: Any, keys: list[Pubkey], depth: int) -> Inner:
    instruction = each.instruction()
    return Inner(
        program=keys[instruction.program_id_index],
        accounts=tuple(keys[index] for index in bytes(instruction.accounts)),
        data=bytes(instruction.data),
        height=(each.stack_height() or 2) + depth - 1,
    )
