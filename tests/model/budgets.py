"""How many lives each machine has in CI, and of how many steps: forty seconds in all, and enough for `breaks`."""

from collections.abc import Mapping
from typing import Final

from hypothesis import HealthCheck, settings

from .machine import Lives
from .machines import (
    ClocksStepping,
    KeysTurning,
    LiveSockets,
    LiveSocketsOnFile,
    MarginsAndClocks,
    NodesCutOff,
    NodesCutOffOnFile,
    NodesCutOffOnRedis,
    Refreshing,
    RevocationsAndUndos,
    TicketsAndTokens,
)


def _of(lives: int, steps: int) -> settings:
    return settings(max_examples=lives, stateful_step_count=steps, suppress_health_check=[HealthCheck.too_slow])


BUDGETS: Final[Mapping[type[Lives], settings]] = {
    LiveSockets: _of(20, 40),
    LiveSocketsOnFile: _of(6, 40),
    Refreshing: _of(80, 25),
    TicketsAndTokens: _of(40, 25),
    RevocationsAndUndos: _of(80, 25),
    KeysTurning: _of(40, 20),
    ClocksStepping: _of(60, 20),
    MarginsAndClocks: _of(80, 20),
    NodesCutOff: _of(80, 25),
    NodesCutOffOnFile: _of(6, 25),
    NodesCutOffOnRedis: _of(6, 25),
}
