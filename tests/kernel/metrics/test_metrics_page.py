"""The metrics page: valid text, the bytes of the library's own renderer, and no slice that holds the loop."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from kernel.metrics.metric_catalogue import Metric
from kernel.metrics.metric_family import SERIES_MAX, FamilyMaker
from kernel.metrics.metric_histogram import MetricHistogram
from kernel.metrics.metrics_page import MetricsPage, render

SLICE_MAX_S = 0.002


class Made:
    """A collector of ready families; counts how often it was asked."""

    def __init__(self, *families: Family) -> None:
        self._families = families
        self.asked = 0

    def collect(self) -> Iterator[Family]:
        self.asked += 1
        yield from self._families


def registry_of(*families: Family) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Made(*families))
    return registry


def gauges(name: str, series: int, text: str = "x") -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, "Help with \\ and\nline feed.", labels=("one", "two"))
    for number in range(series):
        family.add_metric([f"{text}{number}", 'quo"te\n'], number / 3)
    return family


@given(st.lists(st.integers(0, 350), max_size=4), st.text(max_size=5))
@settings(max_examples=25, deadline=None)
def test_the_page_is_what_the_library_would_make(sizes: list[int], text: str) -> None:
    registry = registry_of(*(gauges(f"family_{number}", size, text) for number, size in enumerate(sizes)))
    assert asyncio.run(render(registry)) == generate_latest(registry)


def test_counters_and_histograms_of_the_library_are_rendered_alike() -> None:
    registry = CollectorRegistry()
    counter = Counter("a", "A.", ["l"], registry=registry)
    histogram = Histogram("h", "H.", ["l"], registry=registry)
    for number in range(150):
        counter.labels(str(number)).inc()
        histogram.labels(str(number)).observe(number)
    assert asyncio.run(render(registry)) == generate_latest(registry)


def test_a_sliced_histogram_can_be_read_back() -> None:
    histogram = MetricHistogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    family = HistogramMetricFamily("lag_seconds", "Lag.", labels=["who"])
    for number in range(60):
        family.add_metric([str(number)], histogram.buckets(), histogram.total)
    text = asyncio.run(render(registry_of(family))).decode()
    (found,) = text_string_to_metric_families(text)
    assert found.type == "histogram"
    own = {(each.name, each.labels.get("le", "")): each.value for each in found.samples if each.labels["who"] == "59"}
    assert own == {
        ("lag_seconds_bucket", "0.1"): 2.0,
        ("lag_seconds_bucket", "1.0"): 3.0,
        ("lag_seconds_bucket", "+Inf"): 4.0,
        ("lag_seconds_count", ""): 4.0,
        ("lag_seconds_sum", ""): pytest.approx(7.65),
    }


@pytest.mark.slow
async def test_no_slice_of_a_page_of_5000_lines_takes_two_milliseconds() -> None:
    registry = registry_of(gauges("big", 3_000), *(gauges(f"family_{number}", 200) for number in range(10)))
    best: list[float] = []
    for _ in range(5):  # the machine is shared: the best of some tries is ours, the rest is the neighbours'
        page = asyncio.create_task(render(registry))
        slices: list[float] = []
        while not page.done():
            before = time.thread_time()
            await asyncio.sleep(0)
            slices.append(time.thread_time() - before)
        assert page.result().count(b"\n") >= 5_000 and len(slices) >= 50
        best.append(max(slices))
    print(f"longest slice of 5,000 lines: {min(best) * 1e3:.2f} ms")
    assert min(best) < SLICE_MAX_S


async def test_a_young_page_is_handed_out_again() -> None:
    made = Made(gauges("a", 1))
    registry = CollectorRegistry()
    registry.register(made)
    asked = made.asked
    page = MetricsPage(registry)
    texts = await asyncio.gather(*(page.text() for _ in range(10)))
    assert len(set(texts)) == 1 and made.asked == asked + 1


def test_a_family_is_capped_and_tells_what_it_left_out() -> None:
    families = FamilyMaker()
    metric = Metric("kernel_x", "gauge", "X.", ("name",))
    made = families.make(metric, [((f"n{number}",), 1.0) for number in range(SERIES_MAX + 7)])
    assert len(made.samples) == SERIES_MAX and families.left_out == 7


def test_labels_that_are_equal_once_they_are_cut_are_one_series() -> None:
    families = FamilyMaker()
    metric = Metric("kernel_x", "gauge", "X.", ("name",))
    made = families.make(metric, [((f"{'n' * 200}{number}",), float(number)) for number in range(3)])
    assert [(each.labels["name"], each.value) for each in made.samples] == [("n" * 80, 0.0)]
    assert families.left_out == 2
