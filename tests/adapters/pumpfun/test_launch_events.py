"""What strategies hear of a launch, from what the program emitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pumpfun.accounts import ZERO_KEY
from adapters.pumpfun.addresses import USDC, WRAPPED_SOL
from adapters.pumpfun.event_records import (
    CompleteEvent,
    CompletePumpAmmMigrationEvent,
    CreateEvent,
    CreatePoolEvent,
    TradeEvent,
)
from adapters.pumpfun.launch_events import NAME_CHARS_MAX, launch_event, legible
from bus.events.launch import LaunchCompleted, LaunchCreated, LaunchMigrated, LaunchTrade

SEEN = {"instrument": "pump:X", "ts_ns": 5, "slot": 7, "tx": "sig"}
TRADE = TradeEvent("M", 10, 20, True, "U", 1, 30, 40, 50, 60, "F", 95, 3, "C", 30, 2)


def test_a_trade_carries_the_reserves_behind_it() -> None:
    expected = LaunchTrade(
        **SEEN,
        user="U",
        is_buy=True,
        base_amount=20,
        quote_amount=10,
        fee_amount=5,
        virtual_base=40,
        virtual_quote=30,
        real_base=60,
        real_quote=50,
    )
    assert launch_event(TRADE, **SEEN) == expected


@pytest.mark.parametrize("mint", [ZERO_KEY, str(USDC)])
def test_a_trade_of_the_newer_kind_is_in_its_own_quote(mint: str) -> None:
    values = {name: getattr(TRADE, name) for name in TRADE.__struct_fields__}
    newer = {"quote_mint": mint, "quote_amount": 11, "virtual_quote_reserves": 31, "real_quote_reserves": 51}
    found = launch_event(TradeEvent(**(values | newer)), **SEEN)
    assert (found.quote_amount, found.virtual_quote, found.real_quote) == (11, 31, 51)


def test_a_launch_its_end_and_its_migration_are_told() -> None:
    created = CreateEvent("a\nb", "S\u202ex", "u", "M", "B", "U", "C", 1, 2, 3, 4, 5, "T", True)
    assert launch_event(created, **SEEN) == LaunchCreated(
        **SEEN,
        platform="pumpfun",
        mint="M",
        quote_mint=str(WRAPPED_SOL),
        creator="C",
        token_program="T",
        name="a b",
        symbol="S x",
        is_mayhem=True,
    )
    complete = launch_event(CompleteEvent("U", "M", "B", 1, str(USDC)), **SEEN)
    assert complete == LaunchCompleted(**SEEN, mint="M", quote_mint=str(USDC))
    migrated = CompletePumpAmmMigrationEvent("U", "M", 1, 2, 3, "B", 4, "P")
    assert launch_event(migrated, **SEEN) == LaunchMigrated(
        **SEEN, mint="M", quote_mint=str(WRAPPED_SOL), pool="P", base_amount=1, quote_amount=2
    )
    pool = CreatePoolEvent(1, 0, *"CBQ", 6, 9, *(1,) * 7, 255, *"PLXY")
    assert launch_event(pool, **SEEN) is None


@given(st.text(max_size=300))
def test_a_creators_words_are_short_and_cannot_draw(text: str) -> None:
    shown = legible(text)
    assert len(shown) <= NAME_CHARS_MAX
    assert shown.isprintable()
