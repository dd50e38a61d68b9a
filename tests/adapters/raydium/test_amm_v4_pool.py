import pytest

from adapters.raydium.addresses import AMM_V4, AMM_V4_AUTHORITY, TOKEN_PROGRAM
from adapters.raydium.amm_v4_pool import AmmV4Pool
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.pool_parts.constant_product import RaydiumAmmV4State, VaultBalance
from kernel.amm.raydium_amm_v4_builder import RaydiumAmmV4Builder
from tests.adapters.raydium.accounts import (
    POOL,
    TOKEN_ACCOUNTS,
    TOKEN_PROGRAMS,
    WALLET,
    amm_v4_state,
    key,
    token_account,
)

OWNER = str(AMM_V4)


def _tracked() -> AmmV4Pool:
    return AmmV4Pool.from_account(str(POOL), OWNER, amm_v4_state().encode())


def test_a_pool_is_quoted_from_the_bytes_of_its_accounts() -> None:
    pool: TrackedPool = _tracked()
    assert pool.neighbours() == (str(key(4)), str(key(5)))
    builder = RaydiumAmmV4Builder()
    for address, owner, data in (
        (str(POOL), OWNER, amm_v4_state().encode()),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(2), 10**9 + 3)),
        (str(key(5)), str(TOKEN_PROGRAM), token_account(key(3), 2 * 10**9 + 5)),
    ):
        for part in pool.update(address, owner, data, 1):
            builder.add(part)
    quoted = builder.pool()
    assert quoted is not None and quoted.reserves == (10**9, 2 * 10**9)
    assert quoted.quote_in(True, 1_000_000, 1).amount_out == 1_993_011


def test_accounts_give_their_parts() -> None:
    pool = _tracked()
    state = amm_v4_state(status=7, pool_open_time_s=9)
    assert pool.update(str(POOL), OWNER, state.encode(), 1) == (RaydiumAmmV4State(7, 9, 25, 10_000, 3, 5),)
    frozen = token_account(key(3), 5, state=2)
    assert pool.update(str(key(5)), str(TOKEN_PROGRAM), frozen, 1) == (VaultBalance(False, 0),)
    assert pool.missing(str(key(4))) == (VaultBalance(True, 0),)
    assert pool.missing(str(key(1))) == pool.update(str(key(99)), OWNER, b"", 1) == ()


@pytest.mark.parametrize(
    ("address", "owner", "data"),
    [
        (str(POOL), str(key(8)), amm_v4_state().encode()),
        (str(POOL), OWNER, amm_v4_state().encode()[1:]),
        (str(POOL), OWNER, amm_v4_state(status=8).encode()),
        (str(POOL), OWNER, amm_v4_state(swap_fee_denominator=25).encode()),
        (str(POOL), OWNER, amm_v4_state(mint_a=key(8)).encode()),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(3), 5)),
    ],
)
def test_what_is_not_this_pools_account_is_refused(address: str, owner: str, data: bytes) -> None:
    with pytest.raises(UnknownLayout):
        _tracked().update(address, owner, data, 1)


def test_the_swap_is_the_programs_instruction_without_market_accounts() -> None:
    swap = _tracked().swap(WALLET, False, 1_000, 900, TOKEN_ACCOUNTS, TOKEN_PROGRAMS)
    assert bytes(swap.data) == b"\x10" + (1_000).to_bytes(8, "little") + (900).to_bytes(8, "little")
    assert swap.program_id == AMM_V4
    assert [(each.pubkey, each.is_signer, each.is_writable) for each in swap.accounts] == [
        (TOKEN_PROGRAM, False, False),
        (POOL, False, True),
        (AMM_V4_AUTHORITY, False, False),
        (key(4), False, True),
        (key(5), False, True),
        (TOKEN_ACCOUNTS[1], False, True),
        (TOKEN_ACCOUNTS[0], False, True),
        (WALLET, True, False),
    ]
