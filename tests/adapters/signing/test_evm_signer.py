"""The EVM signer signs what its policy allows, from the bytes themselves, and says what it refuses."""

import pickle
import traceback
from importlib import import_module
from typing import Any

import msgspec
import pytest
from eth_utils import keccak
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from adapters.signing.address import derive_address
from adapters.signing.eth_account_library import eth_account
from adapters.signing.evm_calls import SELECTORS, read_call
from adapters.signing.evm_policy import EvmPolicy
from adapters.signing.evm_signer import EvmSigner
from bus.clock import NS_PER_DAY, NS_PER_HOUR, ManualClock
from kernel.secrets.access_entry import AccessEntry
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from kernel.secrets.signing import EvmTransaction, SigningRefused

Account = eth_account()
TypedTransaction = import_module("eth_account.typed_transactions").TypedTransaction
KEY = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
US = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"  # the address that eth-account's own documentation gives for it
ROUTER, TOKEN, STRANGER, PERMIT2 = ("0x" + digit * 40 for digit in "1234")
FRIEND = "0x" + "5" * 40
POLICY = {
    "chain_id": 1, "targets": [ROUTER], "tokens": [TOKEN], "spenders": [PERMIT2], "recipients": [FRIEND],
    "gas_limit_max": 500_000, "spend_tx_max_gwei": 100_000_000, "spend_day_max_gwei": 150_000_000,
}  # fmt: skip


class Recorded:
    def __init__(self) -> None:
        self.entries: list[AccessEntry] = []

    def record(self, entry: AccessEntry) -> None:
        self.entries.append(entry)


def signer(clock: ManualClock | None = None, **changes: Any) -> tuple[EvmSigner, Recorded]:
    recorded = Recorded()
    policy = msgspec.convert(POLICY | changes, EvmPolicy)
    made = EvmSigner(Secret(KEY), policy, module="cex_dex_arb", recorder=recorded, clock=clock or ManualClock(5))
    return made, recorded


def tx(**changes: Any) -> EvmTransaction:
    base = EvmTransaction(
        chain_id=1, nonce=3, to=ROUTER, value_wei=10**9, data=b"\x01\x02\x03\x04", gas_limit=200_000,
        max_fee_per_gas_wei=10**11, max_priority_fee_per_gas_wei=10**9,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def call(signature: str, *words: str | int) -> bytes:
    data = bytes.fromhex(SELECTORS[signature])
    for word in words:
        data += int(word, 16).to_bytes(32, "big") if isinstance(word, str) else word.to_bytes(32, "big")
    return data


APPROVE = "approve(address,uint256)"
REFUSED = [
    ("chain", {"chain_id": 10}),
    ("creation", {"to": "", "data": b"\x60\x80"}),
    ("range", {"to": ROUTER[:-1]}),
    ("range", {"to": "0x" + "g" * 40}),
    ("range", {"value_wei": -1}),
    ("range", {"nonce": -1}),
    ("range", {"max_priority_fee_per_gas_wei": 10**12}),
    ("gas", {"gas_limit": 500_001}),
    ("target", {"to": STRANGER}),
    ("target", {"to": STRANGER, "data": b""}),
    ("target", {"to": FRIEND}),  # coins yes, calls no
    ("spend_tx", {"value_wei": 10**17}),
    ("spend_tx", {"max_fee_per_gas_wei": 10**13}),
    ("selector", {"to": TOKEN}),
    ("selector", {"to": TOKEN, "data": b""}),
    ("approval", {"to": TOKEN, "data": call(APPROVE, STRANGER, 2**256 - 1)}),
    ("approval", {"to": TOKEN, "data": call(APPROVE, ROUTER, 2**256 - 1)}),
    ("approval", {"to": TOKEN, "data": call(APPROVE, ROUTER, 2**96 - 1)}),
    ("approval", {"to": TOKEN, "data": call(APPROVE, STRANGER, 1)}),
    ("approval", {"to": ROUTER, "data": call(APPROVE, STRANGER, 2**256 - 1)}),
    ("approval", {"to": TOKEN, "data": call("increaseAllowance(address,uint256)", ROUTER, 2**255)}),
    ("approval", {"to": TOKEN, "data": call("setApprovalForAll(address,bool)", ROUTER, 1)}),
    (
        "approval",
        {"to": TOKEN, "data": call("approve(address,address,uint160,uint48)", TOKEN, STRANGER, 2**160 - 1, 9)},
    ),
    ("recipient", {"to": TOKEN, "data": call("transfer(address,uint256)", STRANGER, 5)}),
    ("recipient", {"to": TOKEN, "data": call("transferFrom(address,address,uint256)", US, STRANGER, 5)}),
    ("malformed", {"to": TOKEN, "data": call(APPROVE, ROUTER)}),
    ("malformed", {"to": TOKEN, "data": call(APPROVE, "0x01" + "0" * 22 + ROUTER[2:], 1)}),
]
SIGNED = [
    {},
    {"to": ROUTER.upper().replace("X", "x")},
    {"to": FRIEND, "data": b""},
    {"to": US, "data": b""},
    {"to": TOKEN, "data": call(APPROVE, PERMIT2, 2**256 - 1)},
    {"to": TOKEN, "data": call(APPROVE, ROUTER, 10**24)},
    {"to": TOKEN, "data": call(APPROVE, STRANGER, 0)},
    {"to": TOKEN, "data": call("transfer(address,uint256)", FRIEND, 5)},
    {"to": TOKEN, "data": call("deposit()")},
    {"to": TOKEN, "data": call("withdraw(uint256)", 5)},
]


@pytest.mark.parametrize("changes", SIGNED)
async def test_what_the_policy_allows_is_signed_as_type_2_by_us(changes: dict[str, Any]) -> None:
    made, recorded = signer()
    asked = tx(**changes)
    signed = await made.sign("order-1", asked)
    assert Account.recover_transaction(signed.raw) == US == made.address
    read = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    assert (read["type"], read["chainId"], read["nonce"]) == (2, 1, 3)
    assert (HexBytes(read["to"]), read["value"]) == (HexBytes(asked.to), asked.value_wei)
    assert (HexBytes(read["data"]), read["gas"]) == (HexBytes(asked.data), asked.gas_limit)
    assert "0x" + keccak(signed.raw).hex() == signed.tx_id
    assert signed.spent_raw == 10**9 + 200_000 * 10**11
    (entry,) = recorded.entries
    assert (entry.source, entry.result, entry.metadata["order_id"], entry.metadata["spent_raw"]) == (
        "signer", "signed", "order-1", str(signed.spent_raw),
    )  # fmt: skip


@pytest.mark.parametrize(("code", "changes"), REFUSED)
async def test_what_it_does_not_allow_is_refused_and_audited(code: str, changes: dict[str, Any]) -> None:
    made, recorded = signer()
    with pytest.raises(SigningRefused) as found:
        await made.sign("order-1", tx(**changes))
    assert found.value.code == code
    assert [(each.result, each.metadata["code"]) for each in recorded.entries] == [("refused", code)]


async def test_an_unset_policy_signs_nothing() -> None:
    made = EvmSigner(Secret(KEY), EvmPolicy(), module="m", recorder=Recorded(), clock=ManualClock())
    for chain_id in (0, 1):
        with pytest.raises(SigningRefused):
            await made.sign("order-1", tx(chain_id=chain_id, value_wei=0, max_fee_per_gas_wei=1))


async def test_spending_is_capped_over_a_rolling_day_and_over_restarts() -> None:
    clock = ManualClock(NS_PER_DAY)
    made, _ = signer(clock)
    dear = tx(value_wei=7 * 10**16, max_fee_per_gas_wei=10**9)
    first = await made.sign("order-1", dear)
    await made.sign("order-2", dear)
    with pytest.raises(SigningRefused, match="the last 24 h with this transaction may cost"):
        await made.sign("order-3", dear)
    policy = msgspec.convert(POLICY, EvmPolicy)
    spent = [(NS_PER_DAY, first.spent_raw), (NS_PER_DAY, first.spent_raw)]
    again = EvmSigner(Secret(KEY), policy, module="m", recorder=Recorded(), clock=clock, spent=spent)
    with pytest.raises(SigningRefused, match="24 h"):
        await again.sign("order-3", dear)
    clock.advance_to(2 * NS_PER_DAY - NS_PER_HOUR)
    with pytest.raises(SigningRefused, match="24 h"):
        await made.sign("order-3", dear)
    clock.advance_to(2 * NS_PER_DAY + NS_PER_HOUR)
    await made.sign("order-3", dear)


async def test_another_policy_counts_from_the_next_transaction_on() -> None:
    made, _ = signer()
    made.apply(msgspec.convert(POLICY | {"targets": []}, EvmPolicy))
    with pytest.raises(SigningRefused, match="target"):
        await made.sign("order-1", tx())


async def test_the_key_shows_nowhere() -> None:
    made, recorded = signer()
    hidden = _digits()
    assert hidden not in f"{made!r} {made!s} {recorded.entries!r}"
    with pytest.raises(TypeError):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        vars(made)
    with pytest.raises(SigningRefused) as found:
        await made.sign("order-1", tx(chain_id=2))
    shown = "".join(traceback.TracebackException.from_exception(found.value, capture_locals=True).format())
    assert hidden not in shown.replace(repr(hidden), "")
    with pytest.raises(BadSecret) as bad:
        EvmSigner(Secret("0x" + "0" * 64), EvmPolicy(), module="m", recorder=recorded, clock=ManualClock())
    assert bad.value.__context__ is None


def _digits() -> str:
    return KEY.removeprefix("0x")


def test_selectors_are_the_hashes_of_their_signatures() -> None:
    assert {signature: keccak(text=signature)[:4].hex() for signature in SELECTORS} == SELECTORS


@given(st.binary(max_size=200), st.sampled_from(sorted(SELECTORS.values())))
def test_any_calldata_is_read(data: bytes, selector: str) -> None:
    assert read_call(bytes.fromhex(selector) + data) is not None
    read_call(data)


def test_addresses_are_derived_and_checksummed() -> None:
    assert derive_address("PRIVATE_KEY", Secret(KEY)) == US
    assert derive_address("PRIVATE_KEY", Secret(KEY.removeprefix("0x"))) == US
    assert derive_address("JUPITER_API_KEY", Secret("abcdefgh")) == ""
    with pytest.raises(BadSecret):
        derive_address("PRIVATE_KEY", Secret("0" * 64))
