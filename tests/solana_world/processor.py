"""Runs one transaction on the accounts: fee, instructions one after the other, all or nothing."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from tests.solana_world.account_store import AccountStore
from tests.solana_world.accounts_view import AccountsView
from tests.solana_world.addresses import COMPUTE_BUDGET, SYSTEM
from tests.solana_world.fees import BUDGET_UNITS, Budget
from tests.solana_world.native_runner import NativeResult, NativeRunner
from tests.solana_world.program_error import ProgramError, TransactionAborted, error_of
from tests.solana_world.resolved_message import Call, Refused, ResolvedMessage
from tests.solana_world.stand_in import StandIn
from tests.solana_world.trace import Trace

RENT_EXEMPT_EMPTY_LAMPORTS = 890_880
DEPTH_MAX = 5


class Outcome(NamedTuple):
    """What a run left behind. `before` and `after`: each key of the message, in order."""

    err: Any  #: the node's JSON; None = success
    fee: int
    trace: Trace
    before: list[Account | None]
    after: list[Account | None]


class Processor:
    """`now_s` is the chain's clock, kept by its owner."""

    def __init__(self, store: AccountStore, slot_hashes: Callable[[], Sequence[tuple[int, Hash]]]) -> None:
        self.store = store
        self.now_s = 0
        self.stand_ins: dict[Pubkey, StandIn] = {}
        self.native = NativeRunner(store.svm, slot_hashes)

    def run(self, message: ResolvedMessage, budget: Budget, *, is_kept: bool) -> Outcome:
        """Raises `Refused` where the payer cannot pay: no block takes it. `is_kept`: False undoes everything."""
        store, keys = self.store, message.keys
        before = [store.get(key) for key in keys]
        writable = message.writable_keys()
        at_first = store.snapshot(writable)
        if message.payer not in at_first:
            raise Refused("SanitizeFailure")
        self._charge(message.payer, at_first[message.payer], budget.fee)
        after_fee = store.snapshot(writable)
        trace = Trace(budget.unit_limit)
        err = self._instructions(message, trace)
        if err is not None:
            store.restore(after_fee)
        after = [store.get(key) for key in keys]
        if not is_kept:
            store.restore(at_first)
        else:
            for key, old in at_first.items():
                if not store.same(old, store.get(key)):
                    store.note(key, old)
        return Outcome(err, budget.fee, trace, before, after)

    def _charge(self, payer: Pubkey, account: Account | None, fee: int) -> None:
        if account is None:
            raise Refused("AccountNotFound")
        if account.owner != SYSTEM or account.data:
            raise Refused("InvalidAccountForFee")
        left = account.lamports - fee
        if left < 0:
            raise Refused("InsufficientFundsForFee")
        if 0 < left < RENT_EXEMPT_EMPTY_LAMPORTS <= account.lamports:
            raise Refused({"InsufficientFundsForRent": {"account_index": 0}})
        self.store.set(payer, None if left == 0 else Account(left, b"", SYSTEM, False, account.rent_epoch))

    def _instructions(self, message: ResolvedMessage, trace: Trace) -> Any:
        """The transaction's error, or None."""
        calls = message.calls()
        index = 0
        try:
            while index < len(calls):
                trace.index = index
                call = calls[index]
                if call.program == COMPUTE_BUDGET:
                    self._budget_call(trace)
                    index += 1
                elif call.program in self.stand_ins:
                    self.invoke(call.program, call.metas, call.data, 1, trace)
                    index += 1
                else:
                    end = index + 1
                    while end < len(calls) and not self._is_apart(calls[end].program):
                        end += 1
                    self._native_calls(calls[index:end], trace)
                    index = end
        except ProgramError as error:
            return {"InstructionError": [trace.index, error.err]}
        except TransactionAborted as aborted:
            return _with_index(aborted.err, message.keys)
        return None

    def _is_apart(self, program: Pubkey) -> bool:
        return program == COMPUTE_BUDGET or program in self.stand_ins

    def _budget_call(self, trace: Trace) -> None:
        trace.log(f"Program {COMPUTE_BUDGET} invoke [1]")
        trace.consume(BUDGET_UNITS)
        trace.log(f"Program {COMPUTE_BUDGET} success")

    def _native_calls(self, calls: Sequence[Call], trace: Trace) -> None:
        """Neighbouring instructions of real programs run together, as rent is judged after them."""
        if any(self.store.get(each.program) is None for each in calls):
            raise TransactionAborted("ProgramAccountNotFound")
        result = self.native.run(calls, trace.units_left)
        first = trace.index
        for place, group in enumerate(result.inner):
            trace.index = first + place
            for inner in group:
                trace.add_inner(inner)
        trace.index = first
        self._take(result, trace)

    def _take(self, result: NativeResult, trace: Trace) -> None:
        for line in result.logs:
            trace.log(line)
        trace.units = min(trace.unit_limit, trace.units + result.units)
        if result.err is not None:
            place, err = result.err
            if place is None:
                raise TransactionAborted(err)
            trace.index += place
            raise error_of(err)

    def invoke(self, program: Pubkey, metas: Sequence[AccountMeta], data: bytes, depth: int, trace: Trace) -> None:
        """One call at that stack height. Raises `ProgramError` or `TransactionAborted`."""
        if depth > DEPTH_MAX:
            raise ProgramError("CallDepth")
        stand_in = self.stand_ins.get(program)
        if stand_in is None:
            result = self.native.run([Call(program, list(metas), data)], trace.units_left, depth)
            for inner in result.inner[0] if result.inner else ():
                trace.add_inner(inner)
            index = trace.index
            try:
                self._take(result, trace)
            finally:
                trace.index = index
            return
        trace.log(f"Program {program} invoke [{depth}]")
        used, left = trace.units, trace.units_left
        try:
            trace.consume(stand_in.units)
            stand_in.execute(AccountsView(self, program, metas, depth, trace), metas, data)
        except ProgramError as error:
            for line in error.logs:
                trace.log(f"Program log: {line}")
            trace.log(f"Program {program} consumed {trace.units - used} of {left} compute units")
            trace.log(f"Program {program} failed: {error.text}")
            raise ProgramError(error.code) from error
        trace.log(f"Program {program} consumed {trace.units - used} of {left} compute units")
        trace.log(f"Program {program} success")


def _with_index(err: Any, keys: list[Pubkey]) -> Any:
    """A rent error names the account by its place in the message."""
    if isinstance(err, dict) and "InsufficientFundsForRent" in err:
        account = err["InsufficientFundsForRent"]["account"]
        return {"InsufficientFundsForRent": {"account_index": keys.index(account) if account in keys else 0}}
    return err
