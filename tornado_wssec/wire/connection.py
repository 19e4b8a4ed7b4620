"""The small interface through which everything above speaks to a socket."""

from collections.abc import Callable
from typing import Protocol

from ..closing import Close
from .outgoing import Outgoing


class Connection(Protocol):
    """One accepted socket."""

    def watch(
        self,
        saw_frame: Callable[[], None],
        saw_control: Callable[[], None],
        violated: Callable[[Close], None],
        receive: Callable[[str], None] | None = None,
        receive_all: Callable[[list[str]], int] | None = None,
    ) -> None:
        """Report what the socket sees.

        Args:
            saw_frame: called when something has arrived: a sign of life.
            saw_control: called for every frame among it that is no message: a ping, a pong, a fragment.
            violated: called with the close that a breach of the protocol asks for.
            receive: called with each text message from now on, where that saves the way through the handler; None: as
                before.
            receive_all: may be called with several that have come together, in the place of `saw_frame` and `receive`;
                returns how many it has taken.
        """

    def send(self, message: Outgoing, now: float) -> bool:
        """Queue a message; False when the reader is too slow for it. Never blocks; nothing leaves once closing."""

    def answer(self, text: bytes, now: float) -> bool:
        """Queue a reply, in UTF-8; for the rest as `send`."""

    def ping(self, nonce: bytes) -> None:
        """Send a ping frame."""

    def close(self, close: Close) -> None:
        """Start the closing handshake."""

    def abort(self) -> None:
        """Drop the socket at once."""

    def pause(self) -> None:
        """Stop reading until `resume`; that the peer has gone is noticed all the same."""

    def resume(self) -> None:
        """Read on."""

    def set_message_cap(self, message_bytes: int) -> None:
        """Take messages of up to this size from now on; a larger one closes with 1009 from its header alone."""

    def overdue(self, now: float) -> Close | None:
        """The close that is due for what takes too long, None nearly always. Asked by the sweep."""

    def extend(self, lag: float) -> None:
        """Forgive the time in which nobody was looking."""

    @property
    def buffered_bytes(self) -> int:
        """Written, but not yet taken by the kernel."""

    @property
    def sent_bytes(self) -> int:
        """That the kernel has taken since the connection was opened."""

    @property
    def heard_frames(self) -> int:
        """Messages and other frames that have come since then."""

    @property
    def is_reading(self) -> bool:
        """False between `pause` and `resume`."""
