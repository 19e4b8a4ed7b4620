"""Random lives of two nodes: tokens, tickets, refreshes, revocations, undos, keys, clocks, restarts.

`python -m tests.soak.model` looks at as many as there is time for.
"""

from hypothesis import HealthCheck, settings

from .machine import LiveSockets, LiveSocketsOnFile

BUDGET = settings(max_examples=30, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow])

TestInMemory = LiveSockets.TestCase
TestInMemory.settings = BUDGET

TestOnFile = LiveSocketsOnFile.TestCase
TestOnFile.settings = settings(BUDGET, max_examples=8)
