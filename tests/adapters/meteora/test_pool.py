"""One tracked DLMM pair: what it watches, what its bytes mean, what it refuses, its swap."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from adapters.meteora import addresses
from adapters.meteora.pool import ADDRESSES_KEPT, MeteoraPool
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.pool_parts.dlmm import DlmmBin, DlmmBinArray, DlmmFarArrays, DlmmPair, DlmmReserve
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.errors import PoolRefused
from tests.adapters.meteora.accounts import (
    EMPTY,
    LB,
    MINT_X,
    MINT_Y,
    NO_REWARD,
    PAIR,
    UPDATED_S,
    bin_array,
    bitmap,
    extension,
    lb_pair,
    lb_with,
    token_account,
)

PROGRAM = addresses.PROGRAM
ARRAYS = {index: addresses.bin_array(PAIR, index) for index in range(-4, 5)}
FAR = addresses.bitmap_extension(PAIR)
WALLET, ATA_X, ATA_Y, TOKEN, TOKEN_2022 = (Pubkey.from_bytes(bytes([at]) * 32) for at in range(20, 25))


def tracked(data: bytes | None = None, slot: int = 1, **how: Any) -> MeteoraPool:
    return MeteoraPool(PAIR, PROGRAM, lb_pair() if data is None else data, slot, **how)


def part(data: bytes, slot: int = 1) -> DlmmPair:
    (found,) = tracked(data, slot).update(PAIR, PROGRAM, data, slot)
    assert isinstance(found, DlmmPair)
    return found


def test_it_is_a_tracked_pool_of_the_dlmm_family() -> None:
    pool: TrackedPool = tracked()
    assert (pool.family, pool.program, pool.mints) == ("dlmm", PROGRAM, (MINT_X, MINT_Y))


def test_it_watches_the_nearest_arrays_that_the_bitmap_names() -> None:
    data = lb_pair(bin_array_bitmap=bitmap(-300, -4, -3, -1, 0, 2, 3, 4), active_id=3)
    assert tracked(data).neighbours() == (*(ARRAYS[at] for at in (0, -1, -3, 2, 3)), FAR)


def test_a_price_that_moves_moves_what_is_watched() -> None:
    pool = tracked()
    pool.neighbours()
    pool.update(PAIR, PROGRAM, lb_pair(active_id=150), 2)
    assert pool.neighbours() == (ARRAYS[2], ARRAYS[0], ARRAYS[-1], FAR)


def test_far_arrays_join_the_near_ones() -> None:
    pool = tracked(lb_pair(active_id=511 * 70, bin_array_bitmap=bitmap(511)))
    assert pool.update(FAR, PROGRAM, extension(512, -600), 1) == (DlmmFarArrays((-600, 512)),)
    expected = (addresses.bin_array(PAIR, at) for at in (511, -600, 512))
    assert pool.neighbours() == (*expected, FAR)


def test_bins_that_hold_anything_become_a_part() -> None:
    pool = tracked()
    pool.neighbours()
    order = replace(EMPTY, open_order_amount=6, processed_order_remaining_amount=5, limit_order_ask_side=1)
    data = bin_array(0, {0: replace(EMPTY, amount_y=9), 5: order, 69: replace(EMPTY, amount_x=1)})
    expected = (DlmmBin(0, 0, 9), DlmmBin(5, 0, 0, 5, 6, True), DlmmBin(69, 1, 0))
    assert pool.update(ARRAYS[0], PROGRAM, data, 1) == (DlmmBinArray(0, expected),)


def test_accounts_in_make_an_exact_quote() -> None:
    pool, builder = tracked(), DlmmBuilder()
    pool.neighbours()
    updates = [
        pool.update(PAIR, PROGRAM, lb_pair(), 1),
        pool.update(ARRAYS[0], PROGRAM, bin_array(0, {3: replace(EMPTY, amount_y=10_000)}), 1),
        pool.update(ARRAYS[-1], PROGRAM, bin_array(-1, {-1: replace(EMPTY, amount_y=10_000)}), 1),
        pool.missing(FAR),
    ]
    for parts in updates:
        for each in parts:
            builder.add(each)
    quoted = builder.pool()
    assert quoted is not None
    #: bin 3 costs 9971 and 11 of fee for 10000; of the 2018 left 3 are fee, the rest buys 0.999 each in bin -1
    assert quoted.quote_in(True, 12_000, UPDATED_S + 10) == (12_000, 12_012, 14)


def test_reserves_are_understood_when_given() -> None:
    pool = tracked()
    data = token_account(MINT_Y, PAIR, 77)
    assert pool.update(LB.reserve_y, str(TOKEN), data, 1) == (DlmmReserve(False, 77),)
    for wrong in (token_account(MINT_X, PAIR, 77), token_account(MINT_Y, MINT_Y, 77), data[:164]):
        with pytest.raises(UnknownLayout, match="reserve"):
            pool.update(LB.reserve_y, str(TOKEN), wrong, 1)


def test_other_accounts_say_nothing() -> None:
    pool = tracked()
    assert pool.update(MINT_X, PROGRAM, b"", 1) == ()
    assert pool.missing(PAIR) == pool.missing(ARRAYS[0]) == ()
    assert pool.missing(FAR) == (DlmmFarArrays(()),)


def test_a_pair_that_opens_later_is_closed_until_then() -> None:
    by_slot = lb_pair(pair_type=2, activation_type=0, activation_point=10)
    assert [part(by_slot, slot).is_enabled for slot in (9, 10)] == [False, True]
    by_time = part(lb_pair(pair_type=1, activation_type=1, activation_point=10))
    assert (by_time.is_enabled, by_time.opens_at_s) == (True, 10)
    assert part(lb_pair(pair_type=3, activation_type=1, activation_point=10)).opens_at_s == 0
    assert not part(lb_pair(status=1)).is_enabled


@pytest.mark.parametrize(("function_type", "has_reward", "expected"), [(0, 0, 1), (0, 1, 0), (1, 0, 0), (2, 1, 1)])
def test_what_a_pair_is_for_says_whether_it_takes_orders(function_type: int, has_reward: int, expected: int) -> None:
    parameters = replace(LB.parameters, function_type=function_type)
    reward = replace(NO_REWARD, mint=MINT_X) if has_reward else NO_REWARD
    assert part(lb_pair(parameters=parameters, reward_infos=(NO_REWARD, reward))).has_limit_orders == bool(expected)


@pytest.mark.parametrize(
    "data",
    [
        lb_pair(status=2),
        lb_pair(pair_type=4),
        lb_pair(activation_type=2),
        lb_with(function_type=3),
        lb_with(collect_fee_mode=2),
        lb_with(reduction_factor=10_001),
        lb_pair(token_mint_x_program_flag=2),
        lb_pair(bin_step=0),
        lb_pair()[:-1],
    ],
)
def test_a_pair_that_this_code_does_not_know_is_an_unknown_layout(data: bytes) -> None:
    with pytest.raises(UnknownLayout):
        tracked(data)


@pytest.mark.parametrize(
    ("address", "owner", "data"),
    [
        (PAIR, str(TOKEN), lb_pair()),
        (PAIR, PROGRAM, lb_pair(token_x_mint=MINT_Y)),
        (PAIR, PROGRAM, lb_pair(bin_step=20)),
        (ARRAYS[0], str(TOKEN), bin_array(0, {})),
        (ARRAYS[0], PROGRAM, bin_array(-1, {})),
        (ARRAYS[0], PROGRAM, bin_array(0, {}, pair=MINT_X)),
        (ARRAYS[0], PROGRAM, bin_array(0, {1: replace(EMPTY, amount_x=1, price=1 << 64)})),
        (ARRAYS[0], PROGRAM, bin_array(0, {1: replace(EMPTY, amount_x=1, limit_order_ask_side=2)})),
        (FAR, str(TOKEN), extension()),
        (FAR, PROGRAM, extension(pair=MINT_X)),
    ],
)
def test_an_account_that_is_not_what_its_place_says_is_refused(address: str, owner: str, data: bytes) -> None:
    pool = tracked()
    pool.neighbours()
    with pytest.raises(UnknownLayout):
        pool.update(address, owner, data, 1)


@given(st.randoms(use_true_random=False), st.sampled_from([(PAIR, lb_pair()), (ARRAYS[0], bin_array(0, {}))]))
def test_spoilt_bytes_are_a_part_or_an_unknown_layout(seed: Any, account: tuple[str, bytes]) -> None:
    address, data = account
    pool, builder = tracked(), DlmmBuilder()
    pool.neighbours()
    spoilt = bytearray(data)
    for _ in range(seed.randrange(1, 9)):
        spoilt[seed.randrange(len(spoilt))] = seed.randrange(256)
    try:
        (found,) = pool.update(address, PROGRAM, bytes(spoilt), 1)
    except UnknownLayout:
        return
    builder.add(found)


def test_addresses_of_arrays_are_kept_up_to_a_limit() -> None:
    pool = tracked()
    for index in range(ADDRESSES_KEPT + 1):
        pool.array_address(index)
    assert pool.update(ARRAYS[0], PROGRAM, bin_array(0, {}), 1) == ()
    assert pool.update(ARRAYS[1], PROGRAM, bin_array(1, {}), 1) == (DlmmBinArray(1, ()),)


def test_a_swap_names_its_accounts_in_the_programs_order() -> None:
    swap = tracked().swap(WALLET, False, 1_000, 990, (ATA_X, ATA_Y), (TOKEN, TOKEN_2022))
    expected = [
        PAIR,
        PROGRAM,
        LB.reserve_x,
        LB.reserve_y,
        str(ATA_Y),
        str(ATA_X),
        MINT_X,
        MINT_Y,
        LB.oracle,
        PROGRAM,
        str(WALLET),
        str(TOKEN),
        str(TOKEN_2022),
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        addresses.event_authority(),
        PROGRAM,
        ARRAYS[0],
        ARRAYS[2],
    ]
    assert [str(meta.pubkey) for meta in swap.accounts] == expected
    assert str(swap.program_id) == PROGRAM
    assert [at for at, meta in enumerate(swap.accounts) if meta.is_writable] == [0, 2, 3, 4, 5, 8, 16, 17]
    assert [at for at, meta in enumerate(swap.accounts) if meta.is_signer] == [10]
    amounts = (1_000).to_bytes(8, "little") + (990).to_bytes(8, "little")
    assert bytes(swap.data) == hashlib.sha256(b"global:swap2").digest()[:8] + amounts + bytes(4)


def test_hooks_and_the_far_bitmap_join_a_swap() -> None:
    hook = AccountMeta(Pubkey.from_string(MINT_Y), False, False)
    pool = tracked(hooks=((), (hook, hook)))
    pool.update(FAR, PROGRAM, extension(), 1)
    swap = pool.swap(WALLET, True, 1_000, 990, (ATA_X, ATA_Y), (TOKEN, TOKEN_2022))
    assert str(swap.accounts[1].pubkey) == FAR
    assert list(swap.accounts[16:18]) == [hook, hook]
    assert [str(meta.pubkey) for meta in swap.accounts[18:]] == [ARRAYS[0], ARRAYS[-1]]
    assert bytes(swap.data)[24:] == (1).to_bytes(4, "little") + bytes([1, 2])


def test_a_swap_that_cannot_be_is_not_made() -> None:
    ask = ((ATA_X, ATA_Y), (TOKEN, TOKEN))
    for amount_in, amount_out_min in ((0, 0), (1 << 64, 0), (1, -1)):
        with pytest.raises(PoolRefused, match="amount_out_of_range"):
            tracked().swap(WALLET, True, amount_in, amount_out_min, *ask)
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        tracked(lb_pair(bin_array_bitmap=bitmap(2))).swap(WALLET, True, 1, 0, *ask)
