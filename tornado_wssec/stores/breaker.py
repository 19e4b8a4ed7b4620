"""Whether to try a server that did not answer the last time."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreUnavailable


class Breaker:
    """Lets every call pass while the server answers, and one at a time while it does not.

    So nobody queues before a frozen server: one call waits for it, all others are told at once.

    Args:
        what: the server's address without its password, for messages.
    """

    __slots__ = ("_is_probed", "_what", "failures")

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_probed = False
        self.failures = 0
        """Calls without an answer since the last that had one."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Make a call inside the block, and say `answered` or `failed` there.

        Raises:
            StoreUnavailable: the server is down, and another call is finding out whether it still is.
        """
        is_probe = self.failures > 0
        if is_probe and self._is_probed:
            raise StoreUnavailable(f"{self._what} does not answer; it is tried again all the time")
        self._is_probed = self._is_probed or is_probe
        try:
            yield
        finally:
            if is_probe:
                self._is_probed = False

    def answered(self) -> None:
        """The server is up, whatever it said."""
        self.failures = 0

    def failed(self) -> None:
        """The server is down, or as good as."""
        self.failures += 1
