"""One pair trades in several pools; when one moves, the cycle through it may give back more than it takes.

A change of a pool re-screens the cycles that touch it, the best are sized exactly, and what pays after all costs is
asked for as one transaction that reverts below its least output. It never holds anything in between.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from bus.clock import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from bus.events import (
    REPORTS,
    TERMINAL_REPORTS,
    BalanceUpdated,
    Expired,
    Fill,
    InstrumentListed,
    NativeSpent,
    OrderApproved,
    OrderDenied,
    PoolDisabled,
    PoolSeen,
    PriorityFees,
    Report,
    Reverted,
    SlotSeen,
    TimerFired,
    TipFloor,
)
from bus.intents import Hop, Intent, Opportunity, Swap, Wake
from bus.units import BPS_PER_UNIT, ONE, ZERO, exact, sign
from kernel.amm.cycle_index import Cycle, CycleHit
from kernel.amm.errors import PoolRefused
from kernel.finance.lamports import SIGNATURE_FEE_LAMPORTS, WEI_PER_LAMPORT, lamports_usd
from kernel.finance.tip_policy import TipPolicy
from kernel.market import Market
from kernel.strategy import Strategy
from strategies.solana_arb.attempts import Attempt, Attempts
from strategies.solana_arb.costs import OWN_RESULTS_MIN
from strategies.solana_arb.pricing import Candidate, Pricer, swap_of
from strategies.solana_arb.settings import SolanaArbSettings
from strategies.solana_arb.universe import CHAIN, Universe
from strategies.solana_arb.view import SolanaArbView, view_of

SCAN = "scan"  #: name of the timer of the full screen
PRICED_PER_EVENT_MAX = 4  #: cycles priced in full on one event, best first; about 0.2 ms each
NOTE_NS = NS_PER_MINUTE  #: at most one rejected candidate a minute is told as an event; all are counted
DUST_USD = Decimal("0.05")
EXIT_SLIPPAGE_BPS = 100


class SolanaArb(Strategy[SolanaArbSettings]):
    """A fold over pools told in parts; asks for one swap through two or three of them."""

    name = "solana_arb"
    title = "Solana pool arbitrage"
    idea = (
        "One pair, many pools: when they disagree by more than everything costs, trade through both in one transaction."
    )
    wants = (
        InstrumentListed, PoolSeen, PoolDisabled, SlotSeen, TipFloor, PriorityFees, BalanceUpdated, TimerFired,
        OrderApproved, OrderDenied, *REPORTS,
    )  # fmt: skip
    Settings = SolanaArbSettings
    required_secrets = ("SOLANA_PRIVATE_KEY",)

    def __init__(self, settings: SolanaArbSettings, market: Market) -> None:
        super().__init__(settings, market)
        self.universe = Universe(settings, market)
        self.tips = TipPolicy()
        self.balances: dict[str, Decimal] = {}
        self.pricer = Pricer(self.universe, market, self.tips, self.balances)
        self.attempts = Attempts()
        self.held: dict[str, Decimal] = {}  #: base by instrument, as fills made it; a cycle nets to nothing
        self.acted = 0
        self.reverted = 0
        self.now_ns = 0
        self.head_slot = 0
        self.best: tuple[Cycle, float] | None = None  #: of the last full screen
        self.last_priced: Candidate | None = None
        self.last_why_not = ""
        self._count = 0
        self._noted_ns = 0
        self._is_scanning = False
        self._handlers: dict[type, Callable[[Any], Iterable[Intent]]] = {
            InstrumentListed: self._on_listed,
            PoolSeen: self._on_seen,
            PoolDisabled: self._on_seen,
            SlotSeen: self._on_slot,
            TipFloor: self._on_tip_floor,
            PriorityFees: self._on_priority_fees,
            BalanceUpdated: self._on_balance,
            TimerFired: self._on_timer,
            OrderApproved: self._on_approved,
            OrderDenied: self._on_denied,
            Fill: self._on_fill,
            NativeSpent: self._on_native_spent,
            **dict.fromkeys(TERMINAL_REPORTS, self._on_terminal),
        }

    def apply(self, settings: SolanaArbSettings) -> None:
        super().apply(settings)
        self.universe.apply(settings)

    def on_event(self, event: Any) -> Iterable[Intent]:
        handler = self._handlers.get(type(event))
        return () if handler is None else handler(event)

    # what is heard ------------------------------------------------------------------------------------------------

    def _on_listed(self, event: InstrumentListed) -> Iterable[Intent]:
        self.universe.on_listed(event)
        return ()

    def _on_slot(self, event: SlotSeen) -> Iterable[Intent]:
        if event.chain == CHAIN:
            self.head_slot = max(self.head_slot, event.slot)
        return ()

    def _on_tip_floor(self, event: TipFloor) -> Iterable[Intent]:
        self.tips.hear(event)
        return ()

    def _on_priority_fees(self, event: PriorityFees) -> Iterable[Intent]:
        if event.chain == CHAIN:
            self.pricer.fees = event
        return ()

    def _on_balance(self, event: BalanceUpdated) -> Iterable[Intent]:
        if event.venue == CHAIN:
            self.balances[event.asset] = event.total
        return ()

    def _on_seen(self, event: PoolSeen | PoolDisabled) -> Iterable[Intent]:
        if event.instrument not in self.universe.listed:
            return ()
        self.now_ns = event.ts_ns
        is_new = self.universe.is_new
        hits = self.universe.update(event.instrument, self.pools, event.ts_ns)
        if is_new:
            hits = self._screen()
        self.funnel.seen += 1
        output = self._decide(hits) if hits else ()
        if self._is_scanning:
            return output
        self._is_scanning = True
        return [*output, self._wake()]

    def _on_timer(self, event: TimerFired) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        hits = self._screen()
        self.funnel.seen += 1
        return [*(self._decide(hits) if hits else ()), self._wake()]

    def _wake(self) -> Wake:
        return Wake(at_ns=self.now_ns + self.settings.scan_interval_ms * NS_PER_MS, name=SCAN)

    def _screen(self) -> list[CycleHit]:
        """All pools again: rates that move with the clock, and what an update in between may have left."""
        found: dict[int, CycleHit] = {}
        for instrument in self.universe.listed:
            for hit in self.universe.update(instrument, self.pools, self.now_ns):
                found[hit.cycle.number] = hit
        hits = sorted(found.values(), key=lambda hit: (-hit.rate, hit.cycle.number))
        self.best = (hits[0].cycle, hits[0].rate) if hits else None
        return hits

    # decision -----------------------------------------------------------------------------------------------------

    def _decide(self, hits: list[CycleHit]) -> Iterator[Intent]:
        taken: set[str] = set()
        priced = 0
        for cycle, rate in hits:
            pools = tuple(hop.pool for hop in cycle.hops)
            if self.universe.is_long(cycle) or not taken.isdisjoint(pools):
                continue
            versions = tuple(self.pools.parts.version(pool) for pool in pools)
            reason = self.attempts.blocks(pools, versions, self.now_ns) or self._skew(pools)
            if reason:
                self._reject(reason)
                continue
            if priced >= PRICED_PER_EVENT_MAX:
                break
            priced += 1
            candidate = self.pricer.price(cycle, rate, self.pools, self.now_ns, self.notional_cap_usd)
            if isinstance(candidate, str):
                self._reject(candidate)
                continue
            told = self._tell(candidate)
            if told is not None:
                yield told
            if not self.last_why_not and told is not None:
                taken.update(pools)
                yield self._ask(candidate, pools, versions, told.opportunity)

    def _skew(self, pools: tuple[str, ...]) -> str:
        """Each pool is known up to the newest slot heard of, or to its own last change if that is newer."""
        known = [max(self.pools.parts.slot(pool), self.head_slot) for pool in pools]
        return "slot_skew" if max(known) - min(known) > self.settings.max_slot_skew else ""

    def _reject(self, reason: str) -> None:
        self.funnel.reject(reason)
        self.last_why_not = reason

    def _tell(self, candidate: Candidate) -> Opportunity | None:
        """Count a priced candidate; returns what to yield: each one acted on, rejected ones once a minute."""
        self.funnel.priced += 1
        self._count += 1
        self.last_priced = candidate
        why_not = "" if candidate.net_lamports >= self.settings.min_profit_lamports else "below_min_profit"
        self.last_why_not = why_not
        told = Opportunity(
            opportunity=f"{self.name}-{self._count}",
            instruments=tuple(hop.pool for hop in candidate.cycle.hops),
            size_usd=candidate.notional_usd,
            gross_usd=candidate.gross_usd,
            costs=candidate.lines,
            expected_net_usd=candidate.net_usd,
            why_not=why_not,
            note=(
                f"{(candidate.rate - 1) * BPS_PER_UNIT:.1f} bps at the first unit, {candidate.size.amount_in} in, "
                f"{candidate.size.amount_out} out, size ended by {candidate.size.ended_by}, slot {candidate.slot}"
            ),
        )
        if not why_not:
            return told
        self.funnel.reject(why_not, told)
        if self.now_ns - self._noted_ns < NOTE_NS:
            return None
        self._noted_ns = self.now_ns
        return told

    def _ask(self, candidate: Candidate, pools: tuple[str, ...], versions: tuple[int, ...], opportunity: str) -> Swap:
        """Remember that it was asked for, so that nothing is asked twice; holdings wait for reports."""
        self.acted += 1
        attempt = Attempt(
            opportunity=opportunity,
            pools=pools,
            asked_ns=self.now_ns,
            tip_lamports=candidate.tip_lamports,
            expected_usd=candidate.net_usd,
        )
        self.attempts.ask(attempt, versions)
        first = candidate.cycle.hops[0]
        is_base_in = first.is_a_to_b == self.universe.listed[first.pool].base_is_token0
        return swap_of(candidate, self.settings, opportunity, is_base_in)

    # verdicts and reports -----------------------------------------------------------------------------------------

    def _on_approved(self, event: OrderApproved) -> Iterable[Intent]:
        self.attempts.on_approved(event)
        return ()

    def _on_denied(self, event: OrderDenied) -> Iterable[Intent]:
        attempt = self.attempts.on_denied(event.opportunity)
        if attempt is not None:
            self.funnel.reject("denied")
            self._rest(attempt, event.ts_ns, self.settings.failure_cooldown_ms)
        return ()

    def _on_fill(self, event: Fill) -> Iterable[Intent]:
        self.held[event.instrument] = self.held.get(event.instrument, ZERO) + sign(event.side) * event.qty
        self.attempts.on_fill(event, self.market.quote_usd(event.instrument) or ONE)
        listed = self.market.instruments.get(event.instrument)
        if listed is not None:
            moved = sign(event.side) * event.qty
            self._move(listed.base, moved)
            self._move(listed.quote, -moved * event.price)
        return ()

    def _on_native_spent(self, event: NativeSpent) -> Iterable[Intent]:
        spent_raw = event.fee_raw + event.tip_raw + event.rent_raw
        self._move(event.asset, -Decimal(spent_raw).scaleb(-event.decimals))
        return ()

    def _move(self, asset: str, change: Decimal) -> None:
        if asset in self.balances:
            self.balances[asset] += change

    def _on_terminal(self, event: Report) -> Iterable[Intent]:
        attempt = self.attempts.on_terminal(event)
        if attempt is None:
            return ()
        if attempt.is_landed:
            self.tips.on_landed(attempt.tip_lamports)
        elif isinstance(event, Expired):
            self.tips.on_missed()
        elif isinstance(event, Reverted):
            self.reverted += 1
        sent = self.tips.landed + self.tips.missed + self.reverted
        if sent >= OWN_RESULTS_MIN:
            self.pricer.failure_share = 1.0 - self.tips.landed / sent
        settings = self.settings
        self._rest(attempt, event.ts_ns, settings.cooldown_ms if attempt.is_landed else settings.failure_cooldown_ms)
        return ()

    def _rest(self, attempt: Attempt, now_ns: int, pause_ms: int) -> None:
        self.attempts.rest(attempt, now_ns + pause_ms * NS_PER_MS)

    # ends ---------------------------------------------------------------------------------------------------------

    def is_flat(self) -> bool:
        """No trade in flight and no more than dust left over by one."""
        return not self.attempts.by_pool and not any(self._worth_usd(each) > DUST_USD for each in self.held)

    def _worth_usd(self, instrument: str) -> Decimal:
        known, rate = self.market.price(instrument), self.market.quote_usd(instrument)
        if known is None or rate is None:
            return ZERO
        return abs(self.held[instrument]) * exact(known[0]) * rate

    def flatten(self, reason: str) -> Iterable[Intent]:
        """Sell what an unfinished or partial trade left, or buy back what it lacks, in the pool that gives most."""
        closing = []
        for instrument, qty in self.held.items():
            if self._worth_usd(instrument) > DUST_USD:
                swap = self._closing_swap(instrument, qty, reason)
                if swap is not None:
                    closing.append(swap)
        return closing

    def _closing_swap(self, instrument: str, qty: Decimal, reason: str) -> Swap | None:
        listed = self.market.instruments[instrument]
        sol_usd = self.market.usd_per_unit("SOL")
        best: tuple[int, int, str] | None = None  # (out, in, pool)
        now_s = self.now_ns // NS_PER_S
        is_sale = qty > 0
        base_raw = int(abs(qty).scaleb(listed.base_decimals))
        for name, other in self.universe.listed.items():
            if (other.base, other.quote) != (listed.base, listed.quote):
                continue
            pool = self.pools.exact(name)
            if pool is None:
                continue
            is_a_to_b = other.base_is_token0 == is_sale
            try:
                if is_sale:
                    quote = pool.quote_in(is_a_to_b, base_raw, now_s)
                else:
                    quote = pool.quote_out(is_a_to_b, base_raw, now_s)
            except PoolRefused:
                continue
            if best is None or quote.amount_out - quote.amount_in > best[0] - best[1]:
                best = (quote.amount_out, quote.amount_in, name)
        if best is None or not base_raw or sol_usd is None:
            self.funnel.reject("incomplete")
            return None
        self._count += 1
        pool_listed = self.universe.listed[best[2]]
        fee = SIGNATURE_FEE_LAMPORTS + self.settings.max_priority_fee_lamports
        return Swap(
            route=(Hop(pool=best[2], is_zero_for_one=pool_listed.base_is_token0 == is_sale),),
            amount_in=best[1],
            amount_out_min=max(1, best[0] * (BPS_PER_UNIT - EXIT_SLIPPAGE_BPS) // BPS_PER_UNIT),
            base_side="sell" if is_sale else "buy",
            is_reduce_only=True,
            gas_limit=fee,
            gas_price_wei_max=WEI_PER_LAMPORT,
            gas_usd_max=lamports_usd(fee, sol_usd),
            notional_usd=max(self._worth_usd(instrument), DUST_USD),
            opportunity=f"{self.name}-{self._count}-{reason}",
            priority_fee_lamports_max=self.settings.max_priority_fee_lamports,
        )

    # for people ---------------------------------------------------------------------------------------------------

    def view(self) -> SolanaArbView:
        return view_of(self)

    def assumptions(self) -> list[str]:
        """What a reader of a report must know."""
        return [
            "Cycles of one pair start and end in its quote token, so the wallet needs USDC for SOL/USDC and SOL for "
            "mSOL/SOL; a landed cycle leaves no position.",
            "Fees that move with the chain's clock are taken at the event's time; the transaction meets a slot or two "
            "later and reverts below its least output.",
            "Compute is estimated by compute_units_per_swap; the transaction itself is sized by simulation.",
            "Dollar coins are valued at 1 USD; SOL by the first dollar pool or market that was listed.",
        ]
