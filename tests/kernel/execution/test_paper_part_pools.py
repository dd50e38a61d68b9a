"""Simulated swaps through pools that are told in parts: exact amounts, fixed hops, lamports, cycles that end flat."""

from decimal import Decimal

from bus.clock import NS_PER_S
from bus.events import BalanceUpdated, Fill, Landed, NativeSpent, PoolDisabled, Rejected, Reverted
from tests.builders import SECOND, T0
from tests.kernel.execution.desk import Desk
from tests.solana_pools import cpmm, lamports, reserves, swap

LATER = T0 + 10 * SECOND
SOL = 10**9
USDC = 10**6


def _desk() -> Desk:
    """SOL/USDC twice (150 and 152), mSOL/SOL at 1.2, mSOL/USDC at 185."""
    desk = Desk(seed=3)
    desk.feed(
        *cpmm("one", "SOL", "USDC", 10_000 * SOL, 1_500_000 * USDC),
        *cpmm("two", "SOL", "USDC", 10_000 * SOL, 1_520_000 * USDC),
        *cpmm("msol", "mSOL", "SOL", 10_000 * SOL, 12_000 * SOL),
        *cpmm("dear", "mSOL", "USDC", 10_000 * SOL, 1_850_000 * USDC),
        lamports(),
        BalanceUpdated(ts_ns=T0, venue="solana", asset="SOL", total=Decimal(5), simulated=True),
        BalanceUpdated(ts_ns=T0, venue="solana", asset="USDC", total=Decimal(10_000), simulated=True),
    )
    return desk


def test_a_two_pool_cycle_is_filled_exactly_and_ends_flat_in_the_start_token() -> None:
    desk = _desk()
    one, two = desk.pools.exact("solana:one"), desk.pools.exact("solana:two")
    assert one is not None and two is not None
    now_s = LATER // NS_PER_S
    bought = one.quote_in(False, 3_000 * USDC, now_s)
    sold = two.quote_in(True, bought.amount_out, now_s)
    desk.order(
        swap(3_000 * USDC, ("one", False), ("two", True, bought.amount_out), gas_limit=6_000, tip_lamports=10_000)
    )
    desk.tick(LATER)
    first, second = desk.events(Fill)
    assert (first.side, first.amount_in_raw, first.amount_out_raw) == ("buy", 3_000 * USDC, bought.amount_out)
    assert (second.side, second.amount_in_raw, second.amount_out_raw) == ("sell", bought.amount_out, sold.amount_out)
    assert first.instrument == second.instrument == "solana:one"
    assert desk.ledger.positions == {}
    gain = Decimal(sold.amount_out - 3_000 * USDC).scaleb(-6)
    assert gain > 0
    assert desk.ledger.balances["solana", "USDC"] == 10_000 + gain
    assert desk.ledger.balances["solana", "SOL"] == Decimal(5) - Decimal(16_000).scaleb(-9)
    assert desk.ledger.books("s").realised_usd == gain


def test_a_triangle_ends_flat_in_every_instrument() -> None:
    desk = _desk()
    desk.order(swap(3_000 * USDC, ("one", False), ("msol", False), ("dear", True)))
    desk.tick(LATER)
    fills = desk.events(Fill)
    assert [(each.instrument, each.side) for each in fills] == [
        ("solana:one", "buy"), ("solana:one", "sell"), ("solana:dear", "buy"), ("solana:dear", "sell"),
    ]  # fmt: skip
    assert desk.ledger.positions == {}
    got = Decimal(fills[-1].amount_out_raw - 3_000 * USDC).scaleb(-6)
    assert desk.ledger.books("s").realised_usd == got == desk.ledger.balances["solana", "USDC"] - 10_000


def test_a_hop_that_brings_less_than_the_next_one_takes_fails_the_whole_transaction() -> None:
    desk = _desk()
    desk.order(swap(3_000 * USDC, ("one", False), ("two", True, 21 * SOL), gas_limit=5_000, tip_lamports=10_000))
    desk.tick(LATER)
    (end,) = desk.events(Reverted)
    assert "min_out: hop 1" in end.reason
    assert desk.events(Fill) == []
    (spent,) = desk.events(NativeSpent)
    assert (spent.fee_raw, spent.tip_raw) == (5_000, 0), "a failed transaction pays its fee and no tip"
    assert desk.ledger.balances["solana", "SOL"] == Decimal(5) - Decimal(5_000).scaleb(-9)


def test_what_a_fixed_hop_leaves_over_stays_a_position() -> None:
    desk = _desk()
    desk.order(swap(3_000 * USDC, ("one", False), ("two", True, 19 * SOL)))
    desk.tick(LATER)
    (position,) = desk.ledger.positions.values()
    first = desk.events(Fill)[0]
    assert position.qty == first.qty - 19 > 0


def test_own_impact_is_remembered_until_the_pool_is_seen_again() -> None:
    desk = _desk()
    for number in (1, 2):
        desk.order(swap(30_000 * USDC, ("one", False)), T0 + number, f"t-s-{number}-0")
    desk.tick(LATER)
    first, second = desk.events(Fill)
    assert second.price > first.price
    desk.feed(reserves("one", 10_000 * SOL, 1_500_000 * USDC, slot=101, ts_ns=LATER))
    desk.order(swap(30_000 * USDC, ("one", False)), LATER, "t-s-3-0")
    desk.tick(LATER + 10 * SECOND)
    assert desk.events(Fill)[2].price == first.price


def test_a_disabled_pool_is_refused_and_nothing_is_paid() -> None:
    desk = _desk()
    desk.feed(PoolDisabled(ts_ns=T0, instrument="solana:one", slot=101, reason="its program was deployed anew"))
    desk.order(swap(3_000 * USDC, ("one", False)))
    desk.tick(LATER)
    (end,) = desk.events(Rejected)
    assert "pool_unknown" in end.reason
    assert desk.events(NativeSpent, Landed) == []
