"""Counters, gauges and histograms, and how Prometheus reads them."""

import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tornado_wssec import ConfigurationError
from tornado_wssec.telemetry.measures import METRICS
from tornado_wssec.telemetry.metrics import Metric, MetricKind, Metrics
from tornado_wssec.telemetry.prometheus import exposition

COUNTED = Metric("tests_seen", MetricKind.COUNTER, "What was seen.", ("kind",))
HELD = Metric("tests_held", MetricKind.GAUGE, "What is held.")
TIMED = Metric("tests_seconds", MetricKind.HISTOGRAM, "How long it took.", ("type",), (0.1, 1.0))


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Everything in the text, as Prometheus's own parser reads it."""
    families = text_string_to_metric_families(exposition(metrics).decode())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_metrics_as_prometheus_reads_them() -> None:
    """A counter counts, a gauge is asked for, a histogram has its buckets and their sum."""
    metrics = Metrics([COUNTED, HELD, TIMED])
    metrics.count(COUNTED, "cat")
    metrics.count(COUNTED, "cat", by=2)
    metrics.ask(HELD, lambda: {(): 7.0})
    for value in (0.1, 0.5, 3.0):
        metrics.histogram(TIMED, "slow").observe(value)

    assert {
        ("tests_seen_total", ("cat",)): 3.0,
        ("tests_held", ()): 7.0,
        ("tests_seconds_bucket", ("0.1", "slow")): 1.0,
        ("tests_seconds_bucket", ("1.0", "slow")): 2.0,
        ("tests_seconds_bucket", ("+Inf", "slow")): 3.0,
        ("tests_seconds_count", ("slow",)): 3.0,
        ("tests_seconds_sum", ("slow",)): 3.6,
    } == samples(metrics)


def test_metrics_of_several_parts_add_up() -> None:
    """Two parts that count the same thing are one number."""
    metrics = Metrics([HELD])
    metrics.ask(HELD, lambda: {(): 1.0})
    metrics.ask(HELD, lambda: {(): 2.0})

    assert {("tests_held", ()): 3.0} == samples(metrics)


def test_metrics_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is named."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'tornado_wssec\[metrics\]'"):
        exposition(Metrics([]))


def test_metrics_are_well_named() -> None:
    """Each name begins alike, is written once, and says its unit; each sentence is one."""
    assert len(METRICS) == len({metric.name for metric in METRICS})
    assert [] == [metric.name for metric in METRICS if not metric.name.startswith("wssec_")]
    assert [] == [metric.name for metric in METRICS if metric.name.endswith("_total")]
    assert [] == [metric.name for metric in METRICS if not metric.what.endswith(".")]
    assert [] == [metric.name for metric in METRICS if (metric.kind is MetricKind.HISTOGRAM) != bool(metric.bounds)]
