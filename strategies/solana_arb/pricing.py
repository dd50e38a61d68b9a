"""One cycle priced: how much may go in, the size that earns most, all costs, and the least output to insist on."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from bus.clock import NS_PER_S
from bus.events import PriorityFees
from bus.intents import Cost, Hop, Swap
from bus.units import ZERO, exact
from kernel.amm.cycle_index import Cycle
from kernel.amm.cycle_size import CycleSize, best_cycle_size
from kernel.amm.cycle_walk import Hop as PoolHop
from kernel.amm.errors import PoolRefused
from kernel.finance.lamports import LAMPORTS_PER_SOL, WEI_PER_LAMPORT, lamports_usd
from kernel.finance.tip_policy import TipPolicy
from kernel.market import Market
from kernel.pools import Pools
from strategies.solana_arb.costs import NetworkCosts, cost_lines, network_costs
from strategies.solana_arb.settings import SolanaArbSettings
from strategies.solana_arb.universe import CHAIN, Universe

PERCENT = Decimal(100)
GATE_SHARE = Decimal("0.97")  #: of the gate's cap on one order; it values at its own mark


class Candidate(Struct, frozen=True, kw_only=True):
    """A cycle at its best size."""

    cycle: Cycle
    rate: float  #: out per in of the first unit
    size: CycleSize
    costs: NetworkCosts
    lines: tuple[Cost, ...]
    tip_lamports: int
    amount_out_min: int
    notional_usd: Decimal
    gross_usd: Decimal
    net_usd: Decimal
    net_lamports: int
    sol_usd: Decimal
    slot: int


class Pricer:
    """Prices cycles for one strategy. `balances`: whole tokens by asset, as the wallet's reports tell."""

    def __init__(self, universe: Universe, market: Market, tips: TipPolicy, balances: Mapping[str, Decimal]) -> None:
        self._universe = universe
        self._market = market
        self._tips = tips
        self._balances = balances
        self.fees: PriorityFees | None = None
        self.failure_share: float | None = None  #: own results, None while there are too few

    def price(self, cycle: Cycle, rate: float, pools: Pools, now_ns: int, cap_usd: float) -> Candidate | str:
        """The candidate, or the reason code why there is none."""
        settings, market = self._universe.settings, self._market
        start_usd, sol_usd = market.usd_per_unit(cycle.start), market.usd_per_unit("SOL")
        if not start_usd or not sol_usd:
            return "no_price"
        if CHAIN not in market.gas:
            return "gas_unknown"
        decimals = self._universe.decimals_of(cycle.start, cycle.hops[0].pool)
        most = self._most(cycle, pools, now_ns, start_usd, sol_usd, decimals, cap_usd)
        if isinstance(most, str):
            return most
        failing = settings.failure_probability_pct / 100.0 if self.failure_share is None else self.failure_share
        costs = network_costs(settings, len(cycle.hops), self.fees, failing)
        if isinstance(costs, str):
            return costs
        size = self._size(cycle, pools, now_ns, most)
        if size is None:
            return "no_gain"
        return _candidate(cycle, rate, size, costs, settings, self._tips, start_usd, sol_usd, decimals, pools)

    def _size(self, cycle: Cycle, pools: Pools, now_ns: int, most: int) -> CycleSize | None:
        hops = []
        for hop in cycle.hops:
            pool = pools.exact(hop.pool)
            if pool is None:
                return None
            hops.append(PoolHop(pool, hop.is_a_to_b))
        try:
            return best_cycle_size(hops, amount_in_max=most, now_s=now_ns // NS_PER_S)
        except PoolRefused:
            return None

    def _most(
        self,
        cycle: Cycle,
        pools: Pools,
        now_ns: int,
        start_usd: Decimal,
        sol_usd: Decimal,
        decimals: int,
        cap_usd: float,
    ) -> int | str:
        """Most that may go in, raw: setting, gate, balance and share of depth, whichever is least."""
        settings = self._universe.settings
        usd = exact(settings.max_trade_size_sol) * sol_usd
        if cap_usd < float(usd):
            usd = exact(cap_usd) * GATE_SHARE
        for hop in cycle.hops:
            depth_usd = self._universe.depth_usd(hop.pool, pools, now_ns)
            if depth_usd is None or depth_usd < settings.min_pool_depth_usd:
                return "depth"
            usd = min(usd, exact(depth_usd) * exact(settings.max_depth_share_pct) / PERCENT)
        held = self._balances.get(cycle.start)
        if held is None:
            return "balance_unknown"
        amount = min(usd / start_usd, held)
        raw = int(amount.scaleb(decimals))
        return raw if raw > 0 else "size"


def _candidate(
    cycle: Cycle,
    rate: float,
    size: CycleSize,
    costs: NetworkCosts,
    settings: SolanaArbSettings,
    tips: TipPolicy,
    start_usd: Decimal,
    sol_usd: Decimal,
    decimals: int,
    pools: Pools,
) -> Candidate:
    def lamports_of(raw: int) -> int:
        return int(Decimal(raw).scaleb(-decimals) * start_usd / sol_usd * LAMPORTS_PER_SOL)

    def raw_of(lamports: int) -> int:
        """Rounded up: what covers a cost must cover it."""
        exactly = Decimal(lamports) / LAMPORTS_PER_SOL * sol_usd / start_usd
        return -int(-exactly.scaleb(decimals) // 1)

    gross_lamports = lamports_of(size.gain)
    earned = gross_lamports - costs.before_tip_lamports
    tip = 0
    if settings.use_jito_bundles:
        tip = tips.tip_lamports(
            earned,
            floor_lamports=settings.jito_tip_lamports,
            cap_lamports=settings.max_tip_lamports,
            share_pct=settings.tip_share_of_profit_pct,
        )
    net = earned - tip
    kept = max(0, int(net * settings.min_out_profit_share_pct / 100.0))
    least = size.quotes[0].amount_in + raw_of(costs.base_lamports + costs.priority_lamports + tip + kept)
    return Candidate(
        cycle=cycle,
        rate=rate,
        size=size,
        costs=costs,
        lines=cost_lines(costs, tip, sol_usd),
        tip_lamports=tip,
        amount_out_min=min(least, size.amount_out),
        notional_usd=Decimal(size.amount_in).scaleb(-decimals) * start_usd,
        gross_usd=lamports_usd(gross_lamports, sol_usd),
        net_usd=lamports_usd(net, sol_usd),
        net_lamports=net,
        sol_usd=sol_usd,
        slot=max(pools.parts.slot(hop.pool) for hop in cycle.hops),
    )


def swap_of(candidate: Candidate, settings: SolanaArbSettings, opportunity: str, base_in_first: bool) -> Swap:
    """What is asked of the kernel: one transaction, each hop's input fixed, reverting below the least output."""
    costs = candidate.costs
    gas = costs.base_lamports + costs.priority_lamports
    return Swap(
        route=_route(candidate.cycle, candidate.size),
        amount_in=candidate.size.amount_in,
        amount_out_min=candidate.amount_out_min,
        base_side="sell" if base_in_first else "buy",
        gas_limit=gas,
        gas_price_wei_max=WEI_PER_LAMPORT,
        gas_usd_max=lamports_usd(gas, candidate.sol_usd),
        tip_usd=lamports_usd(candidate.tip_lamports, candidate.sol_usd) if candidate.tip_lamports else ZERO,
        notional_usd=candidate.notional_usd,
        expected_net_usd=candidate.net_usd,
        opportunity=opportunity,
        tip_lamports=candidate.tip_lamports,
        priority_fee_lamports_max=costs.priority_lamports,
        is_bundle=settings.use_jito_bundles,
        min_slot=candidate.slot,
    )


def _route(cycle: Cycle, size: CycleSize) -> tuple[Hop, ...]:
    inputs: Sequence[int] = [0, *(quote.amount_out for quote in size.quotes[:-1])]
    return tuple(
        Hop(pool=hop.pool, is_zero_for_one=hop.is_a_to_b, amount_in=amount)
        for hop, amount in zip(cycle.hops, inputs, strict=True)
    )
