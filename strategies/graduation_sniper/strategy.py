"""When a curve sells out and its liquidity moves to a pool, buy the few coins that pass every filter; sell in tiers.

Coins are judged when they complete and again right before the purchase. Every position has an end that nothing delays:
the longest hold needs no price, and a failed exit is tried again with more slippage until the coins are gone.
"""

from collections.abc import Callable, Iterable, Iterator
from math import sqrt
from typing import Any

from bus.clock import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from bus.events import (
    REPORTS,
    TERMINAL_REPORTS,
    Expired,
    Fill,
    InstrumentListed,
    Landed,
    LaunchCompleted,
    LaunchCreated,
    LaunchHolders,
    LaunchMigrated,
    LaunchSampled,
    LaunchTrade,
    OrderApproved,
    OrderDenied,
    PoolDisabled,
    PoolSeen,
    PriorityFees,
    Report,
    SlotSeen,
    TimerFired,
    TipFloor,
)
from bus.intents import Intent, Opportunity, Swap, Wake
from bus.pool_parts import LaunchLabState, PumpCurve, PumpCurveTerms, PumpSwapSupply, PumpSwapVault
from bus.units import BPS_PER_UNIT, ZERO
from kernel.amm.errors import PoolRefused
from kernel.finance.lamports import lamports_usd
from kernel.finance.tip_policy import TipPolicy
from kernel.market import Market
from kernel.strategy import Strategy
from strategies.graduation_sniper.coin import Coin
from strategies.graduation_sniper.entry import Entry, buy_swap, priced_entry, sell_swap
from strategies.graduation_sniper.filters import Judged, judge
from strategies.graduation_sniper.holdings import Ask, Holdings
from strategies.graduation_sniper.position import Exit, Position, due_exit, exit_slippage_bps
from strategies.graduation_sniper.settings import GraduationSniperSettings, tiers_of
from strategies.graduation_sniper.view import GraduationSniperView, view_of

COINS_MAX = 5_000  #: remembered; the one that was quiet longest goes first
WATCH = "watch"  #: name of the timer that looks at open positions when nothing is heard
WATCH_NS = NS_PER_S
CHAIN = "solana"
POOL_FAMILIES = ("pump_swap", "raydium_cpmm", "raydium_amm_v4")  #: where curves graduate to


class GraduationSniper(Strategy[GraduationSniperSettings]):
    """A fold over launches and their pools; asks for one purchase and for sales until nothing is left."""

    name = "graduation_sniper"
    title = "Graduation sniper"
    idea = (
        "Buy coins with strong metrics the moment their curve graduates to a pool; sell in tiers, never hold for long."
    )
    wants = (
        InstrumentListed, LaunchCreated, LaunchTrade, LaunchSampled, LaunchCompleted, LaunchMigrated, LaunchHolders,
        PoolSeen, PoolDisabled, SlotSeen, TipFloor, PriorityFees, TimerFired, OrderApproved, OrderDenied, *REPORTS,
    )  # fmt: skip
    Settings = GraduationSniperSettings
    required_secrets = ("SOLANA_PRIVATE_KEY",)

    def __init__(self, settings: GraduationSniperSettings, market: Market) -> None:
        super().__init__(settings, market)
        self.tiers = tiers_of(settings.exit_tiers)
        self.coins: dict[str, Coin] = {}  #: by curve, quiet longest first
        self.graduated: dict[str, Coin] = {}  #: by pool instrument, completed and not decided yet
        self.holdings = Holdings()
        self.tips = TipPolicy()
        self.fees: PriorityFees | None = None
        self.initial_base_raw: dict[str, int] = {}  #: coins for sale at the start, by curve
        self.now_ns = 0
        self.entries = 0
        self.exits: dict[str, int] = {}  #: by reason
        self.last_judged: tuple[Coin, Judged, Entry | None] | None = None
        self._count = 0
        self._by_mint: dict[str, Coin] = {}
        self._pools_of: dict[str, list[str]] = {}  #: pools by mint
        self._vaults: dict[str, list[int]] = {}
        self._is_watching = False
        self._handlers: dict[type, Callable[[Any], Iterable[Intent]]] = {
            InstrumentListed: self._on_listed,
            LaunchCreated: self._on_created,
            LaunchTrade: self._on_trade,
            LaunchSampled: self._on_sampled,
            LaunchCompleted: self._on_completed,
            LaunchMigrated: self._on_migrated,
            LaunchHolders: self._on_holders,
            PoolSeen: self._on_seen,
            PoolDisabled: self._on_disabled,
            SlotSeen: self._on_slot,
            TipFloor: self._on_tip_floor,
            PriorityFees: self._on_priority_fees,
            TimerFired: self._on_timer,
            OrderApproved: self._on_approved,
            OrderDenied: self._on_denied,
            Fill: self._on_fill,
            **dict.fromkeys(TERMINAL_REPORTS, self._on_terminal),
        }

    def apply(self, settings: GraduationSniperSettings) -> None:
        super().apply(settings)
        self.tiers = tiers_of(settings.exit_tiers)

    def on_event(self, event: Any) -> Iterable[Intent]:
        handler = self._handlers.get(type(event))
        return () if handler is None else handler(event)

    # what is heard of coins ---------------------------------------------------------------------------------------

    def _on_listed(self, event: InstrumentListed) -> Iterable[Intent]:
        if event.family in POOL_FAMILIES and event.base_mint:
            pools = self._pools_of.setdefault(event.base_mint, [])
            if event.instrument not in pools:
                pools.append(event.instrument)
            coin = self._by_mint.get(event.base_mint)
            if coin is not None and coin.completed_ns and not coin.pool:
                self._graduate(coin)
        return ()

    def _on_created(self, event: LaunchCreated) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        if event.instrument not in self.coins:
            self._make_room()
            self.coins[event.instrument] = self._by_mint[event.mint] = Coin(event)
        return ()

    def _make_room(self) -> None:
        if len(self.coins) >= COINS_MAX:
            oldest = self.coins.pop(next(iter(self.coins)))
            self._by_mint.pop(oldest.mint, None)
            self.graduated.pop(oldest.pool, None)
            self.initial_base_raw.pop(oldest.curve, None)
            self.funnel.reject("coins_full")

    def _on_trade(self, event: LaunchTrade) -> Iterable[Intent]:
        held = self.holdings.positions.get(event.instrument)
        if held is not None:  # a trade in the pool that the coin went to
            self.now_ns = event.ts_ns
            if event.user == held.creator and not event.is_buy:
                held.creator_sold_raw += event.base_amount
                return self._look(event.instrument)
            return ()
        coin = self.coins.pop(event.instrument, None)
        if coin is None:
            return ()
        self.now_ns = event.ts_ns
        self.coins[event.instrument] = coin  # heard of last
        coin.on_trade(event, self.settings.window_s * NS_PER_S)
        return ()

    def _on_sampled(self, event: LaunchSampled) -> Iterable[Intent]:
        coin = self.coins.pop(event.instrument, None)
        if coin is not None:
            self.now_ns = event.ts_ns
            self.coins[event.instrument] = coin  # heard of last
            coin.on_sampled(event)
        return ()

    def _on_holders(self, event: LaunchHolders) -> Iterable[Intent]:
        coin = self.coins.get(event.instrument)
        if coin is not None:
            coin.on_holders(event)
        return ()

    def _on_completed(self, event: LaunchCompleted) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        coin = self.coins.get(event.instrument)
        if coin is None or coin.completed_ns:
            return ()
        coin.completed_ns = event.ts_ns
        self.funnel.seen += 1
        self._graduate(coin)
        return self._enter(coin.pool) if coin.pool else ()

    def _on_migrated(self, event: LaunchMigrated) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        coin = self.coins.get(event.instrument)
        if coin is None:
            return ()
        coin.migrated_ns = event.ts_ns
        if not coin.completed_ns:  # its completion was missed
            coin.completed_ns = event.ts_ns
            self.funnel.seen += 1
        self._graduate(coin)
        return self._enter(coin.pool) if coin.pool else ()

    def _graduate(self, coin: Coin) -> None:
        """Join the coin with its pool once both are known."""
        pools = self._pools_of.get(coin.mint)
        if pools and not coin.pool:
            coin.pool = pools[0]
            self.graduated[coin.pool] = coin

    # pools --------------------------------------------------------------------------------------------------------

    def _on_seen(self, event: PoolSeen) -> Iterable[Intent]:
        name = event.instrument
        for part in event.parts:
            if isinstance(part, PumpCurve | LaunchLabState):
                coin = self.coins.get(name)
                if coin is not None:
                    coin.supply_raw = part.supply
            elif isinstance(part, PumpCurveTerms):
                if name in self.coins:
                    self.initial_base_raw[name] = part.initial_real_base
            elif isinstance(part, PumpSwapSupply):
                if name in self.graduated:
                    self.graduated[name].supply_raw = part.amount
            elif isinstance(part, PumpSwapVault) and (name in self.graduated or name in self.holdings.positions):
                self._vaults.setdefault(name, [0, 0])[0 if part.is_first else 1] = part.amount
        if name in self.holdings.positions:
            self.now_ns = event.ts_ns
            if CHAIN in self.pools.parts.heads:  # judged when the slot is over: what changes together is then whole
                self.holdings.positions[name].heard_ns = event.ts_ns
                return ()
            return self._look(name)
        if name in self.graduated:
            self.now_ns = event.ts_ns
            return self._enter(name)
        return ()

    def _on_disabled(self, event: PoolDisabled) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        self.graduated.pop(event.instrument, None)
        return ()

    def _on_slot(self, event: SlotSeen) -> Iterable[Intent]:
        """The chain goes on and the subscription with it: a quiet pool is not a stale one."""
        self.now_ns = event.ts_ns
        if event.chain != CHAIN or not self.holdings.positions:
            return ()
        output: list[Intent] = []
        for name in tuple(self.holdings.positions):
            output += self._look(name)
        return output

    def _on_tip_floor(self, event: TipFloor) -> Iterable[Intent]:
        self.tips.hear(event)
        return ()

    def _on_priority_fees(self, event: PriorityFees) -> Iterable[Intent]:
        if event.chain == CHAIN:
            self.fees = event
        return ()

    # entry --------------------------------------------------------------------------------------------------------

    def _enter(self, name: str) -> Iterable[Intent]:
        coin = self.graduated.get(name)
        if coin is None or self.holdings.busy(name, self.now_ns):
            return ()
        if self.now_ns - coin.completed_ns > self.settings.entry_window_s * NS_PER_S:
            self._leave(coin, "window_missed")
            return ()
        pool, listed = self.pools.exact(name), self.market.instruments.get(name)
        if pool is None or listed is None:
            coin.verdict = "pool_incomplete"
            return ()
        sol_usd = self.market.usd_per_unit("SOL")
        judged = judge(
            coin, self.settings, supply_raw=coin.supply_raw, sol_usd=None if sol_usd is None else float(sol_usd)
        )
        self.last_judged = (coin, judged, None)
        if judged.failures or sol_usd is None:
            for reason in judged.failures:
                self.funnel.reject(reason)
            self._leave(coin, ", ".join(judged.failures) or "sol_price", is_counted=False)
            return ()
        entry = priced_entry(name, pool, self.settings, self.fees, self._tip(), self.now_ns // NS_PER_S)
        reason = entry if isinstance(entry, str) else self._against(coin, entry)
        if isinstance(entry, str):
            self._leave(coin, reason)
            return ()
        self.last_judged = (coin, judged, entry)
        self.funnel.priced += 1
        self._count += 1
        told = Opportunity(
            opportunity=f"{self.name}-{self._count}",
            instruments=(name,),
            size_usd=lamports_usd(entry.stake_lamports, sol_usd),
            gross_usd=ZERO,
            costs=entry.costs(sol_usd),
            expected_net_usd=-sum((each.usd for each in entry.costs(sol_usd)), ZERO),
            why_not=reason,
            note=(
                f"breaks even at {entry.break_even:.3f}x, first tier "
                f"{self.tiers[0].target if self.tiers else 'none'}, rug score {judged.rug_probability:.2f}; "
                "no price rise is counted as expected"
            ),
        )
        if reason:
            self.funnel.reject(reason, told)
            self._leave(coin, reason, is_counted=False)
            return [told]
        return [told, self._buy(coin, entry, told.opportunity)]

    def _against(self, coin: Coin, entry: Entry) -> str:
        settings = self.settings
        age_ns = self.now_ns - self.pools.parts.seen_ns(entry.pool)
        first = self.tiers[0].multiple if self.tiers else 0.0
        if age_ns > settings.state_refresh_budget_ms * NS_PER_MS:
            return "state_stale"
        if self.holdings.taken() >= settings.max_open_positions:
            return "positions_full"
        if self.holdings.taken(coin.creator) >= settings.max_positions_per_creator:
            return "creator_full"
        if first and entry.break_even >= first:
            return "break_even"
        if CHAIN not in self.market.gas:
            return "gas_unknown"
        return "" if settings.graduation_snipe_enabled else "disabled"

    def _leave(self, coin: Coin, verdict: str, *, is_counted: bool = True) -> None:
        coin.verdict = verdict
        self.graduated.pop(coin.pool, None)
        if is_counted:
            self.funnel.reject(verdict)

    def _tip(self) -> int:
        """Of a purchase: its worth is not known beforehand, so the cap alone bounds it."""
        if not self.settings.use_jito_bundles:
            return 0
        cap = self.settings.max_tip_lamports
        return self.tips.tip_lamports(
            2 * cap, floor_lamports=self.settings.jito_tip_lamports, cap_lamports=cap, share_pct=100.0
        )

    def _buy(self, coin: Coin, entry: Entry, opportunity: str) -> Swap:
        sol_usd = self.market.usd_per_unit("SOL")
        assert sol_usd is not None
        self.entries += 1
        self.holdings.ask(
            Ask(
                opportunity=opportunity,
                pool=entry.pool,
                creator=coin.creator,
                asked_ns=self.now_ns,
                tip_lamports=entry.tip_lamports,
            )
        )
        return buy_swap(entry, self.settings, sol_usd, opportunity, self.pools.parts.slot(entry.pool))

    # exits --------------------------------------------------------------------------------------------------------

    def _on_timer(self, event: TimerFired) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        output: list[Intent] = []
        for name in tuple(self.holdings.positions):
            output += self._look(name, is_heard=False)
        for name in tuple(self.graduated):
            output += self._enter(name)
        self._is_watching = bool(self.holdings.positions)
        if self._is_watching:
            output.append(Wake(at_ns=self.now_ns + WATCH_NS, name=WATCH))
        return output

    def _look(self, name: str, *, is_heard: bool = True) -> Iterator[Intent]:
        """At one open position: what it would bring now, and whether an exit is due."""
        position = self.holdings.positions[name]
        coin = self._coin_of(name)
        multiple, depth, worth = self._worth(name, position)
        if is_heard:
            position.heard_ns = self.now_ns
        if multiple is not None:
            position.see(multiple, depth or 0.0, self.tiers)
        if self.holdings.busy(name, self.now_ns):
            return
        due = due_exit(
            position,
            self.settings,
            self.tiers,
            now_ns=self.now_ns,
            multiple=multiple,
            depth=depth,
            supply_raw=0 if coin is None else coin.supply_raw,
        )
        if due is not None:
            yield from self._sell(name, position, due, worth)

    def _coin_of(self, name: str) -> Coin | None:
        listed = self.market.instruments.get(name)
        return None if listed is None else self._by_mint.get(listed.base_mint)

    def _worth(self, name: str, position: Position) -> tuple[float | None, float | None, int | None]:
        """(multiple, depth, lamports) of selling all that is held in the pool as last seen."""
        pool = self.pools.exact(name)
        vaults = self._vaults.get(name)
        depth = sqrt(float(vaults[0]) * float(vaults[1])) if vaults and vaults[0] and vaults[1] else None
        if pool is None:
            return None, depth, None
        try:
            quote = pool.quote_in(True, position.held_raw, self.now_ns // NS_PER_S)
        except PoolRefused:
            return None, depth, None
        return position.multiple(quote.amount_out, position.held_raw), depth, quote.amount_out

    def multiple_of(self, name: str) -> float | None:
        """Price now against price paid, for the page."""
        return self._worth(name, self.holdings.positions[name])[0]

    def _sell(self, name: str, position: Position, due: Exit, worth: int | None) -> Iterator[Intent]:
        sol_usd = self.market.usd_per_unit("SOL")
        if sol_usd is None:
            self.funnel.reject("sol_price")
            return
        slippage_bps = exit_slippage_bps(self.settings, position.failed_exits)
        expected = 0 if worth is None else worth * due.qty_raw // position.held_raw
        self._count += 1
        opportunity = f"{self.name}-{self._count}-{due.reason}"
        is_bundle = self.settings.use_jito_bundles and position.failed_exits % 2 == 0
        tip = self._tip() if is_bundle else 0
        self.holdings.ask(
            Ask(
                opportunity=opportunity,
                pool=name,
                creator=position.creator,
                asked_ns=self.now_ns,
                exit=due,
                tip_lamports=tip,
            )
        )
        self.exits[due.reason] = self.exits.get(due.reason, 0) + 1
        yield sell_swap(
            pool=name,
            qty_raw=due.qty_raw,
            least_lamports=expected * (BPS_PER_UNIT - slippage_bps) // BPS_PER_UNIT,
            worth_lamports=expected or position.cost_lamports * due.qty_raw // max(1, position.bought_raw),
            settings=self.settings,
            fees=self.fees,
            tip=tip,
            is_bundle=is_bundle,
            sol_usd=sol_usd,
            opportunity=opportunity,
        )

    # verdicts and reports -----------------------------------------------------------------------------------------

    def _on_approved(self, event: OrderApproved) -> Iterable[Intent]:
        self.holdings.on_approved(event)
        return ()

    def _on_denied(self, event: OrderDenied) -> Iterable[Intent]:
        ask = self.holdings.on_denied(event.opportunity, event.ts_ns)
        if ask is not None:
            self.funnel.reject("denied")
            coin = self.graduated.get(ask.pool)
            if coin is not None and ask.exit is None:
                self._leave(coin, "denied", is_counted=False)
        return ()

    def _on_fill(self, event: Fill) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        opened = self.holdings.on_fill(event)
        if opened is None:
            return ()
        self.graduated.pop(opened.pool, None)
        hold_ns = opened.opened_ns + self.settings.max_hold_minutes * NS_PER_MINUTE
        output: list[Intent] = [Wake(at_ns=hold_ns, name=f"hold {opened.pool}")]
        if not self._is_watching:
            self._is_watching = True
            output.append(Wake(at_ns=event.ts_ns + WATCH_NS, name=WATCH))
        return output

    def _on_terminal(self, event: Report) -> Iterable[Intent]:
        self.now_ns = event.ts_ns
        ask = self.holdings.on_terminal(event)
        if ask is None:
            return ()
        if isinstance(event, Landed):
            self.tips.on_landed(ask.tip_lamports)
        elif isinstance(event, Expired) and ask.tip_lamports:
            self.tips.on_missed()
        if ask.pool not in self.holdings.positions:
            self._vaults.pop(ask.pool, None)
        return ()

    # ends ---------------------------------------------------------------------------------------------------------

    def is_flat(self) -> bool:
        """Nothing held, nothing on its way."""
        return not self.holdings.positions and not self.holdings.asks

    def flatten(self, reason: str) -> Iterable[Intent]:
        """Sell everything now."""
        output: list[Intent] = []
        for name, position in tuple(self.holdings.positions.items()):
            if not self.holdings.busy(name, self.now_ns) and position.held_raw > 0:
                worth = self._worth(name, position)[2]
                output += self._sell(name, position, Exit(reason, position.held_raw), worth)
        return output

    # for people ---------------------------------------------------------------------------------------------------

    def view(self) -> GraduationSniperView:
        return view_of(self)

    def assumptions(self) -> list[str]:
        """What a reader of a report must know."""
        return [
            "Expected net of a purchase is its costs alone, negative: no rise is counted on.",
            "The rug score is a fixed weighing of warning signs, not a trained model.",
            "Holders are known only where somebody counts them; without a count no coin is bought.",
            "Rent of the coin's token account is not in the costs: it comes back when the account is closed.",
        ]
