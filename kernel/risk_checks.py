"""The questions that the gate asks about one order, in the order in which it asks them.

Each answers with a denial or None, and the first denial is the verdict: the rest costs nothing. An *exit* (reduce-only
and covered by the position, or a kernel-made order that shrinks what stands alone) is asked only what keeps it sane.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from bus.bus import FAR_FUTURE_NS
from bus.clock import NS_PER_MS, NS_PER_S
from bus.events import InstrumentListed
from bus.intents import OrderIntent, PlaceOrder, Swap
from bus.units import BPS_PER_UNIT, ZERO, exact_text, sign
from kernel.books import Books
from kernel.finance.money import MONEY, absolute, add, divide, minus, multiply, plain_text, remainder, share, subtract
from kernel.intent_flaws import is_between
from kernel.order_terms import Step, Terms, amount_of, decimal_of, steps_of, tip_usd_of
from kernel.prices import Prices
from kernel.reservations import WHOLE, Part
from kernel.risk_limits import RiskLimits
from kernel.risk_state import RiskState
from kernel.risk_tally import RiskTally

EXIT_PACE = 2  #: exits may use this many times the orders per minute, so that entries cannot use up their way out
WEI_PER_GWEI_EXPONENT = 9
FEE_PIPS_PER_BPS = 100


class Denial(Struct, frozen=True):
    """Why not: `limit` and `asked` are text in the unit of the reason (`kernel.risk_reasons`)."""

    reason: str
    scope: str
    limit: str = ""
    asked: str = ""


class Scope(Struct, frozen=True):
    """One of the two sums that every limit watches."""

    name: str  #: strategy or global
    key: str
    limits: RiskLimits
    tally: RiskTally


class OrderCase:
    """One order before the gate. `legs_before` are approved legs of the same hedge, reserved but not counted yet."""

    def __init__(
        self,
        state: RiskState,
        strategy: str,
        intent: OrderIntent,
        terms: Terms,
        prices: Prices,
        now_ns: int,
        *,
        is_unwind: bool,
        legs_before: int,
    ) -> None:
        self.state = state
        self.strategy = strategy
        self.intent = intent
        self.terms = terms
        self.prices = prices
        self.reservation = terms.reservation
        self.now_ns = now_ns
        self.is_unwind = is_unwind
        self.legs_before = legs_before
        self.is_exit = False
        self.is_priced = True  #: every price it depends on is known and fresh
        self.scopes = (
            Scope("strategy", strategy, state.limits_of(strategy), state.tally(strategy)),
            Scope("global", WHOLE, state.whole, state.tally(WHOLE)),
        )
        self.listed: tuple[InstrumentListed, ...] = ()  #: of its instruments, once all are known
        self._books: dict[str, Books] = {}

    def denial(self) -> Denial | None:
        """The first reason against it, None when it may go. Order matters: `_cover` tells whether it is an exit."""
        intent = self.intent
        return (
            self._identity()
            or self._cover()
            or (None if self.is_exit else self._blacklists() or self._health())
            or self._prices()
            or self._lattice()
            or (
                self._swap_price(intent) or self._swap_costs(intent)
                if isinstance(intent, Swap)
                else self._limit_price(intent)
            )
            or (None if self.is_exit else self._entry())
            or (None if self.is_unwind else self._pace())
            or (None if intent.is_reduce_only else self._balance())
        )

    def _entry(self) -> Denial | None:
        """What only new risk is asked."""
        return self._fees() or self._size() or self._losses() or self._breakers() or self._open_orders()

    # what it is ---------------------------------------------------------------------------------------------------

    def _identity(self) -> Denial | None:
        state, intent, order_id = self.state, self.intent, self.reservation.order_id
        if order_id in state.reservations.orders or order_id in state.closed:
            return Denial("duplicate_order", "strategy", asked=order_id)
        is_swap = isinstance(intent, Swap)
        names = [hop.pool for hop in intent.route] if isinstance(intent, Swap) else [intent.instrument]
        instruments = state.market.instruments
        for name in names:
            if name not in instruments:
                return Denial("unknown_instrument", "instrument", asked=name)
        self.listed = tuple([instruments[name] for name in names])
        for listed in self.listed:
            if (listed.kind == "pool") != is_swap:
                return Denial("bad_intent", "instrument", asked=f"{listed.kind} {listed.instrument} in the wrong order")
        if isinstance(intent, Swap):
            flaw = _route_flaw(intent, steps_of(intent, state.market))
            if flaw:
                return Denial("bad_intent", "instrument", asked=flaw)
        return None

    def _cover(self) -> Denial | None:
        """Whether it is an exit: no larger than what it ends, other exits on their way counted."""
        if not (self.intent.is_reduce_only or self.is_unwind):
            return None
        part = self.reservation.parts[0]
        closable = self._closable(part)
        if self.is_unwind and not self.intent.is_reduce_only:
            closable = max(closable, self._standing_alone(part))
        if part.qty > closable:
            return Denial("reduce_only_exceeds_position", "instrument", plain_text(closable), plain_text(part.qty))
        self.is_exit = True
        return None

    def _closable(self, part: Part) -> Decimal:
        held = self.state.qty(self.strategy, part.instrument)
        if held * sign(part.side) >= 0:
            return ZERO
        taken = self.state.reservations.closing.get((self.strategy, part.instrument, part.side), ZERO)
        return max(ZERO, subtract(absolute(held), taken))

    def _standing_alone(self, part: Part) -> Decimal:
        """What of the strategy's net holding in the underlying an order on this side would shrink."""
        underlying = self.state.market.instruments[part.instrument].underlying
        net = self.state.net_underlying.get((self.strategy, underlying), ZERO)
        if net * sign(part.side) >= 0:
            return ZERO
        pending = self.state.reservations.pending_qty(self.strategy, part.instrument, part.side)
        return max(ZERO, subtract(absolute(net), pending))

    def _blacklists(self) -> Denial | None:
        for scope in self.scopes:
            names, tokens = scope.limits.blacklist_instruments, scope.limits.blacklist_tokens
            if not names and not tokens:
                continue
            banned = {token.casefold() for token in tokens}
            for listed in self.listed:
                if listed.instrument in names:
                    return Denial("blacklist_instrument", scope.name, asked=listed.instrument)
                for token in (listed.base, listed.quote, listed.underlying):
                    if token.casefold() in banned:
                        return Denial("blacklist_token", scope.name, asked=token)
        return None

    def _health(self) -> Denial | None:
        """A venue that nobody watches (no health event, as in imported logs) counts as healthy."""
        venues = self.state.market.venues
        for listed in self.listed:
            for name in (listed.venue, listed.chain):
                health = venues.get(name)
                if health is not None and health.status != "ok":
                    return Denial("venue_health", "venue", "ok", f"{name} {health.status}")
        return None

    def _lattice(self) -> Denial | None:
        intent = self.intent
        if not isinstance(intent, PlaceOrder):
            return None
        listed = self.listed[0]
        lot, tick = exact_text(listed.lot_size), exact_text(listed.tick_size)
        if lot and remainder(intent.qty, lot):
            return Denial("not_on_lattice", "instrument", plain_text(lot), plain_text(intent.qty))
        if tick and intent.limit_price is not None and remainder(intent.limit_price, tick):
            return Denial("not_on_lattice", "instrument", plain_text(tick), plain_text(intent.limit_price))
        least_usd = exact_text(listed.min_notional_usd)
        if not self.is_exit and self.terms.notional_usd < least_usd:
            return Denial("not_on_lattice", "instrument", plain_text(least_usd), plain_text(self.terms.notional_usd))
        return None

    # prices -------------------------------------------------------------------------------------------------------

    def _prices(self) -> Denial | None:
        """Unknown or old prices: no trade. An exit goes on without them, and without the collar that needs them."""
        denial = self._price_flaw()
        self.is_priced = denial is None
        return None if self.is_exit else denial

    def _price_flaw(self) -> Denial | None:
        market = self.state.market
        for listed in self.listed:
            for source in dict.fromkeys((listed.instrument, listed.mark_from or listed.instrument)):
                known = market.price(source)
                if known is None or self.prices.own(source) is None:
                    return Denial("no_price", "instrument", asked=source)
                kind = market.instruments[source].kind if source in market.instruments else ""
                denial = self._age("stale_price", known[1], is_chain=kind == "pool")
                if denial is not None:
                    return denial
            if self.prices.usd(listed.instrument) is None:
                return Denial("no_price", "instrument", asked=f"USD value of {listed.quote}")
        if isinstance(self.intent, Swap):
            gas = market.gas.get(self.listed[0].chain)
            if gas is None:
                return Denial("no_gas_price", "venue", asked=self.listed[0].chain)
            return self._age("stale_gas_price", gas.ts_ns, is_chain=True)
        return None

    def _age(self, reason: str, learnt_ns: int, *, is_chain: bool) -> Denial | None:
        age_ns = self.now_ns - learnt_ns
        for scope in self.scopes:
            limit_ms = scope.limits.max_chain_age_ms if is_chain else scope.limits.max_price_age_ms
            if age_ns > limit_ms * NS_PER_MS:
                return Denial(reason, scope.name, str(limit_ms), str(-(-age_ns // NS_PER_MS)))
        return None

    def _limit_price(self, order: PlaceOrder) -> Denial | None:
        """Entries stay within the collar on both sides; exits only may not give too much away."""
        if order.limit_price is None or not self.is_priced:
            return None
        reference = self.prices.reference(order.instrument)
        if reference is None:
            return None
        worse = subtract(order.limit_price, reference)
        worse = worse if order.side == "buy" else minus(worse)
        away = worse if self.is_exit else absolute(worse)
        return self._collar(away, reference)

    def _swap_price(self, swap: Swap) -> Denial | None:
        """The worst the swap accepts, valued at the references of what goes in and what comes out."""
        if not self.is_priced:
            return None
        steps = steps_of(swap, self.state.market)
        first, last = steps[0], steps[-1]
        rates = []
        for asset in (first.asset_in, last.asset_out):
            rate = self._usd_per_unit(asset, steps)
            if rate is None:
                if not self.is_exit:
                    return Denial("no_price", "instrument", asked=f"USD value of {asset}")
                return None
            rates.append(rate)
        paid = multiply(amount_of(swap.amount_in, first.decimals_in), rates[0])
        least = multiply(amount_of(swap.amount_out_min, last.decimals_out), rates[1])
        return self._collar(subtract(paid, least), paid)

    def _usd_per_unit(self, asset: str, steps: tuple[Step, ...]) -> Decimal | None:
        for step in steps:
            if step.listed.base == asset:
                return self.prices.usd(step.listed.instrument)
        rate = self.state.market.usd_per_unit(asset)
        return rate if rate is not None and is_between(rate, 0, is_open=True) else None

    def _collar(self, away: Decimal, reference: Decimal) -> Denial | None:
        away_bps = divide(multiply(away, BPS_PER_UNIT), reference)
        for scope in self.scopes:
            limit = decimal_of(scope.limits.max_price_deviation_bps)
            if away_bps > limit:
                return Denial("price_collar", scope.name, plain_text(limit), _rounded_up(away_bps))
        return None

    # costs --------------------------------------------------------------------------------------------------------

    def _swap_costs(self, swap: Swap) -> Denial | None:
        gwei = Decimal(swap.gas_price_wei_max).scaleb(-WEI_PER_GWEI_EXPONENT)
        tip_usd = tip_usd_of(swap, self.state.market, self.listed[0].chain)
        for scope in self.scopes:
            limits = scope.limits
            for reason, asked, limit in (
                ("max_gas_usd", self.reservation.gas_usd, limits.max_gas_usd),
                ("max_gas_price_gwei", gwei, limits.max_gas_price_gwei),
                ("max_tip_usd", tip_usd, limits.max_tip_usd),
            ):
                if asked > (most := decimal_of(limit)):
                    return _over(reason, scope, most, asked)
        return None

    def _fees(self) -> Denial | None:
        if isinstance(self.intent, Swap):
            pips = sum(listed.fee_pips for listed in self.listed)
            fee_bps = Decimal(pips) / FEE_PIPS_PER_BPS
        else:
            fee_bps = self.state.fees_bps.get(self.intent.instrument, ZERO)
        for scope in self.scopes:
            limit = decimal_of(scope.limits.max_fee_bps)
            if fee_bps > limit:
                return _over("max_fee", scope, limit, fee_bps)
        return None

    # size ---------------------------------------------------------------------------------------------------------

    def _size(self) -> Denial | None:
        state, notional_usd = self.state, self.terms.notional_usd
        for scope in self.scopes:
            limit = decimal_of(scope.limits.max_notional_usd)
            if notional_usd > limit:
                return _over("notional_per_order", scope, limit, notional_usd)
        added_usd = ZERO
        for part in self.reservation.parts:
            before, after = self._before_and_after(part, self.strategy)
            denial = self._position(part, before, after)
            if denial is not None:
                return denial
            grown = min(part.qty, subtract(after, before))
            if grown > 0:
                added_usd = add(added_usd, share(part.usd, grown, part.qty))
        if added_usd <= 0:
            return None
        for scope in self.scopes:
            working_usd = add(state.reservations.usd.get(scope.key, ZERO), added_usd)
            exposure_usd = add(self._books_of(scope).exposure_usd, working_usd)
            limit = decimal_of(scope.limits.max_gross_exposure_usd)
            if exposure_usd > limit:
                return _over("gross_exposure", scope, limit, exposure_usd)
            capital_usd = add(state.capital_usd.get(scope.key, ZERO), working_usd)
            limit = decimal_of(scope.limits.budget_usd)
            if capital_usd > limit:
                return _over("budget", scope, limit, capital_usd)
        return None

    def _position(self, part: Part, own_before: Decimal, own_after: Decimal) -> Denial | None:
        price_usd = self.prices.usd(part.instrument)
        if price_usd is None:
            return None
        for scope in self.scopes:
            before, after = self._before_and_after(part, WHOLE) if scope.key == WHOLE else (own_before, own_after)
            if after > before:
                limit = decimal_of(scope.limits.max_position_usd)
                size_usd = multiply(after, price_usd)
                if size_usd > limit:
                    return _over("position", scope, limit, size_usd)
        return None

    def _before_and_after(self, part: Part, key: str) -> tuple[Decimal, Decimal]:
        """Size of the holding with all working orders of this side filled, without and with this order."""
        state, instrument = self.state, part.instrument
        held = state.net_qty.get(instrument, ZERO) if key == WHOLE else state.qty(key, instrument)
        pending, qty = state.reservations.pending_qty(key, instrument, part.side), part.qty
        before = add(held, pending) if part.side == "buy" else subtract(held, pending)
        after = add(before, qty) if part.side == "buy" else subtract(before, qty)
        return absolute(before), absolute(after)

    def _open_orders(self) -> Denial | None:
        for scope in self.scopes:
            asked = self.state.reservations.counts.get(scope.key, 0) + 1
            if asked > scope.limits.max_open_orders:
                return _over("open_orders", scope, Decimal(scope.limits.max_open_orders), Decimal(asked))
        return None

    def _pace(self) -> Denial | None:
        for scope in self.scopes:
            limit = scope.limits.max_orders_per_minute * (EXIT_PACE if self.is_exit else 1)
            asked = scope.tally.pace(self.now_ns) + self.legs_before + 1
            if asked > limit:
                return _over("orders_per_minute", scope, Decimal(limit), Decimal(asked))
        return None

    def _balance(self) -> Denial | None:
        """Exits flagged reduce-only never come here: a balance that we remember must not hold a position fast."""
        need = self.reservation.need
        if not need:
            return None
        available = self.state.available(self.reservation.need_key)
        venue, asset = self.reservation.need_key
        if available is None:
            if not self.is_exit:
                return Denial("balance_unknown", "venue", asked=f"{venue} {asset}")
        elif need > available:
            return Denial("balance", "venue", plain_text(max(ZERO, available)), plain_text(need))
        return None

    # losses -------------------------------------------------------------------------------------------------------

    def _books_of(self, scope: Scope) -> Books:
        books = self._books.get(scope.key)
        if books is None:
            books = self._books[scope.key] = self.state.ledger.books(scope.key or None)
        return books

    def _losses(self) -> Denial | None:
        for scope in self.scopes:
            books = self._books_of(scope)
            if books.unpriced and scope.key:
                return Denial("no_price", scope.name, "0", f"{books.unpriced} open positions without a mark")
            tally, limits = scope.tally, scope.limits
            loss_usd = tally.day_loss(self.now_ns, books.pnl_usd)
            limit = decimal_of(limits.max_daily_loss_usd)
            if loss_usd > 0 and loss_usd >= limit:
                return Denial("daily_loss", scope.name, plain_text(limit), plain_text(loss_usd))
            fall_pct = tally.drawdown_pct(limits.budget_usd, books.pnl_usd)
            limit = decimal_of(limits.max_drawdown_pct)
            if fall_pct >= limit:
                return Denial("drawdown", scope.name, plain_text(limit), plain_text(fall_pct))
        return None

    def _breakers(self) -> Denial | None:
        for scope in self.scopes:
            tally, limits = scope.tally, scope.limits
            if self.now_ns < tally.failures_until_ns:
                wait = "until reset" if tally.failures_until_ns == FAR_FUTURE_NS else ""
                limit = wait or str(limits.max_consecutive_failures)
                return Denial("consecutive_failures", scope.name, limit, str(tally.failures))
            if self.now_ns < tally.loss_until_ns:
                left_s = -(-(tally.loss_until_ns - self.now_ns) // NS_PER_S)
                return Denial("cooldown_after_loss", scope.name, str(limits.cooldown_after_loss_s), str(left_s))
            if isinstance(self.intent, Swap):
                at_stake = add(self.state.reservations.gas_usd.get(scope.key, ZERO), self.reservation.gas_usd)
                asked = add(tally.failed_today(self.now_ns), at_stake)
                limit_usd = decimal_of(limits.max_failed_tx_cost_usd_per_day)
                if asked > limit_usd:
                    return _over("failed_tx_cost", scope, limit_usd, asked)
        return None


def _over(reason: str, scope: Scope, limit: Decimal, asked: Decimal) -> Denial:
    return Denial(reason, scope.name, plain_text(limit), plain_text(asked))


def _rounded_up(value: Decimal) -> str:
    return plain_text(value.quantize(Decimal("0.01"), rounding="ROUND_UP", context=MONEY))


def _route_flaw(swap: Swap, steps: tuple[Step, ...]) -> str:
    """What is wrong with a route through listed pools."""
    for one, other in pairwise(steps):
        if one.asset_out != other.asset_in:
            return f"the route breaks: {one.asset_out} comes out, {other.listed.instrument} wants {other.asset_in}"
        if one.listed.chain != other.listed.chain:
            return "the route crosses chains"
    is_circular = steps[0].asset_in == steps[-1].asset_out
    if swap.is_flash_loan and not is_circular:
        return f"a flash loan of {steps[0].asset_in} ends in {steps[-1].asset_out}: nothing repays it"
    if swap.is_reduce_only and is_circular:
        return "a circular route cannot be reduce-only"
    if len(steps) == 1 and swap.base_side != steps[0].side:
        return f"base_side says {swap.base_side}, the route does {steps[0].side}"
    return ""
