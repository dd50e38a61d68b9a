"""Candidates as the opportunities page lists them: expected net with every cost, verdict, outcome, realised, gap.

Amounts are exact USD; times UTC nanoseconds. Raises `StoreError` while the database is away.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from persistence.keyset_walk import walk
from persistence.page_key import key_of
from persistence.postgres import Database

_COLUMNS = """id, ts_ns, seq, module, opportunity, instruments, size_usd, gross_usd, costs, expected_net_usd, status,
    why_not, verdict, outcome, realised_pnl_usd, gap_reason, simulated"""


class CandidateRow(Struct, frozen=True, kw_only=True):
    """A candidate. `costs` as (name, USD; positive = paid). `verdict` "" = the gate was never asked."""

    key: str
    ts_ns: int
    seq: int
    module: str
    opportunity: str
    instruments: tuple[str, ...]
    size_usd: Decimal
    gross_usd: Decimal
    costs: tuple[tuple[str, Decimal], ...]
    expected_net_usd: Decimal
    status: str
    why_not: str
    verdict: str
    outcome: str
    realised_usd: Decimal | None
    gap_reason: str
    simulated: bool


class CandidatePage(Struct, frozen=True, kw_only=True):
    """A page, newest first. `next_key` "" = nothing older; `searched_to_ns`: see `keyset_walk.Walked`."""

    rows: tuple[CandidateRow, ...]
    next_key: str
    searched_to_ns: int


async def candidates(
    database: Database,
    modules: Sequence[str],
    *,
    verdict: str = "",
    why_not: str = "",
    net_usd_min: Decimal | None = None,
    before_key: str = "",
    limit: int = 50,
) -> CandidatePage:
    """Candidates of some modules. Raises `ValueError` for a key that is none."""
    equal = {name: value for name, value in (("verdict", verdict), ("why_not", why_not)) if value}
    found = await walk(
        database,
        "opportunities",
        _COLUMNS,
        modules,
        before_key,
        limit,
        equal=equal,
        where=(("expected_net_usd >= {}::numeric", net_usd_min),) if net_usd_min is not None else (),
    )
    return CandidatePage(
        rows=tuple(
            CandidateRow(
                key=key_of(record),
                ts_ns=record["ts_ns"],
                seq=record["seq"],
                module=record["module"],
                opportunity=record["opportunity"],
                instruments=tuple(record["instruments"]),
                size_usd=record["size_usd"],
                gross_usd=record["gross_usd"],
                costs=tuple((each["name"], _amount(each["usd"])) for each in record["costs"]),
                expected_net_usd=record["expected_net_usd"],
                status=record["status"],
                why_not=record["why_not"] or "",
                verdict=record["verdict"] or "",
                outcome=record["outcome"] or "",
                realised_usd=record["realised_pnl_usd"],
                gap_reason=record["gap_reason"] or "",
                simulated=record["simulated"],
            )
            for record in found.records
        ),
        next_key=found.next_key,
        searched_to_ns=found.searched_to_ns,
    )


def _amount(text: str) -> Decimal:
    """A cost as it was told; what is no number stays not known."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")
