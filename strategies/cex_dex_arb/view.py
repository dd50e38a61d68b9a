"""What the strategy's page shows live."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from kernel.strategy import Signal, View


def _meta(title: str, unit: str = "", description: str = "") -> Meta:
    return Meta(title=title, description=description or title, extra={"unit": unit})


class PairView(Struct, frozen=True, kw_only=True):
    """One pool beside its CEX instrument. A blank is not known; it is never 0."""

    pair: Annotated[str, _meta("Pair")]
    pool: Annotated[str, _meta("Pool")]
    cex: Annotated[str, _meta("CEX instrument", "", "Blank = no CEX venue lists the underlying")]
    state: Annotated[
        str, _meta("State", "", "warming, watching, asked, working, orphan, cooldown, or why the pool is not traded")
    ]
    excess_bps: Annotated[
        float | None, _meta("Excess", "bps", "Gap to the CEX beyond the usual one; > 0 = pool is dear")
    ]
    floor_bps: Annotated[float | None, _meta("Floor", "bps", "An excess below this cannot pay at any size")]
    basis_bps: Annotated[float | None, _meta("Usual gap", "bps", "Median of pool against CEX over the window")]
    basis_samples: Annotated[int, _meta("Samples", "", "In the basis window")]
    pool_price: Annotated[float | None, _meta("Pool price", "quote per base")]
    pool_age_ms: Annotated[float | None, _meta("Pool age", "ms", "Since the pool was last heard of")]
    cex_bid: Annotated[float | None, _meta("CEX bid", "quote per base")]
    cex_ask: Annotated[float | None, _meta("CEX ask", "quote per base")]
    cex_age_ms: Annotated[float | None, _meta("CEX age", "ms", "Since the book or bar was last heard of")]
    is_coarse: Annotated[bool, _meta("Coarse", "", "Only bars or sampled pool prices are known")]
    size_usd: Annotated[Decimal | None, _meta("Size", "USD", "Of the last priced candidate")]
    net_usd: Annotated[Decimal | None, _meta("Net", "USD", "Of the last priced candidate, all costs paid")]
    why_not: Annotated[str, _meta("Why not", "", "Reason of the last candidate that passed the screen")]
    pool_base: Annotated[Decimal, _meta("Moved into the pool's wallet", "base", "From our fills; negative = out")]
    cex_base: Annotated[Decimal, _meta("Moved into the CEX account", "base", "From our fills; negative = out")]
    rebalance: Annotated[str, _meta("Rebalance", "", "A transfer proposed to the operator")]
    expected_usd: Annotated[Decimal | None, _meta("Last trade expected", "USD")]
    result_usd: Annotated[Decimal | None, _meta("Last trade brought", "USD", "Cash of its fills, fees and gas paid")]


class CexDexArbView(View, frozen=True, kw_only=True):
    """The page of `cex_dex_arb`."""

    mode: Annotated[str, _meta("Mode", "", "direct or flash_loan")]
    pairs: Annotated[tuple[PairView, ...], _meta("Pairs")]
    signals: Annotated[tuple[Signal, ...], _meta("Signal against threshold")]
    acted: Annotated[int, _meta("Acted on", "", "Trades asked for in this run")]
    orphans: Annotated[int, _meta("Orphan legs", "", "Trades in this run whose legs were unequal at the deadline")]
    assumptions: Annotated[tuple[str, ...], _meta("Assumptions")]
