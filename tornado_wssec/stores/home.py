"""To whom an open store belongs: one event loop in one process.

Rules of this file:
1. A store is never used on both sides of a fork: two processes with one connection corrupt what is behind it.
2. A store is never used from two event loops: a future set in another loop is never noticed there.
"""

import asyncio
import os


class Home:
    """The event loop and the process in which a store was opened.

    Args:
        what: the store's address without its password, for messages.
    """

    __slots__ = ("_loop", "_pid", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def __bool__(self) -> bool:
        """Whether the store is open, here or elsewhere."""
        return self._loop is not None

    def move_in(self) -> None:
        """Belong to the running event loop from now on."""
        self._loop, self._pid = asyncio.get_running_loop(), os.getpid()

    def move_out(self) -> None:
        """Belong to nobody."""
        self._loop = None

    def not_open(self) -> RuntimeError:
        """What to raise when a store is used that belongs to nobody."""
        return RuntimeError(f"{self._what} is not open; await open() first")

    def ensure_here(self) -> None:
        """Refuse to go on unless the store belongs to the running loop of this process.

        Raises:
            RuntimeError: it is not open, or open elsewhere; says what to do.
        """
        if self._loop is None:
            raise self.not_open()
        if self._pid != os.getpid():
            remedy = "make a store in each process, after the fork"
            fault = f"{self._what} was opened by process {self._pid}, which this one was forked from"
            raise RuntimeError(f"{fault}; {remedy}")
        if self._loop is not asyncio.get_running_loop():
            remedy = "make a store for each loop, or close it in the loop that opened it"
            raise RuntimeError(f"{self._what} was opened in another event loop; {remedy}")
