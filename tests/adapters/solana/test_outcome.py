"""What a transaction did, whatever went through our accounts: fee, tip, rent and swap always add up."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.solana.fills import HopAmounts, hop_amounts
from adapters.solana.mints import WRAPPED_SOL
from adapters.solana.outcome import Outcome, outcome_of
from adapters.solana.pending_transactions import HopPlan
from adapters.solana.rpc_answers import ConfirmedTransaction
from kernel.errors import BadWire

WALLET, OURS, WRAPPED, TIP, POOL, NEW = ("W" * 40, "U" * 40, "S" * 40, "T" * 40, "P" * 40, "N" * 40)
MINT, RENT = "M" * 40, 2_039_280
BEFORE = (10**10, RENT, 0, 5, 7, 0)
KEYS = [WALLET, OURS, WRAPPED, TIP, POOL, NEW]


def transaction(**changes: Any) -> dict[str, Any]:
    return {
        "slot": 9, "blockTime": 100,
        "transaction": {"signatures": ["sig"], "message": {"accountKeys": [{"pubkey": each} for each in KEYS]}},
        "meta": {
            "err": None, "fee": 5_000, "preBalances": list(BEFORE), "postBalances": list(BEFORE),
            "preTokenBalances": [], "postTokenBalances": [], "logMessages": None,
        } | changes,
    }  # fmt: skip


def outcome(value: dict[str, Any], signature: str = "sig") -> Outcome:
    return outcome_of(msgspec.convert(value, ConfirmedTransaction), WALLET, [OURS, WRAPPED], TIP, signature)


def tokens(place: int, mint: str, amount: int, owner: str | None = None) -> dict[str, Any]:
    found = {"accountIndex": place, "mint": mint, "uiTokenAmount": {"amount": str(amount), "decimals": 6}}
    return found if owner is None else found | {"owner": owner}


@given(
    swapped=st.integers(-(10**9), 10**9), usdc=st.integers(-(10**6), 10**6), fee=st.integers(5_000, 10**6),
    tip=st.integers(0, 10**6), makes_usdc=st.booleans(), keeps=st.integers(0, 10**6),
    made=st.sampled_from([0, 890_880]),
)  # fmt: skip
def test_fee_tip_rent_and_swap_add_up_however_sol_is_held(
    swapped: int, usdc: int, fee: int, tip: int, makes_usdc: bool, keeps: int, made: int
) -> None:
    """`keeps` stays wrapped; `made` is the rent of somebody's new account that we paid."""
    rent = (RENT if makes_usdc else 0) + (RENT if keeps else 0)
    wallet = 10**10 + swapped - fee - tip - rent - keeps - made
    found = outcome(
        transaction(
            fee=fee, preBalances=[10**10, 0 if makes_usdc else RENT, 0, 5, 7, 0],
            postBalances=[wallet, RENT, RENT + keeps if keeps else 0, 5 + tip, 7, made],
            preTokenBalances=[tokens(1, MINT, 10**7), tokens(4, MINT, 3, POOL)],
            postTokenBalances=[
                tokens(1, MINT, 10**7 + usdc), tokens(4, MINT, 99, POOL),
                *([tokens(2, WRAPPED_SOL, keeps, WALLET)] if keeps else []),
            ],
        )
    )  # fmt: skip
    assert (found.fee_lamports, found.tip_lamports, found.rent_lamports) == (fee, tip, rent + made)
    assert found.deltas == {key: each for key, each in ((MINT, usdc), (WRAPPED_SOL, swapped)) if each}


def test_a_failed_transaction_moved_nothing_but_its_fee() -> None:
    found = outcome(transaction(err={"InstructionError": [0, "X"]}, postBalances=[10**10 - 5_000, RENT, 0, 5, 7, 0]))
    assert (found.fee_lamports, found.tip_lamports, found.rent_lamports, found.deltas) == (5_000, 0, 0, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"preBalances": [1]}, {"postBalances": []}, {"postTokenBalances": [tokens(6, MINT, 1, WALLET)]},
        {"preTokenBalances": [tokens(200, MINT, 1)]},
    ],
)  # fmt: skip
def test_balances_that_contradict_themselves_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadWire):
        outcome(transaction(**changes))


def test_somebody_elses_transaction_is_refused() -> None:
    with pytest.raises(BadWire, match="expected other"):
        outcome(transaction(), "other")
    value = transaction()
    value["transaction"]["message"]["accountKeys"][0] = {"pubkey": POOL}
    with pytest.raises(BadWire, match="to pay"):
        outcome(value)


def hop(mint_in: str, mint_out: str, amount_in: int) -> HopPlan:
    return HopPlan(
        pool=f"x:{mint_in}{mint_out}", is_first_in=True, mint_in=mint_in, mint_out=mint_out, amount_in=amount_in
    )


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), min_size=1, max_size=6), st.booleans())
def test_what_each_pool_gave_is_found_from_the_wallets_changes(pools: list[tuple[int, int]], is_cycle: bool) -> None:
    """Each hop takes what it was offered and gives (next offer + left over); the wallet sees only the sums."""
    count = len(pools)
    names = [str(each) for each in range(count)] + ["0" if is_cycle and count > 1 else str(count)]
    hops = [hop(names[at], names[at + 1], offered) for at, (offered, _) in enumerate(pools)]
    given_out = [
        left + (pools[at + 1][0] if at + 1 < count else 1) for at, (_, left) in enumerate(pools)
    ]  # fmt: skip
    deltas: dict[str, int] = {}
    for each, out in zip(hops, given_out, strict=True):
        deltas[each.mint_in] = deltas.get(each.mint_in, 0) - each.amount_in
        deltas[each.mint_out] = deltas.get(each.mint_out, 0) + out
    assert hop_amounts(hops, deltas) == [
        HopAmounts(each.amount_in, out) for each, out in zip(hops, given_out, strict=True)
    ]


def test_amounts_that_cannot_come_from_the_route_are_no_fill() -> None:
    for deltas in ({}, {"A": -5}, {"B": 5}, {"A": 5, "B": 5}, {"A": -5, "B": -5}):
        with pytest.raises(BadWire):
            hop_amounts([hop("A", "B", 5)], deltas)
