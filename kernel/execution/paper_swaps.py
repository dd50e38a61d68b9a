"""Simulated on-chain execution: exact pool maths at the state known at inclusion, own impact remembered."""

from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.clock import NS_PER_MS, NS_PER_S
from bus.events import Fill, GasPrice, Landed, NativeSpent, OrderApproved, PoolState, Rejected, Reverted
from bus.ids import draw, stable_uuid
from bus.intents import Hop, Swap
from bus.units import ZERO, bps_of, exact
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool
from kernel.amm.v3 import V3Pool, pool_after, swap_exact_in
from kernel.execution.paper_settings import PaperSettings
from kernel.execution.route_fills import HopFill, fills_of_route
from kernel.finance.gas import gas_cost_usd
from kernel.finance.lamports import SOL, SOL_DECIMALS
from kernel.market import Market
from kernel.pools import Pools

SAMPLE_WAIT_MS = 180_000  #: a sampled pool (minute data) that shows nothing newer for this long has no price


class PaperSwaps:
    """Executes swaps at their inclusion time."""

    def __init__(self, bus: Bus, market: Market, pools: Pools, settings: PaperSettings, seed: int) -> None:
        self._bus = bus
        self._market = market
        self._pools = pools
        self._settings = settings
        self._seed = seed
        self._moved: dict[str, tuple[int, V3Pool | Pool]] = {}  #: pool -> (version it was moved from, state we left)
        self._waiting: dict[str, list[tuple[OrderApproved, Swap]]] = {}  #: by sampled pool
        self._is_watching = False

    def apply(self, settings: PaperSettings) -> None:
        """New settings, for what happens from here on."""
        self._settings = settings

    def submit(self, order: OrderApproved, intent: Swap, filled: Decimal) -> None:
        """Take a swap; it is included after the seeded delay. One that already has fills has landed."""
        if filled > 0:
            self._bus.at(self._bus.now_ns, lambda _: self._land(order))
            return
        settings = self._settings
        delay_ms = settings.inclusion_ms + settings.inclusion_jitter_ms * draw(self._seed, "inclusion", order.order_id)
        self._bus.at(self._bus.now_ns + int(delay_ms * NS_PER_MS), lambda _: self._include(order, intent))

    def _include(self, order: OrderApproved, intent: Swap) -> None:
        """Execute once every sampled pool of the route has shown a state newer than the cause."""
        for hop in intent.route:
            known = self._market.pools.get(hop.pool)
            if known is not None and known.is_sampled and known.ts_ns <= order.ts_ns:
                self._wait(hop.pool, order, intent)
                return
        self._execute(order, intent)

    def _wait(self, pool: str, order: OrderApproved, intent: Swap) -> None:
        if not self._is_watching:
            self._bus.subscribe(PoolState, self._on_pool, STAGE_EXECUTION)
            self._is_watching = True
        self._waiting.setdefault(pool, []).append((order, intent))
        self._bus.at(self._bus.now_ns + SAMPLE_WAIT_MS * NS_PER_MS, lambda _: self._give_up(pool, order))

    def _on_pool(self, event: PoolState) -> None:
        for order, intent in self._waiting.pop(event.instrument, ()):
            self._include(order, intent)
        self._unwatch()

    def _give_up(self, pool: str, order: OrderApproved) -> None:
        waiting = self._waiting.get(pool, [])
        for entry in waiting:
            if entry[0] is order:
                waiting.remove(entry)
                if not waiting:
                    del self._waiting[pool]
                self._unwatch()
                self._revert(order, entry[1], "no newer pool state came in time", is_included=False)
                return

    def _unwatch(self) -> None:
        if not self._waiting:
            self._bus.unsubscribe(PoolState, self._on_pool)
            self._is_watching = False

    def _version(self, pool: str) -> int:
        return self._pools.versions.get(pool, 0) + self._pools.parts.version(pool)

    def _state(self, pool: str) -> V3Pool | Pool | None:
        moved = self._moved.get(pool)
        if moved is not None and moved[0] == self._version(pool):
            return moved[1]
        return self._pools.get(pool) or self._pools.exact(pool)

    def _execute(self, order: OrderApproved, intent: Swap) -> None:
        gas_price = self._gas_price(intent)
        if gas_price is not None and gas_price.gas_price_wei > intent.gas_price_wei_max:
            reason = f"gas_price: {gas_price.gas_price_wei} wei is above the {intent.gas_price_wei_max} that it bids"
            self._revert(order, intent, reason, is_included=False)
            return
        if draw(self._seed, "race", order.order_id) * 100 < self._settings.swap_fail_pct:
            self._revert(order, intent, "lost_race (swap_fail_pct)")
            return
        amounts: list[tuple[int, int]] = []
        states: list[V3Pool | Pool] = []
        for hop in intent.route:
            pool = self._state(hop.pool)
            if pool is None:
                self._revert(order, intent, f"pool_unknown: {hop.pool}", is_included=False)
                return
            amount = self._amount_into(hop, intent, amounts)
            if amounts and amount > amounts[-1][1]:
                self._revert(order, intent, f"min_out: hop {len(amounts)} got {amounts[-1][1]}, wanted {amount}")
                return
            try:
                amount_in, amount_out, after = _swapped(pool, hop.is_zero_for_one, amount, self._bus.now_ns // NS_PER_S)
            except PoolRefused as error:
                self._revert(order, intent, f"pool_refused: {error}")
                return
            amounts.append((amount_in, amount_out))
            states.append(after)
        if amounts[-1][1] < intent.amount_out_min:
            self._revert(order, intent, f"min_out: got {amounts[-1][1]}, wanted at least {intent.amount_out_min}")
            return
        gas = self._gas_usd(intent)
        if gas is None:
            self._revert(order, intent, "gas_unknown: no gas or native price is known", is_included=False)
            return
        for hop, after in zip(intent.route, states, strict=True):
            self._moved[hop.pool] = (self._version(hop.pool), after)
        for index, booking in enumerate(fills_of_route(self._market, intent.route, amounts)):
            self._fill(order, intent, booking, gas + intent.tip_usd if index == 0 else ZERO, index)
        self._spend_native(order, intent, intent.tip_lamports)
        self._land(order)

    def _amount_into(self, hop: Hop, intent: Swap, amounts: list[tuple[int, int]]) -> int:
        if not amounts:
            return intent.amount_in
        return hop.amount_in or amounts[-1][1]

    def _fill(self, order: OrderApproved, intent: Swap, booking: HopFill, gas: Decimal, index: int) -> None:
        quote_usd = self._market.quote_usd(booking.instrument) or ZERO
        before = self._market.price(booking.pool)
        slippage = ZERO
        if before is not None and self._market.holding_of(booking.pool) == booking.instrument:
            sense = 1 if booking.side == "buy" else -1
            slippage = (booking.price - exact(before[0])) * booking.qty * quote_usd * sense
        fee = (
            bps_of(intent.notional_usd, exact(self._settings.flash_premium_bps))
            if self._is_flash(intent, index)
            else ZERO
        )
        self._bus.publish(
            Fill(
                ts_ns=self._bus.now_ns,
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=True,
                instrument=booking.instrument,
                side=booking.side,
                qty=booking.qty,
                price=booking.price,
                fee_usd=fee,
                gas_usd=gas,
                slippage_usd=slippage,
                venue_ts_ns=self._bus.now_ns,
                fill_id=f"{order.order_id}#{index}",
                amount_in_raw=booking.amount_in_raw,
                amount_out_raw=booking.amount_out_raw,
                pool=booking.pool,
            )
        )

    def _spend_native(self, order: OrderApproved, intent: Swap, tip_lamports: int) -> None:
        """On a chain whose gas is told in its own coin to the unit, the coin's balance moves too."""
        listed = self._market.instruments.get(intent.route[0].pool)
        if listed is None or not listed.family:
            return
        self._bus.publish(
            NativeSpent(
                ts_ns=self._bus.now_ns,
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=True,
                venue=listed.venue,
                asset=SOL,
                decimals=SOL_DECIMALS,
                fee_raw=intent.gas_limit,
                tip_raw=tip_lamports,
                rent_raw=0,
                tx=_transaction_of(order),
                block=0,
            )
        )

    def _is_flash(self, intent: Swap, index: int) -> bool:
        return intent.is_flash_loan and index == 0

    def _gas_price(self, intent: Swap) -> GasPrice | None:
        listed = self._market.instruments.get(intent.route[0].pool)
        return None if listed is None else self._market.gas.get(listed.chain)

    def _gas_usd(self, intent: Swap) -> Decimal | None:
        price = self._gas_price(intent)
        return None if price is None else gas_cost_usd(price, intent.gas_limit)

    def _land(self, order: OrderApproved) -> None:
        self._bus.publish(
            Landed(
                ts_ns=self._bus.now_ns,
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=True,
                tx=_transaction_of(order),
                block=0,
            )
        )

    def _revert(self, order: OrderApproved, intent: Swap, reason: str, *, is_included: bool = True) -> None:
        """In a block and failed (gas paid), or never included (nothing paid)."""
        gas = self._gas_usd(intent) if is_included else None
        now_ns, owner, name = self._bus.now_ns, order.strategy, order.order_id
        if gas is None:
            self._bus.publish(Rejected(ts_ns=now_ns, strategy=owner, order_id=name, simulated=True, reason=reason))
            return
        self._spend_native(order, intent, 0)
        self._bus.publish(
            Reverted(
                ts_ns=now_ns,
                strategy=owner,
                order_id=name,
                simulated=True,
                tx=_transaction_of(order),
                block=0,
                gas_usd=gas,
                reason=reason,
            )
        )


def _transaction_of(order: OrderApproved) -> str:
    return f"simulated-{stable_uuid('tx', order.order_id)}"


def _swapped(pool: V3Pool | Pool, is_zero_for_one: bool, amount_in: int, now_s: int) -> tuple[int, int, V3Pool | Pool]:
    """(amount in, amount out, state after). Raises `PoolRefused`."""
    if isinstance(pool, V3Pool):
        quote = swap_exact_in(pool, is_zero_for_one, amount_in)
        return quote.amount_in, quote.amount_out, pool_after(pool, quote)
    taken, after = pool.after(is_zero_for_one, amount_in, now_s)
    return taken.amount_in, taken.amount_out, after
