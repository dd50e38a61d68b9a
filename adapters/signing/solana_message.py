"""Reads a Solana message the way the signer needs it: who pays, which programs, what leaves our wallet.

Only top-level instructions can be read. What an allowed program does with our signature inside is bounded by which
programs are allowed, by simulation, and by a balance assertion of the executor's; not here. Layouts: System, SPL Token,
Associated Token and Compute Budget programs as of solana-program 2.x and spl-token 8 (2026).
"""

import struct
from collections.abc import Sequence

from msgspec import Struct
from solders.instruction import CompiledInstruction
from solders.message import Message, MessageV0, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from adapters.signing.solana_policy import UNDERSTOOD, SolanaPolicy
from kernel.finance.lamports import SIGNATURE_FEE_LAMPORTS, priority_fee_lamports
from kernel.secrets.signing import SigningRefused

COMPUTE_BUDGET, SYSTEM, TOKEN, TOKEN_2022, ASSOCIATED = UNDERSTOOD
WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")
COMPUTE_UNITS_MAX = 1_400_000  #: taken where a message sets a price and no limit: the most it could be
TOKEN_ACCOUNT_RENT_LAMPORTS = 3_000_000  #: 2,039,280 for a plain one; token-2022 extensions need more

_SYSTEM_TRANSFER = 2
_TOKEN_TRANSFER, _TOKEN_CLOSE, _TOKEN_TRANSFER_CHECKED, _TOKEN_SYNC = 3, 9, 12, 17
_UNIT_LIMIT, _UNIT_PRICE = 2, 3
_HARMLESS_BUDGET = (1, 4)  #: heap frame, loaded data size


class Judgement(Struct, kw_only=True):
    """A message that may be signed, if its sums are within the caps."""

    message: Message | MessageV0
    tip_lamports: int = 0
    spend_lamports: int = SIGNATURE_FEE_LAMPORTS  #: everything: sent, wrapped, tips, fees, rent


class _Call:
    """One instruction with the accounts that can be seen; an account out of a lookup table is None."""

    def __init__(self, instruction: CompiledInstruction, keys: Sequence[Pubkey]) -> None:
        if instruction.program_id_index >= len(keys):
            raise SigningRefused("program", "a program comes out of a lookup table, so nobody can see which it is")
        self.program = str(keys[instruction.program_id_index])
        self.data = bytes(instruction.data)
        self._accounts = bytes(instruction.accounts)
        self._keys = keys

    def account(self, place: int) -> str | None:
        """Base58 key of the account in that place; None if it is not to be seen. Raises SigningRefused if absent."""
        if place >= len(self._accounts):
            raise SigningRefused("malformed", f"an instruction of {self.program} lacks account {place}")
        index = self._accounts[place]
        return str(self._keys[index]) if index < len(self._keys) else None

    def number(self, layout: str, offset: int) -> int:
        """An integer of the data. Raises SigningRefused if there are not enough bytes."""
        if len(self.data) < offset + struct.calcsize(layout):
            raise SigningRefused("malformed", f"an instruction of {self.program} is cut short")
        value: int = struct.unpack_from(layout, self.data, offset)[0]
        return value


def judge(data: bytes, us: Pubkey, policy: SolanaPolicy) -> Judgement:
    """Read a message. Raises SigningRefused for anything that the policy does not allow."""
    try:
        message = from_bytes_versioned(data)
    except ValueError as error:
        raise SigningRefused("malformed", f"these bytes are no message ({error})") from error
    if not isinstance(message, Message | MessageV0):
        raise SigningRefused("version", "expected a legacy or v0 message, found a newer kind")
    keys = message.account_keys
    if message.header.num_required_signatures != 1:
        count = message.header.num_required_signatures
        raise SigningRefused("signers", f"expected our signature alone, found {count} required")
    if not keys or keys[0] != us:
        raise SigningRefused("payer", f"expected {us} to pay the fee, found {keys[0] if keys else 'nobody'}")
    if message.header.num_readonly_signed_accounts:
        raise SigningRefused("payer", "the payer is marked as not writable")
    found = Judgement(message=message)
    budget = {_UNIT_LIMIT: 0, _UNIT_PRICE: 0}
    for each in message.instructions:
        call = _Call(each, keys)
        if call.program not in policy.programs:
            raise SigningRefused("program", f"{call.program} is not among the allowed programs")
        _judge_call(call, us, policy, found, budget)
    units = budget[_UNIT_LIMIT] or COMPUTE_UNITS_MAX
    found.spend_lamports += priority_fee_lamports(budget[_UNIT_PRICE], units)
    return found


def _judge_call(call: _Call, us: Pubkey, policy: SolanaPolicy, found: Judgement, budget: dict[int, int]) -> None:
    if call.program == COMPUTE_BUDGET:
        _judge_budget(call, budget)
    elif call.program == SYSTEM:
        _judge_system(call, us, policy, found)
    elif call.program in (TOKEN, TOKEN_2022):
        _judge_token(call, us, policy)
    elif call.program == ASSOCIATED:
        if call.data not in (b"", b"\x00", b"\x01") or call.account(2) != str(us):
            raise SigningRefused("token", "expected a token account made for ourselves")
        found.spend_lamports += TOKEN_ACCOUNT_RENT_LAMPORTS


def _judge_budget(call: _Call, budget: dict[int, int]) -> None:
    kind = call.number("<B", 0)
    if kind in budget:
        budget[kind] = call.number("<I" if kind == _UNIT_LIMIT else "<Q", 1)
    elif kind not in _HARMLESS_BUDGET:
        raise SigningRefused("budget", f"compute budget instruction {kind} is not one that we use")


def _judge_system(call: _Call, us: Pubkey, policy: SolanaPolicy, found: Judgement) -> None:
    kind = call.number("<I", 0)
    if kind != _SYSTEM_TRANSFER:
        raise SigningRefused("system", f"expected plain transfers of SOL, found system instruction {kind}")
    lamports = call.number("<Q", 4)
    to = call.account(1)
    if to in policy.tip_accounts:
        found.tip_lamports += lamports
    elif to not in (str(us), str(get_associated_token_address(us, WRAPPED_SOL)), *policy.recipients):
        raise SigningRefused("recipient", f"SOL to {to or 'an account of a lookup table'}, which is not allowed")
    found.spend_lamports += lamports


def _judge_token(call: _Call, us: Pubkey, policy: SolanaPolicy) -> None:
    kind = call.number("<B", 0)
    if kind in (_TOKEN_TRANSFER, _TOKEN_TRANSFER_CHECKED):
        to = call.account(1 if kind == _TOKEN_TRANSFER else 2)
        if to not in policy.token_recipients:
            raise SigningRefused("recipient", f"tokens to {to or 'an account of a lookup table'}, which is not allowed")
    elif kind == _TOKEN_CLOSE:
        if call.account(1) != str(us):
            raise SigningRefused("token", "a token account closes in favour of somebody else")
    elif kind != _TOKEN_SYNC:
        raise SigningRefused(
            "token", f"token instruction {kind} is refused: approvals, new owners and burning are nothing we sign"
        )
