"""Figures that are made up: each is a function of whose it is and of the time, and so the same on every server."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

CUSTOMERS: Final[Mapping[str, str]] = {
    "aurora": "Aurora Foods",
    "baltic": "Baltic Rail",
    "cobalt": "Cobalt Energy",
}
"""Tenant → name. A product asks its database."""

LOOK_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured.

    Args:
        usual: the value about which it swings.
        restless: how far a second may be from its neighbours, as a share of the usual value.
        digits: behind the point.
        alarming: the value from which on it is an alarm; None: it never is.
    """

    name: str
    usual: float
    restless: float
    digits: int = 0
    alarming: float | None = None


METRICS: Final = (
    Metric("revenue", 1_840, 0.05),
    Metric("orders", 42, 0.09),
    Metric("visitors", 3_120, 0.02),
    Metric("conversion", 2.6, 0.05, 2),
    Metric("latency", 148, 0.05, alarming=180),
    Metric("errors", 0.42, 0.12, 2, alarming=0.55),
)
MEASURED: Final = {metric.name: metric for metric in METRICS}


@lru_cache(65_536)
def value(tenant: str, metric: Metric, at: int) -> float:
    """What was measured in this second (Unix time)."""
    dice = random.Random(f"{tenant} {metric.name}")  # noqa: S311 -- made up, not secret
    scale, phases = dice.uniform(0.4, 1.6), [dice.uniform(0, math.tau) for _ in range(3)]
    waves = zip((0.16, 0.09, 0.05), (1_260, 310, 83), phases, strict=True)
    swing = sum(height * math.sin(math.tau * at / seconds + phase) for height, seconds, phase in waves)
    noise = random.Random(f"{tenant} {metric.name} {at}").gauss(0, metric.restless)  # noqa: S311
    size = metric.usual * (1 if metric.alarming else scale)
    return round(max(size * (1 + swing + noise), 0), metric.digits)


def series(tenant: str, metric: Metric, since: int, until: int, step: int) -> dict[str, Any]:
    """One line of a chart, a sample every `step` seconds, as `dashboard.figures` carries it."""
    samples = [{"at": moment(at), "value": value(tenant, metric, at)} for at in range(since, until + 1, step)]
    return {"metric": metric.name, "labels": {}, "samples": samples}


def alarms(tenant: str, since: int, until: int) -> Iterator[dict[str, Any]]:
    """What `dashboard.alarm` says of each figure that left its range in this span, looked at every ten seconds."""
    for at in range(since - since % LOOK_SECONDS, until + 1, LOOK_SECONDS):
        for metric in METRICS:
            if metric.alarming is None or at < since:
                continue
            now = value(tenant, metric, at)
            if now > metric.alarming >= value(tenant, metric, at - LOOK_SECONDS):
                severity = "critical" if now > 1.1 * metric.alarming else "warning"
                told = {"tenant": tenant, "metric": metric.name, "severity": severity, "value": now}
                yield {**told, "threshold": metric.alarming, "at": moment(at)}


def moment(at: int) -> datetime:
    """A Unix time, as messages tell it."""
    return datetime.fromtimestamp(at, UTC)
