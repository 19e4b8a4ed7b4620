"""What the simulated devices are: a lamp and a thermostat. They know nothing of the network."""

import random
from collections.abc import Mapping
from typing import Any, Protocol

Readings = list[dict[str, Any]]


class CannotDo(Exception):
    """The device does not do what it was told; the text says why."""


class Thing(Protocol):
    """What a device is, apart from its connection."""

    def obey(self, action: str, settings: Mapping[str, float]) -> None:
        """Do what the owner wants.

        Raises:
            CannotDo: it cannot, and why.
        """
        ...

    def read(self) -> Readings:
        """What its sensors say now."""
        ...


class Lamp:
    """A lamp: on or off, with a brightness from 1 to 100."""

    def __init__(self) -> None:
        self.is_on = False
        self.brightness = 80.0

    def obey(self, action: str, settings: Mapping[str, float]) -> None:
        """Set `on` (0 or 1) and `brightness`; `locate` blinks, which nobody sees here."""
        _ensure_known(action, settings, {"on": (0, 1), "brightness": (1, 100)})
        self.is_on = bool(settings.get("on", self.is_on))
        self.brightness = settings.get("brightness", self.brightness)

    def read(self) -> Readings:
        """Whether it is on, and how bright; and what that takes."""
        watts = round(0.4 + (self.brightness * 0.09 if self.is_on else 0.0), 2)
        values = (("on", float(self.is_on), ""), ("brightness", self.brightness, "%"), ("power", watts, "W"))
        return [{"sensor": sensor, "value": value, "unit": unit} for sensor, value, unit in values]


class Thermostat:
    """A thermostat: the room follows its target, a little unsteadily.

    Args:
        seed: of the unsteadiness.
    """

    def __init__(self, seed: int = 7) -> None:
        self.target = 20.0
        self.temperature = 18.5
        self._dice = random.Random(seed)  # noqa: S311 -- a draught, no secret

    def obey(self, action: str, settings: Mapping[str, float]) -> None:
        """Set `target`, from 5 to 30 °C."""
        _ensure_known(action, settings, {"target": (5, 30)})
        self.target = settings.get("target", self.target)

    def read(self) -> Readings:
        """The room, and what it should be."""
        self.temperature += (self.target - self.temperature) * 0.12 + self._dice.uniform(-0.08, 0.08)
        values = (("temperature", round(self.temperature, 2)), ("target", self.target))
        return [{"sensor": sensor, "value": value, "unit": "°C"} for sensor, value in values]


def _ensure_known(action: str, settings: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]) -> None:
    if action not in ("set", "locate"):
        raise CannotDo(f"does not know how to {action}")
    for name, value in settings.items():
        if name not in bounds:
            raise CannotDo(f"has no {name}")
        least, most = bounds[name]
        if not least <= value <= most:
            raise CannotDo(f"{name} goes from {least:g} to {most:g}")
