"""A Whirlpool from the bytes of its accounts: what it watches, what it believes, how it swaps."""

from typing import Any

import msgspec
import pytest
from solders.pubkey import Pubkey

from adapters.orca.accounts import (
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    DynamicTickArray,
    Oracle,
    RewardInfo,
    Tick,
    TickArray,
    Whirlpool,
    encode,
)
from adapters.orca.addresses import WHIRLPOOL_PROGRAM, oracle_address, tick_array_address
from adapters.orca.pool import ADDRESSES_KEPT_MAX, MEMO_PROGRAM, OrcaPool
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray
from kernel.amm.whirlpool_builder import WhirlpoolBuilder
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick

ADDRESS = Pubkey.from_string("HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ")
OWNER = str(WHIRLPOOL_PROGRAM)
SIZE = 88 * 64
NOW_S = 1_770_000_000
MINT_A, MINT_B, VAULT_A, VAULT_B, WALLET, MINE_A, MINE_B, TOKEN, TOKEN_2022 = (
    Pubkey.from_bytes(bytes([number]) * 32) for number in range(1, 10)
)
TICK = Tick(-(10**9), 10**9, 1, 2, (3, 4, 5))


def account(tick: int = 0, *, tier: int = 64, **changes: Any) -> bytes:
    """The pool's own account."""
    reward = RewardInfo(Pubkey.default(), Pubkey.default(), bytes(32), 0, 0)
    pool = Whirlpool(
        Pubkey.default(), b"\xff", 64, tier.to_bytes(2, "little"), 3_000, 1_300, 10**9, sqrt_price_at_tick(tick), tick,
        0, 0, MINT_A, VAULT_A, 0, MINT_B, VAULT_B, 0, 0, (reward,) * 3,
    )  # fmt: skip
    return encode(msgspec.structs.replace(pool, **changes))


def pool_of(tick: int = 0, *, tier: int = 64) -> OrcaPool:
    """A tracked pool at a tick."""
    return OrcaPool(str(ADDRESS), OWNER, account(tick, tier=tier))


def dynamic(start: int, number: int, pool: Pubkey = ADDRESS) -> bytes:
    """A dynamic tick array with one initialised tick."""
    ticks = tuple(TICK if each == number else None for each in range(88))
    return encode(DynamicTickArray(start, pool, 1 << number, ticks))


def oracle(pool: Pubkey = ADDRESS, group: int = 64) -> bytes:
    """An oracle account."""
    return encode(
        Oracle(
            pool,
            0,
            AdaptiveFeeConstants(30, 600, 5_000, 4_000, 350_000, group, 64, bytes(16)),
            AdaptiveFeeVariables(NOW_S, NOW_S, 7, 0, 70, bytes(16)),
            bytes(128),
        )
    )


def test_it_is_a_tracked_pool() -> None:
    pool: TrackedPool = pool_of()
    assert (pool.address, pool.family, pool.program) == (str(ADDRESS), "whirlpool", OWNER)
    assert pool.mints == (str(MINT_A), str(MINT_B))


def test_it_watches_three_arrays_on_each_side_and_an_oracle_only_where_the_fee_adapts() -> None:
    starts = [0, -SIZE, SIZE, -2 * SIZE, 2 * SIZE, -3 * SIZE, 3 * SIZE]
    arrays = {str(tick_array_address(ADDRESS, start)) for start in starts}
    assert set(pool_of().neighbours()) == arrays
    assert pool_of().neighbours()[0] == str(tick_array_address(ADDRESS, 0))
    assert set(pool_of(tier=1_024).neighbours()) == {*arrays, str(oracle_address(ADDRESS))}


def test_at_the_end_of_the_scale_it_watches_what_can_exist() -> None:
    assert len(pool_of(443_000).neighbours()) == 4


def test_its_accounts_become_a_pool_that_quotes() -> None:
    pool, builder = pool_of(tier=1_024), WhirlpoolBuilder()
    pool.neighbours()
    parts = [
        *pool.update(str(ADDRESS), OWNER, account(tier=1_024), 10),
        *pool.update(str(tick_array_address(ADDRESS, 0)), OWNER, dynamic(0, 5), 10),
        *pool.update(str(oracle_address(ADDRESS)), OWNER, oracle(), 10),
        *pool.missing(str(tick_array_address(ADDRESS, -SIZE))),
    ]
    assert parts == [
        WhirlpoolState(64, 1_024, 3_000, 1_300, 10**9, 1 << 64, 0),
        WhirlpoolTickArray(0, ((320, -(10**9)),)),
        WhirlpoolOracle(0, 30, 600, 5_000, 4_000, 350_000, 64, 64, NOW_S, NOW_S, 7, 0, 70),
        WhirlpoolTickArray(-SIZE, ()),
    ]
    for part in (*parts, TokenFee(True, 0, 0), TokenFee(False, 0, 0)):
        builder.add(part)
    built = builder.pool()
    assert built is not None
    assert built.quote_in(False, 1_000, NOW_S).amount_out > 980


def test_a_fixed_array_is_read_too() -> None:
    pool = pool_of()
    address = next(each for each in pool.neighbours() if each == str(tick_array_address(ADDRESS, -SIZE)))
    ticks = tuple((number == 87, TICK) for number in range(88))
    data = encode(TickArray(-SIZE, ticks, ADDRESS))
    assert pool.update(address, OWNER, data, 1) == (WhirlpoolTickArray(-SIZE, ((-64, -(10**9)),)),)


def test_an_older_slot_changes_nothing() -> None:
    pool = pool_of()
    assert pool.update(str(ADDRESS), OWNER, account(10), 5)
    assert pool.update(str(ADDRESS), OWNER, account(20), 4) == ()
    assert pool.update(str(ADDRESS), OWNER, account(20), 5)


def test_accounts_of_others_are_no_business_of_the_pool() -> None:
    pool = pool_of()
    assert pool.update(str(MINT_A), OWNER, b"", 1) == ()
    assert pool.update(str(oracle_address(ADDRESS)), OWNER, oracle(), 1) == ()
    assert pool.missing(str(oracle_address(ADDRESS))) == ()
    assert pool.missing(str(ADDRESS)) == ()


@pytest.mark.parametrize(
    ("owner", "data"),
    [
        (str(TOKEN), account()),
        (OWNER, account()[:-1]),
        (OWNER, account(tick_spacing=0)),
        (OWNER, account(sqrt_price=1)),
        (OWNER, account(tick_current_index=1 << 30)),
        (OWNER, account(tick_spacing=128)),
        (OWNER, account(token_mint_a=MINT_B)),
        (OWNER, account(token_vault_b=MINT_B)),
        (OWNER, dynamic(0, 0)),
    ],
)
def test_a_pool_account_that_cannot_be_is_an_unknown_layout(owner: str, data: bytes) -> None:
    pool = pool_of()
    with pytest.raises(UnknownLayout):
        pool.update(str(ADDRESS), owner, data, 1)
    assert pool.update(str(ADDRESS), OWNER, account(), 1)


@pytest.mark.parametrize(
    ("owner", "data"),
    [
        (str(TOKEN), dynamic(0, 5)),
        (OWNER, dynamic(SIZE, 5)),
        (OWNER, dynamic(0, 5, MINT_A)),
        (OWNER, account()),
        (OWNER, b""),
    ],
)
def test_a_tick_array_that_is_not_the_expected_one_is_an_unknown_layout(owner: str, data: bytes) -> None:
    pool = pool_of()
    pool.neighbours()
    with pytest.raises(UnknownLayout):
        pool.update(str(tick_array_address(ADDRESS, 0)), owner, data, 1)


@pytest.mark.parametrize(("owner", "data"), [(str(TOKEN), oracle()), (OWNER, oracle(MINT_A)), (OWNER, oracle(group=0))])
def test_an_oracle_that_is_not_the_pools_is_an_unknown_layout(owner: str, data: bytes) -> None:
    with pytest.raises(UnknownLayout):
        pool_of(tier=1_024).update(str(oracle_address(ADDRESS)), owner, data, 1)


def test_a_swap_names_the_programs_accounts_in_its_order() -> None:
    swap = pool_of().swap(WALLET, True, 1_000, 990, (MINE_A, MINE_B), (TOKEN, TOKEN_2022))
    arrays = [tick_array_address(ADDRESS, start) for start in (0, -SIZE, -2 * SIZE)]
    expected = [
        (TOKEN, ""), (TOKEN_2022, ""), (MEMO_PROGRAM, ""), (WALLET, "s"), (ADDRESS, "w"), (MINT_A, ""), (MINT_B, ""),
        (MINE_A, "w"), (VAULT_A, "w"), (MINE_B, "w"), (VAULT_B, "w"), *((each, "w") for each in arrays),
        (oracle_address(ADDRESS), "w"), (tick_array_address(ADDRESS, SIZE), "w"),
    ]  # fmt: skip
    found = [(each.pubkey, "s" * each.is_signer + "w" * each.is_writable) for each in swap.accounts]
    assert swap.program_id == WHIRLPOOL_PROGRAM
    assert found == expected
    amounts = (1_000).to_bytes(8, "little") + (990).to_bytes(8, "little")
    assert swap.data == bytes.fromhex("2b04ed0b1ac91e62") + amounts + bytes(16) + b"\1\1\1" + b"\1\0\0\0\6\1"


def test_upwards_the_arrays_begin_where_the_search_does_and_the_spare_lies_below() -> None:
    swap = pool_of(SIZE - 64).swap(WALLET, False, 1, 0, (MINE_A, MINE_B), (TOKEN, TOKEN))
    named = [each.pubkey for each in swap.accounts[11:14]] + [swap.accounts[15].pubkey]
    assert named == [tick_array_address(ADDRESS, start) for start in (SIZE, 2 * SIZE, 3 * SIZE, 0)]
    assert swap.data[41] == 0


def test_at_the_end_of_the_scale_the_last_array_fills_the_places() -> None:
    swap = pool_of(443_600).swap(WALLET, False, 1, 0, (MINE_A, MINE_B), (TOKEN, TOKEN))
    assert len({each.pubkey for each in swap.accounts[11:14]}) == 1
    assert len(swap.accounts) == 16


@pytest.mark.parametrize(("amount_in", "amount_out_min"), [(0, 0), (1 << 64, 0), (1, -1), (1, 1 << 64)])
def test_amounts_that_are_no_u64_make_no_swap(amount_in: int, amount_out_min: int) -> None:
    with pytest.raises(ValueError, match="u64"):
        pool_of().swap(WALLET, True, amount_in, amount_out_min, (MINE_A, MINE_B), (TOKEN, TOKEN))


def test_a_pool_that_wanders_far_remembers_what_is_near() -> None:
    narrow: dict[str, Any] = {"tick_spacing": 1, "fee_tier_index_seed": b"\1\0"}
    pool = OrcaPool(str(ADDRESS), OWNER, account(**narrow))
    for tick in range(0, 88 * (ADDRESSES_KEPT_MAX + 20), 88):
        pool.update(str(ADDRESS), OWNER, account(tick, **narrow), 1)
        assert pool.missing(pool.neighbours()[0]) == (WhirlpoolTickArray(tick, ()),)
    assert len(pool._arrays) == len(pool._starts) <= ADDRESSES_KEPT_MAX
    assert 0 not in pool._arrays
