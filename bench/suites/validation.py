"""P6: what validating costs by what was written for a schema, against marshmallow's `Schema.load`; and a refusal.

Nothing travels. Marshmallow gets what has been parsed already, in every comparison; what decodes by types gets the text
of the frame, so that reading it is counted against us. A machine that is busy slows down all of them alike.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from statistics import median
from typing import Any, Final

from tornado_wssec import Envelope, InvalidMessage, Limits, Registry
from tornado_wssec.policy.registry import MessageSpec
from tornado_wssec.policy.typed import Decoder

from ..bars import VALIDATION, Bar
from ..messages import MEDIUM, SMALL, Kind
from ..peers.ours import Draw, Send
from ..results import Figure, Outcome

LIMITS: Final = Limits()
SPENT_SECONDS: Final = 0.05
"""A turn's, of CPU, so that the clock's own steps do not show."""

Way = Callable[[], Any]


def measure(rounds: int) -> Outcome:
    """Take turns, round after round; the first does not count."""
    registry = Registry(Send, Draw)
    table = {kind.name: _costs(_ways(registry, kind), rounds) for kind in (SMALL, MEDIUM)}
    small, medium = table[SMALL.name], table[MEDIUM.name]
    small_bar, medium_bar, refusal_bar = VALIDATION
    figures = [
        _figure(small_bar, small, "marshmallow", "compiled"),
        _figure(medium_bar, medium, "marshmallow", "typed"),
        _figure(refusal_bar, medium, "refused in detail", "refused"),
    ]
    return Outcome(figures, {"validation": table})


def _ways(registry: Registry, kind: Kind) -> Mapping[str, Way]:
    spec = registry.messages[kind.type]
    plain = spec.message()
    text, data, wrong = kind.text, kind.data, _wrong(kind.data)
    envelope = Envelope()
    decoder = Decoder.of({spec.type: spec}, envelope, LIMITS)
    if decoder is None:
        raise RuntimeError("msgspec is not installed; it is the extra `fast`")
    load, decode = spec.load, decoder.decode
    if not plain.load(data) == load(data) == (decode(text, len(text)) or [None])[-1]:
        raise RuntimeError(f"the ways of {kind.type} do not come to the same")
    return {
        "marshmallow": lambda: plain.load(data),
        "compiled": lambda: load(data),
        "typed": lambda: decode(text, len(text)),
        "json alone": lambda: json.loads(text),
        "strict json alone": lambda: envelope.parse(text, LIMITS),
        "refused in detail": lambda: _refuse(spec, wrong, is_told=True),
        "refused": lambda: _refuse(spec, wrong, is_told=False),
    }


def _wrong(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields, none of them right."""
    return {name: [[]] if isinstance(value, list) else None for name, value in data.items()}


def _refuse(spec: MessageSpec, data: dict[str, Any], *, is_told: bool) -> None:
    with suppress(InvalidMessage):
        spec.load(data, is_told=is_told)


def _costs(ways: Mapping[str, Way], rounds: int) -> Mapping[str, float]:
    """Of each way the median of its rounds, in µs of CPU."""
    counts = {name: _count(way) for name, way in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            spent = _spent(way, counts[name])
            if number:
                found[name].append(spent)
    costs = {name: round(median(each), 3) for name, each in found.items()}
    print("  " + ", ".join([f"{name} {cost:.2f} µs" for name, cost in costs.items()]), flush=True)
    return costs


def _count(way: Way) -> int:
    """How many make a turn."""
    return max(1, int(SPENT_SECONDS * 1e6 / max(_spent(way, 100), 0.1)))


def _spent(way: Way, count: int) -> float:
    begun = time.process_time()
    for _ in range(count):
        way()
    return (time.process_time() - begun) / count * 1e6


def _figure(bar: Bar, costs: Mapping[str, float], one: str, other: str) -> Figure:
    return Figure(bar, costs[one] / costs[other], f"{one} {costs[one]:.2f} µs, {other} {costs[other]:.2f} µs")
