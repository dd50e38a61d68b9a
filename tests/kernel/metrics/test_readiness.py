"""The document for operators names every code and only metrics that exist."""

import re

from kernel.logs.log_writer import BYTES_MAX, PENDING_LINES_MAX, QUEUE_LINES
from kernel.metrics import readiness
from kernel.metrics.metric_catalogue import CATALOGUE
from kernel.metrics.trading_metrics import REASONS_MAX
from tests.shared_data import PROJECT

PAGE = (PROJECT / "docs" / "logs-and-metrics.md").read_text()


def test_every_reason_code_is_explained() -> None:
    codes = {value for name, value in vars(readiness).items() if name.isupper()}
    assert len(codes) >= 10
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def test_the_metrics_it_names_exist() -> None:
    named = set(re.findall(r"`(kernel_\w+)`", PAGE))
    files = {"kernel_errors"}
    assert len(named) > 20
    assert {name for name in named - files if name not in CATALOGUE} == set()
    endings = set(re.findall(r"`…(_\w+)`", PAGE))
    assert {each for each in endings if not any(name.endswith(each) for name in CATALOGUE)} == set()


def test_the_numbers_it_names_are_those_of_the_code() -> None:
    assert [each // 1_000_000 for each in BYTES_MAX.values()] == [10, 10, 5]
    assert f"({QUEUE_LINES:,} lines)" in PAGE and f"{PENDING_LINES_MAX:,} lines wait" in PAGE
    assert f"{REASONS_MAX} reasons" in PAGE


def test_nothing_hinders_means_ready() -> None:
    assert readiness.Readiness(warnings=(readiness.KILLED,)).is_ready
    assert not readiness.Readiness(reasons=(readiness.STARTING,)).is_ready
