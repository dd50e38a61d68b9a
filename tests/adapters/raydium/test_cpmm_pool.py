import hashlib

import pytest

from adapters.raydium.addresses import CPMM, CPMM_AUTHORITY, TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from adapters.raydium.cpmm_pool import CpmmPool
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from kernel.amm.raydium_cpmm_builder import RaydiumCpmmBuilder
from tests.adapters.raydium.accounts import (
    POOL,
    TOKEN_ACCOUNTS,
    TOKEN_PROGRAMS,
    WALLET,
    cpmm_config,
    cpmm_state,
    key,
    token_account,
)

OWNER = str(CPMM)


def _tracked() -> CpmmPool:
    return CpmmPool.from_account(str(POOL), OWNER, cpmm_state().encode())


def test_a_pool_is_quoted_from_the_bytes_of_its_accounts() -> None:
    pool: TrackedPool = _tracked()
    assert pool.neighbours() == (str(key(1)), str(key(4)), str(key(5)))
    builder = RaydiumCpmmBuilder()
    for address, owner, data in (
        (str(POOL), OWNER, cpmm_state().encode()),
        (str(key(1)), OWNER, cpmm_config().encode()),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(2), 10**9 + 7)),
        (str(key(5)), str(TOKEN_2022_PROGRAM), token_account(key(3), 2 * 10**9, tail=b"\2" + bytes(40))),
    ):
        for part in pool.update(address, owner, data, 1):
            builder.add(part)
    quoted = builder.pool()
    assert quoted is not None and quoted.reserves == (10**9, 2 * 10**9)
    assert quoted.quote_in(True, 10**6, 1).amount_out == 1_992_013


def test_accounts_give_their_parts() -> None:
    pool = _tracked()
    state = cpmm_state(status=4, open_time_s=9, creator_fee_on=2)
    assert pool.update(str(POOL), OWNER, state.encode(), 1) == (RaydiumCpmmState(4, 9, 2, True, 7, 0),)
    config = (RaydiumCpmmConfig(2_500, 120_000, 40_000, 500),)
    assert pool.update(str(key(1)), OWNER, cpmm_config().encode(), 1) == config
    frozen = token_account(key(2), 5, state=2)
    assert pool.update(str(key(4)), str(TOKEN_PROGRAM), frozen, 1) == (VaultBalance(True, 0),)
    assert pool.missing(str(key(5))) == (VaultBalance(False, 0),)
    assert pool.missing(str(key(1))) == pool.update(str(key(99)), OWNER, b"", 1) == ()


@pytest.mark.parametrize(
    ("address", "owner", "data"),
    [
        (str(POOL), str(key(8)), cpmm_state().encode()),
        (str(POOL), OWNER, cpmm_state().encode() + b"\0"),
        (str(POOL), OWNER, cpmm_state(creator_fee_on=3).encode()),
        (str(POOL), OWNER, cpmm_state(enable_creator_fee=2).encode()),
        (str(POOL), OWNER, cpmm_state(vault_b=key(8)).encode()),
        (str(key(1)), OWNER, cpmm_config(trade_fee_rate=999_500).encode()),
        (str(key(1)), OWNER, cpmm_config(protocol_fee_rate=960_001).encode()),
        (str(key(1)), str(key(8)), cpmm_config().encode()),
        (str(key(4)), OWNER, token_account(key(2), 5)),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(3), 5)),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(2), 5, state=0)),
        (str(key(4)), str(TOKEN_PROGRAM), token_account(key(2), 5, tail=b"\2" + bytes(9))),
        (str(key(4)), str(TOKEN_2022_PROGRAM), token_account(key(2), 5, tail=b"\1" + bytes(9))),
        (str(key(4)), str(TOKEN_PROGRAM), b""),
    ],
)
def test_what_is_not_this_pools_account_is_refused(address: str, owner: str, data: bytes) -> None:
    with pytest.raises(UnknownLayout):
        _tracked().update(address, owner, data, 1)


def test_the_swap_is_the_programs_instruction() -> None:
    swap = _tracked().swap(WALLET, False, 1_000, 900, TOKEN_ACCOUNTS, TOKEN_PROGRAMS)
    expected = hashlib.sha256(b"global:swap_base_input").digest()[:8]
    assert bytes(swap.data) == expected + (1_000).to_bytes(8, "little") + (900).to_bytes(8, "little")
    assert swap.program_id == CPMM
    assert [(each.pubkey, each.is_signer, each.is_writable) for each in swap.accounts] == [
        (WALLET, True, False),
        (CPMM_AUTHORITY, False, False),
        (key(1), False, False),
        (POOL, False, True),
        (TOKEN_ACCOUNTS[1], False, True),
        (TOKEN_ACCOUNTS[0], False, True),
        (key(5), False, True),
        (key(4), False, True),
        (TOKEN_2022_PROGRAM, False, False),
        (TOKEN_PROGRAM, False, False),
        (key(3), False, False),
        (key(2), False, False),
        (key(6), False, True),
    ]
