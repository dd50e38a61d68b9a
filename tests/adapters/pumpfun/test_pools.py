"""Tracked pools: accounts in, parts out, and the swap with the accounts that the pool named."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from solders.pubkey import Pubkey

from adapters.pumpfun import accounts
from adapters.pumpfun.addresses import (
    FEE_CONFIG,
    GLOBAL,
    PUMP,
    PUMP_FEE_PROGRAM,
    PUMP_SWAP,
    SWAP_FEE_CONFIG,
    SWAP_GLOBAL,
    TOKEN,
    TOKEN_2022,
    USDC,
    WRAPPED_SOL,
    canonical_pool,
    pool_authority,
    token_account,
)
from adapters.pumpfun.curve_instructions import BUY_EXACT_QUOTE_IN_V2, MIGRATE_V2, SELL_V2
from adapters.pumpfun.curve_pool import CurvePool
from adapters.pumpfun.swap_instructions import BUY_EXACT_QUOTE_IN
from adapters.pumpfun.swap_pool import SwapPool
from adapters.solana.tracked_pool import UnknownLayout
from bus.pool_parts.base import PoolPart
from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapVault
from kernel.amm.bonding_curve_builder import BondingCurveBuilder
from kernel.amm.pump_swap_builder import PumpSwapBuilder
from kernel.errors import Invariant, VenueRefused
from tests.shared_data import require_shared

MINT = "4F4gGVBAWuKi3EpmYdhntXvCVFqZZqmrb1cqNGawpump"
WALLET, CREATOR = Pubkey(bytes([7] * 32)), str(Pubkey(bytes([8] * 32)))
KEYS = [str(Pubkey(bytes([number] * 32))) for number in range(20, 50)]
CURVE = accounts.BondingCurveAccount(
    1_073_000_000_000_000, 30_000_000_000, 793_100_000_000_000, 0, 10**15, False, CREATOR
)
FEES = accounts.FeeConfigAccount(
    bump=1,
    admin=CREATOR,
    flat_fees=accounts.FeeRates(20, 5, 5),
    fee_tiers=(accounts.FeeTier(0, accounts.FeeRates(2, 93, 30)),),
)
TOKENS = (Pubkey.from_string(KEYS[28]), Pubkey.from_string(KEYS[29]))
PROGRAMS = (TOKEN_2022, TOKEN)


def known_global() -> bytes:
    flags = dict.fromkeys(("initialized", "enable_migrate", "create_v2_enabled", "mayhem_mode_enabled"), False)
    return accounts.GLOBAL.encode(
        accounts.GlobalAccount(
            **flags,
            authority=KEYS[0],
            fee_recipient=KEYS[1],
            initial_virtual_token_reserves=1_073_000_000_000_000,
            initial_virtual_sol_reserves=30_000_000_000,
            initial_real_token_reserves=793_100_000_000_000,
            token_total_supply=10**15,
            fee_basis_points=95,
            withdraw_authority=KEYS[2],
            pool_migration_fee=0,
            creator_fee_basis_points=30,
            fee_recipients=tuple(KEYS[3:10]),
            set_creator_authority=KEYS[0],
            admin_set_creator_authority=KEYS[0],
            whitelist_pda=KEYS[0],
            reserved_fee_recipient=KEYS[10],
            reserved_fee_recipients=tuple(KEYS[11:18]),
            is_cashback_enabled=False,
            buyback_fee_recipients=tuple(KEYS[18:26]),
            buyback_basis_points=5_000,
        )
    )


def tracked_curve(curve: accounts.BondingCurveAccount = CURVE) -> tuple[CurvePool, BondingCurveBuilder]:
    pool, builder = CurvePool(MINT), BondingCurveBuilder()
    updates = (
        (pool.address, str(PUMP), accounts.BONDING_CURVE.encode(curve, 151)),
        (str(GLOBAL), str(PUMP), known_global()),
        (str(FEE_CONFIG), str(PUMP_FEE_PROGRAM), accounts.FEE_CONFIG.encode(FEES, 400)),
    )
    for address, owner, data in updates:
        for part in pool.update(address, owner, data, 1):
            builder.add(part)
    return pool, builder


def test_a_curves_accounts_make_its_exact_pool() -> None:
    pool, builder = tracked_curve()
    exact = builder.pool()
    assert exact is not None
    assert (exact.quote_to_complete().amount_out, exact.charged) == (793_100_000_000_000, (93, 30))
    assert set(pool.neighbours()) == {str(GLOBAL), str(FEE_CONFIG)}
    assert pool.mints == (MINT, str(WRAPPED_SOL))
    assert pool.update(KEYS[0], str(PUMP), b"", 1) == ()
    assert pool.missing(str(FEE_CONFIG)) == (PumpFees(is_present=False),)
    assert pool.missing(str(GLOBAL)) == ()


def test_a_curves_swap_uses_the_recipients_of_the_global_account() -> None:
    pool, _ = tracked_curve()
    bought = pool.swap(WALLET, False, 10**9, 5, TOKENS, PROGRAMS)
    sold = pool.swap(WALLET, True, 10**9, 5, TOKENS, PROGRAMS)
    assert (bytes(bought.data)[:8], bytes(sold.data)[:8]) == (BUY_EXACT_QUOTE_IN_V2, SELL_V2)
    for instruction in (bought, sold):
        keys = [str(meta.pubkey) for meta in instruction.accounts]
        assert keys[6] in (KEYS[1], *KEYS[3:10])
        assert keys[8] in KEYS[18:26]
        assert [Pubkey.from_string(keys[14]), Pubkey.from_string(keys[15])] == list(TOKENS)
        assert [meta.pubkey for meta in instruction.accounts if meta.is_signer] == [WALLET]
    mayhem, _ = tracked_curve(replace(CURVE, is_mayhem_mode=True))
    taken = mayhem.swap(WALLET, False, 1, 1, TOKENS, PROGRAMS).accounts[6].pubkey
    assert str(taken) in KEYS[10:18]


def test_a_migration_names_the_withdraw_authority_and_the_canonical_pool() -> None:
    pool, _ = tracked_curve()
    migration = pool.migrate(WALLET, PROGRAMS)
    keys = [str(meta.pubkey) for meta in migration.accounts]
    assert bytes(migration.data) == MIGRATE_V2
    assert (keys[1], keys[10]) == (KEYS[2], str(canonical_pool(Pubkey.from_string(MINT), WRAPPED_SOL)))


def test_a_curve_refuses_what_cannot_be_traded() -> None:
    with pytest.raises(Invariant):
        CurvePool(MINT).swap(WALLET, True, 1, 1, TOKENS, PROGRAMS)
    with pytest.raises(Invariant):
        CurvePool(MINT).migrate(WALLET, PROGRAMS)
    pool, _ = tracked_curve(replace(CURVE, complete=True))
    with pytest.raises(VenueRefused, match="complete"):
        pool.swap(WALLET, True, 1, 1, TOKENS, PROGRAMS)


@pytest.mark.parametrize(
    ("owner", "data", "text"),
    [
        (str(PUMP_SWAP), accounts.BONDING_CURVE.encode(CURVE), "expected an account of"),
        (str(PUMP), accounts.BONDING_CURVE.encode(replace(CURVE, quote_mint=str(USDC))), "expected a curve for"),
        (str(PUMP), accounts.BONDING_CURVE.encode(CURVE)[:60], "end within"),
    ],
)
def test_bytes_that_are_not_the_curves_are_an_unknown_layout(owner: str, data: bytes, text: str) -> None:
    pool = CurvePool(MINT)
    with pytest.raises(UnknownLayout, match=text):
        pool.update(pool.address, owner, data, 1)


def test_a_recorded_curve_is_read() -> None:
    path = require_shared("data/solana/pumpfun/raw_bonding_curve_from_getaccountinfo.json")
    value = json.loads(path.read_text())["result"]["value"]
    data = base64.b64decode(value["data"][0])
    curve = accounts.BONDING_CURVE.decode(data)
    assert len(data) == 151
    assert (curve.virtual_token_reserves, curve.complete) == (1_045_502_991_298_183, False)
    assert curve.virtual_token_reserves - curve.real_token_reserves == 279_900_000_000_000
    assert curve.virtual_quote_reserves - curve.real_quote_reserves == 30_000_000_000
    (part,) = CurvePool(MINT).update(CurvePool(MINT).address, value["owner"], data, 1)
    assert (part.virtual_base, part.quote_kind, part.is_mayhem) == (1_045_502_991_298_183, 0, False)


BASE = Pubkey.from_string(MINT)
POOL = canonical_pool(BASE, WRAPPED_SOL)
VAULTS = (token_account(POOL, BASE, TOKEN_2022), token_account(POOL, WRAPPED_SOL, TOKEN))
SWAP = accounts.PoolAccount(
    pool_bump=1,
    index=0,
    creator=str(pool_authority(BASE)),
    base_mint=MINT,
    quote_mint=str(WRAPPED_SOL),
    lp_mint=KEYS[0],
    pool_base_token_account=str(VAULTS[0]),
    pool_quote_token_account=str(VAULTS[1]),
    lp_supply=1,
    coin_creator=CREATOR,
    virtual_quote_reserves=5,
)


def balance(mint: Pubkey, amount: int) -> bytes:
    return bytes(mint) + bytes(POOL) + amount.to_bytes(8, "little") + bytes(36) + b"\x01" + bytes(56)


def known_config(disable_flags: int = 0) -> bytes:
    return accounts.GLOBAL_CONFIG.encode(
        accounts.GlobalConfigAccount(
            admin=KEYS[0],
            lp_fee_basis_points=20,
            protocol_fee_basis_points=5,
            disable_flags=disable_flags,
            protocol_fee_recipients=tuple(KEYS[1:9]),
            coin_creator_fee_basis_points=5,
            admin_set_coin_creator_authority=KEYS[0],
            whitelist_pda=KEYS[0],
            reserved_fee_recipient=KEYS[9],
            mayhem_mode_enabled=False,
            reserved_fee_recipients=tuple(KEYS[10:17]),
            is_cashback_enabled=False,
            buyback_fee_recipients=tuple(KEYS[17:25]),
        )
    )


def swap_accounts(disable_flags: int = 0) -> list[tuple[str, str, bytes]]:
    mint = bytes(36) + (10**15).to_bytes(8, "little") + b"\x06\x01" + bytes(36)
    return [
        (str(POOL), str(PUMP_SWAP), accounts.POOL.encode(SWAP, 300)),
        (str(VAULTS[0]), str(TOKEN_2022), balance(BASE, 206_900_000_000_000)),
        (str(VAULTS[1]), str(TOKEN), balance(WRAPPED_SOL, 85 * 10**9)),
        (MINT, str(TOKEN_2022), mint),
        (str(SWAP_GLOBAL), str(PUMP_SWAP), known_config(disable_flags)),
        (str(SWAP_FEE_CONFIG), str(PUMP_FEE_PROGRAM), accounts.FEE_CONFIG.encode(FEES)),
    ]


def tracked_swap(disable_flags: int = 0) -> tuple[SwapPool, PumpSwapBuilder]:
    given = swap_accounts(disable_flags)
    pool, builder = SwapPool(*given[0]), PumpSwapBuilder()
    for address, owner, data in given:
        for part in pool.update(address, owner, data, 1):
            builder.add(part)
    return pool, builder


def test_a_pools_accounts_make_its_exact_pool() -> None:
    pool, builder = tracked_swap()
    exact = builder.pool()
    assert exact is not None
    assert (exact.base, exact.quote, exact.supply) == (206_900_000_000_000, 85 * 10**9, 10**15)
    assert (exact.state.is_canonical, exact.state.virtual_quote, exact.rates()) == (True, 5, (2, 93, 30))
    assert {address for address, *_ in swap_accounts()} - {pool.address} == set(pool.neighbours())
    assert pool.missing(str(VAULTS[1])) == (PumpSwapVault(False, 0),)
    assert pool.missing(str(SWAP_FEE_CONFIG)) == (PumpFees(is_present=False),)
    assert pool.update(KEYS[0], str(TOKEN), b"", 1) == ()


@pytest.mark.parametrize(("flags", "is_buyable", "is_sellable"), [(8, False, True), (16, True, False), (7, True, True)])
def test_switches_of_the_program_are_heeded(flags: int, is_buyable: bool, is_sellable: bool) -> None:
    exact = tracked_swap(flags)[1].pool()
    assert exact is not None
    assert (exact.rate(False, 0) > 0, exact.rate(True, 0) > 0) == (is_buyable, is_sellable)


def test_a_pools_swap_uses_its_vaults_and_the_recipients_of_the_global_account() -> None:
    pool, _ = tracked_swap()
    bought = pool.swap(WALLET, False, 10**9, 5, TOKENS, PROGRAMS)
    keys = [str(meta.pubkey) for meta in bought.accounts]
    assert bytes(bought.data)[:8] == BUY_EXACT_QUOTE_IN
    assert keys[5:9] == [*(str(each) for each in TOKENS), *(str(each) for each in VAULTS)]
    assert keys[9] in KEYS[1:9]
    assert keys[-2] in KEYS[17:25]
    with pytest.raises(Invariant):
        SwapPool(*swap_accounts()[0]).swap(WALLET, True, 1, 1, TOKENS, PROGRAMS)


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (0, lambda data: accounts.POOL.encode(replace(SWAP, quote_mint=str(USDC)))),
        (1, lambda data: bytes(32) + data[32:]),
        (1, lambda data: data[:100]),
        (2, lambda data: data[:108] + b"\x00" + data[109:]),
        (3, lambda data: data[:45] + b"\x00" + data[46:]),
        (4, lambda data: data[:200]),
        (5, lambda data: accounts.FEE_CONFIG.encode(replace(FEES, fee_tiers=()))),
    ],
)
def test_bytes_that_are_not_the_pools_are_an_unknown_layout(which: int, change: Any) -> None:
    pool, _ = tracked_swap()
    address, owner, data = swap_accounts()[which]
    with pytest.raises(UnknownLayout):
        pool.update(address, owner, change(data), 1)
    with pytest.raises(UnknownLayout, match="expected an account of"):
        pool.update(address, str(WALLET), data, 1)


@given(st.binary(max_size=400), st.booleans(), st.integers(0, 5))
def test_any_bytes_at_a_tracked_address_are_parts_or_an_unknown_layout(data: bytes, is_tame: bool, which: int) -> None:
    pools = (CurvePool(MINT), tracked_swap()[0])
    data = bytes(each & 1 for each in data) if is_tame else data
    for pool in pools:
        watched = (pool.address, *pool.neighbours())
        address = watched[which % len(watched)]
        for owner, head in ((str(PUMP), b"17b7f83760d8ac60"), (str(PUMP_SWAP), b"f19a6d0411b16dbc"), (str(TOKEN), b"")):
            try:
                parts = pool.update(address, owner, bytes.fromhex(head.decode()) + data, 1)
            except UnknownLayout:
                continue
            assert all(isinstance(part, PoolPart) for part in parts)
