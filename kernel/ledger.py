"""What we hold and what it earned: a pure fold over reports, funding payments and balance snapshots.

P&L is booked from fills, receipts and payments alone (law 8), in USD by the value of the quote currency at the fill.
Fees in `Fill.fee_usd` come on top of `qty * price`: a pool's own fee is inside its price and is not repeated there.
Balances that no snapshot told are absent, not zero. Gas moves a native-token balance only where the executor tells what
it took (`NativeSpent`); elsewhere a snapshot tells it.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext

from bus.bus import STAGE_FOLD, Bus
from bus.clock import NS_PER_DAY
from bus.events import (
    TERMINAL_REPORTS,
    BalanceUpdated,
    Fill,
    FundingPaid,
    InstrumentListed,
    NativeSpent,
    OrderApproved,
    Report,
    Reverted,
)
from bus.intents import PlaceOrder
from bus.units import ZERO, exact, sign
from kernel.books import Books, Totals
from kernel.errors import BadInput
from kernel.fill_ids import FillIds
from kernel.finance.drawdown import Drawdown
from kernel.finance.money import (
    MONEY,
    absolute,
    add,
    divide,
    is_amount,
    multiply,
    plain_text,
    settle,
    share,
    subtract,
)
from kernel.market import Market
from kernel.position import ClosedTrade, Held, Position

WHOLE = ""  #: the key of the whole kernel among the strategies
NOTHING_YET = Totals()
MARK_MAX = 1e25  #: quote per base; a pool pushed beyond it has no price
RAW_TOLERANCE = Decimal("1e-6")  #: raw amounts further from qty * price than this describe another pair

__all__ = ["Books", "ClosedTrade", "Drawdown", "Ledger", "Position", "Totals"]


class Ledger:
    """Positions, balances and totals of the run. Read it freely; only events change it."""

    def __init__(self, market: Market) -> None:
        self.positions: dict[tuple[str, str], Position] = {}  #: open ones, by (strategy, instrument)
        self.totals: dict[tuple[str, str], Totals] = {}  #: by (strategy, instrument); "" where a cost names none
        self.balances: dict[tuple[str, str], Decimal] = {}  #: by (venue, asset)
        self.unconverted: dict[str, Decimal] = {}  #: realised P&L by quote currency that had no USD value
        self._market = market
        self._sums: dict[str, Totals] = {WHOLE: Totals()}
        self._open: dict[str, dict[str, Position]] = {}
        self._held: dict[str, Held] = {}  #: sums of the open positions by instrument
        self._instrument_of: dict[str, str] = {}  #: of orders without a terminal report
        self._fill_ids = FillIds()
        self._closed_watchers: tuple[Callable[[ClosedTrade], None], ...] = ()
        self._day = -1
        self._day_start: dict[str, Decimal] = {}

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold (first stage); attach the market before it."""
        bus.subscribe(OrderApproved, self.on_approved, STAGE_FOLD)
        bus.subscribe(Fill, self.on_fill, STAGE_FOLD)
        bus.subscribe(Reverted, self.on_reverted, STAGE_FOLD)
        for kind in TERMINAL_REPORTS:
            if kind is not Reverted:
                bus.subscribe(kind, self.on_terminal, STAGE_FOLD)
        bus.subscribe(NativeSpent, self.on_native_spent, STAGE_FOLD)
        bus.subscribe(FundingPaid, self.on_funding, STAGE_FOLD)
        bus.subscribe(BalanceUpdated, self.on_balance, STAGE_FOLD)

    def watch_closed(self, watcher: Callable[[ClosedTrade], None]) -> None:
        """Call `watcher` for each position that comes back to flat, after it is booked."""
        self._closed_watchers = (*self._closed_watchers, watcher)

    # the fold -----------------------------------------------------------------------------------------------------

    def on_approved(self, event: OrderApproved) -> None:
        """Remember what the order trades until its terminal report."""
        intent = event.intent
        if isinstance(intent, PlaceOrder):
            self._instrument_of[event.order_id] = intent.instrument
        else:
            first = intent.route[0].pool if intent.route else ""
            self._instrument_of[event.order_id] = self._market.holding_of(first)

    def on_fill(self, event: Fill) -> None:
        """Book one execution. A `fill_id` seen before is ignored; raises `BadInput` for amounts that are no money."""
        _check_fill(event)
        order_id = event.order_id
        if event.fill_id and not self._fill_ids.is_new(order_id, event.fill_id, order_id in self._instrument_of):
            return
        self.sample(event.ts_ns)
        market = self._market
        listed = market.instruments.get(event.instrument)
        rate = market.quote_usd(event.instrument)
        amount = quote_amount(event, listed)
        with localcontext(MONEY):
            direction = sign(event.side)
            realised = self._book_parts(event, direction * event.qty, direction * amount, rate)
            if listed is not None:
                self._move_balances(event, listed, amount, realised, rate)

    def on_terminal(self, event: Report) -> None:
        """The order is over."""
        self._instrument_of.pop(event.order_id, None)
        self._fill_ids.end(event.order_id)

    def on_reverted(self, event: Reverted) -> None:
        """The order is over and its gas is gone; the same revert is booked once."""
        order_id = event.order_id
        if not is_amount(event.gas_usd):
            raise BadInput(f"Reverted {order_id}: gas_usd expected a finite amount, found {event.gas_usd}")
        if self._fill_ids.is_new(order_id, f"reverted:{event.tx}", order_id in self._instrument_of):
            self.sample(event.ts_ns)
            for sums in self._sums_of(event.strategy, self._instrument_of.get(order_id, "")):
                sums.gas_usd = add(sums.gas_usd, event.gas_usd)
        self.on_terminal(event)

    def on_native_spent(self, event: NativeSpent) -> None:
        """Fee, tip and rent leave the balance of the chain's coin, to the unit; the same transaction is booked once."""
        order_id = event.order_id
        if self._fill_ids.is_new(order_id, f"native:{event.tx}", order_id in self._instrument_of):
            spent_raw = event.fee_raw + event.tip_raw + event.rent_raw
            self._move(event.venue, event.asset, -Decimal(spent_raw).scaleb(-event.decimals, MONEY))

    def on_funding(self, event: FundingPaid) -> None:
        """Book a funding payment (positive = to us) to its position and to the margin balance."""
        amount_usd = _funding_amount(event)
        self.sample(event.ts_ns)
        position = self.positions.get((event.strategy, event.instrument))
        sums: list[Position | Totals] = [*self._sums_of(event.strategy, event.instrument)]
        if position is not None:
            position.updated_ts_ns = event.ts_ns
            sums.append(position)
        for each in sums:
            each.funding_usd = add(each.funding_usd, amount_usd)
        listed = self._market.instruments.get(event.instrument)
        if listed is not None:
            self._move_usd(listed, amount_usd, self._market.quote_usd(event.instrument))

    def on_balance(self, event: BalanceUpdated) -> None:
        """Replace what was believed."""
        if not is_amount(event.total):
            raise BadInput(
                f"BalanceUpdated {event.venue} {event.asset}: total expected a finite amount, found {event.total}"
            )
        self.balances[event.venue, event.asset] = event.total

    def sample(self, now_ns: int) -> None:
        """Note the P&L at which a UTC day starts: that of the first fill, payment or minute sample seen in it."""
        day = now_ns // NS_PER_DAY
        if day > self._day:
            self._day = day
            self._day_start = {strategy: self.pnl_usd(strategy) for strategy in self._sums}

    # what others read ---------------------------------------------------------------------------------------------

    def positions_of(self, strategy: str) -> tuple[Position, ...]:
        """Its open positions, in order of opening."""
        return tuple(self._open.get(strategy, {}).values())

    def books(self, strategy: str | None) -> Books:
        """Money of a strategy, or of the whole kernel for None, at the present marks. Cost: the instruments held."""
        key = strategy or WHOLE
        sums = self._sums.get(key, NOTHING_YET)
        unrealised_usd, exposure_usd, unpriced = self._valued(key)
        return Books(
            realised_usd=sums.realised_usd,
            unrealised_usd=unrealised_usd,
            fees_usd=sums.fees_usd,
            gas_usd=sums.gas_usd,
            funding_usd=sums.funding_usd,
            slippage_usd=sums.slippage_usd,
            exposure_usd=exposure_usd,
            turnover_usd=sums.turnover_usd,
            pnl_usd=_pnl_usd(sums, unrealised_usd),
            unpriced=unpriced,
            unconverted_fills=sums.unconverted_fills,
            fills=sums.fills,
            closed=sums.closed,
            profitable=sums.profitable,
        )

    def pnl_usd(self, strategy: str | None) -> Decimal:
        """`Books.pnl_usd` alone."""
        key = strategy or WHOLE
        unrealised_usd = ZERO
        for instrument, position in self._held_by(key).items():
            price = self._price(instrument)
            if price is not None:
                unrealised_usd = add(unrealised_usd, _gain_usd(position, *price))
        return _pnl_usd(self._sums.get(key, NOTHING_YET), settle(unrealised_usd))

    def _valued(self, key: str) -> tuple[Decimal, Decimal, int]:
        """(unrealised USD, exposure USD, positions without a price) at the present marks."""
        unrealised_usd = exposure_usd = ZERO
        unpriced = 0
        for instrument, position in self._held_by(key).items():
            price = self._price(instrument)
            if price is None:
                unpriced += position.holders
                continue
            mark, rate = price
            unrealised_usd = add(unrealised_usd, _gain_usd(position, mark, rate))
            exposure_usd = add(exposure_usd, multiply(multiply(position.size, absolute(mark)), rate))
        return settle(unrealised_usd), settle(exposure_usd), unpriced

    def _held_by(self, key: str) -> Mapping[str, Position | Held]:
        return self._open.get(key, {}) if key else self._held

    def _price(self, instrument: str) -> tuple[Decimal, Decimal] | None:
        """(mark in quote currency, USD per unit of it), or None when either is not known."""
        mark = self._market.mark(instrument)
        rate = self._market.quote_usd(instrument)
        return None if mark is None or rate is None or mark[0] > MARK_MAX else (exact(mark[0]), rate)

    def day_pnl(self, strategy: str | None, now_ns: int) -> Decimal:
        """P&L since the UTC day of `now_ns` started (see `sample`), in USD; 0 when nothing of that day was seen."""
        if now_ns // NS_PER_DAY != self._day:
            return ZERO
        return subtract(self.pnl_usd(strategy), self._day_start.get(strategy or WHOLE, ZERO))

    def state(self) -> dict[str, object]:
        """Everything that was folded as plain sorted values with exact text: equal histories give equal states."""
        balances = {f"{venue} {asset}": plain_text(total) for (venue, asset), total in sorted(self.balances.items())}
        return {
            "positions": [_plain(self.positions[key]) for key in sorted(self.positions)],
            "totals": [[*key, _plain(self.totals[key])] for key in sorted(self.totals)],
            "balances": balances,
            "unconverted": {asset: plain_text(self.unconverted[asset]) for asset in sorted(self.unconverted)},
            "open_orders": sorted(self._instrument_of),
            "day": self._day,
            "day_start": {strategy: plain_text(self._day_start[strategy]) for strategy in sorted(self._day_start)},
        }

    # booking ------------------------------------------------------------------------------------------------------

    def _book_parts(self, fill: Fill, qty: Decimal, amount: Decimal, rate: Decimal | None) -> Decimal:
        """Book a fill, in two parts when it passes zero. Returns the realised P&L in quote currency."""
        position = self.positions.get((fill.strategy, fill.instrument))
        costs = (fill.fee_usd, fill.gas_usd, fill.slippage_usd)
        if position is None or abs(qty) <= abs(position.qty) or (qty > 0) == (position.qty > 0):
            return self._book(fill, position, qty, amount, costs, rate)
        closing_qty = -position.qty
        closing_amount = share(amount, closing_qty, qty)
        closing_costs = tuple(share(cost, closing_qty, qty) if cost else ZERO for cost in costs)
        realised = self._book(fill, position, closing_qty, closing_amount, closing_costs, rate)
        rest = tuple(cost - part for cost, part in zip(costs, closing_costs, strict=True))
        self._book(fill, None, qty - closing_qty, amount - closing_amount, rest, rate, is_rest=True)
        return realised

    def _book(
        self,
        fill: Fill,
        position: Position | None,
        qty: Decimal,
        amount: Decimal,
        costs: tuple[Decimal, ...],
        rate: Decimal | None,
        is_rest: bool = False,
    ) -> Decimal:
        if position is None:
            position = self._open_position(fill)
        size, cost_quote = position.size, position.cost_quote
        realised = position.trade(qty, amount)
        held = self._held[fill.instrument]
        held.qty += qty
        held.size += position.size - size
        held.cost_quote += position.cost_quote - cost_quote
        position.updated_ts_ns = fill.ts_ns
        position.simulated = position.simulated or fill.simulated
        fee_usd, gas_usd, slippage_usd = costs
        realised_usd = turnover_usd = ZERO
        if rate is not None:
            realised_usd = settle(realised * rate)
            turnover_usd = settle(abs(amount) * rate)
        elif realised:
            quote = self._market.instruments[fill.instrument].quote
            self.unconverted[quote] = self.unconverted.get(quote, ZERO) + realised
        sums: tuple[Position | Totals, ...] = (position, *self._sums_of(fill.strategy, fill.instrument))
        for each in sums:
            each.fees_usd += fee_usd
            each.turnover_usd += turnover_usd
            if realised_usd:
                each.realised_usd += realised_usd
            if gas_usd:
                each.gas_usd += gas_usd
            if slippage_usd:
                each.slippage_usd += slippage_usd
            if each is position or not is_rest:
                each.fills += 1
                each.unconverted_fills += rate is None
        if not position.qty:
            self._close_position(position)
        return realised

    def _open_position(self, fill: Fill) -> Position:
        position = Position(
            strategy=fill.strategy,
            instrument=fill.instrument,
            venue=self._market.venue_of(fill.instrument),
            is_long=fill.side == "buy",
            opened_ts_ns=fill.ts_ns,
            updated_ts_ns=fill.ts_ns,
        )
        self.positions[fill.strategy, fill.instrument] = position
        self._open.setdefault(fill.strategy, {})[fill.instrument] = position
        self._held.setdefault(fill.instrument, Held()).holders += 1
        return position

    def _close_position(self, position: Position) -> None:
        strategy, instrument = position.strategy, position.instrument
        del self.positions[strategy, instrument]
        del self._open[strategy][instrument]
        held = self._held[instrument]
        held.holders -= 1
        if not held.holders:
            del self._held[instrument]
        pnl_usd = None if position.unconverted_fills else position.net_usd
        for sums in self._sums_of(strategy, instrument):
            sums.closed += 1
            sums.profitable += pnl_usd is not None and pnl_usd > 0
        if self._closed_watchers:
            trade = ClosedTrade(
                strategy=strategy,
                instrument=instrument,
                is_long=position.is_long,
                opened_ts_ns=position.opened_ts_ns,
                closed_ts_ns=position.updated_ts_ns,
                pnl_usd=pnl_usd,
                turnover_usd=position.turnover_usd,
                fills=position.fills,
                simulated=position.simulated,
            )
            for watcher in self._closed_watchers:
                watcher(trade)

    def _sums_of(self, strategy: str, instrument: str) -> tuple[Totals, Totals, Totals]:
        key = (strategy, instrument)
        own = self.totals.get(key)
        if own is None:
            own = self.totals[key] = Totals()
            self._sums.setdefault(strategy, Totals())
        return own, self._sums[strategy], self._sums[WHOLE]

    # balances -----------------------------------------------------------------------------------------------------

    def _move_balances(
        self, fill: Fill, listed: InstrumentListed, amount: Decimal, realised: Decimal, rate: Decimal | None
    ) -> None:
        """Spot and pools exchange base for quote; a perpetual moves its margin by realised P&L. Fees come off quote."""
        if listed.kind == "perp":
            self._move(listed.venue, listed.quote, realised)
        else:
            direction = sign(fill.side)
            self._move(listed.venue, listed.base, direction * fill.qty)
            self._move(listed.venue, listed.quote, -direction * amount)
        self._move_usd(listed, -fill.fee_usd, rate)

    def _move(self, venue: str, asset: str, delta: Decimal) -> None:
        known = self.balances.get((venue, asset))
        if known is not None:
            self.balances[venue, asset] = add(known, delta)

    def _move_usd(self, listed: InstrumentListed, delta_usd: Decimal, rate: Decimal | None) -> None:
        """Move the quote balance by a USD amount; without a rate it becomes unknown until the next snapshot."""
        if not delta_usd:
            return
        if rate:
            self._move(listed.venue, listed.quote, settle(divide(delta_usd, rate)))
        else:
            self.balances.pop((listed.venue, listed.quote), None)


def quote_amount(fill: Fill, listed: InstrumentListed | None) -> Decimal:
    """Quote currency that changed hands, > 0: a pool's exact raw amount where it fits the fill, else qty * price.

    It fits when the raw base amount is `qty` to the unit and the raw quote amount is within 1e-6 of qty * price
    (a multi-hop swap's ends are other tokens).
    """
    product = settle(multiply(fill.qty, fill.price))
    if listed is None or listed.kind != "pool" or not (fill.amount_in_raw and fill.amount_out_raw):
        return product
    is_buy = fill.side == "buy"
    base_raw, quote_raw = fill.amount_out_raw, fill.amount_in_raw
    if not is_buy:
        base_raw, quote_raw = quote_raw, base_raw
    if Decimal(base_raw).scaleb(-listed.base_decimals, MONEY) != fill.qty:
        return product
    amount = settle(Decimal(quote_raw).scaleb(-listed.quote_decimals, MONEY))
    return amount if abs(amount - product) <= product * RAW_TOLERANCE else product


def _gain_usd(held: Position | Held, mark: Decimal, rate: Decimal) -> Decimal:
    return multiply(subtract(multiply(held.qty, mark), held.cost_quote), rate)


def _pnl_usd(sums: Totals, unrealised_usd: Decimal) -> Decimal:
    gains_usd = add(add(sums.realised_usd, unrealised_usd), sums.funding_usd)
    return subtract(gains_usd, add(sums.fees_usd, sums.gas_usd))


def _check_fill(fill: Fill) -> None:
    for name in ("qty", "price", "fee_usd", "gas_usd", "slippage_usd"):
        value: Decimal = getattr(fill, name)
        if value and not is_amount(value):
            raise BadInput(
                f"Fill of {fill.order_id}: {name} expected a finite amount, found {value}; executor is wrong"
            )
    if fill.qty <= 0 or fill.price < 0:
        raise BadInput(f"Fill of {fill.order_id}: expected qty > 0 and price >= 0, found {fill.qty} at {fill.price}")


def _funding_amount(event: FundingPaid) -> Decimal:
    try:
        amount_usd = Decimal(event.amount_usd)
    except ArithmeticError:
        amount_usd = Decimal("NaN")
    if not is_amount(amount_usd):
        raise BadInput(
            f"FundingPaid {event.instrument}: amount_usd expected decimal text, found {event.amount_usd!r:.80}"
        )
    return amount_usd


def _plain(record: Position | Totals) -> dict[str, object]:
    values = ((name, getattr(record, name)) for name in sorted(record.__struct_fields__))
    return {name: plain_text(value) if isinstance(value, Decimal) else value for name, value in values}
