"""One line: exact time, plain values, no secret, and no object that can break it."""

import json
from contextvars import copy_context
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bus.events import KillSwitchSet
from kernel.logs.log_line import INFO, LINE_BYTES_MAX, PublicId, console_line, iso_ns, render
from kernel.secrets.secret import Secret

TS_NS = 1_764_000_000_123_456_789


def line_of(event: Any = "happened", **fields: Any) -> dict[str, Any]:
    encoded, _ = render((TS_NS, INFO, "webui", "webui", {"event": event, **fields}, copy_context()))
    assert encoded.count(b"\n") == 1 and encoded.endswith(b"\n")
    found: dict[str, Any] = json.loads(encoded)
    return found


class Explosive:
    """Hostile: nothing about it works."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


class Colour(Enum):
    RED = "red"


class Word(str):
    """A text of a type of its own."""


class Count(IntEnum):
    ONE = 1


class Share(float):
    """A number of a type of its own."""


def test_time_keeps_its_nanoseconds() -> None:
    assert line_of()["ts"] == "2025-11-24T16:00:00.123456789Z"
    assert iso_ns(0) == "1970-01-01T00:00:00.000000000Z"


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_times_sort_as_their_texts(ts_ns: int) -> None:
    assert iso_ns(ts_ns) < iso_ns(ts_ns + 1)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1.10"), "1.10"),
        (2**255, str(2**255)),
        (7, 7),
        (2**53 - 1, 2**53 - 1),
        (2**53 + 1, str(2**53 + 1)),
        (-(2**60), str(-(2**60))),
        (True, True),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"\x01\xff", "01ff"),
        (Colour.RED, "red"),
        (Word("plain"), "plain"),
        ({Word("key"): Word("value")}, {"key": "value"}),
        (Count.ONE, 1),
        (Share(0.5), 0.5),
        (Path("/a/b"), "/a/b"),
        ({"a": (1, None)}, {"a": [1, None]}),
        (ValueError("wrong"), "ValueError: wrong"),
        ("\ud800", "?"),
    ],
)
def test_values_are_exact_and_plain(value: Any, shown: Any) -> None:
    assert line_of(value=value)["value"] == shown


def test_events_are_shown_by_their_fields() -> None:
    switch = KillSwitchSet(ts_ns=1, is_on=True, strategy="", reason="asked", by="me")
    assert line_of(what=switch)["what"]["reason"] == "asked"


def test_an_object_that_cannot_be_shown_harms_nothing() -> None:
    line = line_of(value=Explosive(), error=RuntimeError(Explosive()), other=1)
    assert "Explosive" in line["value"] and line["other"] == 1


def test_a_table_without_an_end_is_cut() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert "<dict>" in json.dumps(line_of(value=endless))
    assert len(line_of(value=list(range(10_000)))["value"]) == 100


def test_a_line_too_long_keeps_its_head() -> None:
    line = line_of("much", **{f"f{n}": "x" * 7_000 for n in range(10)})
    assert line["event"] == "much" and "left out" in line["note"]
    assert len(json.dumps(line)) < LINE_BYTES_MAX


def test_secrets_do_not_get_through() -> None:
    secret = Secret("hunter2-hunter2")
    line = json.dumps(
        line_of(
            "with hunter2-hunter2",
            one=secret,
            two={"deep": ["hunter2-hunter2", secret]},
            url="https://user:pw@rpc.io/v2/abc123def456ghi789jkl?key=1",
            private_key="0x" + "ab" * 32,
            nested={"api_key": "short"},
            failure=ValueError("hunter2-hunter2"),
        )
    )
    for hidden in ("hunter2", "abab", "short", "pw@", "abc123def456"):
        assert hidden not in line


def test_a_public_id_that_looks_like_a_key_is_shown_unless_it_is_a_known_secret() -> None:
    signature = "5" * 87
    assert line_of(tx=signature)["tx"] == "***"
    assert line_of(tx=PublicId(signature))["tx"] == signature
    Secret("6" * 87)
    assert line_of(tx=PublicId("6" * 87))["tx"] == "***"
    assert "key" not in line_of(tx=PublicId("https://rpc.io/?a=key"))["tx"]


def test_bound_context_is_in_the_line_and_a_field_cannot_forge_the_head() -> None:
    with structlog.contextvars.bound_contextvars(strategy="carry"):
        line = line_of(level="critical", ts="yesterday")
    assert line["strategy"] == "carry"
    assert line["level"] == "info" and line["level_"] == "critical" and line["ts"].startswith("2025")


def test_the_terminal_gets_no_control_characters() -> None:
    _, fields = render((TS_NS, INFO, "webui", "webui", {"event": "a\x1b[2J\nb", "x": "\u202eevil"}, copy_context()))
    shown = console_line(fields)
    assert "\x1b" not in shown and "\n" not in shown and "\u202e" not in shown


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
            max_leaves=20,
        ),
        max_size=6,
    )
)
def test_whatever_is_said_is_one_line_of_json(fields: dict[str, Any]) -> None:
    encoded, _ = render((TS_NS, INFO, "webui", "webui", {"event": "x", **fields}, copy_context()))
    assert encoded.count(b"\n") == 1
    assert json.loads(encoded)["module"] == "webui"
