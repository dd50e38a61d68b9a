"""What an order would do, in the terms the gate limits: positions moved, balance needed, value, gas at stake.

A pure function of the intent, the market as last seen and the limits: an order that is read back from the log gets the
very reservation that its approval made.
"""

from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from bus.events import GasPrice, InstrumentListed
from bus.intents import OrderIntent, PlaceOrder, Swap
from bus.units import BPS_PER_UNIT, ONE, ZERO, Side, exact
from kernel.finance.gas import gas_cost_usd
from kernel.finance.lamports import SOL_DECIMALS
from kernel.finance.money import MONEY, add, divide, multiply, settle
from kernel.intent_flaws import EXPONENT_MAX, is_between
from kernel.market import Market
from kernel.prices import Prices
from kernel.reservations import Part, Reservation
from kernel.risk_limits import GlobalLimits, RiskLimits

AMOUNT_MAX = Decimal(10) ** EXPONENT_MAX  #: token amounts are cut here; no balance covers it and sums stay exact


@lru_cache(maxsize=4_096)
def decimal_of(limit: float) -> Decimal:
    """A limit as the decimal that it prints as."""
    return Decimal(limit) if isinstance(limit, int) else exact(limit)


@lru_cache(maxsize=4_096)
def share_of(limit_bps: float) -> Decimal:
    """A limit in basis points as a share of one."""
    return divide(decimal_of(limit_bps), Decimal(BPS_PER_UNIT))


class Step(Struct, frozen=True):
    """One hop of a route, with what goes in and comes out."""

    listed: InstrumentListed
    side: Side  #: in base of this pool

    @property
    def asset_in(self) -> str:
        return self.listed.base if self.side == "sell" else self.listed.quote

    @property
    def asset_out(self) -> str:
        return self.listed.quote if self.side == "sell" else self.listed.base

    @property
    def decimals_in(self) -> int:
        return self.listed.base_decimals if self.side == "sell" else self.listed.quote_decimals

    @property
    def decimals_out(self) -> int:
        return self.listed.quote_decimals if self.side == "sell" else self.listed.base_decimals


def steps_of(swap: Swap, market: Market) -> tuple[Step, ...]:
    """The hops of a route through listed pools; stops before the first unlisted one."""
    steps: list[Step] = []
    for hop in swap.route:
        listed = market.instruments.get(hop.pool)
        if listed is None:
            break
        steps.append(Step(listed, "sell" if hop.is_zero_for_one == listed.base_is_token0 else "buy"))
    return tuple(steps)


def amount_of(raw: int, decimals: int) -> Decimal:
    """Token units of a raw amount."""
    return min(Decimal(raw).scaleb(-decimals, MONEY), AMOUNT_MAX)


def gas_usd_of(swap: Swap, market: Market, chain: str) -> Decimal:
    """The most a swap can burn: what it says or gas limit times its highest gas price, whichever is more."""
    gas = market.gas.get(chain)
    if gas is None:
        return swap.gas_usd_max
    own = gas_cost_usd(
        GasPrice(ts_ns=0, chain=chain, gas_price_wei=swap.gas_price_wei_max, native_usd=gas.native_usd), swap.gas_limit
    )
    if own is None:
        return swap.gas_usd_max
    return max(swap.gas_usd_max, settle(own)) if is_between(own, 0) else AMOUNT_MAX


def tip_usd_of(swap: Swap, market: Market, chain: str) -> Decimal:
    """What a swap tips: what it says or what its lamports are worth, whichever is more."""
    gas = market.gas.get(chain)
    if not swap.tip_lamports or gas is None or gas.native_usd <= 0:
        return swap.tip_usd
    own = multiply(Decimal(swap.tip_lamports).scaleb(-SOL_DECIMALS, MONEY), exact(gas.native_usd))
    return max(swap.tip_usd, settle(own))


class Terms:
    """An order as the gate sees it: what to reserve, and its whole value in USD."""

    __slots__ = ("notional_usd", "reservation")

    def __init__(self, reservation: Reservation, notional_usd: Decimal) -> None:
        self.reservation = reservation
        self.notional_usd = notional_usd


def terms_of(
    intent: OrderIntent, strategy: str, order_id: str, prices: Prices, own: RiskLimits, whole: GlobalLimits
) -> Terms:
    """Terms of an intent without flaws (`kernel.intent_flaws`)."""
    if isinstance(intent, PlaceOrder):
        return _order_terms(intent, strategy, order_id, prices, own, whole)
    return _swap_terms(intent, strategy, order_id, prices)


def _order_terms(
    order: PlaceOrder, strategy: str, order_id: str, prices: Prices, own: RiskLimits, whole: GlobalLimits
) -> Terms:
    market = prices.market
    listed = market.instruments.get(order.instrument)
    reference = prices.reference(order.instrument)
    rate = market.quote_usd(order.instrument)
    worth = max(reference or ZERO, order.limit_price or ZERO)
    notional_usd = order.notional_usd
    if worth and rate is not None and is_between(rate, 0, is_open=True):
        value_usd = settle(multiply(multiply(order.qty, worth), rate))
        notional_usd = max(notional_usd, value_usd)
    fee = share_of(min(own.max_fee_bps, whole.max_fee_bps))
    venue = market.venue_of(order.instrument)
    need_key = (venue, "" if listed is None else listed.quote)
    if listed is not None and listed.kind == "perp":
        part = ZERO if order.is_reduce_only else divide(ONE, decimal_of(whole.max_leverage))
        need = _product(order.qty, worth, add(part, fee))
    elif order.side == "buy":
        pay = order.limit_price or worth
        if order.limit_price is None:
            collar = share_of(min(own.max_price_deviation_bps, whole.max_price_deviation_bps))
            pay = multiply(pay, add(ONE, collar))
        need = _product(order.qty, pay, add(ONE, fee))
    else:
        need_key = (venue, "" if listed is None else listed.base)
        need = order.qty
    part_usd = ZERO if order.is_reduce_only else notional_usd
    reservation = Reservation(
        order_id=order_id,
        strategy=strategy,
        parts=(Part(order.instrument, order.side, order.qty, part_usd),),
        need_key=need_key,
        need=need,
        gas_usd=ZERO,
        is_closing=order.is_reduce_only,
        is_atomic=False,
    )
    return Terms(reservation, notional_usd)


def _swap_terms(swap: Swap, strategy: str, order_id: str, prices: Prices) -> Terms:
    market = prices.market
    steps = steps_of(swap, market)
    first = steps[0] if steps else None
    amount = amount_of(swap.amount_in, first.decimals_in) if first is not None else ZERO
    need = ZERO if swap.is_flash_loan else settle(amount)
    parts: list[Part] = []
    notional_usd = swap.notional_usd
    for number, step in enumerate(steps):
        instrument = step.listed.instrument
        price, worth = prices.own(instrument), prices.usd(instrument)
        qty, amount = _through(step, amount, price)
        if number == len(steps) - 1 and step.side == "buy":
            least = amount_of(swap.amount_out_min, step.decimals_out)
            qty = least if swap.is_reduce_only else max(qty, least)
        qty = settle(qty)
        usd = swap.notional_usd if worth is None else settle(multiply(qty, worth))
        if number == 0:
            usd = notional_usd = max(usd, swap.notional_usd)
        parts.append(Part(market.holding_of(instrument), step.side, qty, ZERO if swap.is_reduce_only else usd))
    reservation = Reservation(
        order_id=order_id,
        strategy=strategy,
        parts=tuple(parts),
        need_key=(first.listed.venue, first.asset_in) if first is not None else ("", ""),
        need=need,
        gas_usd=gas_usd_of(swap, market, first.listed.chain) if first is not None else swap.gas_usd_max,
        is_closing=swap.is_reduce_only,
        is_atomic=True,
    )
    return Terms(reservation, notional_usd)


def _through(step: Step, amount_in: Decimal, price: Decimal | None) -> tuple[Decimal, Decimal]:
    """(base quantity, amount out) of a hop at a price, fees and impact left out; zeros without a price."""
    if price is None:
        return (amount_in if step.side == "sell" else ZERO), ZERO
    if step.side == "sell":
        return amount_in, min(settle(multiply(amount_in, price)), AMOUNT_MAX)
    out = min(settle(divide(amount_in, price)), AMOUNT_MAX)
    return out, out


def _product(*factors: Decimal) -> Decimal:
    product = ONE
    for factor in factors:
        product = multiply(product, factor)
    return settle(product)
