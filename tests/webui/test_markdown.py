# ruff: noqa: E501
"""Guides become plain pages; nothing in a guide can become anything else."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.shared_data import PROJECT
from webui.markdown import render_markdown

TAGS = {
    "h2", "h3", "h4", "h5", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "strong",
    "em", "a", "div",
}  # fmt: skip
ATTRIBUTES = {("div", "class"), ("table", "class"), ("a", "href"), ("a", "rel"), ("a", "target")}


class Watcher(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.others = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.others += 1

    def handle_decl(self, decl: str) -> None:
        self.others += 1

    def handle_pi(self, data: str) -> None:
        self.others += 1


def watched(text: str) -> Watcher:
    watcher = Watcher()
    watcher.feed(str(render_markdown(text)))
    watcher.close()
    return watcher


PIECES = st.sampled_from(
    ["<img src=x onerror=alert(1)>", "<script>", "[x](javascript:alert(1))", "[y](https://a.b/c?d='\"e)", "**", "*", "`",
     "```", "\n", "\n\n", "- ", "  - ", "1. ", "# ", "| a | b |", "\n|---|---|\n", "&lt;", "\\|", "](", "[", "<!--", "http://"]
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=30).map("".join))
@example("[a](https://x/<b>)")
@example("| `a|b` | <b> |\n|---|---|\n| [t](data:text/html,x) |")
def test_nothing_in_a_guide_becomes_more_than_our_own_tags(text: str) -> None:
    seen = watched(text)
    assert set(seen.tags) <= TAGS
    assert {(tag, name) for tag, name, _ in seen.attributes} <= ATTRIBUTES
    assert all(re.match(r"https?://", value) for _, name, value in seen.attributes if name == "href")
    assert seen.others == 0 and seen.open == []


@given(st.text(alphabet="abc xyz.,<>&\"'", min_size=1, max_size=60))
def test_plain_text_survives_as_it_is(text: str) -> None:
    class Words(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    words = Words()
    words.feed(str(render_markdown(text)))
    words.close()
    assert " ".join(words.said.split()) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A *b*", "<h2>A <em>b</em></h2>"),
        ("one\ntwo", "<p>one two</p>"),
        ("- a\n- b\n  more", "<ul><li>a</li><li>b more</li></ul>"),
        ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("```\n<b> **x**\n```", "<pre><code>&lt;b&gt; **x**</code></pre>"),
        ("`a_b` and **c `d`**", "<p><code>a_b</code> and <strong>c <code>d</code></strong></p>"),
        ("2 * 3 * 4 and max_hold_min", "<p>2 * 3 * 4 and max_hold_min</p>"),
        ("[docs](../x.md) [j](javascript:x)", "<p>docs j</p>"),
        (
            "[s](https://a.b/c)",
            '<p><a href="https://a.b/c" rel="noopener noreferrer" target="_blank">s</a></p>',
        ),
    ],
)
def test_each_construct(text: str, html: str) -> None:
    assert str(render_markdown(text)) == html


def test_a_table_keeps_its_columns_and_bars_in_code() -> None:
    html = str(render_markdown("| a | b |\n|---|--:|\n| `x|y` | 1 \\| 2 | extra |\n| short |"))
    assert "<td><code>x|y</code></td><td>1 | 2</td></tr>" in html
    assert "<td>short</td><td></td>" in html and "extra" not in html


@pytest.mark.parametrize(
    "text", ["*" * 20_000, "[" * 20_000, "`" * 19_999, "**a" * 7_000, "- " * 9_000, "|" * 20_000, "  - x\n" * 5_000]
)
def test_long_nonsense_is_rendered_in_no_time(text: str) -> None:
    assert render_markdown(text) is not None


@pytest.mark.parametrize("path", sorted((PROJECT / "strategies").glob("*/guide.md")), ids=lambda path: path.parent.name)
def test_no_mark_is_left_over_in_our_guides(path) -> None:  # type: ignore[no-untyped-def]
    html = str(render_markdown(path.read_text()))
    text = re.sub(r"<(pre|code)>.*?</\1>", "", html, flags=re.S)
    assert (
        "**" not in text and "`" not in text and "|" not in re.sub(r"\|[^<>]{1,40}\|", "", text) and "\n#" not in text
    )
