"""DLMM maths against the SDK's outputs: prices, fees, swaps across bins, addresses."""

from decimal import Decimal, localcontext
from itertools import groupby
from typing import Any

import pytest

from adapters.meteora import addresses
from bus.pool_parts.dlmm import BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmFarArrays, DlmmPair
from kernel.amm.dlmm import DlmmPool
from kernel.amm.dlmm_builder import DlmmBuilder
from kernel.amm.dlmm_fee import base_rate, exclude_fee, include_fee, total_rate, variable_rate
from kernel.amm.dlmm_price import price_q64
from kernel.amm.errors import PoolRefused
from tests.vectors.load import params

FILE = "meteora_dlmm.json"
LIMIT_ORDERS, FEE_IN_Y = 2, 1
U64_MAX = (1 << 64) - 1
#: the SDK does not see that an input above a u64 cannot be sent
TOO_MUCH_OUT = ("insufficient_liquidity", "amount_out_of_range")


def bin_of(row: list[Any]) -> DlmmBin:
    bin_id, x, y, *orders = row
    if not orders:
        return DlmmBin(bin_id, int(x), int(y))
    side = orders[0]
    return DlmmBin(bin_id, int(x), int(y), int(side["remaining"]), int(side["open"]), bool(side["ask"]))


def pair_of(case: dict[str, Any]) -> DlmmPair:
    pair = case["pair"]
    fixed, moving = pair["parameters"], pair["v_parameters"]
    return DlmmPair(
        active_id=pair["active_id"],
        bin_step_bps=pair["bin_step"],
        base_factor=fixed["base_factor"],
        base_fee_power=fixed["base_fee_power_factor"],
        variable_fee_control=fixed["variable_fee_control"],
        filter_period_s=fixed["filter_period"],
        decay_period_s=fixed["decay_period"],
        reduction_bps=fixed["reduction_factor"],
        volatility_max=fixed["max_volatility_accumulator"],
        protocol_share_bps=fixed["protocol_share"],
        has_limit_orders=fixed["function_type"] == LIMIT_ORDERS,
        takes_fee_in_y=fixed["collect_fee_mode"] == FEE_IN_Y,
        volatility=moving["volatility_accumulator"],
        volatility_reference=moving["volatility_reference"],
        index_reference=moving["index_reference"],
        updated_s=int(moving["last_update_timestamp"]),
        is_enabled=True,
        opens_at_s=0,
        is_x_2022=False,
        is_y_2022=False,
        arrays=tuple(case["bin_array_indexes"]),
    )


def pool_of(case: dict[str, Any]) -> DlmmPool:
    builder = DlmmBuilder(arrays_max=len(case["bin_array_indexes"]))
    builder.add(pair_of(case))
    builder.add(DlmmFarArrays(()))
    rows = {index: [] for index in case["bin_array_indexes"]}
    for index, group in groupby(case["bins"], key=lambda row: row[0] // BINS_PER_ARRAY):
        rows[index] = list(group)
    for index, listed in rows.items():
        builder.add(DlmmBinArray(index, tuple(bin_of(row) for row in listed)))
    pool = builder.pool()
    assert pool is not None
    return pool


@pytest.mark.parametrize(("case", "content"), params(FILE, "price"))
def test_a_bins_price_and_array_are_the_programs(case: dict[str, Any], content: dict[str, Any]) -> None:
    assert price_q64(case["bin_id"], case["bin_step"]) == int(case["price_q64"])
    assert case["bin_id"] // BINS_PER_ARRAY == int(case["bin_array_index"])


@pytest.mark.parametrize(("case", "content"), params(FILE, "fees"))
def test_fees_are_the_programs(case: dict[str, Any], content: dict[str, Any]) -> None:
    amount, step = int(case["amount"]), case["bin_step"]
    base = base_rate(step, case["base_factor"], case["base_fee_power_factor"])
    variable = variable_rate(step, case["variable_fee_control"], case["volatility_accumulator"])
    rate = total_rate(base, variable)
    left, gross = exclude_fee(amount, rate), include_fee(amount, rate)
    assert (base, variable, rate) == tuple(
        int(case[key]) for key in ("base_fee", "variable_fee", "total_fee_numerator")
    )
    assert (left, amount - left) == tuple(int(case["excluded"][key]) for key in ("amount", "fee"))
    assert (gross, gross - amount) == tuple(int(case["included"][key]) for key in ("amount", "fee"))


@pytest.mark.parametrize(("case", "content"), params(FILE, "swaps"))
def test_swaps_are_the_programs_to_the_unit(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, is_x_in, now_s = pool_of(case), case["swap_for_y"], case["timestamp"]
    amount, out = int(case["amount"]), case["out"]
    is_in = case["kind"] == "exact_in"
    quote = pool.quote_in if is_in else pool.quote_out
    if "error" in out:
        with pytest.raises(PoolRefused) as refused:
            quote(is_x_in, amount, now_s)
        assert refused.value.reason in (("insufficient_liquidity",) if is_in else TOO_MUCH_OUT)
        return
    if not is_in and int(out["inAmount"]) > U64_MAX:
        with pytest.raises(PoolRefused, match="amount_out_of_range"):
            quote(is_x_in, amount, now_s)
        return
    reach = (pool.reach_in if is_in else pool.reach_out)(is_x_in, amount, now_s)
    assert quote(is_x_in, amount, now_s) == (reach.amount_in, reach.amount_out, reach.fee)
    assert reach.amount_in == int(out["consumedInAmount" if is_in else "inAmount"])
    assert reach.amount_out == int(out["outAmount"])
    assert reach.fee - reach.protocol_fee == int(out["fee"])
    assert reach.protocol_fee + reach.surplus == int(out["protocolFee"])
    steps = pool.ladder(is_x_in, now_s).steps
    last = steps[reach.passed if reach.last else reach.passed - 1]
    index = last.held.bin_id // BINS_PER_ARRAY
    assert pool.arrays_ahead(is_x_in).index(index) + 1 == out["bin_arrays_used"]
    if is_in:
        assert last.is_fee_on_input == out["feeOnInput"]
        with localcontext() as context:
            context.prec = 40
            price = (1 + Decimal(case["pair"]["bin_step"]) / 10_000) ** last.held.bin_id
        assert abs(price / Decimal(out["end_price"]) - 1) < Decimal("1e-15")


@pytest.mark.parametrize(("case", "content"), params(FILE, "pda"))
def test_addresses_are_the_programs(case: dict[str, Any], content: dict[str, Any]) -> None:
    pair, x, y = case["lb_pair"], case["token_x"], case["token_y"]
    assert addresses.bin_array(pair, case["index"]) == case["bin_array"]
    assert addresses.bitmap_extension(pair) == case["bitmap_extension"]
    assert addresses.oracle(pair) == case["oracle"]
    assert addresses.reserve(pair, x) == case["reserve_x"]
    assert addresses.event_authority() == case["event_authority"]
    assert addresses.pair(x, y, bin_step_bps=10, base_factor=8000) == case["lb_pair2_10_8000"]
