"""What the opportunities pages show beside the funnel: candidates with their costs, verdict, outcome and gap.

Amounts are exact USD; times UTC nanoseconds of event time. None means "not known".
"""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from webui.snapshot import CostItem


class CandidateQuery(Struct, frozen=True, kw_only=True):
    """Which candidates to list, newest first, below `before_key`. Empty filters mean all."""

    strategy: str = ""
    verdict: str = ""
    why_not: str = ""
    net_usd_min: Decimal | None = None
    before_key: str = ""
    limit: int = 50


class CandidateTrace(Struct, frozen=True, kw_only=True):
    """A candidate and what became of it. `verdict` "" = the gate was not asked; `why_not` then says why."""

    key: str
    ts_ns: int
    seq: int
    strategy: str
    opportunity: str
    instruments: tuple[str, ...]
    size_usd: Decimal
    gross_usd: Decimal
    costs: tuple[CostItem, ...]
    expected_net_usd: Decimal
    why_not: str = ""
    verdict: str = ""
    outcome: str = ""
    realised_usd: Decimal | None = None
    gap_reason: str = ""
    simulated: bool = True


class CandidateList(Struct, frozen=True, kw_only=True):
    """A page. `searched_to_ns` > 0: looked back to there only; follow `next_key` for more."""

    rows: tuple[CandidateTrace, ...] = ()
    next_key: str = ""
    searched_to_ns: int = 0
    note: str = ""


class OpportunitiesSource(Protocol):
    """Candidates from the tables, or from memory where there are none."""

    async def candidates(self, query: CandidateQuery) -> CandidateList: ...
