"""The types of OpenTelemetry's providers, for whoever takes one in: nothing is imported at run time."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
else:
    MeterProvider = TracerProvider = Any

__all__ = ["MeterProvider", "TracerProvider"]
