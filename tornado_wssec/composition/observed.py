"""What OpenTelemetry is told, where somebody asks for it."""

from typing import TYPE_CHECKING

from .arguments import Arguments

if TYPE_CHECKING:
    from ..telemetry.metrics import Metrics
    from ..telemetry.otel import Tracing
    from ..telemetry.otel_meters import Instruments


def tracing_of(given: Arguments) -> "Tracing | None":
    """What makes spans; None without a provider of tracers."""
    if given.tracer_provider is None:
        return None
    from ..telemetry.otel import Tracing

    return Tracing(given.tracer_provider)


def instruments_of(given: Arguments, metrics: "Metrics") -> "Instruments | None":
    """What the metrics are read by; None without a provider of meters."""
    if given.meter_provider is None:
        return None
    from ..telemetry.otel_meters import Instruments

    return Instruments(given.meter_provider, metrics)
