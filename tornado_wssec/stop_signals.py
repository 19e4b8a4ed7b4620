"""SIGTERM and SIGINT: the first is the wish to leave, a second one hurries, and later ones come too late."""

import asyncio
import atexit
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
ECHO_SECONDS: Final = 0.5
"""Between two signals that are one wish, and two."""
ENDING_SECONDS: Final = 5.0
"""For a program to end once everybody has gone; one that hangs then is stopped by a signal as any other."""


@contextmanager
def stop_signals(hurry: Callable[[], None]) -> Iterator["asyncio.Future[str]"]:
    """Listen to SIGTERM and SIGINT; gives what will be the name of the first.

    A second one calls `hurry`, and a third does what it does to any program. What comes within `ECHO_SECONDS` of the
    first is the same wish, told by another: a service manager tells each process, and the first one tells the others.
    What comes once the block has done what the first one wished changes nothing: the program ends, as it would have.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[str] = loop.create_future()
    first_at = 0.0

    def leave() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def stop(name: str) -> None:
        nonlocal first_at
        if not stopped.done():
            first_at = loop.time()
            stopped.set_result(name)
        elif loop.time() - first_at >= ECHO_SECONDS:
            logger.warning("%s again: nobody is waited for any more", name)
            leave()
            hurry()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, signal.Signals(number).name)
    try:
        yield stopped
    finally:
        leave()
    if stopped.done():
        _pass_over(time.monotonic() + ENDING_SECONDS)


def _pass_over(until: float) -> None:
    """Have signals do nothing until then, also while the interpreter ends, which gives up the handlers of programs."""

    def pass_over(number: int, frame: FrameType | None) -> None:
        if time.monotonic() >= until:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            signal.raise_signal(number)

    def ignore() -> None:
        for number in SIGNALS:
            if signal.getsignal(number) is pass_over:
                signal.signal(number, signal.SIG_IGN)

    for number in SIGNALS:
        signal.signal(number, pass_over)
    atexit.register(ignore)
