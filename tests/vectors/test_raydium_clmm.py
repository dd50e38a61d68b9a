"""Raydium CLMM against the official SDK's outputs: ticks, steps, whole swaps, bitmap search, derived addresses."""

from itertools import islice
from typing import Any

import pytest
from solders.pubkey import Pubkey

from adapters.raydium.addresses import extension_address, tick_array_address
from adapters.raydium.clmm_accounts import ClmmExtension
from adapters.raydium.clmm_parts import extension_part
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_bitmap import array_of, arrays_ahead
from kernel.amm.raydium_clmm_builder import RaydiumClmmBuilder
from kernel.amm.raydium_clmm_steps import compute_step
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS, sqrt_price_at_tick, tick_at_sqrt_price
from kernel.amm.raydium_clmm_walk import walk
from tests.vectors.load import params
from tests.vectors.raydium_clmm_cases import config, extension, given_arrays, state

FILE = "raydium_clmm.json"


@pytest.mark.parametrize(("case", "content"), params(FILE, "tick_math"))
def test_ticks_and_prices_are_the_programs(case: Any, content: Any) -> None:
    assert sqrt_price_at_tick(case["tick"]) == int(case["sqrt_price_x64"])
    assert tick_at_sqrt_price(int(case["sqrt_price_probe"])) == case["probe_tick"]


@pytest.mark.parametrize(("case", "content"), params(FILE, "steps"))
def test_a_single_step_is_the_programs(case: Any, content: Any) -> None:
    step = compute_step(
        int(case["sqrt_price_current"]),
        int(case["sqrt_price_target"]),
        int(case["liquidity"]),
        int(case["amount_remaining"]),
        case["fee_rate"],
        case["is_base_input"],
        case["zero_for_one"],
        case["is_fee_on_input"],
    )
    out = case["out"]
    assert step == tuple(int(out[name]) for name in ("sqrt_price_next", "amount_in", "amount_out", "fee_amount"))


@pytest.mark.parametrize(("case", "content"), params(FILE, "swaps"))
def test_a_swap_walks_to_the_programs_end(case: Any, content: Any) -> None:
    is_exact_in = case["kind"] == "exact_in"
    arguments = (case["zero_for_one"], int(case["amount"]), is_exact_in, case["block_timestamp"])
    out = case.get("out")
    if out is None or "error" in out:
        with pytest.raises(PoolRefused):
            walk(state(case), config(case), given_arrays(case), *arguments)
        return
    walked = walk(state(case), config(case), given_arrays(case), *arguments)
    assert {
        "all_trade": not walked.is_exhausted,
        # The SDK reports nothing left whenever the arrays lasted, also where the range of prices ended.
        "amount_remaining": str(walked.remaining if walked.is_exhausted else 0),
        "amount_calculated": str(walked.calculated),
        "fee_amount": str(walked.fee),
        "sqrt_price_x64": str(walked.state.sqrt_price_x64),
        "liquidity": str(walked.state.liquidity),
        "tick_current": walked.state.tick,
        "tick_arrays_used": walked.arrays_used,
    } == out


@pytest.mark.parametrize(("case", "content"), params(FILE, "swaps"))
def test_a_quote_is_the_swap_or_a_refusal_where_it_is_not_whole(case: Any, content: Any) -> None:
    builder = RaydiumClmmBuilder()
    for part in (state(case), config(case), extension(case), *given_arrays(case)):
        builder.add(part)
    pool = builder.pool()
    assert pool is not None
    is_exact_in = case["kind"] == "exact_in"
    ask = pool.quote_in if is_exact_in else pool.quote_out
    amount, out = int(case["amount"]), case.get("out", {})
    calculated = int(out.get("amount_calculated", 0))
    if not out.get("all_trade") or not calculated:
        with pytest.raises(PoolRefused):
            ask(case["zero_for_one"], amount, case["block_timestamp"])
        return
    quote = ask(case["zero_for_one"], amount, case["block_timestamp"])
    assert (quote.amount_in, quote.amount_out) == ((amount, calculated) if is_exact_in else (calculated, amount))


@pytest.mark.parametrize(("case", "content"), params(FILE, "bitmap"))
def test_the_search_for_arrays_and_the_addresses_are_the_sdks(case: Any, content: Any) -> None:
    pool = Pubkey.from_string(case["pool_id"])
    maps = ClmmExtension(pool, bytes.fromhex(case["positive_hex"]), bytes.fromhex(case["negative_hex"]))
    outside = extension_part(maps).arrays
    bitmap = int.from_bytes(bytes.fromhex(case["pool_bitmap_hex"]), "little")
    first = array_of(case["tick_current"], case["tick_spacing"])
    span = ARRAY_TICKS * case["tick_spacing"]
    for name, is_a_to_b in (("zeroForOne", True), ("oneForZero", False)):
        found = [number * span for number in islice(arrays_ahead(bitmap, outside, first, is_a_to_b), 5)]
        assert found == case[name]
    derived = case["tick_array_pda"]
    assert str(tick_array_address(pool, derived["start"])) == derived["address"]
    assert str(extension_address(pool)) == case["ex_bitmap_pda"]
