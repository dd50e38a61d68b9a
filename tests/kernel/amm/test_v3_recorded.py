"""Recorded chain data replayed to the unit: QuoterV2 answers, one pool's whole life, a day of swap events."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import (
    V3Pool,
    amounts_for_liquidity,
    apply_mint_burn,
    apply_swap,
    pool_after,
    pool_within_interval,
    swap_exact_in,
    swap_exact_out,
)
from kernel.amm.v3_ticks import INT256_MAX, MAX_SQRT_RATIO, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from tests.shared_data import require_shared

VECTORS = Path(__file__).with_name("quoter_v2_vectors.json")


def read_json(relative: str) -> Any:
    return json.loads(require_shared(relative).read_text())


def snapshot(data: dict[str, Any], known: tuple[int, int] | None) -> V3Pool:
    """Pool of a state file, whole unless `known` names the range: ticks as {tick: [gross, net, ...]}."""
    ticks = sorted((int(tick), values) for tick, values in data["tick_data"].items())
    scalars = data["scalars"]
    return V3Pool(
        sqrt_price_x96=scalars["sqrt_price_x96"],
        tick=scalars["tick"],
        liquidity=scalars["liquidity"],
        fee_pips=scalars["fee"],
        tick_spacing=scalars["tick_spacing"],
        ticks=tuple((tick, values[1]) for tick, values in ticks),
        liquidity_gross=tuple(values[0] for _, values in ticks),
        known_low=known[0] if known else None,
        known_high=known[1] if known else None,
    )


@pytest.mark.parametrize(
    ("state", "golden", "first_token", "count", "known"),
    [
        (
            "1__uniswap_v3_wbtc_weth_block_24407242",
            "test_uniswap_v3_onchain_parity__test_cached_calculations_v3_wbtc_weth",
            "WBTC",
            80,
            None,
        ),
        (
            "8453__aerodrome_v3_cbeth_weth_block_46875151",
            "test_aerodrome_v3_onchain_parity__test_aerodrome_v3_cbeth_weth_quote",
            "cbETH",
            25,
            (1023, 1280),  # The file holds one bitmap word, ticks 1024..1279, and no more.
        ),
    ],
)
def test_recorded_quoter_answers(
    state: str, golden: str, first_token: str, count: int, known: tuple[int, int] | None
) -> None:
    pool = snapshot(read_json(f"data/evm/degenbot/{state}.json"), known)
    entries = read_json(f"data/evm/degenbot/{golden}.json")["entries"]
    exact = unknown = 0
    for key, answer in entries.items():
        _, call, direction, amount = key.split("|")
        zero_for_one = direction.startswith(first_token)
        limit = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
        try:
            if call == "quoteExactInputSingle":
                assert swap_exact_in(pool, zero_for_one, int(amount), limit).amount_out == answer["value"], key
            else:
                assert swap_exact_out(pool, zero_for_one, int(amount), limit).amount_in == answer["value"], key
            exact += 1
        except PoolRefused as refused:
            assert refused.reason == "depth_unknown" and known
            unknown += 1
    assert (exact, unknown) == (count, len(entries) - count)


def test_the_whole_life_of_a_pool() -> None:
    life = read_json("data/evm/v3_history/v3_pool_0x92560C17_full_history.json")
    price = int(life["initial_sqrt_price_x96"])
    pool = V3Pool(
        sqrt_price_x96=price,
        tick=tick_at_sqrt_ratio(price),
        liquidity=0,
        fee_pips=life["fee"],
        tick_spacing=life["tick_spacing"],
    )
    done: Counter[str] = Counter()
    for event in life["events"]:
        amounts = int(event["amount0"]), int(event["amount1"])
        if event["type"] != "swap":
            size = int(event["liquidity"]) * (1 if event["type"] == "mint" else -1)
            bounds = event["tick_lower"], event["tick_upper"]
            assert amounts_for_liquidity(pool, *bounds, size) == amounts
            pool = apply_mint_burn(pool, *bounds, size)
        else:
            zero_for_one = amounts[0] > 0
            asked, after = int(event["amount_specified"]), int(event["sqrt_price_x96"])
            swap = swap_exact_in if asked > 0 else swap_exact_out
            quote = swap(pool, zero_for_one, abs(asked))
            if quote.sqrt_price_x96_after != after:
                quote = swap(pool, zero_for_one, abs(asked), after)  # Stopped by its price limit.
            assert (quote.amount_in, -quote.amount_out) == (amounts if zero_for_one else amounts[::-1])
            state = (quote.sqrt_price_x96_after, quote.tick_after, quote.liquidity_after)
            assert state == (after, event["tick"], int(event["liquidity"]))
            pool = pool_after(pool, quote)
            assert apply_swap(pool, after, int(event["liquidity"]), event["tick"]) == pool
        done[event["type"]] += 1
    assert done == {"swap": 63, "mint": 3, "burn": 2}
    assert pool.known_low is None and pool.known_high is None


def replay_day(path: Path, fee_pips: int, tick_spacing: int) -> Counter[str]:
    """Fold a day of events; each swap that stays within one tick interval must come out exactly as recorded."""
    done: Counter[str] = Counter()
    pool: V3Pool | None = None
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            kind = row["tx_type"]
            if kind not in ("SWAP", "MINT", "BURN"):
                continue
            if kind != "SWAP":
                if pool is not None:
                    size = int(row["liquidity"]) * (-1 if kind == "BURN" else 1)
                    bounds = int(float(row["tick_lower"])), int(float(row["tick_upper"]))
                    pool = apply_mint_burn(pool, *bounds, size)
                continue
            amounts = int(row["amount0"]), int(row["amount1"])
            after, tick = int(row["sqrtPriceX96"]), int(float(row["current_tick"]))
            liquidity = int(row["total_liquidity"])
            done["swaps"] += 1
            if pool is None:
                pool = pool_within_interval(
                    sqrt_price_x96=after,
                    tick=tick,
                    liquidity=liquidity,
                    fee_pips=fee_pips,
                    tick_spacing=tick_spacing,
                )
                continue
            zero_for_one = amounts[0] > 0
            paid, got = amounts if zero_for_one else amounts[::-1]
            try:
                answers = {
                    "exact_in": swap_exact_in(pool, zero_for_one, paid),
                    "exact_out": swap_exact_out(pool, zero_for_one, -got),
                }
            except PoolRefused as refused:
                assert refused.reason == "depth_unknown"
            else:
                done["checkable"] += 1
                for name, quote in answers.items():
                    recorded = (paid, -got, after, tick, liquidity)
                    state = (quote.sqrt_price_x96_after, quote.tick_after, quote.liquidity_after)
                    if (quote.amount_in, quote.amount_out, *state) == recorded:
                        done[name] += 1
                        break
                else:
                    limited = swap_exact_in(pool, zero_for_one, INT256_MAX, after)
                    if (limited.amount_in, limited.amount_out) == (paid, -got):
                        done["price_limited"] += 1
                    else:
                        done["wrong"] += 1
            pool = apply_swap(pool, after, liquidity, tick)
    return done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fee_pips", "tick_spacing"),
    [("usdc_weth_005", 500, 10), ("usdc_weth_030", 3000, 60), ("weth_osqth_030", 3000, 60)],
)
def test_a_day_of_mainnet_swaps(name: str, fee_pips: int, tick_spacing: int) -> None:
    path = require_shared(f"data/market/eth-univ3-2024-01-05/ethereum_univ3_{name}_events.csv.gz")
    done = replay_day(path, fee_pips, tick_spacing)
    print(name, dict(done))
    assert done["checkable"] > 5
    assert done["wrong"] == 0


def test_quoter_v2_on_the_real_bytecode() -> None:
    answered = refused = 0
    for case in json.loads(VECTORS.read_text())["cases"]:
        fee_pips, tick_spacing, price, tick, liquidity, ticks = case["pool"]
        pool = V3Pool(
            sqrt_price_x96=int(price),
            tick=tick,
            liquidity=int(liquidity),
            fee_pips=fee_pips,
            tick_spacing=tick_spacing,
            ticks=tuple((index, int(net)) for index, net, _ in ticks),
            liquidity_gross=tuple(int(gross) for _, _, gross in ticks),
        )
        for zero_for_one, kind, amount, limit, other, price_after in case["quotes"]:
            swap = swap_exact_in if kind == "in" else swap_exact_out
            try:
                quote = swap(pool, bool(zero_for_one), int(amount), int(limit) or None)
            except PoolRefused:
                assert other is None, case
                refused += 1
                continue
            if other is None:
                # Where nothing is taken in, the pool answers; it is the quoter's callback that reverts.
                assert quote.amount_in == 0, case
                continue
            answered += 1
            found = quote.amount_out if kind == "in" else quote.amount_in
            assert (found, quote.sqrt_price_x96_after) == (int(other), int(price_after)), case
    assert (answered, refused) == (824, 233)
