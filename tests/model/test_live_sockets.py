"""Random lives of nodes: tokens, tickets, refreshes, revocations, undos, keys, clocks, outages, restarts.

`python -m tests.soak.model` looks at as many as there is time for; `python -m tests.soak.breaks` plants mistakes, and
says which machine finds each with the budgets of CI.
"""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from .budgets import BUDGETS
from .machine import Lives
from .machines import OnRedis


@pytest.mark.parametrize(
    "machine", [each for each in BUDGETS if not issubclass(each, OnRedis)], ids=lambda each: each.__name__
)
def test_live_sockets_are_those_of_the_model(machine: type[Lives]) -> None:
    """After each step, on every node; and whoever must go is told why."""
    run_state_machine_as_test(machine, settings=BUDGETS[machine])


@pytest.mark.parametrize("machine", [each for each in BUDGETS if issubclass(each, OnRedis)])
def test_live_sockets_are_those_of_the_model_on_redis(machine: type[Lives], redis_url: str) -> None:
    """The same with a real server."""
    here = type(machine.__name__, (machine,), {"url": redis_url})
    run_state_machine_as_test(here, settings=BUDGETS[machine])
