"""A small, safe Markdown renderer for guides: our own tags around escaped text, and nothing else ever.

Knows headings, paragraphs, lists (nested by indentation), tables, fenced and inline code, emphasis with asterisks, and
links to http and https. Everything that it does not know stays text. HTML in the source is text too.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from markupsafe import Markup, escape

TEXT_MAX = 200_000  #: characters; a guide has a few thousand
DEPTH_MAX = 4  #: of nested lists
GUIDES_KEPT = 64  #: rendered guides in memory: one takes some milliseconds, and their texts never change while we run

_HEADING = re.compile(r"(#{1,4}) +(\S.*)$")
_ITEM = re.compile(r"( *)([-*+]|\d{1,4}[.)]) +(\S.*)$")
_RULE = re.compile(r"\|?[ :|-]*-[ :|-]*$")
# Each alternative is bounded by its own closing mark and holds no mark of its kind: no nesting, no backtracking.
_INLINE = re.compile(
    r"(?P<code>`[^`\n]+`)"
    r"|\[(?P<label>[^\[\]\n]{1,300})\]\((?P<href>[^()\s]{1,2000})\)"
    r"|\*\*(?P<strong>[^*\n]+)\*\*"
    r"|(?<![*\w])\*(?P<em>[^*\s](?:[^*\n]*[^*\s])?)\*(?![*\w])"
)
_HREF = re.compile(r"https?://[A-Za-z0-9][^\s<>\"'`\\]*\Z")


@lru_cache(maxsize=GUIDES_KEPT)
def render_markdown(text: str) -> Markup:
    """Safe HTML of a guide. `#` becomes h2: the page has its own h1."""
    return Markup("\n").join(_blocks(text[:TEXT_MAX].replace("\r\n", "\n").split("\n")))


def _blocks(lines: list[str]) -> list[Markup]:
    out: list[Markup] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")), len(lines))
            out.append(Markup("<pre><code>{}</code></pre>").format("\n".join(lines[at + 1 : end])))
            at = end + 1
        elif heading := _HEADING.match(line):
            level = len(heading[1]) + 1
            out.append(_wrapped(f"h{level}", _inline(heading[2].strip())))
            at += 1
        elif _is_table(lines, at):
            end = _run(lines, at, lambda each: "|" in each)
            out.append(_table(lines[at], lines[at + 2 : end]))
            at = end
        elif _ITEM.match(line):
            html, at = _list(lines, at, 0)
            out.append(html)
        else:
            end = _run(lines, at + 1, lambda each: not _is_start(each))
            out.append(_wrapped("p", _inline(" ".join(each.strip() for each in lines[at:end]))))
            at = end
    return out


def _run(lines: list[str], at: int, is_in: Callable[[str], bool]) -> int:
    while at < len(lines) and lines[at].strip() and is_in(lines[at]):
        at += 1
    return at


def _is_start(line: str) -> bool:
    return line.startswith("```") or bool(_HEADING.match(line)) or bool(_ITEM.match(line))


def _is_table(lines: list[str], at: int) -> bool:
    return (
        "|" in lines[at] and at + 1 < len(lines) and "|" in lines[at + 1] and bool(_RULE.match(lines[at + 1].strip()))
    )


def _table(head: str, rows: list[str]) -> Markup:
    titles = _cells(head)
    body = [(_cells(row) + [""] * len(titles))[: len(titles)] for row in rows]
    frame = '<div class="scroll"><table class="dense"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    return Markup(frame).format(
        Markup("").join(_wrapped("th", _inline(each)) for each in titles),
        Markup("").join(_wrapped("tr", Markup("").join(_wrapped("td", _inline(each)) for each in row)) for row in body),
    )


def _cells(row: str) -> list[str]:
    """A bar inside inline code or after a backslash does not part cells."""
    cells = [""]
    is_code = False
    before = ""
    for mark in row.strip().removeprefix("|").removesuffix("|"):
        if mark == "|" and before == "\\":
            cells[-1] = cells[-1][:-1] + mark
        elif mark == "|" and not is_code:
            cells.append("")
        else:
            cells[-1] += mark
        is_code ^= mark == "`"
        before = mark
    return [each.strip() for each in cells]


def _list(lines: list[str], at: int, depth: int) -> tuple[Markup, int]:
    first = _ITEM.match(lines[at])
    assert first is not None
    indent, is_ordered = len(first[1]), first[2][0].isdigit()
    items: list[Markup] = []
    while at < len(lines):
        item = _ITEM.match(lines[at])
        if item is None or len(item[1]) < indent or (len(item[1]) == indent and item[2][0].isdigit() != is_ordered):
            break
        words = [item[3].strip()]
        at += 1
        inner: list[Markup] = []
        while at < len(lines) and lines[at].strip():
            deeper = _ITEM.match(lines[at])
            if deeper and len(deeper[1]) > indent and depth + 1 < DEPTH_MAX:
                html, at = _list(lines, at, depth + 1)
                inner.append(html)
            elif deeper or _is_start(lines[at]) or inner:
                break
            else:
                words.append(lines[at].strip())
                at += 1
        items.append(_wrapped("li", _inline(" ".join(words)) + Markup("").join(inner)))
        if at + 1 < len(lines) and not lines[at].strip() and _ITEM.match(lines[at + 1]):
            at += 1  # a blank line between items
    return _wrapped("ol" if is_ordered else "ul", Markup("").join(items)), at


def _inline(text: str) -> Markup:
    out = Markup("")
    at = 0
    for found in _INLINE.finditer(text):
        out += escape(text[at : found.start()])
        at = found.end()
        if found["code"]:
            out += _wrapped("code", escape(found["code"][1:-1]))
        elif found["strong"]:
            out += _wrapped("strong", _inline(found["strong"]))
        elif found["em"]:
            out += _wrapped("em", _inline(found["em"]))
        elif _HREF.match(found["href"]):
            link = Markup('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>')
            out += link.format(found["href"], escape(found["label"]))
        else:  # a path of the project, or a scheme that could run: the words alone
            out += escape(found["label"])
    return out + escape(text[at:])


def _wrapped(tag: str, inner: Markup) -> Markup:
    return Markup(f"<{tag}>") + inner + Markup(f"</{tag}>")
