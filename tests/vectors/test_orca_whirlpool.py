"""Whirlpool arithmetic, swaps and liquidity against what whirlpools-core 3.1.0 answers, errors included."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray
from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import amount_after, amount_before
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_amounts import (
    amount_a_delta,
    amount_b_delta,
    amount_max,
    amount_min,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
)
from kernel.amm.whirlpool_builder import WhirlpoolBuilder
from kernel.amm.whirlpool_liquidity import (
    LiquidityQuote,
    PositionFees,
    decrease,
    fees_owed,
    increase,
    increase_by_amount,
    side_of,
)
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick, tick_at_sqrt_price
from tests.vectors.load import params

FILE = "orca_whirlpool.json"
# What the SDK calls our refusals.
SDK_ERRORS = {
    "amount_out_of_range": "Amount exceeds max u64",
    "amount_too_small": "Zero tradable amount",
    "arithmetic_overflow": "Arithmetic over- or underflow",
    "arrays_exhausted": "Invalid tick array sequence",
    "depth_unknown": "Invalid tick array sequence",
    "price_limit_out_of_range": "Invalid sqrt price limit direction",
    "price_out_of_range": "Sqrt price out of bounds",
    "tick_out_of_range": "Tick index out of bounds",
}


def answer_of(call: Callable[[], Any]) -> Any:
    """What the SDK would give: the value, or its error."""
    try:
        return call()
    except PoolRefused as refused:
        return {"error": SDK_ERRORS[refused.reason]}


def _fee(case: dict[str, Any], token: str) -> tuple[int, int]:
    fee = case.get(f"transfer_fee_{token}")
    return (int(fee["feeBps"]), int(fee["maxFee"])) if fee else (0, 0)


def pool_of(case: dict[str, Any]) -> WhirlpoolPool:
    """The pool of a swap case, built from parts as the feed would."""
    pool, builder = case["pool"], WhirlpoolBuilder()
    builder.add(
        WhirlpoolState(
            pool["tick_spacing"], pool["fee_tier_index"], pool["fee_rate"], pool["protocol_fee_rate"],
            int(pool["liquidity"]), int(pool["sqrt_price"]), pool["tick_current"],
        )
    )  # fmt: skip
    size = 88 * pool["tick_spacing"]
    for start in case["tick_array_starts"]:
        within = [each for each in case["ticks"] if start <= each["tick"] < start + size]
        ticks = tuple(sorted((each["tick"], int(each["liquidity_net"])) for each in within))
        builder.add(WhirlpoolTickArray(start, ticks))
    for token in "ab":
        builder.add(TokenFee(token == "a", *_fee(case, token)))
    if oracle := case.get("oracle"):
        constants, variables = oracle["adaptiveFeeConstants"], oracle["adaptiveFeeVariables"]
        builder.add(
            WhirlpoolOracle(
                int(oracle["tradeEnableTimestamp"]), constants["filterPeriod"], constants["decayPeriod"],
                constants["reductionFactor"], constants["adaptiveFeeControlFactor"],
                constants["maxVolatilityAccumulator"], constants["tickGroupSize"],
                constants["majorSwapThresholdTicks"], int(variables["lastReferenceUpdateTimestamp"]),
                int(variables["lastMajorSwapTimestamp"]), variables["volatilityReference"],
                variables["tickGroupIndexReference"], variables["volatilityAccumulator"],
            )
        )  # fmt: skip
    built = builder.pool()
    assert built is not None
    return built


def swap_answer(case: dict[str, Any]) -> dict[str, Any]:
    """The SDK's quote of a case, put together from the pool's."""
    pool, amount, now_s = pool_of(case), int(case["amount"]), int(case["timestamp"])
    is_input = case["kind"] == "exact_in"
    is_a_to_b = case["specified_token_a"] == is_input
    fee_in, fee_out = (_fee(case, token) for token in ("ab" if is_a_to_b else "ba"))
    if is_input:
        net = amount_after(amount, *fee_in)
        quote = pool.quote_in(is_a_to_b, amount, now_s)
        least, most = pool.table(is_a_to_b, now_s).rates_of(net, is_input=True)
        return {
            # The program takes what was offered; the SDK names the least that arrives as the same net amount.
            "tokenIn": str(amount_before(amount_after(quote.amount_in, *fee_in), *fee_in)),
            "tokenEstOut": str(quote.amount_out),
            "tokenMinOut": str(amount_min(quote.amount_out, case["slippage_bps"])),
            "tradeFee": str(quote.fee),
            "tradeFeeRateMin": least,
            "tradeFeeRateMax": most,
        }
    gross = amount_before(amount, *fee_out)
    table = pool.table(is_a_to_b, now_s)
    taken, given, fee = table.swap_out(gross)
    if given == gross:
        # Unlike the program, the SDK answers with a part where the price scale ends.
        assert pool.quote_out(is_a_to_b, amount, now_s) == (
            amount_before(taken, *fee_in), amount_after(given, *fee_out), fee,
        )  # fmt: skip
    amount_in = amount_before(taken, *fee_in)
    least, most = table.rates_of(gross, is_input=False)
    return {
        "tokenOut": str(amount_after(given, *fee_out)),
        "tokenEstIn": str(amount_in),
        "tokenMaxIn": str(amount_max(amount_in, case["slippage_bps"])),
        "tradeFee": str(fee),
        "tradeFeeRateMin": least,
        "tradeFeeRateMax": most,
    }


def amount_answers(case: dict[str, Any]) -> dict[str, Any]:
    """All four answers of an amount case."""
    first, second, liquidity = (int(case[name]) for name in ("sqrt_price_1", "sqrt_price_2", "liquidity"))
    round_up, amount, is_input = case["round_up"], int(case["next_amount"]), case["next_specified_input"]
    answers = {
        "amount_a": answer_of(lambda: str(amount_a_delta(first, second, liquidity, round_up=round_up))),
        "amount_b": answer_of(lambda: str(amount_b_delta(first, second, liquidity, round_up=round_up))),
        "next_from_a": answer_of(lambda: str(next_sqrt_price_from_a(first, liquidity, amount, is_input=is_input))),
        "next_from_b": answer_of(lambda: str(next_sqrt_price_from_b(first, liquidity, amount, is_input=is_input))),
    }
    return answers


def _shown(quote: LiquidityQuote, limit: str) -> dict[str, str]:
    names = ("liquidityDelta", "tokenEstA", "tokenEstB", f"token{limit}A", f"token{limit}B")
    return {name: str(value) for name, value in zip(names, quote, strict=True)}


def liquidity_answers(case: dict[str, Any]) -> dict[str, Any]:
    """All quotes of a liquidity case."""
    amount, price = int(case["amount"]), int(case["sqrt_price"])
    where = price, case["tick_lower"], case["tick_upper"], case["slippage_bps"]
    below, *rest = side_of(price, case["tick_lower"], case["tick_upper"]).split("_")
    return {
        "increase_a": answer_of(lambda: _shown(increase_by_amount(True, amount, *where), "Max")),
        "increase_b": answer_of(lambda: _shown(increase_by_amount(False, amount, *where), "Max")),
        "increase_l": answer_of(lambda: _shown(increase(amount, *where), "Max")),
        "decrease_l": answer_of(lambda: _shown(decrease(amount, *where), "Min")),
        "status": below + "".join(word.title() for word in rest),
    }


def collect_answer(case: dict[str, Any]) -> dict[str, Any]:
    """What collecting brings of both tokens."""
    where = case["tick_current"], case["tick_lower"], case["tick_upper"]
    owed = []
    for side in (0, 1):
        names = ("fee_growth_global", "lower_outside", "upper_outside", "checkpoint", "owed")
        counters = PositionFees(*(int(case[name][side]) for name in names))
        owed.append(fees_owed(int(case["liquidity"]), *where, counters))
    return {"feeOwedA": str(owed[0]), "feeOwedB": str(owed[1])}


@pytest.mark.parametrize(("case", "content"), params(FILE, "tick_math"))
def test_ticks_and_prices_are_the_sdks(case: dict[str, Any], content: dict[str, Any]) -> None:
    assert str(sqrt_price_at_tick(case["tick"])) == case["sqrt_price"]
    assert tick_at_sqrt_price(int(case["sqrt_price_probe"])) == case["probe_tick"]


@pytest.mark.parametrize(("case", "content"), params(FILE, "amount_math"))
def test_amounts_and_next_prices_are_the_sdks(case: dict[str, Any], content: dict[str, Any]) -> None:
    answers = amount_answers(case)
    assert answers == {name: case[name] for name in answers}


@pytest.mark.parametrize(("case", "content"), params(FILE, "swaps"))
def test_a_swap_is_quoted_as_the_sdk_quotes_it(case: dict[str, Any], content: dict[str, Any]) -> None:
    assert answer_of(lambda: swap_answer(case)) == case["out"]


@pytest.mark.parametrize(("case", "content"), params(FILE, "liquidity"))
def test_liquidity_costs_and_gives_what_the_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    answers = liquidity_answers(case)
    assert answers == {name: case[name] for name in answers}


@pytest.mark.parametrize(("case", "content"), params(FILE, "collect_fees"))
def test_a_position_is_owed_what_the_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    assert answer_of(lambda: collect_answer(case)) == case["out"]
