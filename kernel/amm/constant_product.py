"""Constant-product swaps as Raydium's CPMM and AMM v4 compute them, as pure functions of the reserves.

Facts from the CPMM program (curve/calculator, curve/fees), raydium-sdk-v2 0.2.73-alpha (CurveCalculator) and the AMM v4
program (math, processor), read 2026-11. Rates are of 1,000,000. The CPMM functions have no limits: amounts beyond the
reserves give what the SDK gives (negative numbers, quotients towards zero); the pool classes refuse first.
"""

from typing import NamedTuple

from kernel.amm.errors import PoolRefused

FEE_UNIT = 1_000_000


class CpmmRates(NamedTuple):
    """Of 1,000,000. Protocol and fund take shares of the trade fee; the creator's fee comes on top of it."""

    trade: int
    creator: int
    protocol: int
    fund: int


class CpmmSwap(NamedTuple):
    """A swap with its fees; `vault_*` are what the invariant is checked with, fees left out of the input side."""

    vault_in: int
    vault_out: int
    amount_in: int
    amount_out: int
    trade_fee: int
    protocol_fee: int
    fund_fee: int
    creator_fee: int


def _quotient(numerator: int, denominator: int) -> int:
    """Division towards zero, as the SDK's big numbers divide."""
    return -(-numerator // denominator) if (numerator < 0) != (denominator < 0) else numerator // denominator


def _up(amount: int, numerator: int, denominator: int) -> int:
    return _quotient(amount * numerator + denominator - 1, denominator)


def _before_fee(amount: int, rate: int) -> int:
    return _up(amount, FEE_UNIT, FEE_UNIT - rate) if rate else amount


def swap_base_input(
    amount_in: int,
    reserve_in: int,
    reserve_out: int,
    rates: CpmmRates,
    is_creator_fee_on_input: bool,
    *,
    are_fees_apart: bool = False,
) -> CpmmSwap:
    """Exact input. The program rounds the sum of trade and creator fee up and splits it.

    `are_fees_apart`: round the two fees up on their own, as the SDK's calculator does; up to 1 unit more.
    """
    creator_fee = 0
    if not is_creator_fee_on_input:
        trade_fee = _up(amount_in, rates.trade, FEE_UNIT)
    elif are_fees_apart:
        trade_fee = _up(amount_in, rates.trade, FEE_UNIT)
        creator_fee = _up(amount_in, rates.creator, FEE_UNIT)
    else:
        total = _up(amount_in, rates.trade + rates.creator, FEE_UNIT)
        creator_fee = _creator_share(total, rates)
        trade_fee = total - creator_fee
    usable = amount_in - trade_fee - creator_fee
    gross_out = _quotient(usable * reserve_out, reserve_in + usable)
    amount_out = gross_out
    if not is_creator_fee_on_input:
        creator_fee = _up(gross_out, rates.creator, FEE_UNIT)
        amount_out -= creator_fee
    return CpmmSwap(
        reserve_in + usable,
        reserve_out - gross_out,
        amount_in,
        amount_out,
        trade_fee,
        _quotient(trade_fee * rates.protocol, FEE_UNIT),
        _quotient(trade_fee * rates.fund, FEE_UNIT),
        creator_fee,
    )


def swap_base_output(
    amount_out: int, reserve_in: int, reserve_out: int, rates: CpmmRates, is_creator_fee_on_input: bool
) -> CpmmSwap:
    """Exact output; refuses only an output that would empty the reserve to the unit, for which there is no quotient."""
    creator_fee = 0
    gross_out = amount_out
    if not is_creator_fee_on_input:
        gross_out = _before_fee(amount_out, rates.creator)
        creator_fee = gross_out - amount_out
    if gross_out == reserve_out:
        raise PoolRefused("insufficient_liquidity", f"{gross_out} out is the whole reserve")
    usable = _up(reserve_in, gross_out, reserve_out - gross_out)
    amount_in = _before_fee(usable, rates.trade + (rates.creator if is_creator_fee_on_input else 0))
    trade_fee = amount_in - usable
    if is_creator_fee_on_input:
        creator_fee = _creator_share(trade_fee, rates)
        trade_fee -= creator_fee
    return CpmmSwap(
        reserve_in + usable,
        reserve_out - gross_out,
        amount_in,
        amount_out,
        trade_fee,
        _quotient(trade_fee * rates.protocol, FEE_UNIT),
        _quotient(trade_fee * rates.fund, FEE_UNIT),
        creator_fee,
    )


def _creator_share(total_fee: int, rates: CpmmRates) -> int:
    both = rates.trade + rates.creator
    return _quotient(total_fee * rates.creator, both) if both else 0


def amm_v4_up(numerator: int, denominator: int) -> int:
    """AMM v4's division upwards, which rounds quotients below 1 to the nearest instead (CheckedCeilDiv)."""
    if numerator < denominator:
        return 1 if 2 * numerator >= denominator else 0
    return -(-numerator // denominator)
