"""The orphan-leg protocol: legs that end unequal are mended by policy, through the gate, and not for ever."""

from decimal import Decimal
from typing import Any

import pytest

from bus.bus import Bus
from bus.events import (
    REPORTS,
    Alert,
    Cancelled,
    ClockTick,
    Event,
    Filled,
    KillSwitchSet,
    OrderApproved,
    OrphanLeg,
    Rejected,
    VenueHealth,
)
from bus.intents import Hedge, PlaceOrder
from kernel.execution.hedges import RETRIES_TOLD, Hedges
from kernel.execution.router import Router
from kernel.ledger import Ledger
from kernel.market import Market
from tests.builders import MINUTE, PERP, SECOND, SPOT, T0, approved, bar, fill, listed, place, quote
from tests.kernel.execution.fake_executor import FakeExecutor
from tests.kernel.puppet import Stage, once, puppet

QTY = Decimal("0.1")


def _hedge(on_partial: str = "unwind", deadline_ms: int = 1000, **second: Any) -> Hedge:
    return Hedge(
        legs=(place(qty="0.1"), place("sell", qty="0.1", **{"instrument": PERP, **second})),
        deadline_ms=deadline_ms,
        on_partial=on_partial,  # type: ignore[arg-type]
        expected_net_usd=Decimal(1),
        opportunity="o",
    )


def _quotes(at_ns: int, perp_qty: float = 5.0) -> tuple[Event, Event]:
    return quote(at_ns), quote(at_ns, instrument=PERP, qty=perp_qty)


def _stage(hedge: Hedge, **spec: Any) -> Stage:
    stage = Stage(puppet("a", once(lambda: (hedge,), T0 + 1)), puppet("b", lambda *_: ()), **spec)
    stage.feed(quote(T0 + 1))
    return stage


def _orders(stage: Stage) -> list[tuple[str, str, bool]]:
    return [(each.intent.instrument, each.intent.side, each.is_unwind) for each in stage.events(OrderApproved)]


def _positions(stage: Stage) -> dict[str, Decimal]:
    return {each.instrument: each.qty for each in stage.core.ledger.positions_of("a")}


def test_equal_legs_need_nothing() -> None:
    stage = _stage(_hedge())
    stage.feed(*_quotes(T0 + SECOND // 2), *_quotes(T0 + MINUTE))
    assert _positions(stage) == {SPOT: QTY, PERP: -QTY}
    assert stage.events(OrphanLeg) == []
    assert stage.core.hedges._groups == {}
    assert len(stage.events(OrderApproved)) == 2


def test_no_leg_filled_needs_nothing() -> None:
    stage = _stage(_hedge(), paper={"reject_pct": 100.0})
    stage.feed(*_quotes(T0 + SECOND))
    assert [type(each) for each in stage.events(*REPORTS)][-2:] == [Rejected, Rejected]
    assert stage.events(OrphanLeg) == []
    assert stage.core.hedges._groups == {}


def test_a_missing_leg_is_told_to_its_owner_and_unwound_on_the_venue_of_the_filled_one() -> None:
    stage = _stage(_hedge())
    stage.feed(*_quotes(T0 + SECOND, perp_qty=0.0), *_quotes(T0 + 2 * SECOND, perp_qty=0.0))
    told = stage.events(OrphanLeg)
    assert [(each.instrument, each.side, each.qty, each.action, each.is_resolved) for each in told] == [
        (SPOT, "buy", QTY, "unwind", False),
        ("", "sell", Decimal(0), "unwind", True),
    ]
    group = stage.events(OrderApproved)[0].group
    assert {each.group for each in told} == {group}
    assert _orders(stage)[2:] == [(SPOT, "sell", True)]
    mend = stage.events(OrderApproved)[2]
    assert (mend.intent.is_reduce_only, mend.intent.qty, mend.group) == (True, QTY, group)
    assert _positions(stage) == {}
    assert stage.core.hedges.orphans == []
    assert stage.strategy("a").kinds().count("OrphanLeg") == 2
    assert "OrphanLeg" not in stage.strategy("b").kinds()


def test_hedge_policy_completes_the_missing_leg_at_market() -> None:
    stage = _stage(_hedge("hedge"))
    stage.feed(*_quotes(T0 + SECOND, perp_qty=0.0), *_quotes(T0 + 2 * SECOND))
    assert _orders(stage)[2:] == [(PERP, "sell", True)]
    assert _positions(stage) == {SPOT: QTY, PERP: -QTY}
    assert [each.is_resolved for each in stage.events(OrphanLeg)] == [False, True]


def test_keep_policy_tells_once_and_leaves_the_leg_alone() -> None:
    stage = _stage(_hedge("keep"))
    stage.feed(*_quotes(T0 + SECOND, perp_qty=0.0), *_quotes(T0 + MINUTE))
    assert [(each.action, each.is_resolved) for each in stage.events(OrphanLeg)] == [("keep", False)]
    assert _positions(stage) == {SPOT: QTY}
    assert len(stage.events(OrderApproved)) == 2
    assert stage.core.hedges.orphans == []


def test_a_leg_still_open_at_the_deadline_is_taken_back_first() -> None:
    stage = _stage(_hedge(tif="gtc", limit_price=Decimal(2001)))
    stage.feed(*_quotes(T0 + SECOND // 2))
    assert stage.events(OrphanLeg) == []
    stage.feed(*_quotes(T0 + SECOND + 2), *_quotes(T0 + 2 * SECOND), *_quotes(T0 + 3 * SECOND))
    assert [each.ts_ns for each in stage.events(Cancelled)] == [T0 + SECOND + 1 + 50_000_000]
    assert _positions(stage) == {}
    assert [each.is_resolved for each in stage.events(OrphanLeg)] == [False, True]


def test_a_partly_filled_leg_unwinds_the_difference_alone() -> None:
    stage = _stage(_hedge())
    stage.feed(*_quotes(T0 + SECOND, perp_qty=0.04), *_quotes(T0 + 2 * SECOND, perp_qty=0.04))
    assert stage.events(OrderApproved)[2].intent.qty == Decimal("0.06")
    assert _positions(stage) == {SPOT: Decimal("0.04"), PERP: Decimal("-0.04")}


def test_a_mend_that_fills_in_parts_goes_on_with_the_rest() -> None:
    stage = _stage(_hedge())
    stage.feed(*_quotes(T0 + SECOND, perp_qty=0.0))
    for number, shown in enumerate((0.03, 0.02, 5.0), start=2):
        stage.feed(quote(T0 + number * SECOND, qty=shown))
    assert [each.intent.qty for each in stage.events(OrderApproved)[2:]] == [QTY, Decimal("0.07"), Decimal("0.05")]
    assert _positions(stage) == {}


def test_on_bars_a_leg_may_wait_two_steps_beyond_its_deadline() -> None:
    stage = Stage(puppet("a", once(lambda: (_hedge(tif="gtc", limit_price=Decimal(2001)),), T0 + 1)), is_listed=False)
    stage.feed(listed(), listed(PERP), bar(T0, instrument=PERP), quote(T0), quote(T0 + 1))
    stage.feed(quote(T0 + SECOND), quote(T0 + 2 * MINUTE + SECOND))
    assert stage.events(Cancelled) == []
    stage.feed(quote(T0 + 2 * MINUTE + SECOND + 2), quote(T0 + 2 * MINUTE + 2 * SECOND))
    assert len(stage.events(Cancelled)) == 1


def test_the_kill_switch_does_not_stop_an_unwind() -> None:
    stage = _stage(_hedge(tif="gtc", limit_price=Decimal(2001)))
    kill = KillSwitchSet(ts_ns=T0 + SECOND // 2, is_on=True, strategy="", reason="x", by="operator")
    stage.feed(*_quotes(T0 + SECOND // 3), kill, *_quotes(T0 + SECOND), *_quotes(T0 + 2 * SECOND))
    assert _positions(stage) == {}
    assert [each.is_resolved for each in stage.events(OrphanLeg)] == [False, True]


# denied and failing mends, one protocol alone


class _World:
    """Hedges with a gate that says what the test says."""

    def __init__(self, answers: list[bool] | None = None, end: type[Any] | None = None) -> None:
        self.bus = Bus()
        self.market = Market()
        self.ledger = Ledger(self.market)
        self.market.attach(self.bus)
        self.ledger.attach(self.bus)
        self.executor = FakeExecutor()
        self.router = Router(self.bus, self.market, {"*": self.executor})
        self.router.attach()
        self.asked: list[tuple[int, PlaceOrder]] = []
        self.answers = answers or []
        self.end = end
        self.hedges = Hedges(self.bus, self.market, self.ledger, self.router, self._unwind)
        self.hedges.attach()
        self.seen: list[Event] = []
        self.bus.tap(lambda seq, is_derived, event: self.seen.append(event))
        self.bus.feed((listed(), listed(PERP), quote(T0), quote(T0, instrument=PERP)))

    def _unwind(self, strategy: str, intent: PlaceOrder, group: str) -> bool:
        self.asked.append((self.bus.now_ns - T0, intent))
        is_yes = self.answers.pop(0) if self.answers else False
        if is_yes:
            name = f"m-{len(self.asked)}"
            self.bus.publish(approved(intent, name, ts_ns=self.bus.now_ns, group=group, is_unwind=True))
            if self.end is not None:
                self.bus.publish(
                    self.end(ts_ns=self.bus.now_ns, strategy="s", order_id=name, simulated=False, reason="refused")
                )
        return is_yes

    def legs(self, on_partial: str = "unwind") -> None:
        terms = {"group": "g", "deadline_ns": T0 + SECOND, "on_partial": on_partial}
        sell = place("sell", instrument=PERP)
        self.bus.feed((approved(order_id="l-0", **terms), approved(sell, "l-1", **terms)))

    def end_unequal(self) -> None:
        self.bus.feed((fill("l-0"), self.filled("l-0"), self.rejected("l-1")))

    def filled(self, name: str, at_ns: int = T0) -> Filled:
        return Filled(ts_ns=at_ns, strategy="s", order_id=name, simulated=False)

    def rejected(self, name: str, at_ns: int = T0) -> Rejected:
        return Rejected(ts_ns=at_ns, strategy="s", order_id=name, simulated=False, reason="no")

    def tick(self, seconds: int) -> None:
        self.bus.feed((ClockTick(ts_ns=T0 + seconds * SECOND),))

    def told(self) -> list[bool]:
        return [each.is_resolved for each in self.seen if isinstance(each, OrphanLeg)]


def test_a_denied_mend_is_tried_again_with_growing_pauses_until_it_is_approved() -> None:
    world = _World([False, False, False, True])
    world.legs()
    world.end_unequal()
    for second in range(1, 60):
        world.tick(second)
    assert [at_ns // SECOND for at_ns, _ in world.asked] == [0, 5, 15, 30]
    assert world.told() == [False]
    world.bus.feed((fill("m-4", "sell", ts_ns=T0 + MINUTE), world.filled("m-4", T0 + MINUTE)))
    assert world.told() == [False, True]
    assert world.hedges.orphans == []


def test_a_mend_that_never_works_calls_the_operator_once_and_goes_on_slowly() -> None:
    world = _World()
    world.legs()
    world.end_unequal()
    for second in range(1, 1000):
        world.tick(second)
    (alert,) = [each for each in world.seen if isinstance(each, Alert)]
    assert (alert.severity, alert.code, alert.source) == ("critical", "orphan_leg", "s")
    assert alert.ts_ns - T0 == 5 * SECOND * sum(range(RETRIES_TOLD))
    gaps = [(later[0] - earlier[0]) // SECOND for earlier, later in zip(world.asked, world.asked[1:], strict=False)]
    assert gaps[:13] == [*range(5, 60, 5), 60, 60]
    assert world.hedges.orphans == [("s", "g")]


def test_a_mend_that_is_refused_at_once_again_and_again_does_not_run_away() -> None:
    world = _World([True] * 1000, end=Rejected)
    world.legs()
    world.end_unequal()
    assert len(world.asked) == 1
    for second in range(1, 1000):
        world.tick(second)
    assert len(world.asked) < 30
    assert world.told() == [False]


@pytest.mark.parametrize(("extra", "is_equal"), [("0.005", True), ("0.006", False)])
def test_fees_in_base_and_lots_count_as_equal(extra: str, is_equal: bool) -> None:
    world = _World()
    world.legs()
    sold = fill("l-1", "sell", str(1 - Decimal(extra)), instrument=PERP)
    world.bus.feed((fill("l-0"), world.filled("l-0"), sold, world.filled("l-1")))
    assert (world.told() == []) == is_equal


def test_less_than_a_lot_cannot_be_mended_and_is_let_go() -> None:
    world = _World()
    world.bus.feed((listed(lot_size="0.1"),))
    world.legs()
    sold = fill("l-1", "sell", "0.95", instrument=PERP)
    world.bus.feed((fill("l-0"), world.filled("l-0"), sold, world.filled("l-1")))
    assert world.told() == [False, True]
    assert world.asked == []
    assert world.hedges._groups == {}


# restarts


def _recovered(events: list[Event], answers: list[bool]) -> _World:
    """A new process that folds what an older one recorded."""
    world = _World(answers)
    world.hedges.is_recovering = world.router.is_recovering = world.bus.is_muted = True
    world.bus.feed(events)
    world.hedges.is_recovering = world.router.is_recovering = world.bus.is_muted = False
    world.seen.clear()
    world.bus.subscribe(VenueHealth, lambda _: world.hedges.mend_after_recovery())
    return world


def _restart(world: _World, seconds: int = 100) -> None:
    world.bus.feed((VenueHealth(ts_ns=T0 + seconds * SECOND, venue="x", status="ok", reason="restart"),))


def test_a_hedge_whose_legs_ended_while_we_were_away_is_mended_after_the_restart() -> None:
    before = _World()
    before.legs()
    events = [*before.seen, fill("l-0"), before.filled("l-0"), before.rejected("l-1")]
    world = _recovered(events, [True])
    assert world.asked == []
    _restart(world)
    assert world.told() == [False]
    assert [intent.side for _, intent in world.asked] == ["sell"]


def test_a_hedge_with_open_legs_gets_its_deadline_again() -> None:
    before = _World()
    before.legs()
    world = _recovered([*before.seen, fill("l-0"), before.filled("l-0")], [])
    _restart(world)
    world.tick(101)
    assert ("cancel", "l-1") in world.executor.calls


def test_a_mend_in_flight_is_left_alone_and_its_end_is_told() -> None:
    before = _World([True])
    before.legs()
    before.end_unequal()
    assert before.told() == [False]
    world = _recovered(before.seen, [])
    _restart(world)
    world.tick(101)
    assert world.asked == [] and world.executor.calls == [] and world.told() == []
    assert world.hedges.orphans == [("s", "g")]
    world.bus.feed((fill("m-1", "sell", ts_ns=T0 + 102 * SECOND), world.filled("m-1", T0 + 102 * SECOND)))
    assert world.told() == [True]
    assert world.hedges.orphans == []


def test_a_denied_mend_is_tried_again_after_the_restart_without_telling_twice() -> None:
    before = _World([False])
    before.legs()
    before.end_unequal()
    world = _recovered(before.seen, [True])
    _restart(world)
    assert len(world.asked) == 1
    assert world.told() == []


def test_what_was_kept_or_resolved_before_the_restart_stays_so() -> None:
    kept = _World()
    kept.legs("keep")
    kept.end_unequal()
    mended = _World([True])
    mended.legs()
    mended.end_unequal()
    mended.bus.feed((fill("m-1", "sell"), mended.filled("m-1")))
    assert mended.told() == [False, True]
    for before in (kept, mended):
        world = _recovered(before.seen, [True, True])
        _restart(world)
        world.tick(200)
        assert (world.asked, world.told(), world.hedges._groups) == ([], [], {})
