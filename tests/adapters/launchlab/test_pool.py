"""A LaunchLab curve as a tracked pool: accounts in, parts out, the swap in the program's order."""

import pytest
from msgspec.structs import replace
from solders.pubkey import Pubkey

from adapters.launchlab import accounts
from adapters.launchlab.accounts import LAUNCHLAB
from adapters.launchlab.instructions import AUTHORITY, BUY_EXACT_IN, EVENT_AUTHORITY, SELL_EXACT_IN, fee_vault
from adapters.launchlab.pool import LaunchLabPool
from adapters.pumpfun.addresses import SYSTEM, TOKEN, TOKEN_2022
from adapters.solana.tracked_pool import UnknownLayout
from kernel.amm.launchlab_builder import LaunchLabBuilder
from kernel.amm.launchlab_start import launchlab_start
from kernel.errors import VenueRefused

KEYS = [Pubkey(bytes([number] * 32)) for number in range(1, 20)]
OURS = str(LAUNCHLAB)
POOL, CONFIG, PLATFORM, BASE, QUOTE, WALLET = (str(each) for each in KEYS[:6])
START = launchlab_start(0, supply=10**15, base_sell=793_100_000_000_000, fund_raising=85 * 10**9)
STATE = accounts.PoolStateAccount(
    epoch=1,
    auth_bump=254,
    status=0,
    base_decimals=6,
    quote_decimals=9,
    migrate_type=1,
    supply=10**15,
    total_base_sell=START.total_base_sell,
    virtual_base=START.virtual_base,
    virtual_quote=START.virtual_quote,
    real_base=0,
    real_quote=0,
    total_quote_fund_raising=85 * 10**9,
    quote_protocol_fee=0,
    platform_fee=0,
    migrate_fee=0,
    vesting_schedule=accounts.VestingSchedule(0, 0, 0, 0, 0),
    global_config=CONFIG,
    platform_config=PLATFORM,
    base_mint=BASE,
    quote_mint=QUOTE,
    base_vault=str(KEYS[6]),
    quote_vault=str(KEYS[7]),
    creator=str(KEYS[8]),
    token_program_flag=0,
    amm_creator_fee_on=0,
    platform_vesting_share=0,
    reserved=b"",
)
TERMS = accounts.GlobalConfigAccount(
    **dict.fromkeys(("epoch", "index", "migrate_fee", "max_share_fee_rate", "min_base_supply", "max_lock_rate"), 0),
    **dict.fromkeys(("min_base_sell_rate", "min_base_migrate_rate", "min_quote_fund_raising"), 0),
    **dict.fromkeys(("protocol_fee_owner", "migrate_fee_owner", "migrate_to_amm_wallet"), BASE),
    curve_type=0,
    trade_fee_rate=2_500,
    quote_mint=QUOTE,
    migrate_to_cpswap_wallet=BASE,
    reserved=b"",
)
SITE = accounts.PlatformConfigAccount(
    1, BASE, BASE, 0, 0, 0, fee_rate=10_000, name=b"", web=b"", img=b"", cpswap_config=BASE, creator_fee_rate=5_000
)


def state_bytes(**changes: object) -> bytes:
    return accounts.POOL_STATE.encode(replace(STATE, **changes))


def test_a_pools_accounts_make_its_exact_pool() -> None:
    pool, builder = LaunchLabPool(POOL, OURS, state_bytes()), LaunchLabBuilder()
    assert (len(state_bytes()), len(accounts.GLOBAL_CONFIG.encode(TERMS))) == (429, 371)
    updates = {
        POOL: state_bytes(),
        CONFIG: accounts.GLOBAL_CONFIG.encode(TERMS),
        PLATFORM: accounts.PLATFORM_CONFIG.encode(SITE) + bytes(216) + b"\x01curve parameters",
    }
    for address, data in updates.items():
        for part in pool.update(address, OURS, data, 1):
            builder.add(part)
    exact = builder.pool()
    assert exact is not None
    assert exact.split(17_500) == (2_500, 10_000, 0, 5_000)
    assert exact.quote_to_complete().amount_out == START.total_base_sell
    assert pool.neighbours() == (CONFIG, PLATFORM)
    assert pool.missing(CONFIG) == ()
    assert pool.update(WALLET, OURS, b"", 1) == ()


@pytest.mark.parametrize(("is_sale", "data"), [(False, BUY_EXACT_IN), (True, SELL_EXACT_IN)])
def test_a_swap_names_its_accounts_in_the_programs_order(is_sale: bool, data: bytes) -> None:
    pool = LaunchLabPool(POOL, OURS, state_bytes())
    tokens, programs = (KEYS[10], KEYS[11]), (TOKEN_2022, TOKEN)
    made = pool.swap(Pubkey.from_string(WALLET), is_sale, 9, 5, tokens, programs)
    assert bytes(made.data) == data + b"\x09" + bytes(7) + b"\x05" + bytes(7) + bytes(8)
    named = [WALLET, AUTHORITY, CONFIG, PLATFORM, POOL, *tokens, KEYS[6], KEYS[7], BASE, QUOTE, *programs]
    named += [EVENT_AUTHORITY, LAUNCHLAB, SYSTEM, fee_vault(KEYS[2], KEYS[4]), fee_vault(KEYS[8], KEYS[4])]
    assert [str(meta.pubkey) for meta in made.accounts] == [str(each) for each in named]
    assert [number for number, meta in enumerate(made.accounts) if meta.is_writable] == [0, 4, 5, 6, 7, 8, 16, 17]
    assert [number for number, meta in enumerate(made.accounts) if meta.is_signer] == [0]


def test_a_curve_that_is_sold_out_is_not_traded() -> None:
    with pytest.raises(VenueRefused, match="sold out"):
        LaunchLabPool(POOL, OURS, state_bytes(status=1)).swap(KEYS[5], True, 1, 1, (KEYS[0], KEYS[0]), (TOKEN, TOKEN))


def test_bytes_that_are_not_the_pools_are_an_unknown_layout() -> None:
    pool = LaunchLabPool(POOL, OURS, state_bytes())
    for address, owner, data in (
        (POOL, str(TOKEN), state_bytes()),
        (POOL, OURS, state_bytes(quote_mint=BASE)),
        (POOL, OURS, state_bytes()[:428]),
        (CONFIG, OURS, state_bytes()),
        (PLATFORM, OURS, accounts.PLATFORM_CONFIG.encode(SITE)[:100] + b"\x01"),
    ):
        with pytest.raises(UnknownLayout):
            pool.update(address, owner, data, 1)
