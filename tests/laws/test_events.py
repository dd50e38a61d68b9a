"""The vocabulary is whole: every event in the log's schema, exported, tagged once, cheap for the collector."""

import importlib
import pkgutil
from collections import Counter
from typing import get_args

import msgspec
import pytest

from bus import events
from bus.events import REPORTS, TERMINAL_REPORTS, AnyEvent, Event, Report
from bus.intents import Intent, PlaceOrder, Swap


def _leaves() -> list[type[Event]]:
    for module in pkgutil.iter_modules(events.__path__):
        importlib.import_module(f"bus.events.{module.name}")
    found: list[type[Event]] = []
    waiting = [Event]
    while waiting:
        kind = waiting.pop()
        below = [each for each in kind.__subclasses__() if each.__module__.startswith("bus.events")]
        waiting.extend(below)
        if not below:
            found.append(kind)
    return sorted(found, key=lambda each: each.__name__)


LEAVES = _leaves()


def test_every_event_is_in_the_schema_and_exported() -> None:
    assert set(get_args(AnyEvent)) == set(LEAVES)
    assert {each.__name__ for each in LEAVES} <= set(events.__all__)
    assert all(getattr(events, name) is not None for name in events.__all__)
    assert len(LEAVES) > 35


def test_tags_are_unique() -> None:
    tags = Counter(each.__struct_config__.tag for each in LEAVES)
    assert None not in tags
    assert [tag for tag, count in tags.items() if count > 1] == []


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_is_frozen_an_array_and_outside_the_collector(kind: type[Event]) -> None:
    config = kind.__struct_config__
    assert (config.frozen, config.array_like, config.gc) == (True, True, False)
    fields = kind.__struct_fields__
    with pytest.raises(TypeError):
        kind(*range(len(fields)))
    own = set(kind.__annotations__)
    assert {"weakref", "dict"} & own == set()
    assert msgspec.structs.fields(kind)[0].name == "ts_ns"


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_fields_with_defaults_come_last_so_that_old_logs_can_be_read(kind: type[Event]) -> None:
    required = [field.required for field in msgspec.structs.fields(kind)]
    assert required == sorted(required, reverse=True)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_event_says_what_it_is(kind: type[Event]) -> None:
    assert (kind.__doc__ or "").strip()


def test_reports_are_listed_and_the_terminal_ones_marked() -> None:
    assert {each for each in LEAVES if issubclass(each, Report)} == set(REPORTS)
    assert {each.__name__ for each in TERMINAL_REPORTS} == {
        "Filled", "Cancelled", "Rejected", "Expired", "Landed", "Reverted",
    }  # fmt: skip
    assert all(getattr(each, "simulated", None) is not None for each in (*REPORTS, events.FundingPaid))


def test_intents_are_values_with_a_tag_each() -> None:
    kinds = get_args(Intent)
    assert {PlaceOrder, Swap} <= set(kinds)
    assert all(each.__struct_config__.frozen for each in kinds)
    assert len({each.__struct_config__.tag for each in kinds}) == len(kinds)
