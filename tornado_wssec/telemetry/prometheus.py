"""The metrics as Prometheus reads them, by its own client library (the extra `metrics`)."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..errors import ConfigurationError, Problem
from .metrics import Family, MetricKind, Metrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The exposition format's own."""


def exposition(metrics: Metrics) -> bytes:
    """Everything in the text format 0.0.4.

    Source: https://prometheus.io/docs/instrumenting/exposition_formats/

    Raises:
        ConfigurationError: `prometheus_client` is not installed.
    """
    ensure_installed()
    import prometheus_client

    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    return prometheus_client.generate_latest(registry)


def ensure_installed() -> None:
    """Refuse what needs the library where it is absent.

    Raises:
        ConfigurationError: with the remedy.
    """
    try:
        import prometheus_client  # noqa: F401 - whether it is there
    except ImportError:
        remedy = "pip install 'tornado_wssec[metrics]', or leave metrics out"
        raise ConfigurationError(
            [Problem("metrics", "need prometheus_client, which is not installed", remedy)]
        ) from None


class _Collector:
    """What the library calls when somebody reads."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        """Every metric in the library's form."""
        return _translated(self._metrics.families())


def _translated(families: Iterable[Family]) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    for metric, values, distributions in families:
        if metric.kind is MetricKind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.what, labels=metric.labels)
            for labels, found in distributions.items():
                buckets = [(_bound(end), count) for end, count in found.buckets]
                histogram.add_metric(labels, buckets, found.total)
            yield histogram
            continue
        kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
        family = kind(metric.name, metric.what, labels=metric.labels)
        for labels, value in values.items():
            family.add_metric(labels, value)
        yield family


def _bound(end: float) -> str:
    return "+Inf" if end == float("inf") else repr(end)
