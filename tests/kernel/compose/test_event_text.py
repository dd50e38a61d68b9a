"""An event as text says everything, exactly, and its line stays short whatever is in it."""

from decimal import Decimal
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.events import AnyEvent, Fill, StrategyCommand
from kernel.compose.event_text import KINDS, SUMMARY_CHARS_MAX, json_of, summary_of


def test_every_kind_of_event_has_its_word() -> None:
    assert len(KINDS) == len(set(KINDS.values())) == len(get_args(AnyEvent))


def test_amounts_of_any_size_stay_exact() -> None:
    event = Fill(
        ts_ns=1, strategy="s", order_id="o", simulated=True, instrument="v:I", side="buy", qty=Decimal("0.1"),
        price=Decimal("1e-30"), amount_in_raw=2**255 + 1,
    )  # fmt: skip
    told = json_of(event)
    assert str(2**255 + 1) in told
    assert msgspec.json.decode(told)["kind"] == "fill"
    assert summary_of(event).startswith("s · order_id o · simulated True · instrument v:I")


@given(st.text(max_size=5_000), st.text(max_size=5_000))
def test_a_line_stays_short(strategy: str, command: str) -> None:
    event = StrategyCommand(ts_ns=1, strategy=strategy, command=command, by="me")
    assert len(summary_of(event)) <= SUMMARY_CHARS_MAX
    assert msgspec.json.decode(json_of(event))["command"] == command
