import hashlib

import pytest
from msgspec.structs import replace

from adapters.raydium.addresses import CLMM, MEMO_PROGRAM, TOKEN_2022_PROGRAM, extension_address, tick_array_address
from adapters.raydium.clmm_pool import ClmmPool
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmExtension,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.raydium_clmm_builder import RaydiumClmmBuilder
from tests.adapters.raydium.accounts import (
    POOL,
    TOKEN_ACCOUNTS,
    TOKEN_PROGRAMS,
    WALLET,
    clmm_config,
    clmm_extension,
    clmm_state,
    clmm_tick_array,
    key,
)

OWNER = str(CLMM)
EXTENSION = str(extension_address(POOL))


def _array(start: int) -> str:
    return str(tick_array_address(POOL, start))


def _tracked(**changes: object) -> ClmmPool:
    return ClmmPool.from_account(str(POOL), OWNER, clmm_state(**changes).encode())  # type: ignore[arg-type]


def test_a_pool_is_quoted_from_the_bytes_of_its_accounts() -> None:
    pool: TrackedPool = _tracked()
    assert pool.neighbours() == (str(key(1)), EXTENSION, _array(-600), _array(0))
    net = {"liquidity_net": 10**12, "liquidity_gross": 10**12}
    back = {"liquidity_net": -(10**12), "liquidity_gross": 10**12, "orders": 7, "orders_part_filled": 5}
    accounts = {
        str(POOL): clmm_state().encode(),
        str(key(1)): clmm_config().encode(),
        _array(-600): clmm_tick_array(-600, {-600: net}),
        _array(0): clmm_tick_array(0, {100: back}),
    }
    builder = RaydiumClmmBuilder()
    for address, data in accounts.items():
        for part in pool.update(address, OWNER, data, 1):
            builder.add(part)
    for part in pool.missing(EXTENSION):
        builder.add(part)
    quoted = builder.pool()
    assert quoted is not None
    assert quoted.arrays[0].ticks == (RaydiumTick(100, -(10**12), 10**12, 7, 5),)
    assert quoted.quote_in(True, 10**6, 1).amount_out == 997_499


def test_the_pools_own_account_gives_its_state() -> None:
    [part] = _tracked().update(str(POOL), OWNER, clmm_state(status=16, fee_on=2, open_time_s=77).encode(), 1)
    assert part == RaydiumClmmState(10, 10**12, 1 << 64, 0, 16, 2, 77, 3 << 511, None)


def test_a_dynamic_fee_is_there_when_any_of_its_bytes_is_set() -> None:
    changed = clmm_state(dynamic_fee_control=9, index_reference=-4)
    [part] = _tracked().update(str(POOL), OWNER, changed.encode(), 1)
    assert isinstance(part, RaydiumClmmState)
    assert part.dynamic_fee == RaydiumDynamicFee(0, 0, 0, 9, 0, -4, 0, 0, 0)
    [padded] = _tracked().update(str(POOL), OWNER, clmm_state(padding_dynamic=bytes(45) + b"\x01").encode(), 1)
    assert isinstance(padded, RaydiumClmmState)
    assert padded.dynamic_fee == RaydiumDynamicFee(0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_neighbours_give_their_parts() -> None:
    pool = _tracked()
    pool.neighbours()
    assert pool.update(str(key(1)), OWNER, clmm_config().encode(), 1) == (RaydiumClmmConfig(2_500, 120_000, 40_000),)
    found = pool.update(EXTENSION, OWNER, clmm_extension(positive=1 << 3, negative=1 << 511 | 1), 1)
    assert found == (RaydiumClmmExtension((-1024, -513, 515)),)
    assert pool.missing(_array(0)) == (RaydiumClmmTickArray(0, ()),)
    assert pool.missing(EXTENSION) == (RaydiumClmmExtension(()),)
    assert pool.missing(str(key(1))) == ()
    assert pool.update(str(key(99)), OWNER, b"", 1) == pool.missing(str(key(99))) == ()


def test_arrays_of_the_extension_become_neighbours_once_it_is_read() -> None:
    pool = _tracked(numbers=())
    assert pool.neighbours() == (str(key(1)), EXTENSION)
    pool.update(EXTENSION, OWNER, clmm_extension(positive=1), 1)
    assert pool.neighbours() == (str(key(1)), EXTENSION, _array(512 * 600))


def test_a_wide_spacing_needs_no_extension() -> None:
    assert EXTENSION not in _tracked(numbers=(0,), tick_spacing=60).neighbours()


def test_neighbours_follow_the_price() -> None:
    pool = _tracked(numbers=tuple(range(-20, 20)))
    assert _array(12_000 - 600) not in pool.neighbours()
    moved = clmm_state(tuple(range(-20, 20)), tick=10_000, sqrt_price_x64=30_412_779_051_191_548_722)
    pool.update(str(POOL), OWNER, moved.encode(), 2)
    assert {_array(number * 600) for number in range(12, 20)} <= set(pool.neighbours())


NET = {"liquidity_net": 1, "liquidity_gross": 1}


@pytest.mark.parametrize(
    ("address", "owner", "data"),
    [
        (str(POOL), str(key(8)), clmm_state().encode()),
        (str(POOL), OWNER, clmm_state().encode()[:-1]),
        (str(POOL), OWNER, clmm_config().encode()),
        (str(POOL), OWNER, bytes(1544)),
        (str(POOL), OWNER, clmm_state(mint_a=key(9)).encode()),
        (str(POOL), OWNER, clmm_state(tick_spacing=0).encode()),
        (str(POOL), OWNER, clmm_state(sqrt_price_x64=1).encode()),
        (str(POOL), OWNER, clmm_state(tick=500_000).encode()),
        (str(key(1)), OWNER, clmm_config(trade_fee_rate=1_000_000).encode()),
        (str(key(1)), OWNER, clmm_config(protocol_fee_rate=1_000_000).encode()),
        (str(key(1)), str(key(8)), clmm_config().encode()),
        (EXTENSION, OWNER, clmm_extension(pool=key(9))),
        (EXTENSION, str(key(8)), clmm_extension()),
        (_array(0), OWNER, clmm_tick_array(0, {}, pool=key(9))),
        (_array(0), OWNER, clmm_tick_array(600, {})),
        (_array(0), OWNER, clmm_tick_array(0, {0: {**NET, "tick": 10}})),
        (_array(0), str(key(8)), clmm_tick_array(0, {})),
        (_array(0), OWNER, b""),
    ],
)
def test_what_is_not_this_pools_account_is_refused(address: str, owner: str, data: bytes) -> None:
    pool = _tracked()
    pool.neighbours()
    with pytest.raises(UnknownLayout):
        pool.update(address, owner, data, 1)


def test_the_swap_is_the_programs_instruction() -> None:
    pool = _tracked(numbers=(-3, -1, 0, 5))
    pool.update(EXTENSION, OWNER, clmm_extension(), 1)
    swap = pool.swap(WALLET, False, 1_000, 900, TOKEN_ACCOUNTS, TOKEN_PROGRAMS)
    expected = hashlib.sha256(b"global:swap_v2").digest()[:8]
    assert (
        bytes(swap.data) == expected + (1_000).to_bytes(8, "little") + (900).to_bytes(8, "little") + bytes(16) + b"\1"
    )
    assert swap.program_id == CLMM
    assert [(each.pubkey, each.is_signer, each.is_writable) for each in swap.accounts] == [
        (WALLET, True, False),
        (key(1), False, False),
        (POOL, False, True),
        (TOKEN_ACCOUNTS[1], False, True),
        (TOKEN_ACCOUNTS[0], False, True),
        (key(5), False, True),
        (key(4), False, True),
        (key(6), False, True),
        (TOKEN_PROGRAMS[0], False, False),
        (TOKEN_2022_PROGRAM, False, False),
        (MEMO_PROGRAM, False, False),
        (key(3), False, False),
        (key(2), False, False),
        (extension_address(POOL), False, True),
        (tick_array_address(POOL, 0), False, True),
        (tick_array_address(POOL, 3_000), False, True),
    ]


def test_a_swap_passes_no_extension_that_does_not_exist() -> None:
    pool = _tracked()
    pool.missing(EXTENSION)
    swap = pool.swap(WALLET, True, 1, 1, TOKEN_ACCOUNTS, TOKEN_PROGRAMS)
    assert [each.pubkey for each in swap.accounts[13:]] == [tick_array_address(POOL, 0), tick_array_address(POOL, -600)]


def test_a_refused_update_leaves_the_pool_as_it_was() -> None:
    pool = _tracked()
    with pytest.raises(UnknownLayout):
        pool.update(str(POOL), OWNER, replace(clmm_state(), config=key(200)).encode(), 1)
    assert pool.neighbours()[0] == str(key(1))
