"""The strategy alone on 15 months of recorded Drift funding: plausible, and every claim it makes is kept."""

from decimal import Decimal

import pytest

from bus.events import FundingRate
from tests.shared_data import require_shared
from tests.strategies.drift_funding_arb.desk import Desk, listed
from tests.strategies.drift_funding_arb.history import recorded


def replay(bases: tuple[str, ...]) -> Desk:
    folder = require_shared("data/cex/funding")
    desk = Desk(half_spread_bps="2")
    for base in bases:
        desk.feed(listed(f"drift:{base}-PERP", "perp", "0.0001"), listed(f"binance:{base}USDT", "spot", "0.0001"))
    events = sorted((each for base in bases for each in recorded(folder, base)), key=lambda each: each.ts_ns)
    for event in events:
        if isinstance(event, FundingRate):
            price = desk.market.price(event.instrument)
            if price is not None:
                desk.pay_funding(event, price[0])
        desk.feed(event)
    return desk


@pytest.mark.slow
def test_recorded_funding_gives_few_entries_and_each_ends(capsys: pytest.CaptureFixture[str]) -> None:
    desk = replay(("BTC", "SOL"))
    opens = desk.opens()
    closes = [each for each in desk.hedges if each.legs[0].is_reduce_only]
    exposure = sum(qty * Decimal(repr(desk.market.bars[name].close)) for name, qty in desk.holdings.items() if qty)
    pnl = desk.cash_usd + exposure - desk.fees_usd + desk.funding_usd
    with capsys.disabled():
        print(
            f"\nentries {len(opens)}, closes {len(closes)}, trades {desk.trades}, seen {desk.strategy.funnel.seen}, "
            f"priced {desk.strategy.funnel.priced}, why not {dict(sorted(desk.strategy.funnel.why_not.items()))}"
        )
        print(
            f"funding {desk.funding_usd:.2f} USD, fees {desk.fees_usd:.2f}, prices {desk.cash_usd + exposure:.2f}, "
            f"net {pnl:.2f}; exits {desk.exits}"
        )
    assert 1 <= len(opens) <= 40
    assert len(closes) + sum(1 for each in desk.strategy.positions.values() if each.opened_ns) == len(opens)
    assert desk.funding_usd > 0
    for candidate in desk.opportunities:
        assert candidate.expected_net_usd == candidate.gross_usd - sum((c.usd for c in candidate.costs), Decimal(0))
        if not candidate.why_not:
            assert candidate.expected_net_usd > 0
    for hedge in opens:
        assert hedge.legs[0].qty == hedge.legs[1].qty
        assert hedge.legs[0].side != hedge.legs[1].side


def test_two_runs_of_the_recorded_history_ask_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(("BTC",)).intents == replay(("BTC",)).intents
