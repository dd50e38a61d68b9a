"""Reads as much PromQL as the rules and panels use: names, label matchers, groupings, and what functions are given."""

import re

from msgspec import Struct

from kernel.metrics.metric_catalogue import CATALOGUE, Metric

KEYWORDS = frozenset({"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset"})
OVER_COUNTERS = frozenset({"rate", "increase", "irate"})
OUTSIDE = frozenset({"up"})  #: made by Prometheus itself
TARGET_LABELS = frozenset({"instance", "job"})
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)'
    r"|(?P<range>\[(?:[0-9]+[smhd]|\$__rate_interval)\])|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<sign>[-+*/(){},<>=!~]+?))"
)


class Use(Struct):
    """One mention of a metric."""

    series: str
    labels: set[str]
    function: str
    has_range: bool


class Expression(Struct):
    """What an expression mentions."""

    uses: list[Use]
    groupings: set[str]


def read(text: str) -> Expression:
    """Raises `ValueError` for what is no expression of this small kind."""
    tokens = _tokens(text)
    found = Expression([], set())
    functions: list[str] = []
    index = 0
    while index < len(tokens):
        kind, value = tokens[index]
        following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if kind == "name" and value in ("by", "without"):
            end = _closing(tokens, index + 1, "(", ")")
            found.groupings |= {each for kind_, each in tokens[index + 2 : end] if kind_ == "name"}
            index = end
        elif kind == "name" and value not in KEYWORDS and following != "(" and not _is_function(tokens, index):
            labels: set[str] = set()
            if following == "{":
                end = _closing(tokens, index + 1, "{", "}")
                labels = _matched(tokens[index + 2 : end])
                index = end
            has_range = index + 1 < len(tokens) and tokens[index + 1][0] == "range"
            function = next((each for each in reversed(functions) if each), "")
            found.uses.append(Use(value, labels, function, has_range))
        elif value == "(":
            before = tokens[index - 1] if index else ("", "")
            functions.append(before[1] if before[0] == "name" and before[1] not in KEYWORDS else "")
        elif value == ")":
            if not functions:
                raise ValueError(f"a bracket too many in {text!r}")
            functions.pop()
        index += 1
    if functions:
        raise ValueError(f"a bracket is missing in {text!r}")
    if not found.uses:
        raise ValueError(f"no metric in {text!r}")
    return found


def flaws(text: str) -> list[str]:
    """What is wrong with an expression, seen from the catalogue."""
    expression = read(text)
    found: list[str] = []
    allowed: set[str] = set(TARGET_LABELS)
    for use in expression.uses:
        if use.series in OUTSIDE:
            continue
        metric = _metric_of(use.series)
        if metric is None:
            found.append(f"there is no metric {use.series}")
            continue
        labels = set(metric.labels) | TARGET_LABELS | ({"le"} if use.series.endswith("_bucket") else set())
        allowed |= labels
        found += [f"{use.series} has no label {each}" for each in sorted(use.labels - labels)]
        is_counted = metric.kind != "gauge"
        if use.function in OVER_COUNTERS and not is_counted:
            found.append(f"{use.function} over the gauge {use.series}")
        if use.function not in OVER_COUNTERS and is_counted:
            found.append(f"{use.series} is a {metric.kind} and stands without rate or increase")
        if use.function in OVER_COUNTERS | {"changes"} and not use.has_range:
            found.append(f"{use.function} of {use.series} has no range")
    found += [f"grouped by {each}, which no metric in it has" for each in sorted(expression.groupings - allowed)]
    return found


def _metric_of(series: str) -> Metric | None:
    metric = CATALOGUE.get(series)
    if metric is not None:
        return metric if metric.kind != "histogram" else None
    for suffix in ("_bucket", "_sum", "_count"):
        metric = CATALOGUE.get(series.removesuffix(suffix))
        if series.endswith(suffix) and metric is not None and metric.kind == "histogram":
            return metric
    return None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"cannot read {text[position:]!r} in {text!r}")
        kind = match.lastgroup or ""
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


def _is_function(tokens: list[tuple[str, str]], index: int) -> bool:
    """`sum by (a) (…)`: the grouping stands between the name and its bracket."""
    return index + 1 < len(tokens) and tokens[index + 1][1] in ("by", "without")


def _closing(tokens: list[tuple[str, str]], index: int, opening: str, closing: str) -> int:
    if index >= len(tokens) or tokens[index][1] != opening:
        raise ValueError(f"expected {opening} at token {index}")
    for place in range(index, len(tokens)):
        if tokens[place][1] == closing:
            return place
    raise ValueError(f"{closing} is missing")


def _matched(tokens: list[tuple[str, str]]) -> set[str]:
    """Labels of matchers: name, sign, text, comma."""
    labels: set[str] = set()
    for index, (kind, value) in enumerate(tokens):
        if kind == "name":
            labels.add(value)
            if index + 1 >= len(tokens) or tokens[index + 1][1] not in ("=", "!"):
                raise ValueError(f"label {value} is not matched with anything")
    return labels
