"""The Solana signer signs what its policy allows, read from the message itself."""

import contextlib
import pickle
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import AssignParams, TransferParams, assign, transfer
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from adapters.signing.address import derive_address
from adapters.signing.solana_message import (
    ASSOCIATED,
    SIGNATURE_FEE_LAMPORTS,
    TOKEN,
    TOKEN_ACCOUNT_RENT_LAMPORTS,
    WRAPPED_SOL,
    judge,
)
from adapters.signing.solana_policy import UNDERSTOOD, SolanaPolicy
from adapters.signing.solana_signer import SolanaSigner
from bus.clock import ManualClock
from kernel.secrets.access_entry import AccessEntry
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from kernel.secrets.signing import SigningRefused, SolanaTransaction

PAIR = Keypair.from_seed(bytes(range(32)))
US = PAIR.pubkey()
DEX, TIP, FRIEND, STRANGER, MINT, OURS = (Pubkey.from_bytes(bytes([n] * 32)) for n in range(1, 7))
WRAPPED = get_associated_token_address(US, WRAPPED_SOL)
POLICY = {
    "programs": [*UNDERSTOOD, str(DEX)], "recipients": [str(FRIEND)], "token_recipients": [str(OURS)],
    "tip_accounts": [str(TIP)], "tip_max_lamports": 1_000_000, "spend_tx_max_lamports": 50_000_000,
    "spend_day_max_lamports": 80_000_000,
}  # fmt: skip


class Recorded:
    def __init__(self) -> None:
        self.entries: list[AccessEntry] = []

    def record(self, entry: AccessEntry) -> None:
        self.entries.append(entry)


def signer(**changes: Any) -> tuple[SolanaSigner, Recorded]:
    recorded = Recorded()
    policy = msgspec.convert(POLICY | changes, SolanaPolicy)
    made = SolanaSigner(Secret(str(PAIR)), policy, module="solana_arb", recorder=recorded, clock=ManualClock(5))
    return made, recorded


def sol(to: Pubkey, lamports: int = 1_000) -> Instruction:
    return transfer(TransferParams(from_pubkey=US, to_pubkey=to, lamports=lamports))


def swap(program: Pubkey = DEX) -> Instruction:
    return Instruction(program, b"\x09swap", [AccountMeta(US, True, True), AccountMeta(MINT, False, True)])


def token(kind: int, *accounts: Pubkey, tail: bytes = b"\x05" + bytes(7)) -> Instruction:
    metas = [AccountMeta(each, each == US, True) for each in accounts]
    return Instruction(Pubkey.from_string(TOKEN), bytes([kind]) + tail, metas)


def account_for(owner: Pubkey, data: bytes = b"\x01") -> Instruction:
    metas = [AccountMeta(US, True, True), *(AccountMeta(each, False, True) for each in (OURS, owner, MINT))]
    return Instruction(Pubkey.from_string(ASSOCIATED), data, metas)


def v0(*instructions: Instruction, payer: Pubkey = US, tables: Any = ()) -> bytes:
    return bytes(to_bytes_versioned(MessageV0.try_compile(payer, list(instructions), list(tables), Hash.default())))


def legacy(*instructions: Instruction) -> bytes:
    return bytes(to_bytes_versioned(Message.new_with_blockhash(list(instructions), US, Hash.default())))


def table(*addresses: Pubkey) -> AddressLookupTableAccount:
    return AddressLookupTableAccount(Pubkey.from_bytes(bytes([9] * 32)), list(addresses))


def two_signers() -> bytes:
    other = AccountMeta(STRANGER, True, False)
    return v0(Instruction(DEX, b"", [AccountMeta(US, True, True), other]))


def _price(lamports: int) -> list[Instruction]:
    return [set_compute_unit_limit(100_000), set_compute_unit_price(lamports * 10)]


REFUSED = [
    ("malformed", b""),
    ("malformed", b"\x80\x01"),
    ("range", bytes(2_000)),
    ("payer", v0(sol(FRIEND), payer=STRANGER).replace(b"\x80\x02", b"\x80\x01", 1)),
    ("signers", two_signers()),
    ("signers", v0(swap(), payer=STRANGER)),
    ("program", v0(swap(STRANGER))),
    ("recipient", v0(sol(STRANGER))),
    ("recipient", v0(sol(TIP), tables=[table(TIP)])),  # the tip account out of a lookup table
    ("system", v0(assign(AssignParams(pubkey=US, owner=STRANGER)))),
    ("tip", v0(sol(TIP, 600_000), sol(TIP, 600_000))),
    ("spend_tx", v0(sol(FRIEND, 50_000_000))),
    ("spend_tx", v0(sol(WRAPPED, 50_000_000))),
    ("spend_tx", v0(*_price(50_000_000))),
    ("spend_tx", v0(set_compute_unit_price(40_000_000))),  # without a limit: taken as the largest
    ("recipient", v0(token(3, MINT, STRANGER, US))),
    ("recipient", v0(token(12, MINT, OURS, STRANGER, US))),
    ("token", v0(token(4, MINT, STRANGER, US))),
    ("token", v0(token(13, MINT, MINT, STRANGER, US))),
    ("token", v0(token(6, MINT, US))),
    ("token", v0(token(8, MINT, MINT, US))),
    ("token", v0(token(9, MINT, STRANGER, US, tail=b""))),
    ("token", v0(account_for(STRANGER))),
    ("token", v0(account_for(US, b"\x02"))),
    ("malformed", v0(token(3, MINT))),
    ("malformed", v0(Instruction(Pubkey.from_string(TOKEN), b"", []))),
    ("budget", v0(Instruction(Pubkey.from_string(UNDERSTOOD[0]), b"\x07", []))),
]
SIGNED = [
    (v0(swap()), 0),
    (legacy(swap()), 0),
    (v0(swap(), tables=[table(MINT)]), 0),
    (v0(*_price(7_000), swap(), sol(TIP, 500_000)), 507_000),
    (v0(sol(FRIEND, 10)), 10),
    (v0(sol(WRAPPED, 10), token(17, WRAPPED, tail=b"")), 10),
    (v0(account_for(US)), TOKEN_ACCOUNT_RENT_LAMPORTS),
    (v0(token(3, MINT, OURS, US)), 0),
    (v0(token(12, MINT, MINT, OURS, US)), 0),
    (v0(token(9, WRAPPED, US, US, tail=b"")), 0),
]


@pytest.mark.parametrize(("message", "spent"), SIGNED)
async def test_what_the_policy_allows_is_signed_by_us(message: bytes, spent: int) -> None:
    made, recorded = signer()
    signed = await made.sign("order-1", SolanaTransaction(message=message))
    read = VersionedTransaction.from_bytes(signed.raw)
    assert read.verify_with_results() == [True]
    assert bytes(to_bytes_versioned(read.message)) == message
    assert signed.tx_id == str(read.signatures[0])
    assert signed.spent_raw == SIGNATURE_FEE_LAMPORTS + spent
    (entry,) = recorded.entries
    assert (entry.result, entry.metadata["tx_id"], entry.metadata["spent_raw"]) == (
        "signed", signed.tx_id, str(signed.spent_raw),
    )  # fmt: skip


@pytest.mark.parametrize(("code", "message"), REFUSED)
async def test_what_it_does_not_allow_is_refused_and_audited(code: str, message: bytes) -> None:
    made, recorded = signer()
    with pytest.raises(SigningRefused) as found:
        await made.sign("order-1", SolanaTransaction(message=message))
    assert found.value.code == code, str(found.value)
    assert [(each.result, each.metadata["code"]) for each in recorded.entries] == [("refused", code)]


async def test_an_unset_policy_signs_nothing() -> None:
    made = SolanaSigner(Secret(str(PAIR)), SolanaPolicy(), module="m", recorder=Recorded(), clock=ManualClock())
    for message in (v0(swap()), v0(sol(US)), v0()):
        with pytest.raises(SigningRefused):
            await made.sign("order-1", SolanaTransaction(message=message))


async def test_spending_of_a_day_is_capped() -> None:
    made, _ = signer()
    await made.sign("order-1", SolanaTransaction(message=v0(sol(FRIEND, 49_000_000))))
    with pytest.raises(SigningRefused, match=r"spend_day.*expected at most 80000000 lamports"):
        await made.sign("order-2", SolanaTransaction(message=v0(sol(FRIEND, 49_000_000))))


async def test_a_durable_nonce_is_refused() -> None:
    """Its transaction would stay valid for ever."""
    metas = [AccountMeta(MINT, False, True), AccountMeta(US, True, True)]
    advance = Instruction(Pubkey.from_string(UNDERSTOOD[1]), struct.pack("<I", 4), metas)
    made, _ = signer()
    with pytest.raises(SigningRefused, match="found system instruction 4"):
        await made.sign("order-1", SolanaTransaction(message=v0(advance)))


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_or_refused(data: bytes) -> None:
    with contextlib.suppress(SigningRefused):
        judge(data, US, SolanaPolicy())


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_never_gets_an_unlisted_recipient_paid(place: int, value: int) -> None:
    message = bytearray(v0(sol(FRIEND, 10)))
    message[place % len(message)] = value
    try:
        found = judge(bytes(message), US, msgspec.convert(POLICY, SolanaPolicy))
    except SigningRefused:
        return
    for each in found.message.instructions:
        if bytes(each.data)[:4] == struct.pack("<I", 2) and found.message.account_keys[each.program_id_index] != DEX:
            assert found.message.account_keys[bytes(each.accounts)[1]] in (FRIEND, US, TIP, WRAPPED)


def test_the_key_shows_nowhere_and_a_broken_pair_is_refused() -> None:
    made, recorded = signer()
    assert str(PAIR) not in f"{made!r} {recorded.entries!r}"
    with pytest.raises(TypeError):
        pickle.dumps(made)
    wrong = bytes(PAIR)[:32] + bytes(STRANGER)
    for refuse in (
        lambda: SolanaSigner(
            Secret(str(list(wrong))), SolanaPolicy(), module="m", recorder=recorded, clock=ManualClock()
        ),
        lambda: derive_address("SOLANA_PRIVATE_KEY", Secret(str(list(wrong)))),
    ):
        with pytest.raises(BadSecret) as found:
            refuse()
        assert found.value.__context__ is None


def test_both_forms_of_a_key_give_the_same_address() -> None:
    for text in (str(PAIR), PAIR.to_json()):
        assert derive_address("SOLANA_PRIVATE_KEY", Secret(text)) == str(US)
