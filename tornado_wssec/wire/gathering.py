"""Descriptors that are watched together: the event loop is told of one, and serves all that have something to read.

For each descriptor that is ready, asyncio's loop makes entries of three lists and calls a handle, which costs nearly as
much as all security work of a small message. An epoll within that of the loop costs it once for all that are ready.

Rules of this file:
1. Whoever is ready is called once in a turn, and after so many others of the loop have theirs: nobody starves.
2. Each is called in its own context, and what it raises goes where the loop's own callbacks' faults go.
3. What was said in a turn leaves in that turn, and waits for no more than so many others.
4. The last one that leaves closes the door: nothing stays open behind it.
"""

import asyncio
import select
from collections.abc import Callable
from contextvars import Context
from typing import Final

from .pipe import Corked

TURN: Final = 64
"""Descriptors that are served before whatever else the loop has to do."""
HELD_MOST: Final = 32
"""Descriptors that are read before what they made us say leaves. Measured: more save nothing, 16 cost 3 % of a small
message that comes alone, and the first waits for as long as the handlers of the others compute."""


class Gathering:
    """Descriptors of one event loop; `Gatherings` makes one.

    Attributes:
        held: who lets go of what was said before anybody else has his turn; whoever is read puts himself here. To
            read some and then answer them costs less than to change between the two for each: whoever gets the first
            answer need not be woken for the others, which is most of what a short write costs.
    """

    __slots__ = ("_epoll", "_readers", "held", "loop", "members")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.members = 0
        self.held: list[Corked] = []
        self._readers: dict[int, tuple[Callable[..., object], Callable[[], None]]] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._serve)

    def leave(self) -> None:
        """One member less."""
        self.members -= 1
        if not self.members:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def add(self, descriptor: int, read: Callable[[], None], context: Context) -> None:
        """Call `read` in this context whenever there is something to read, until `remove`."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._readers[descriptor] = context.run, read

    def remove(self, descriptor: int) -> None:
        """Call nobody for it any more; before it is closed."""
        del self._readers[descriptor]
        self._epoll.unregister(descriptor)

    def _serve(self) -> None:
        readers = self._readers
        for descriptor, _ in self._epoll.poll(0, TURN):
            reader = readers.get(descriptor)
            if reader is None:
                continue  # somebody before it in this turn has ended it
            run, read = reader
            try:
                run(read)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                self._tell(read, error)
            if len(self.held) >= HELD_MOST:
                self._release()
        self._release()

    def _release(self) -> None:
        """Let what was said since the last time leave."""
        for corked in self.held:
            try:
                corked.uncork()
            except Exception as error:
                self._tell(corked.uncork, error)
        self.held.clear()

    def _tell(self, callback: Callable[[], None], error: BaseException) -> None:
        self.loop.call_exception_handler({"message": f"Exception in callback {callback!r}", "exception": error})


class Gatherings:
    """The gathering of the event loop that runs; there is one of these for each guard."""

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: Gathering | None = None

    def join(self, loop: asyncio.AbstractEventLoop) -> Gathering | None:
        """Count one member in, who will `leave`; None where the system has no epoll, or no descriptor left for one."""
        newest = self._newest
        if newest is None or not newest.members or newest.loop is not loop:
            if not hasattr(select, "epoll"):
                return None
            try:
                newest = self._newest = Gathering(loop)
            except OSError:
                return None
        newest.members += 1
        return newest
