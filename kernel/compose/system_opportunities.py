"""The opportunities pages' source: candidates from Postgres, or the newest ones of the run from memory."""

from kernel.compose.live import KernelProcess
from kernel.compose.system_execution import MEMORY_NOTE
from kernel.compose.system_memory import SystemMemory
from persistence import opportunity_history
from persistence.postgres import Database
from webui.opportunities_source import CandidateList, CandidateQuery, CandidateTrace
from webui.snapshot import CostItem


class SystemOpportunities:
    """Implements `webui.opportunities_source.OpportunitiesSource`."""

    def __init__(self, process: KernelProcess, memory: SystemMemory, database: Database | None) -> None:
        self._core = process.core
        self._memory = memory
        self._database = database

    async def candidates(self, query: CandidateQuery) -> CandidateList:
        modules = (query.strategy,) if query.strategy else tuple(self._core.runner.slots)
        if self._database is None:
            return self._remembered(query, modules)
        page = await opportunity_history.candidates(
            self._database,
            modules,
            verdict=query.verdict,
            why_not=query.why_not,
            net_usd_min=query.net_usd_min,
            before_key=query.before_key,
            limit=query.limit,
        )
        return CandidateList(
            rows=tuple(
                CandidateTrace(
                    key=row.key,
                    ts_ns=row.ts_ns,
                    seq=row.seq,
                    strategy=row.module,
                    opportunity=row.opportunity,
                    instruments=row.instruments,
                    size_usd=row.size_usd,
                    gross_usd=row.gross_usd,
                    costs=tuple(CostItem(name, usd) for name, usd in row.costs),
                    expected_net_usd=row.expected_net_usd,
                    why_not=row.why_not,
                    verdict=row.verdict,
                    outcome=row.outcome,
                    realised_usd=row.realised_usd,
                    gap_reason=row.gap_reason,
                    simulated=row.simulated,
                )
                for row in page.rows
            ),
            next_key=page.next_key,
            searched_to_ns=page.searched_to_ns,
        )

    def _remembered(self, query: CandidateQuery, modules: tuple[str, ...]) -> CandidateList:
        """What was seen; verdict and outcome are joined by the database alone, so a filter on a verdict finds none."""
        rows = [
            CandidateTrace(
                key=f"{seq:020d}",
                ts_ns=event.ts_ns,
                seq=seq,
                strategy=event.strategy,
                opportunity=event.opportunity,
                instruments=event.instruments,
                size_usd=event.size_usd,
                gross_usd=event.gross_usd,
                costs=tuple(CostItem(each.name, each.usd) for each in event.costs),
                expected_net_usd=event.expected_net_usd,
                why_not=event.why_not,
                simulated=self._core.is_simulated,
            )
            for seq, event in reversed(self._memory.seen)
            if event.strategy in modules
            and not query.verdict
            and (not query.why_not or event.why_not == query.why_not)
            and (query.net_usd_min is None or event.expected_net_usd >= query.net_usd_min)
        ]
        chosen = [each for each in rows if not query.before_key or each.key < query.before_key]
        page = tuple(chosen[: query.limit])
        return CandidateList(
            rows=page,
            next_key=page[-1].key if len(chosen) > query.limit else "",
            note=f"{MEMORY_NOTE}; verdicts and outcomes need the database",
        )
