"""LaunchLab's curves against the golden cases of the official SDK: parameters, four quotes, four fees, errors.

The SDK answers some trades that the program cannot carry out: it names the coins asked for where fewer are left, and
sells coins that nobody bought. There the pool must say what is left, and refuse.
"""

from typing import Any

import pytest

from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from kernel.amm.errors import PoolRefused
from kernel.amm.launchlab import LaunchLab
from kernel.amm.launchlab_start import launchlab_start
from kernel.amm.pool import PoolQuote
from tests.vectors.load import params

CASES = params("raydium_launchlab.json", "cases")


def pool_of(case: dict[str, Any]) -> LaunchLab:
    given, rates = case["pool"], case["fee_rates"]
    return LaunchLab(
        LaunchLabState(
            status=0,
            supply=int(case["supply"]),
            total_base_sell=int(given["totalSellA"]),
            virtual_base=int(given["virtualA"]),
            virtual_quote=int(given["virtualB"]),
            real_base=int(given["realA"]),
            real_quote=int(given["realB"]),
            total_quote_fund_raising=int(given["totalFundRaisingB"]),
        ),
        LaunchLabTerms(curve_type=case["curve_type"], trade_fee_rate=rates["protocol"]),
        LaunchLabPlatform(fee_rate=rates["platform"], creator_fee_rate=rates["creator"]),
        share_rate=rates["share"],
    )


def check(pool: LaunchLab, quote: PoolQuote, said: dict[str, Any], coins: int, sum_quote: int) -> None:
    assert (coins, sum_quote) == (int(said["amountA"]["amount"]), int(said["amountB"]))
    names = ("protocolFee", "platformFee", "shareFee", "creatorFee")
    assert pool.split(quote.fee) == tuple(int(said["splitFee"][name]) for name in names)


@pytest.mark.parametrize(("case", "content"), CASES)
def test_the_curve_starts_where_the_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(PoolRefused):
            launchlab_start(
                case["curve_type"],
                supply=10**15,
                base_sell=793_100_000_000_000,
                fund_raising=int(case["fund_raising"]),
            )
        return
    start = launchlab_start(
        case["curve_type"],
        supply=int(case["supply"]),
        base_sell=int(case["total_sell"]),
        fund_raising=int(case["total_fund_raising"]),
    )
    assert start == tuple(int(case["init"][name]) for name in "abc")


@pytest.mark.parametrize(
    ("case", "content"), [each for each in CASES if each.values[0] is None or "pool" in each.values[0]]
)
def test_the_four_quotes_are_those_of_the_sdk(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, coins, sum_quote = pool_of(case), int(case["amount_a"]), int(case["amount_b"])
    if pool.remaining <= 0:
        for is_sale in (True, False):
            with pytest.raises(PoolRefused, match="curve_complete"):
                pool.quote_in(is_sale, coins, 0)
        return

    bought = pool.quote_in(False, sum_quote, 0)
    check(pool, bought, case["buy_exact_in"], bought.amount_out, bought.amount_in)

    bought = pool.quote_out(False, coins, 0)
    check(pool, bought, case["buy_exact_out"], coins, bought.amount_in)
    assert bought.amount_out == min(coins, pool.remaining)

    said = case["sell_exact_in"]
    gross = 0 if "error" in said else int(said["amountB"]) + sum(map(int, said["splitFee"].values()))
    if "error" in said or coins > pool.state.real_base or not 0 <= gross <= pool.state.real_quote:
        with pytest.raises(PoolRefused):
            pool.quote_in(True, coins, 0)
    else:
        sale = pool.quote_in(True, coins, 0)
        check(pool, sale, said, sale.amount_in, sale.amount_out)

    said = case["sell_exact_out"]
    if "error" in said:
        with pytest.raises(PoolRefused):
            pool.quote_out(True, sum_quote, 0)
    else:
        sale = pool.quote_out(True, sum_quote, 0)
        check(pool, sale, said, sale.amount_in, sale.amount_out)
