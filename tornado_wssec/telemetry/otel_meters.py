"""Our metrics as instruments of OpenTelemetry, read from the one table when somebody collects them.

Rules of this file:
1. A reader has a thread of its own, and what is read belongs to the event loop: the loop itself looks, when it can.
2. A loop that stands still makes a reader wait once, and not for each metric.

Imported only where a meter provider is given; needs the extra `otel`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Final

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from .metrics import Labels, Metric, MetricKind, Metrics
from .otel import NAME
from .redact import where_raised

logger = logging.getLogger(__name__)

UNITS: Final[Mapping[str, str]] = {"_seconds": "s", "_bytes": "By"}
PATIENCE_SECONDS: Final = 1.0
"""For the event loop; nothing is observed where it does not get to it."""
REST_SECONDS: Final = 5.0
"""After it did not, nobody waits for it again."""

Values = Mapping[Labels, float]
Look = Callable[[], Values]


class Instruments:
    """Observable instruments for every metric of one guard.

    A histogram is observed as two counters, `_count` and `_sum`: OpenTelemetry has no histogram that is read.

    Args:
        provider: of meters. One guard a provider: two would both be `wssec_connections`.
        metrics: what there is.
    """

    def __init__(self, provider: MeterProvider, metrics: Metrics) -> None:
        self._meter = provider.get_meter(NAME)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._rests_until = 0.0
        for metric in metrics.declared:
            self._instrument(metrics, metric)

    def start(self) -> None:
        """Observe from now on; in the event loop that everything runs in."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def stop(self) -> None:
        """Observe nothing any more."""
        self._loop = None

    def _instrument(self, metrics: Metrics, metric: Metric) -> None:
        unit = next((unit for suffix, unit in UNITS.items() if metric.name.endswith(suffix)), "1")
        if metric.kind is MetricKind.HISTOGRAM:
            self._counter(f"{metric.name}_count", metric, "1", lambda: _counts(metrics, metric))
            self._counter(f"{metric.name}_sum", metric, unit, lambda: _sums(metrics, metric))
        elif metric.kind is MetricKind.COUNTER:
            self._counter(metric.name, metric, unit, lambda: metrics.values(metric))
        else:
            look = self._observing(metric, lambda: metrics.values(metric))
            self._meter.create_observable_gauge(metric.name, [look], unit, metric.what)

    def _counter(self, name: str, metric: Metric, unit: str, look: Look) -> None:
        self._meter.create_observable_counter(name, [self._observing(metric, look)], unit, metric.what)

    def _observing(self, metric: Metric, look: Look) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(value, dict(zip(metric.labels, labels, strict=True)))
                for labels, value in self._looked(look).items()
            ]

        return observe

    def _looked(self, look: Look) -> Values:
        loop = self._loop
        if loop is None or time.monotonic() < self._rests_until:
            return {}
        try:
            return look() if threading.get_ident() == self._thread else self._asked(loop, look)
        except TimeoutError:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning("metrics cannot be collected: the event loop did not get to it in %g s", PATIENCE_SECONDS)
        except Exception as error:  # the loop is closed, or a part cannot be asked any more
            logger.warning("metrics cannot be collected: %s", where_raised(error))
        return {}

    def _asked(self, loop: asyncio.AbstractEventLoop, look: Look) -> Values:
        """What the event loop sees, asked from another thread."""
        answer: Future[Values] = Future()
        loop.call_soon_threadsafe(_answer, answer, look)
        try:
            return answer.result(PATIENCE_SECONDS)
        finally:
            answer.cancel()


def _answer(answer: "Future[Values]", look: Look) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(look())
    except Exception as error:
        answer.set_exception(error)


def _counts(metrics: Metrics, metric: Metric) -> Values:
    return {labels: found.buckets[-1][1] for labels, found in metrics.distributions(metric).items()}


def _sums(metrics: Metrics, metric: Metric) -> Values:
    return {labels: found.total for labels, found in metrics.distributions(metric).items()}
