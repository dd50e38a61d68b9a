"""Arbitrages that were really landed: the answer gains at least what their makers took from the same reserves."""

import json
from typing import Any

import pytest

from kernel.amm.cycle_size import best_cycle_size
from kernel.amm.cycle_walk import Hop
from tests.kernel.amm.sizing_pools import ConstantProduct
from tests.shared_data import require_shared

WETH = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"


def landed() -> list[tuple[str, list[dict[str, Any]], int]]:
    """(transaction, its swaps in order, profit in wei) of the cycles of two and three constant-product pools."""
    cycles = json.loads(require_shared("data/evm/mev_blocks/v2_cycles.json").read_text())
    lines = require_shared("data/evm/mev_blocks/v2_swaps.jsonl").read_text().splitlines()
    swaps = [json.loads(line) for line in lines]
    return [
        (cycle["tx"], [each for each in swaps if each["tx"] == cycle["tx"]], int(cycle["profit"][WETH]))
        for cycle in cycles
        if cycle["hops"] <= 3
    ]


def test_no_landed_arbitrage_took_more_than_the_answer_gains() -> None:
    shares = []
    for tx, swaps, profit in landed():
        hops = [
            Hop(ConstantProduct(int(swap["reserve0"]), int(swap["reserve1"])), swap["zero_for_one"]) for swap in swaps
        ]
        taken = amount = int(swaps[0]["amount_in"])
        for pool, is_a_to_b in hops:
            amount = pool.quote_in(is_a_to_b, amount, 0).amount_out
        assert amount - taken == profit, tx
        found = best_cycle_size(hops, amount_in_max=10**23, now_s=0)
        assert found is not None and found.gain >= profit, tx
        shares.append(profit / found.gain)
    assert len(shares) == 5
    assert min(shares) == pytest.approx(0.9416, abs=1e-3) and max(shares) > 0.9999
