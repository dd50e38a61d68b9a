import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.types import Message

from webui import body as body_module
from webui.body import BODY_MAX, FORM, UPLOADS, Body, bytes_max, read_body
from webui.refusal import Refusal


class Wire:
    """Gives its parts one by one, then silence."""

    def __init__(self, *parts: bytes, is_ended: bool = True) -> None:
        self._parts = list(parts)
        self._is_ended = is_ended

    async def __call__(self) -> Message:
        if not self._parts:
            await asyncio.Event().wait()
        part = self._parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts) or not self._is_ended}


def field(raw: bytes, kind: str, name: str = "csrf") -> str:
    return Body(raw, Wire()).field(name, Headers({"content-type": kind}))


async def test_a_body_is_read_whole_and_given_once() -> None:
    body = await read_body("/x", Wire(b"one", b"two"))
    assert body is not None and body.raw == b"onetwo"
    assert await body() == {"type": "http.request", "body": b"onetwo", "more_body": False}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(body(), 0.01)


async def test_a_client_that_leaves_has_no_body() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    assert await read_body("/x", gone) is None


async def test_too_much_and_too_slow_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal) as caught:
        await read_body("/x", Wire(b"x" * BODY_MAX, b"x"))
    assert caught.value.status_code == 413
    monkeypatch.setattr(body_module, "BODY_S", 0.01)
    with pytest.raises(Refusal) as caught:
        await read_body("/x", Wire(b"x", is_ended=False))
    assert caught.value.status_code == 408


def test_only_listed_routes_take_more() -> None:
    assert bytes_max("/kill") == bytes_max("/settings/import/") == BODY_MAX
    assert all(BODY_MAX < bytes_max(path) <= 3 * 1024 * 1024 for path in UPLOADS)


@pytest.mark.parametrize(
    ("raw", "kind", "found"),
    [
        (b"csrf=a%20b&csrf=c", FORM, "a b"),
        (b"x=1", FORM, ""),
        (b"csrf=", FORM, ""),
        (b"csrf=%ff", FORM, "\ufffd"),
        (b"csrf=a", FORM.upper() + "; charset=utf-8", "a"),
        (b"csrf=a", "text/plain", ""),
        (b"csrf=a", "", ""),
        (b'{"csrf":"a"}', "application/json", "a"),
        (b'{"csrf":1}', "application/json", ""),
        (b'{"csrf":{"csrf":"a"}}', "application/json", ""),
        (b'["csrf"]', "application/json", ""),
        (b"{", "application/json", ""),
        (b"[" * BODY_MAX, "application/json", ""),
        (b"&" * 1000 + b"csrf=a", FORM, ""),
    ],
)
def test_a_field_is_found_or_there_is_none(raw: bytes, kind: str, found: str) -> None:
    assert field(raw, kind) == found


@given(st.binary(max_size=500), st.sampled_from([FORM, "application/json", "multipart/form-data", ""]))
def test_no_bytes_break_it(raw: bytes, kind: str) -> None:
    assert isinstance(field(raw, kind), str)


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=30), max_size=5))
def test_what_was_sent_is_found(fields: dict[str, str]) -> None:
    raw = msgspec.json.encode(fields)
    for name, value in fields.items():
        assert field(raw, "application/json", name) == value
