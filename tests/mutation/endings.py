"""How a child ends in which a fault was tried, and what that says.

A fault is killed by a test that fails. One that takes twenty times the processor's time that its test takes without it
hangs, and is killed, too; one that a clock on the wall has ended may have waited for its turn: it is not.
"""

import os
import resource
import signal
from typing import Final

PASSED: Final = 0
FAILED: Final = 1
SECONDS_LEAST: Final = 4.0
TIMES: Final = 20.0
WALL_SECONDS: Final = 120


def give_seconds(seconds: float) -> None:
    """End this process once a test has taken far more than `seconds`, as it takes without a fault."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_LEAST + TIMES * seconds)
    signal.alarm(int(WALL_SECONDS + TIMES * seconds))
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))


def ended(status: int) -> str:
    """What became of the mutant: `killed`, `hung`, `crashed`, `survived`, `broken` or `late`."""
    if os.WIFSIGNALED(status):
        return {signal.SIGPROF: "hung", signal.SIGALRM: "late"}.get(signal.Signals(os.WTERMSIG(status)), "crashed")
    return {PASSED: "survived", FAILED: "killed"}.get(os.WEXITSTATUS(status), "broken")
