"""Markup and cutting: no text lost, no entity cut, no part too long."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.markup import UNITS_MAX, escape, parts_of, split, units
from kernel.alerts.message import Message

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("<>&\"'\n😀a "), st.characters(codec="utf-8")), max_size=400)


def shown(part: str) -> str:
    """What Telegram would show of a part: tags gone, entities read. Fails on a tag that is not ours."""
    rest = re.sub(r"</?(?:b|pre)>", "", part)
    assert "<" not in rest and ">" not in rest
    assert not re.search(r"&(?!(?:amp|lt|gt|quot|#x27);)", rest)
    return html.unescape(rest)


@given(TEXTS, st.integers(8, 60))
def test_pieces_join_to_the_text_and_keep_to_the_limit(text: str, units_max: int) -> None:
    pieces = list(split(escape(text), units_max))
    assert "".join(pieces) == escape(text)
    assert all(units(each) <= units_max for each in pieces)
    assert "".join(html.unescape(each) for each in pieces) == text


@pytest.mark.parametrize("units_max", range(8, 40))
def test_no_piece_ends_within_an_entity(units_max: int) -> None:
    text = "a&b<c>😀&&\"'d" * 20
    pieces = list(split(escape(text), units_max))
    assert "".join(html.unescape(each) for each in pieces) == text
    assert all(units(each) > units_max - 8 for each in pieces[:-1])


@given(TEXTS)
def test_units_are_those_of_utf_16(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le")) // 2


@given(TEXTS, st.integers(1, 40), st.booleans(), TEXTS)
def test_every_part_is_whole_html_that_telegram_takes(text: str, times: int, is_table: bool, title: str) -> None:
    parts = parts_of(Message(title=title, text=text * times, is_table=is_table))
    assert parts
    for each in parts:
        assert len(each.encode("utf-16-le")) // 2 <= UNITS_MAX
        assert each.count("<pre>") == each.count("</pre>")
        shown(each)


def test_a_huge_text_of_entities_loses_nothing_but_says_what_it_leaves_out() -> None:
    text = "<&😀\n" * 12_000
    parts = parts_of(Message(title="T", text=text))
    joined = "".join(shown(each) for each in parts)
    assert len(parts) > 10
    assert joined.removeprefix("T\n").startswith(text[:39_000])
    assert joined.endswith("more characters)")


def test_a_token_named_like_html_stands_as_text() -> None:
    (part,) = parts_of(Message(title="fill", text='bought <a href="http://evil">FREE</a>&lt;\u202eMOC.LIVE'))
    assert "<a" not in part
    assert "&lt;a href=&quot;http://evil&quot;&gt;FREE&lt;/a&gt;&amp;lt;" in part
    assert "\u202e" not in part


def test_lines_are_kept_whole_where_they_fit() -> None:
    parts = parts_of(Message(title="T", text="\n".join(f"line {number:04d} " + "x" * 90 for number in range(100))))
    assert all(shown(each).rstrip("\n").endswith("x") for each in parts)
    assert all(shown(each).startswith(("T\n", "line")) for each in parts)
