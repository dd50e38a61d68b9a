"""Our token instructions, executed by a real SVM with the real token programs."""

import struct

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from adapters.solana.message import Budget, compile_message, unsigned
from adapters.solana.mints import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from adapters.solana.token_instructions import (
    SOL_MINT,
    TOKEN,
    close,
    create_if_missing,
    pay,
    token_account,
    unwrap,
    wrap,
)  # fmt: skip
from kernel.errors import VenueRefused
from tests.adapters.solana.desk import mint_bytes

PAIR = Keypair.from_seed(bytes(range(32)))
US, TIP = PAIR.pubkey(), Pubkey.from_bytes(bytes([8] * 32))
SOL = 10**9
RENT = 2_039_280


@pytest.fixture
def svm() -> LiteSVM:
    made = LiteSVM()
    made.airdrop(US, 10 * SOL)
    made.airdrop(TIP, SOL)
    made.set_account(SOL_MINT, Account(lamports=SOL, data=mint_bytes(9), owner=TOKEN))  # it does not come with one
    return made


def run(svm: LiteSVM, *instructions: Instruction, budget: Budget = Budget(200_000, 0)) -> object:  # noqa: B008
    message = compile_message(US, instructions, str(svm.latest_blockhash()), budget)
    done = svm.send_transaction(VersionedTransaction(message, [PAIR]))
    svm.expire_blockhash()
    return done


def lamports(svm: LiteSVM, who: Pubkey) -> int:
    found = svm.get_account(who)
    return 0 if found is None else found.lamports


def test_sol_is_wrapped_inside_and_comes_back_with_its_rent(svm: LiteSVM) -> None:
    account = token_account(US, SOL_MINT, TOKEN)
    run(svm, *wrap(US, 2 * SOL))
    found = svm.get_account(account)
    assert found is not None and found.lamports == 2 * SOL + RENT
    assert struct.unpack_from("<Q", found.data, 64)[0] == 2 * SOL
    run(svm, *wrap(US, SOL), unwrap(US), pay(US, TIP, 12_345))
    assert lamports(svm, account) == 0 and lamports(svm, TIP) == SOL + 12_345
    assert lamports(svm, US) == 10 * SOL - 2 * 5_000 - 12_345


@pytest.mark.parametrize("program", [TOKEN_PROGRAM, TOKEN_2022_PROGRAM])
def test_an_account_is_made_once_under_the_mints_own_program_and_closed(program: str, svm: LiteSVM) -> None:
    mint, owner = Pubkey.from_bytes(bytes([9] * 32)), Pubkey.from_string(program)
    svm.set_account(mint, Account(lamports=10**8, data=mint_bytes(6), owner=owner))
    account = token_account(US, mint, owner)
    assert account == get_associated_token_address(US, mint, owner)
    for _ in range(2):
        run(svm, create_if_missing(US, mint, owner))
        found = svm.get_account(account)
        assert found is not None and found.owner == owner and bytes(found.data[32:64]) == bytes(US)
    run(svm, close(US, account, owner))
    assert lamports(svm, account) == 0 and lamports(svm, US) == 10 * SOL - 3 * 5_000


def test_the_budget_is_what_the_runtime_charges(svm: LiteSVM) -> None:
    run(svm, pay(US, TIP, 1), budget=Budget(50_000, 700_001))
    assert lamports(svm, US) == 10 * SOL - 1 - 5_000 - 35_001


def test_an_unsigned_draft_can_be_simulated(svm: LiteSVM) -> None:
    message = compile_message(US, wrap(US, SOL), str(svm.latest_blockhash()), Budget())
    free = LiteSVM().with_sigverify(False)
    free.airdrop(US, 10 * SOL)
    told = free.simulate_transaction(VersionedTransaction.from_bytes(unsigned(message)))
    assert type(told).__name__ in ("SimulatedTransactionInfo", "FailedTransactionMetadata")
    assert len(unsigned(message)) == 65 + len(bytes(message)) + 1


def test_what_does_not_fit_into_a_packet_is_refused() -> None:
    with pytest.raises(VenueRefused, match="too_large"):
        compile_message(US, [Instruction(TIP, bytes(1_200), [])], str(Keypair().pubkey()), Budget())
