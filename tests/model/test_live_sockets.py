"""Random lives of two nodes: tokens, tickets, refreshes, revocations, undos, keys, clocks, restarts."""

from hypothesis import HealthCheck, settings

from .machine import LiveSockets

BUDGET = settings(max_examples=40, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow])

TestInMemory = LiveSockets.TestCase
TestInMemory.settings = BUDGET
