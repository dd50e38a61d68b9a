"""Fee rates and sale sizes that the pump.fun bonding curve and PumpSwap share.

The fee program (pump_fees, pump-sdk 2.0.0 and pump-swap-sdk 1.20.0, 2026) picks by the quote token: SOL-like quotes pay
by market-cap tier, USDC by its own tiers (or the SOL ones where it has none), every other quote one flat rate. Each of
the fees of a trade is rounded up by itself.
"""

from collections.abc import Sequence

from bus.pool_parts.pump_fees import PumpFees
from kernel.amm.errors import PoolRefused

BPS = 10_000
U64_MAX = (1 << 64) - 1
SOL_QUOTE, STABLE_QUOTE, OTHER_QUOTE = 0, 1, 2
COIN_SUPPLY = 1_000_000_000_000_000  #: what the programs put into market caps where they do not read the mint

Rates = tuple[int, int, int]


def rates_of(fees: PumpFees, quote_kind: int, market_cap: int) -> Rates:
    """Basis points for (providers, protocol, creator) at a market cap in raw quote units.

    Of the tiers at or below the market cap the last counts; below all of them the first does.
    """
    if quote_kind == OTHER_QUOTE:
        return fees.exotic if any(fees.exotic) else fees.flat
    tiers = fees.stable_tiers if quote_kind == STABLE_QUOTE and fees.stable_tiers else fees.tiers
    if not tiers:
        raise PoolRefused("state_inconsistent", "the fee schedule has no tiers; expected at least one for this quote")
    for floor, lp, protocol, creator in reversed(tiers):
        if market_cap >= floor:
            return lp, protocol, creator
    return tiers[0][1], tiers[0][2], tiers[0][3]


def fees_on(amount: int, rates: Sequence[int]) -> int:
    """The sum of the fees of a trade of `amount`, each rounded up by itself."""
    return sum(-(-amount * rate // BPS) for rate in rates)


def least_sale(wanted: int, base: int, quote: int, rates: Sequence[int]) -> int:
    """The fewest coins whose sale into `base` x `quote` brings `wanted` after fees.

    Needed because the programs have no sale by output, and fees that are rounded up one by one make what arrives
    jump back by a unit here and there: the formula's inverse alone may be a unit short. Raises `PoolRefused`.
    """
    total = sum(rates)
    if total < BPS:
        gross = -(-wanted * BPS // (BPS - total))
        while gross < quote:
            amount = -(-gross * base // (quote - gross))
            gross = quote * amount // (base + amount)
            if gross - fees_on(gross, rates) >= wanted:
                return amount
            gross += 1
    raise PoolRefused("insufficient_liquidity", f"no sale brings {wanted} of a quote reserve of {quote}")


def checked_amount(amount: int) -> int:
    """A raw amount that fits the programs' integers. Raises `PoolRefused`."""
    if not 0 < amount <= U64_MAX:
        raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount}")
    return amount
