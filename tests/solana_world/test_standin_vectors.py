"""Golden swaps as transactions: the wallet's tokens move by what the official SDKs say.

A sample of each file: the pool's accounts are laid out from the case, the swap goes through the server like anybody's.
"""

from collections.abc import Callable
from typing import Any

import pytest
from solders.pubkey import Pubkey

from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from kernel.amm.token_fee import amount_before
from tests.solana_world.addresses import named
from tests.solana_world.client import Client, open_client
from tests.solana_world.genesis import create_mint, give_tokens, open_tokens, tokens_of
from tests.solana_world.pool_stand_in import FamilyMarket
from tests.solana_world.standin_dlmm import create_dlmm
from tests.solana_world.standin_raydium_clmm import create_clmm
from tests.solana_world.standin_raydium_cpmm import create_cpmm
from tests.solana_world.standin_whirlpool import create_whirlpool
from tests.vectors import test_meteora_dlmm as dlmm
from tests.vectors import test_orca_whirlpool as orca
from tests.vectors.load import params
from tests.vectors.raydium_clmm_cases import arrays, config, extension, state

FIRST_S = 1_500_000_000  #: before any case
SAMPLE = 14  #: cases of each source
NO_FEE = (0, 0)

pytestmark = pytest.mark.slow


def sample(file: str, section: str, is_usable: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """Evenly out of the usable cases of each source; the parameter that says "skipped" stays."""
    found: dict[str, list[Any]] = {}
    for each in params(file, section):
        case = each.values[0]
        if case is None or is_usable(case):
            found.setdefault(str(each.id).split("-")[0], []).append(each)
    return [each for rows in found.values() for each in rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]]


class Desk:
    """Two mints in the programs' order and a client whose clock shows the case's time."""

    def __init__(self, client: Client, fees: tuple[tuple[int, int], tuple[int, int]] = (NO_FEE, NO_FEE)) -> None:
        self.client = client
        self.fees = fees
        keys = sorted((named("vector mint one"), named("vector mint two")), key=bytes)
        first, second = (
            create_mint(client.world, f"vector {key}", 6, key=key, fee_bps=bps or None, fee_max=most)
            for key, (bps, most) in zip(keys, fees, strict=True)
        )
        self.mints = (first, second)

    def funds(self, is_a_to_b: bool, out: int) -> tuple[int, int]:
        """Of the vaults: no more than what has to come out, so that every amount fits a supply."""
        gross = amount_before(out, *self.fees[1 if is_a_to_b else 0])
        return (0, gross) if is_a_to_b else (gross, 0)

    async def swap(self, market: FamilyMarket, is_a_to_b: bool, amount: int, now_s: int) -> tuple[int, int]:
        """What left the wallet and what arrived."""
        client, world = self.client, self.client.world
        mint_in, mint_out = self.mints if is_a_to_b else self.mints[::-1]
        give_tokens(world, client.wallet, mint_in, amount)
        open_tokens(world, client.wallet, mint_out)
        world.time_source = lambda: now_s
        call = market.swap(world.read, client.wallet, mint_in, amount, 1, *self._accounts(mint_in, mint_out))
        status = await client.land(client.sign([call], blockhash=world.chain.tip.blockhash))
        assert status["err"] is None, status
        return amount - tokens_of(world, client.wallet, mint_in), tokens_of(world, client.wallet, mint_out)

    def _accounts(self, *mints: Pubkey) -> tuple[Pubkey, Pubkey]:
        first, second = (self.client.account(each) for each in mints)
        return first, second


def _is_whirlpool_swap(case: dict[str, Any]) -> bool:
    return case["kind"] == "exact_in" and int(case["out"].get("tokenEstOut", 0)) > 0


@pytest.mark.parametrize(("case", "content"), sample(orca.FILE, "swaps", _is_whirlpool_swap))
async def test_a_whirlpool_pays_what_its_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    is_a_to_b, out = case["specified_token_a"], int(case["out"]["tokenEstOut"])
    pool = orca.pool_of(case)
    assert pool.token_fees is not None
    first, second = ((each.fee_bps, each.fee_max) for each in pool.token_fees)
    async with open_client(first_time_s=FIRST_S) as client:
        desk = Desk(client, (first, second))
        market = create_whirlpool(client.world, "vector", desk.mints, pool, desk.funds(is_a_to_b, out))
        amount = int(case["amount"])
        assert await desk.swap(market, is_a_to_b, amount, int(case["timestamp"])) == (amount, out)


def _is_clmm_swap(case: dict[str, Any]) -> bool:
    out = case.get("out", {})
    return case["kind"] == "exact_in" and bool(out.get("all_trade")) and int(out["amount_calculated"]) > 0


@pytest.mark.parametrize(("case", "content"), sample("raydium_clmm.json", "swaps", _is_clmm_swap))
async def test_a_clmm_pool_pays_what_its_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    is_a_to_b, out, amount = case["zero_for_one"], int(case["out"]["amount_calculated"]), int(case["amount"])
    pool = RaydiumClmmPool(state(case), config(case), arrays(case), extension(case).arrays)
    async with open_client(first_time_s=FIRST_S) as client:
        desk = Desk(client)
        market = create_clmm(client.world, "vector", desk.mints, pool, desk.funds(is_a_to_b, out))
        assert await desk.swap(market, is_a_to_b, amount, case["block_timestamp"]) == (amount, out)


def _is_dlmm_swap(case: dict[str, Any]) -> bool:
    out = case["out"]
    return case["kind"] == "exact_in" and int(out.get("outAmount", 0)) > 0 and out["bin_arrays_used"] <= 3


@pytest.mark.parametrize(("case", "content"), sample(dlmm.FILE, "swaps", _is_dlmm_swap))
async def test_a_dlmm_pair_pays_what_its_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    is_a_to_b, out, amount = case["swap_for_y"], int(case["out"]["outAmount"]), int(case["amount"])
    async with open_client(first_time_s=FIRST_S) as client:
        desk = Desk(client)
        market = create_dlmm(client.world, "vector", desk.mints, dlmm.pool_of(case), desk.funds(is_a_to_b, out))
        assert await desk.swap(market, is_a_to_b, amount, case["timestamp"]) == (amount, out)


def _is_cpmm_swap(case: dict[str, Any]) -> bool:
    """Two fees on the input are rounded together by the program and apart by the SDK: those are left out."""
    out, together = int(case["base_input"]["outputAmount"]), case["creator_fee_on_input"] and case["creator_fee_rate"]
    return out > 0 and not together and int(case["amount"]) + int(case["input_vault"]) < 1 << 64


@pytest.mark.parametrize(("case", "content"), sample("raydium_cpmm.json", "cases", _is_cpmm_swap))
async def test_a_cpmm_pool_pays_what_its_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    rates = (case[f"{name}_fee_rate"] for name in ("trade", "protocol", "fund", "creator"))
    rule = RaydiumCpmmState(0, 0, 1 if case["creator_fee_on_input"] else 2, True, 0, 0)
    reserves = int(case["input_vault"]), int(case["output_vault"])
    pool = RaydiumCpmmPool(rule, RaydiumCpmmConfig(*rates), reserves)
    amount, out = int(case["amount"]), int(case["base_input"]["outputAmount"])
    async with open_client(first_time_s=FIRST_S) as client:
        desk = Desk(client)
        market = create_cpmm(client.world, "vector", desk.mints, pool)
        assert await desk.swap(market, True, amount, FIRST_S + 100) == (amount, out)
