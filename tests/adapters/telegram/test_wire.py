"""What Telegram says is hostile until it was read: any bytes are an answer or bad wire, and no text breaks the desk."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.wire import Answer, Update, read_answer, read_incoming, read_updates
from kernel.errors import BadWire
from tests.adapters.telegram.test_commands import Desk

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["ok", "result", "update_id", "message", "chat", "id", "from", "date", "text", "message_id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def read(data: bytes) -> list[Update]:
    try:
        answer = read_answer(data)
    except BadWire:
        return []
    assert isinstance(answer, Answer)
    try:
        updates = read_updates(answer)
    except BadWire:
        return []
    for each in updates:
        read_incoming(each)
    return updates


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_bad_wire(data: bytes) -> None:
    read(data)


@given(JSON)
def test_any_json_is_an_answer_or_bad_wire(value: Any) -> None:
    read(msgspec.json.encode(value))
    read(msgspec.json.encode({"ok": True, "result": [{"update_id": 1, "message": value}, value]}))


def test_the_readable_updates_of_a_broken_list_are_read() -> None:
    good = {"message_id": 1, "date": 1, "chat": {"id": 42}, "from": {"id": 9}, "text": "/help"}
    body = {"ok": True, "result": [{"update_id": 2, "message": good}, {"update_id": "x"}, None]}
    (update,) = read(msgspec.json.encode(body))
    incoming = read_incoming(update)
    assert incoming is not None
    assert incoming.text == "/help"


@given(st.text(max_size=60), st.sampled_from(["", "/", "/kill ", "/confirm ", "/logs ", "/daily ", "/stop "]))
async def test_no_text_breaks_the_desk_or_runs_an_order(text: str, head: str) -> None:
    desk = Desk()
    await desk.say(head + text)
    assert desk.operator.orders == []
