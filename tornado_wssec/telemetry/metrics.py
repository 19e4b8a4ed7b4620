"""Counters, gauges and histograms of one guard, cheap enough for every message.

Rules of this file:
1. A label's value comes from what the application has declared, or from a fixed set: never from a stranger.
2. What a part counts anyway is asked for when somebody reads the metrics, and costs nothing before.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

OTHER: Final = "other"
"""The value of a label for everything that is not declared."""

Labels = tuple[str, ...]
Source = Callable[[], Mapping[Labels, float]]
"""What a part has counted so far, by the values of the labels."""


class MetricKind(StrEnum):
    """As Prometheus has them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured.

    Args:
        name: with its unit, without the suffix that Prometheus adds to a counter.
        what: one sentence for whoever reads a dashboard at night.
        labels: their names.
        bounds: of a histogram: the upper ends of its buckets, rising.
    """

    name: str
    kind: MetricKind
    what: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()


class Distribution(NamedTuple):
    """How often a value fell into each bucket.

    Args:
        buckets: (upper end, how many were not above it), the last without an end.
        total: the sum of all values.
    """

    buckets: list[tuple[float, int]]
    total: float


class Histogram:
    """Counts values by the bucket they fall into.

    Args:
        bounds: the upper ends, rising.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    @property
    def distribution(self) -> Distribution:
        """What has been counted."""
        ends = (*self._bounds, float("inf"))
        return Distribution(list(zip(ends, accumulate(self._counts), strict=True)), self._total)


class Meter:
    """Counts the messages of one type, and times one in so many of them.

    Args:
        seconds: where the times go.
    """

    __slots__ = ("count", "seconds")

    def __init__(self, seconds: Histogram) -> None:
        self.count = 0
        self.seconds = seconds


class Meters(dict[str, Meter]):
    """A meter for each type; one that is new gets one. Whoever asks knows the type from a declaration.

    Args:
        make: a histogram for a type.
    """

    def __init__(self, make: Callable[[str], Histogram]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, type: str) -> Meter:
        meter = self[type] = Meter(self._make(type))
        return meter

    @property
    def counts(self) -> Mapping[Labels, float]:
        """How many there were of each type."""
        return {(type,): meter.count for type, meter in self.items()}


class Family(NamedTuple):
    """A metric and its values now."""

    metric: Metric
    values: Mapping[Labels, float]
    distributions: Mapping[Labels, Distribution]


class Metrics:
    """What one guard measures.

    Args:
        declared: every metric there is, in the order in which they are shown.
    """

    def __init__(self, declared: Iterable[Metric]) -> None:
        self.declared = tuple(declared)
        self._counts: dict[str, dict[Labels, float]] = {metric.name: {} for metric in self.declared}
        self._histograms: dict[str, dict[Labels, Histogram]] = {metric.name: {} for metric in self.declared}
        self._sources: dict[str, list[Source]] = {metric.name: [] for metric in self.declared}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        counts = self._counts[metric.name]
        counts[labels] = counts.get(labels, 0) + by

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """The histogram of these labels, to be kept by whoever observes often."""
        histograms = self._histograms[metric.name]
        found = histograms.get(labels)
        if found is None:
            found = histograms[labels] = Histogram(metric.bounds)
        return found

    def ask(self, metric: Metric, source: Source) -> None:
        """Have a part asked for its numbers when the metrics are read; several parts add up."""
        self._sources[metric.name].append(source)

    def values(self, metric: Metric) -> Mapping[Labels, float]:
        """A counter or gauge now, by the values of its labels."""
        values = dict(self._counts[metric.name])
        for source in self._sources[metric.name]:
            for labels, value in source().items():
                values[labels] = values.get(labels, 0) + value
        return values

    def distributions(self, metric: Metric) -> Mapping[Labels, Distribution]:
        """A histogram now, by the values of its labels."""
        return {labels: one.distribution for labels, one in self._histograms[metric.name].items()}

    def families(self) -> Iterator[Family]:
        """Every metric with its values; one without any has none."""
        for metric in self.declared:
            yield Family(metric, self.values(metric), self.distributions(metric))
