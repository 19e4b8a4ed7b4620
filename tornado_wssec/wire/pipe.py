"""What stands between an engine and a socket, as each of the two sees the other."""

from collections.abc import Callable
from typing import Protocol


class Pipe(Protocol):
    """A socket, as the engine uses it."""

    def write(self, data: bytes) -> int:
        """Hand bytes over; return how many were taken.

        When fewer, `Fed.writable` is called in time, and the next write begins with the bytes that were not.
        """

    def sender(self) -> Callable[[bytes], int]:
        """What hands bytes over, when none are waiting, with no call between; what it does not take is for `write`.

        It returns how many it took, or raises OSError, for whatever reason: then it took none.
        """

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read on."""

    def later(self, callback: Callable[[], None]) -> None:
        """Call soon, after others have had their turn."""

    def is_deserted(self) -> bool:
        """Whether the peer has left, as far as that can be seen without reading."""

    def finish(self) -> None:
        """Nothing more will be written: tell the peer, and go on reading until it leaves."""

    def abort(self) -> None:
        """Let go of the socket; `Fed.connection_lost` is called soon."""


class Corked(Protocol):
    """An engine, as whoever has read several uses it."""

    def uncork(self) -> None:
        """Let go of what was held back."""


class Fed(Protocol):
    """An engine, as a pipe uses it."""

    def attach(self, pipe: Pipe) -> None:
        """Use this socket."""

    def data_received(self, data: bytes, held: list[Corked] | None = None) -> None:
        """Take in what was read.

        Args:
            held: where the engine puts itself, to be uncorked before this returns to the event loop; None: the answers
                leave at once.
        """

    def writable(self) -> None:
        """Write on: the kernel takes more."""

    def connection_lost(self) -> None:
        """End everything."""
