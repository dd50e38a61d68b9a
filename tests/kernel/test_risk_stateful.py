"""No sequence of intents, reports, crashes and setting changes gets past a limit or leaks a reservation.

The model below is slow and simple on purpose: it keeps the raw history and recomputes everything from it in fractions,
with formulas of its own, each time that the gate says yes.
"""

from decimal import Decimal
from fractions import Fraction as F
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bus.clock import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS
from bus.events import (
    Accepted,
    Cancelled,
    Event,
    Expired,
    Fill,
    Filled,
    KillSwitchSet,
    Landed,
    OrderApproved,
    OrderDenied,
    Rejected,
    Reverted,
    StrategyCommand,
    StrategyStateChanged,
    Submitted,
    Unknown,
    VenueHealth,
)
from bus.intents import Hedge, PlaceOrder, Swap
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.risk_reasons import REASONS
from tests.kernel.risk_world import PERP, POOL, SPOT, START_NS, RiskWorld, close, order, swap

NAMES = ("s", "t")
PRICES = (1_000.0, 1_900.0, 2_000.0, 2_100.0)
ASSETS = {
    SPOT: ("binance", "ETH", "USDT"),
    PERP: ("binance_usdm", "", "USDT"),
    POOL: ("uniswap_v3.polygon", "WETH", "USDC"),
}
QTYS = st.sampled_from(["0.01", "0.02", "0.05", "0.1", "0.1", "0.2", "0.25", "0.5", "30"])
BASE = RiskLimits(
    budget_usd=1_000.0, max_notional_usd=600.0, max_position_usd=900.0, max_gross_exposure_usd=1_500.0,
    max_open_orders=4, max_orders_per_minute=8, max_consecutive_failures=3, failure_cooldown_s=30, max_gas_usd=0.05,
    max_failed_tx_cost_usd_per_day=0.5, max_fee_bps=50.0,
)  # fmt: skip
WHOLE = GlobalLimits(
    budget_usd=1_600.0, max_notional_usd=600.0, max_position_usd=1_200.0, max_gross_exposure_usd=2_200.0,
    max_open_orders=6, max_orders_per_minute=12, max_daily_loss_usd=150.0, max_consecutive_failures=5,
    failure_cooldown_s=30, max_fee_bps=50.0, max_price_age_ms=300_000, max_leverage=2.0,
)  # fmt: skip


TINY = F(1, 10**6)
MARGIN_OF_ORDERS = F(104, 100)  #: fees of 0.5 % (1 % of a margin at leverage 2), a collar of 2 %, a little more


class Model:
    """What must hold, from the raw history alone."""

    def __init__(self) -> None:
        self.fills: list[tuple[Fill, OrderApproved]] = []
        self.approvals: list[OrderApproved] = []
        self.prices_at: dict[str, F] = {}  #: order -> price of the instrument when it was approved
        self.over: dict[str, Event] = {}
        self.totals: dict[tuple[str, str], F] = {}
        self.price = F(2_000)
        self.price_ns = 0
        self.limits: dict[str, RiskLimits] = dict.fromkeys(NAMES, BASE)
        self.whole = WHOLE

    def open(self, strategy: str | None = None) -> list[OrderApproved]:
        return [
            each for each in self.approvals
            if each.order_id not in self.over and strategy in (None, each.strategy)
        ]  # fmt: skip

    def asked(self, approved: OrderApproved) -> tuple[str, str, F]:
        """(instrument, side, base quantity)."""
        intent = approved.intent
        if isinstance(intent, PlaceOrder):
            return intent.instrument, intent.side, F(intent.qty)
        if intent.base_side == "sell":
            return POOL, "sell", F(intent.amount_in, 10**18)
        least = F(intent.amount_out_min, 10**18)
        at_price = F(intent.amount_in, 10**6) / self.prices_at[approved.order_id]
        return POOL, "buy", least if intent.is_reduce_only else max(least, at_price)

    def left(self, approved: OrderApproved) -> F:
        done = sum((F(fill.qty) for fill, each in self.fills if each is approved), F(0))
        if isinstance(approved.intent, Swap):
            return F(0) if done else self.asked(approved)[2]
        return max(F(0), self.asked(approved)[2] - done)

    def value(self, approved: OrderApproved) -> F:
        """USD of the whole order at the prices of its approval."""
        price = self.prices_at[approved.order_id]
        intent = approved.intent
        if isinstance(intent, PlaceOrder) and intent.limit_price is not None:
            price = max(price, F(intent.limit_price))
        return max(F(intent.notional_usd), self.asked(approved)[2] * price)

    def working_usd(self, strategy: str | None) -> F:
        return sum(
            (
                self.value(each) * self.left(each) / self.asked(each)[2]
                for each in self.open(strategy) if not each.intent.is_reduce_only
            ),
            F(0),
        )  # fmt: skip

    def books(self, strategy: str | None) -> dict[str, dict[str, F]]:
        """By (strategy, instrument): quantity, average-cost basis, realised."""
        held: dict[str, dict[str, F]] = {}
        for fill, _ in self.fills:
            if strategy not in (None, fill.strategy):
                continue
            at = held.setdefault(f"{fill.strategy} {fill.instrument}", {"qty": F(0), "cost": F(0), "realised": F(0)})
            signed, price = F(fill.qty) * (1 if fill.side == "buy" else -1), F(fill.price)
            if at["qty"] * signed < 0:
                part = min(abs(signed), abs(at["qty"])) * (1 if signed > 0 else -1)
                average = at["cost"] / at["qty"]
                at["realised"] += -part * (price - average)
                at["cost"] += part * average
                at["qty"] += part
                signed -= part
            at["qty"] += signed
            at["cost"] += signed * price
        return held

    def qty(self, strategy: str | None, instrument: str) -> F:
        rows = self.books(strategy).items()
        return sum((row["qty"] for key, row in rows if key.endswith(f" {instrument}")), F(0))

    def pending(self, strategy: str | None, instrument: str, side: str) -> F:
        orders = [each for each in self.open(strategy) if self.asked(each)[:2] == (instrument, side)]
        return sum((self.left(each) for each in orders), F(0))

    def pnl(self, strategy: str | None) -> F:
        rows = self.books(strategy).values()
        total = sum((row["realised"] + row["qty"] * self.price - row["cost"] for row in rows), F(0))
        total -= sum((F(fill.fee_usd) for fill, _ in self.fills if strategy in (None, fill.strategy)), F(0))
        for each in self.approvals:
            end = self.over.get(each.order_id)
            if isinstance(end, Reverted) and strategy in (None, each.strategy):
                total -= F(end.gas_usd)
        return total

    def need(self, approved: OrderApproved) -> tuple[tuple[str, str], F]:
        """What the rest of an order holds back of which balance, without fees and collar."""
        instrument, side, _ = self.asked(approved)
        venue, base, quote = ASSETS[instrument]
        if instrument == PERP:
            rest = F(0) if approved.intent.is_reduce_only else self.left(approved)
            return (venue, quote), rest * self.prices_at[approved.order_id] / F(self.whole.max_leverage)
        if side == "sell":
            return (venue, base), self.left(approved)
        price = self.prices_at[approved.order_id]
        if isinstance(approved.intent, PlaceOrder) and approved.intent.limit_price is not None:
            price = F(approved.intent.limit_price)
        if isinstance(approved.intent, Swap):
            return (venue, quote), F(approved.intent.amount_in, 10**6) if self.left(approved) else F(0)
        return (venue, quote), self.left(approved) * price


class GateMachine(RuleBasedStateMachine):
    """Two strategies, three instruments, one gate."""

    @initialize(usdt=st.sampled_from(["300", "1000", "100000"]), eth=st.sampled_from(["0", "0.3", "50"]))
    def start(self, usdt: str, eth: str) -> None:
        self.world = RiskWorld(dict.fromkeys(NAMES, BASE), WHOLE)
        self.model = Model()
        self.model.price_ns = self.world.now_ns
        for venue, base, quote in ASSETS.values():
            for asset, total in ((base, eth), (quote, usdt)):
                if asset:
                    self.world.balance(venue, asset, total)
                    self.model.totals[venue, asset] = F(total)
        self.killed: set[str] = set()
        self.states: dict[str, str] = {}
        self.is_healthy = True
        self.last_report: Event | None = None

    # intents

    @rule(
        name=st.sampled_from(NAMES), instrument=st.sampled_from([SPOT, PERP]), side=st.sampled_from(["buy", "sell"]),
        qty=QTYS, limit=st.sampled_from([None, "0.9", "0.99", "1", "1.01", "1.1"]),
        net=st.sampled_from([None, "-1", "1"]),
        stated=st.sampled_from(["1", "1", "1", "550", "700"]),
    )  # fmt: skip
    def place(
        self, name: str, instrument: str, side: str, qty: str, limit: str | None, net: str | None, stated: str
    ) -> None:
        price = None if limit is None else (Decimal(limit) * Decimal(int(self.model.price))).quantize(Decimal("0.01"))
        self.ask(name, order(
            side, qty, instrument=instrument, limit_price=price, notional_usd=Decimal(stated),
            expected_net_usd=None if net is None else Decimal(net),
        ))  # fmt: skip

    @rule(
        name=st.sampled_from(NAMES),
        instrument=st.sampled_from([SPOT, PERP]),
        side=st.sampled_from(["buy", "sell"]),
        qty=QTYS,
    )
    def place_plain(self, name: str, instrument: str, side: str, qty: str) -> None:
        self.ask(name, order(side, qty, instrument=instrument))

    @rule(
        name=st.sampled_from(NAMES),
        instrument=st.sampled_from([SPOT, PERP]),
        share=st.sampled_from(["0.5", "1", "1.5"]),
        is_unwind=st.booleans(),
    )
    def leave(self, name: str, instrument: str, share: str, is_unwind: bool) -> None:
        held = self.model.qty(name, instrument)
        qty = (Decimal(share) * Decimal(abs(held).numerator) / Decimal(abs(held).denominator)).quantize(
            Decimal("0.0001")
        )
        if qty > 0:
            self.ask(name, close("sell" if held > 0 else "buy", str(qty), instrument=instrument), is_unwind)

    @rule(
        name=st.sampled_from(NAMES),
        qty=QTYS,
        instrument=st.sampled_from([SPOT, PERP]),
        side=st.sampled_from(["buy", "sell"]),
    )
    def unwind_unmarked(self, name: str, qty: str, instrument: str, side: str) -> None:
        self.ask(name, order(side, qty, instrument=instrument, expected_net_usd=None), is_unwind=True)

    @rule(name=st.sampled_from(NAMES), qty=QTYS, other=QTYS)
    def hedge(self, name: str, qty: str, other: str) -> None:
        legs = (order("buy", qty), order("sell", other, instrument=PERP))
        self.ask(name, Hedge(legs=legs, deadline_ms=500, expected_net_usd=Decimal(1)))

    @rule(
        name=st.sampled_from(NAMES),
        side=st.sampled_from(["buy", "sell"]),
        qty=QTYS,
        gas=st.sampled_from(["0.01", "0.01", "0.04", "0.06"]),
        is_close=st.sampled_from([False, False, False, True]),
    )
    def swap_in_pool(self, name: str, side: str, qty: str, gas: str, is_close: bool) -> None:
        raw = int(Decimal(qty) * int(self.model.price) * 10**6)
        base = int(Decimal(qty) * 10**18)
        amounts = (raw, base * 998 // 1000) if side == "buy" else (base, raw * 998 // 1000)
        self.ask(
            name,
            swap(
                side,
                qty,
                amount_in=amounts[0],
                amount_out_min=amounts[1],
                gas_usd_max=Decimal(gas),
                is_reduce_only=is_close,
            ),
        )

    @rule(name=st.sampled_from(NAMES), intent=st.sampled_from([
        order("buy", "0"), order("buy", "NaN"), order("buy", "0.00001"), order("buy", "0.1", instrument="x:Y"),
        order("buy", "0.1", instrument=POOL), swap(amount_in=0), swap(amount_in=1 << 255),
        Hedge(legs=(), deadline_ms=1), Hedge(legs=(order("buy", "0.1"), order("sell", "-1")), deadline_ms=1), "hello",
    ]))  # fmt: skip
    def nonsense(self, name: str, intent: Any) -> None:
        assert isinstance(self.ask(name, intent), OrderDenied)

    def ask(self, name: str, intent: Any, is_unwind: bool = False) -> Any:
        world = self.world
        before = world.gate.state()
        again = world.rebuilt().gate.check(name, world.cause_seq + 1, 0, intent, world.now_ns, is_unwind)
        verdict = world.gate.check(name, world.cause_seq + 1, 0, intent, world.now_ns, is_unwind)
        assert again == verdict, "the same state and intent gave another verdict"
        world.cause_seq += 1
        if isinstance(verdict, OrderDenied):
            assert verdict.reason in REASONS
            assert world.gate.state() == before
            world.feed(verdict)
            return verdict
        for approved in verdict:
            self.judge(approved, is_unwind)
            self.model.approvals.append(approved)
        world.feed(*verdict)
        return verdict

    # the slow judgement of a yes: the model does not know the order yet

    def judge(self, approved: OrderApproved, is_unwind: bool) -> None:
        model, name, intent = self.model, approved.strategy, approved.intent
        now_ns = self.world.now_ns
        model.prices_at[approved.order_id] = model.price
        instrument, side, qty = model.asked(approved)
        direction = 1 if side == "buy" else -1
        assert qty > 0
        assert approved.order_id not in {each.order_id for each in model.approvals}
        if not is_unwind:
            assert not self.killed & {"", name}
            assert self.states.get(name, "running") == "running" or intent.is_reduce_only
        if intent.is_reduce_only:
            exits = [
                each
                for each in model.open(name)
                if each.intent.is_reduce_only and model.asked(each)[:2] == (instrument, side)
            ]
            closing = sum((model.left(each) for each in exits), F(0))
            held = model.qty(name, instrument)
            assert held * direction < 0 and closing + qty <= abs(held)
        if is_unwind and not intent.is_reduce_only:
            net = sum((model.qty(name, each) for each in ASSETS), F(0))
            held = model.qty(name, instrument)
            assert (net * direction < 0 and qty <= abs(net)) or (held * direction < 0 and qty <= abs(held))
        value = model.value(approved)
        if isinstance(intent, Swap):
            assert intent.gas_usd_max <= Decimal("0.05")
        if isinstance(intent, PlaceOrder):
            assert intent.qty % Decimal("0.0001") == 0
        scopes: tuple[tuple[str | None, RiskLimits], ...] = ((name, model.limits[name]), (None, model.whole))
        for scope, limits in scopes:
            factor = 2 if intent.is_reduce_only or is_unwind else 1
            recent = [
                each
                for each in model.approvals
                if scope in (None, each.strategy) and each.ts_ns > now_ns - NS_PER_MINUTE
            ]
            assert is_unwind or len(recent) + 1 <= factor * limits.max_orders_per_minute
            if intent.is_reduce_only or is_unwind:
                continue
            assert now_ns - model.price_ns <= limits.max_price_age_ms * NS_PER_MS or instrument == POOL
            assert now_ns - model.price_ns <= limits.max_chain_age_ms * NS_PER_MS or instrument != POOL
            assert value <= F(limits.max_notional_usd)
            assert len(model.open(scope)) + 1 <= limits.max_open_orders
            if isinstance(intent, PlaceOrder) and intent.limit_price is not None:
                away = abs(F(intent.limit_price) / model.price - 1) * 10_000
                assert away <= F(limits.max_price_deviation_bps)
            reach = model.qty(scope, instrument) + direction * model.pending(scope, instrument, side)
            if abs(reach + direction * qty) > abs(reach):
                assert abs(reach + direction * qty) * model.price <= F(limits.max_position_usd) + F(1, 10**6)
            own = model.qty(name, instrument) + direction * model.pending(name, instrument, side)
            grown = max(F(0), min(qty, abs(own + direction * qty) - abs(own)))
            if grown:
                added = value * grown / qty
                rows = model.books(scope).values()
                exposure = sum((abs(row["qty"]) * model.price for row in rows), F(0))
                capital = sum((abs(row["cost"]) for row in rows), F(0))
                working = model.working_usd(scope) + added
                assert exposure + working <= F(limits.max_gross_exposure_usd) + F(1, 10**3)
                assert capital + working <= F(limits.budget_usd) + F(1, 10**3)
            assert self.loss_today(scope) < F(limits.max_daily_loss_usd)
            if isinstance(intent, Swap):
                flights = [each.intent.gas_usd_max for each in model.open(scope) if isinstance(each.intent, Swap)]
                at_stake = sum((F(gas) for gas in flights), F(intent.gas_usd_max))
                assert self.burnt_today(scope) + at_stake <= F(limits.max_failed_tx_cost_usd_per_day)
        if not (intent.is_reduce_only or is_unwind):
            assert self.is_healthy or instrument != SPOT
            assert intent.expected_net_usd is not None and intent.expected_net_usd >= 0
        if not intent.is_reduce_only:
            self.judge_balance(approved)

    def judge_balance(self, approved: OrderApproved) -> None:
        model = self.model
        key, need = model.need(approved)
        for each in model.open():
            other, held_back = model.need(each)
            need += held_back if other == key else 0
        margin = self.margin(key[0])
        assert need + margin <= model.totals[key], (key, need, margin, model.totals[key])

    def margin(self, venue: str) -> F:
        """What open perpetual positions need, at cost."""
        if venue != "binance_usdm":
            return F(0)
        rows = (self.model.books(name).get(f"{name} {PERP}") for name in NAMES)
        return sum((abs(row["cost"]) / F(self.model.whole.max_leverage) for row in rows if row), F(0))

    def fee_of_exits(self, venue: str) -> F:
        """Closes of perpetuals hold back their fee alone."""
        exits = [each for each in self.model.open() if each.intent.is_reduce_only and venue == "binance_usdm"]
        fees = (self.model.value(each) * F(1, 200) for each in exits if self.model.asked(each)[0] == PERP)
        return sum(fees, F(0))

    def loss_today(self, scope: str | None) -> F:
        """All that was lost: the machine starts flat and stays within one UTC day."""
        assert self.world.now_ns // NS_PER_DAY == START_NS // NS_PER_DAY
        return -self.model.pnl(scope)

    def burnt_today(self, scope: str | None) -> F:
        day = self.world.now_ns // NS_PER_DAY
        ends = [(each, self.model.over.get(each.order_id)) for each in self.model.approvals]
        return sum(
            (
                F(end.gas_usd) for each, end in ends
                if isinstance(end, Reverted) and end.ts_ns // NS_PER_DAY == day and scope in (None, each.strategy)
            ),
            F(0),
        )  # fmt: skip

    # reports

    def has_open(self) -> bool:
        return hasattr(self, "model") and bool(self.model.open())

    def report(self, kind: Any, approved: OrderApproved, **fields: Any) -> None:
        head = {
            "ts_ns": self.world.now_ns,
            "strategy": approved.strategy,
            "order_id": approved.order_id,
            "simulated": True,
        }
        event = kind(**head, **fields)
        self.world.feed(event)
        self.last_report = event
        if kind.is_terminal:
            self.model.over[approved.order_id] = event

    def pick(self, number: int) -> OrderApproved:
        orders = self.model.open()
        return orders[number % len(orders)]

    @precondition(has_open)
    @rule(number=st.integers(0, 9), share=st.sampled_from(["0.25", "0.5", "1", "1"]), is_bare=st.booleans())
    def fill(self, number: int, share: str, is_bare: bool) -> None:
        approved = self.pick(number)
        instrument, side, _ = self.model.asked(approved)
        left = self.model.left(approved)
        qty = (Decimal(left.numerator) / Decimal(left.denominator) * Decimal(share)).quantize(Decimal("0.000001"))
        if isinstance(approved.intent, Swap):
            qty = Decimal(approved.intent.amount_in if side == "sell" else approved.intent.amount_out_min).scaleb(-18)
        if qty <= 0 or (isinstance(approved.intent, Swap) and not left):
            return
        price = Decimal(int(self.model.prices_at[approved.order_id]))
        if isinstance(approved.intent, PlaceOrder) and approved.intent.limit_price is not None:
            price = (
                min(price, approved.intent.limit_price) if side == "buy" else max(price, approved.intent.limit_price)
            )
        fee = (qty * price * Decimal("0.001")).quantize(Decimal("0.0001"))
        self.report(
            Fill, approved, instrument=instrument, side=side, qty=qty, price=price, fee_usd=fee,
            fill_id=f"{approved.order_id}#{len(self.world.record)}",
        )  # fmt: skip
        assert isinstance(self.last_report, Fill)
        self.model.fills.append((self.last_report, approved))
        venue, base, quote = ASSETS[instrument]
        sign = 1 if side == "buy" else -1
        if base:
            self.model.totals[venue, base] += sign * F(qty)
            self.model.totals[venue, quote] -= sign * F(qty) * F(price)
        else:
            rows = self.model.books(approved.strategy)[f"{approved.strategy} {PERP}"]
            key = f"{approved.strategy} {PERP} realised"
            self.model.totals[venue, quote] += rows["realised"] - self.realised.get(key, F(0))
            self.realised[key] = rows["realised"]
        self.model.totals[venue, quote] -= F(fee)
        if not is_bare and not self.model.left(approved):
            self.finish(approved)

    @precondition(has_open)
    @rule(number=st.integers(0, 9))
    def fill_all(self, number: int) -> None:
        self.fill(number, "1", False)

    @property
    def realised(self) -> dict[str, F]:
        return self.__dict__.setdefault("_realised", {})

    def finish(self, approved: OrderApproved) -> None:
        if isinstance(approved.intent, Swap):
            self.report(Landed, approved, tx=approved.order_id, block=1)
        else:
            self.report(Filled, approved)

    @precondition(has_open)
    @rule(number=st.integers(0, 9), kind=st.sampled_from([Submitted, Accepted, Unknown, Cancelled, Rejected, Expired]))
    def answer(self, number: int, kind: Any) -> None:
        self.report(kind, self.pick(number), **({"reason": "test"} if kind in (Unknown, Rejected) else {}))

    @precondition(has_open)
    @rule(number=st.integers(0, 9), gas=st.sampled_from(["0.001", "0.01"]))
    def revert(self, number: int, gas: str) -> None:
        approved = self.pick(number)
        if isinstance(approved.intent, Swap) and self.model.left(approved):
            self.report(Reverted, approved, tx=approved.order_id, block=1, gas_usd=Decimal(gas), reason="test")

    @precondition(lambda self: getattr(self, "last_report", None) is not None)
    @rule()
    def repeat_a_report(self) -> None:
        before = self.world.gate.state()
        assert self.last_report is not None
        if not isinstance(self.last_report, Fill) or self.last_report.fill_id:
            self.world.feed(self.last_report)
        assert self.world.gate.state() == before

    # the world

    @rule(price=st.sampled_from(PRICES))
    def move_price(self, price: float) -> None:
        self.world.price(price)
        self.model.price, self.model.price_ns = F(int(price)), self.world.now_ns

    @rule(wait_ms=st.sampled_from([1, 900, 2_000, 31_000, 61_000]), is_quiet=st.booleans())
    def wait(self, wait_ms: int, is_quiet: bool) -> None:
        self.world.now_ns += wait_ms * NS_PER_MS
        if not is_quiet:
            self.world.price(float(self.model.price))
            self.model.price_ns = self.world.now_ns

    @rule(is_on=st.sampled_from([False, False, False, True]), name=st.sampled_from(["", *NAMES]))
    def kill_switch(self, is_on: bool, name: str) -> None:
        self.world.feed(KillSwitchSet(ts_ns=self.world.now_ns, is_on=is_on, strategy=name, reason="", by="me"))
        self.killed = self.killed | {name} if is_on else self.killed - {name}

    @rule(name=st.sampled_from(NAMES), to=st.sampled_from(["running", "running", "running", "paused", "disabled"]))
    def set_state(self, name: str, to: str) -> None:
        self.world.feed(StrategyStateChanged(ts_ns=self.world.now_ns, strategy=name, state=to, reason=""))
        self.states[name] = to

    @rule(status=st.sampled_from(["ok", "ok", "stale"]))
    def health(self, status: str) -> None:
        self.world.feed(VenueHealth(ts_ns=self.world.now_ns, venue="binance", status=status, reason=""))
        self.is_healthy = status == "ok"

    @rule(name=st.sampled_from(["", *NAMES]))
    def reset(self, name: str) -> None:
        self.world.feed(StrategyCommand(ts_ns=self.world.now_ns, strategy=name, command="reset_breakers", by="me"))

    @rule(
        name=st.sampled_from(["", *NAMES]),
        change=st.sampled_from([
            {"budget_usd": 200.0}, {"max_open_orders": 1}, {"max_orders_per_minute": 2}, {"max_position_usd": 100.0},
            {"max_gross_exposure_usd": 300.0}, {"max_daily_loss_usd": 5.0}, {"max_price_deviation_bps": 50.0},
            {"max_notional_usd": 150.0}, {"max_price_age_ms": 500}, {},
        ]),
    )  # fmt: skip
    def change_settings(self, name: str, change: dict[str, Any]) -> None:
        if name:
            self.model.limits[name] = msgspec.structs.replace(BASE, **change)
            self.world.set_limits(f"risk.{name}", self.model.limits[name])
        else:
            self.model.whole = msgspec.structs.replace(WHOLE, **change)
            self.world.set_limits("risk", self.model.whole)

    @rule()
    def crash(self) -> None:
        lived = self.world
        self.world = lived.rebuilt()
        assert self.world.gate.state() == lived.gate.state()
        assert self.world.ledger.state() == lived.ledger.state()

    # always

    @invariant()
    def reservations_are_what_open_orders_may_still_do(self) -> None:
        if not hasattr(self, "model"):
            return
        gate = self.world.gate
        for scope in (*NAMES, None):
            assert gate.open_orders(scope) == len(self.model.open(scope))
            assert abs(F(gate.reserved_usd(scope)) - self.model.working_usd(scope)) < F(1, 10**6)
        for (venue, asset), total in self.model.totals.items():
            assert self.world.ledger.balances[venue, asset] == total
            available = gate.available(venue, asset)
            assert available is not None
            needs = [self.model.need(each) for each in self.model.open()]
            need = sum((held_back for key, held_back in needs if key == (venue, asset)), F(0))
            held_back = total - F(available) - self.margin(venue)
            assert need <= held_back + TINY and held_back <= need * MARGIN_OF_ORDERS + self.fee_of_exits(venue) + TINY

    @invariant()
    def nothing_leaks_when_all_orders_are_over(self) -> None:
        if hasattr(self, "model") and not self.model.open():
            reservations = self.world.gate.state()["reservations"]
            assert isinstance(reservations, dict)
            assert not any(reservations.values()), reservations
            assert not self.world.gate.state()["groups"]

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for approved in self.model.open():
            self.report(Cancelled, approved)
        self.nothing_leaks_when_all_orders_are_over()
        assert self.world.rebuilt().gate.state() == self.world.gate.state()


GateMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestNothingGetsPastTheGate = pytest.mark.slow(GateMachine.TestCase)
