"""The router: which venue, what is open, unknown outcomes, cancels, recovery."""

from decimal import Decimal

from bus.bus import Bus
from bus.events import ClockTick, Event, Filled, Rejected, Unknown
from kernel.execution.router import UNKNOWN_POLL_MAX_NS, Router
from kernel.market import Market
from tests.builders import PERP, SECOND, T0, approved, fill, listed, place
from tests.kernel.execution.fake_executor import FakeExecutor


class _World:
    def __init__(self, *venues: str) -> None:
        self.bus = Bus()
        market = Market()
        market.attach(self.bus)
        self.executors = {venue: FakeExecutor() for venue in venues}
        self.router = Router(self.bus, market, dict(self.executors))
        self.router.attach()
        self.seen: list[Event] = []
        self.bus.tap(lambda seq, is_derived, event: self.seen.append(event))
        self.feed(listed(), listed(PERP))

    def feed(self, *events: Event) -> None:
        self.bus.feed(events)

    def tick(self, seconds: float) -> None:
        self.feed(ClockTick(ts_ns=T0 + int(seconds * SECOND)))


def _unknown(order_id: str = "t-s-1-0", ts_ns: int = T0, simulated: bool = False) -> Unknown:
    return Unknown(ts_ns=ts_ns, strategy="s", order_id=order_id, simulated=simulated, reason="timeout")


def _filled(order_id: str = "t-s-1-0", ts_ns: int = T0) -> Filled:
    return Filled(ts_ns=ts_ns, strategy="s", order_id=order_id, simulated=False)


def test_an_order_goes_to_the_executor_of_its_venue_once() -> None:
    world = _World("binance", "binance_usdm")
    order = approved()
    world.feed(order, approved(place(instrument=PERP), "t-s-2-0"), order)
    assert world.executors["binance"].calls == [("submit", "t-s-1-0")]
    assert world.executors["binance_usdm"].calls == [("submit", "t-s-2-0")]
    assert list(world.router.open) == ["t-s-1-0", "t-s-2-0"]


def test_the_star_serves_venues_without_an_executor_of_their_own() -> None:
    world = _World("binance", "*")
    world.feed(approved(), approved(place(instrument=PERP), "t-s-2-0"))
    assert world.executors["*"].calls == [("submit", "t-s-2-0")]


def test_what_nobody_executes_is_rejected_by_name() -> None:
    world = _World("binance")
    world.feed(approved(place(instrument=PERP)))
    (rejected,) = [each for each in world.seen if isinstance(each, Rejected)]
    assert rejected.reason == f"no_executor: nothing executes orders for {PERP}"
    assert not world.router.open


def test_a_terminal_report_closes_the_order_and_a_fill_or_unknown_does_not() -> None:
    world = _World("*")
    world.feed(approved(), fill(), _unknown(ts_ns=T0))
    assert list(world.router.open) == ["t-s-1-0"]
    world.feed(_filled())
    assert not world.router.open


def test_an_unknown_outcome_is_polled_with_growing_pauses_until_the_venue_answers() -> None:
    world = _World("*")
    world.feed(approved(), _unknown())
    polls = []
    for half in range(1, 2 * 400):
        before = world.executors["*"].count("reconcile")
        world.tick(half / 2)
        if world.executors["*"].count("reconcile") > before:
            polls.append(half / 2)
    gaps = [later - earlier for earlier, later in zip([0.0, *polls], polls, strict=False)]
    assert gaps[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(gaps) == UNKNOWN_POLL_MAX_NS / SECOND
    world.feed(_filled(ts_ns=T0 + 400 * SECOND))
    before = world.executors["*"].count("reconcile")
    world.tick(4000)
    assert world.executors["*"].count("reconcile") == before


def test_an_answer_of_unknown_does_not_start_a_second_round_of_polls() -> None:
    """A lane whose reconcile times out says Unknown again; the polls must not multiply."""
    world = _World("*")
    world.feed(approved(), _unknown())
    executor = world.executors["*"]
    for second in range(1, 200):
        before = executor.count("reconcile")
        world.tick(second)
        for _ in range(executor.count("reconcile") - before):
            world.feed(_unknown(ts_ns=T0 + second * SECOND))
    assert executor.count("reconcile") == 8


def test_an_order_that_becomes_unknown_again_after_an_answer_is_polled_again() -> None:
    world = _World("*")
    world.feed(approved(), _unknown(), _filled(), approved(order_id="t-s-2-0"), _unknown("t-s-2-0"))
    world.tick(1)
    assert world.executors["*"].calls[-1] == ("reconcile", "t-s-2-0")


def test_a_simulated_unknown_is_left_to_the_simulated_venue() -> None:
    world = _World("*")
    world.feed(approved(), _unknown(simulated=True))
    world.tick(1000)
    assert world.executors["*"].count("reconcile") == 0


def test_cancel_reaches_the_venue_for_the_owner_alone() -> None:
    world = _World("*")
    world.feed(approved())
    assert world.router.cancel("s", "t-s-1-0")
    assert not world.router.cancel("other", "t-s-1-0")
    assert not world.router.cancel("s", "t-s-9-0")
    assert world.executors["*"].calls == [("submit", "t-s-1-0"), ("cancel", "t-s-1-0")]


def test_cancel_all_takes_every_open_order_of_a_strategy_or_of_all() -> None:
    world = _World("*")
    world.feed(
        approved(order_id="t-s-1-0"),
        approved(order_id="t-b-2-0", strategy="b"),
        approved(order_id="t-s-3-0"),
        _filled("t-s-3-0"),
    )
    assert world.router.cancel_all("s") == 1
    assert world.router.cancel_all() == 2
    assert [name for action, name in world.executors["*"].calls if action == "cancel"] == [
        "t-s-1-0",
        "t-s-1-0",
        "t-b-2-0",
    ]


def test_folding_an_old_log_sends_nothing_and_reconcile_asks_about_what_is_open() -> None:
    world = _World("*")
    world.router.is_recovering = True
    world.feed(
        approved(place(qty="3")), fill(qty="1"), _unknown(), approved(order_id="t-s-2-0"), _filled("t-s-2-0", T0 + 1)
    )
    world.router.cancel_all()
    world.router.is_recovering = False
    assert world.executors["*"].calls == []
    assert world.router.reconcile() == 1
    assert world.executors["*"].calls == [("reconcile", "t-s-1-0")]
    assert world.executors["*"].filled == [Decimal(1)]
