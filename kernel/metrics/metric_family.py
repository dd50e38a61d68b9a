"""Makes families of the catalogue from samples: checked labels, capped series, the classes of prometheus-client."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from kernel.metrics.metric_catalogue import Metric
from kernel.metrics.metric_histogram import MetricHistogram

SERIES_MAX = 500  #: of one family: a page of 60 such families would be 30,000 lines, and none comes near
LABEL_CHARS_MAX = 80

Sample = tuple[Sequence[str], float]


class FamilyMaker:
    """Counts what the cap left out while a page is made."""

    def __init__(self) -> None:
        self.left_out = 0

    def make(self, metric: Metric, samples: Iterable[Sample]) -> Family:
        """A gauge or counter family. `samples`: label values in the order of the catalogue, and the value."""
        if metric.kind == "counter":
            family: CounterMetricFamily | GaugeMetricFamily = CounterMetricFamily(
                metric.name.removesuffix("_total"), metric.help, labels=metric.labels
            )
        else:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        seen: set[tuple[str, ...]] = set()
        for labels, value in samples:
            if self._is_taken(labels, seen):
                family.add_metric(tuple(each[:LABEL_CHARS_MAX] for each in labels), value)
        return family

    def single(self, metric: Metric, value: float) -> Family:
        """A family of one series without labels."""
        return self.make(metric, [((), value)])

    def histogram(self, metric: Metric, histograms: Iterable[tuple[Sequence[str], MetricHistogram]]) -> Family:
        """A histogram family."""
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        seen: set[tuple[str, ...]] = set()
        for labels, histogram in histograms:
            if self._is_taken(labels, seen):
                cut = tuple(each[:LABEL_CHARS_MAX] for each in labels)
                family.add_metric(cut, histogram.buckets(), histogram.total)
        return family

    def _is_taken(self, labels: Sequence[str], seen: set[tuple[str, ...]]) -> bool:
        """False beyond the cap, and for labels that are equal once they are cut: Prometheus wants each series once."""
        cut = tuple([each[:LABEL_CHARS_MAX] for each in labels])
        if cut in seen or len(seen) >= SERIES_MAX:
            self.left_out += 1
            return False
        seen.add(cut)
        return True
