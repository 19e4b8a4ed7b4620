"""An engine over a pipe that does what a test tells it to, and what it has said and heard."""

from collections.abc import Callable
from typing import Any

from tests.wire.clients import masked
from tornado_wssec.closing import Close
from tornado_wssec.settings import Limits, Timeouts
from tornado_wssec.wire.engine import Engine
from tornado_wssec.wire.frames import TEXT
from tornado_wssec.wire.outgoing import Outgoing
from tornado_wssec.wire.pipe import Fed, Pipe


class FakePipe:
    """A socket without a kernel.

    Attributes:
        room: bytes that it still takes; None: any number.
        writes: what was handed over and taken, write by write.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        self.writes: list[bytes] = []
        self.is_reading = self.is_finished = self.is_aborted = self.is_empty_handed = False
        self.waiting: list[Callable[[], None]] = []
        self.engine: Fed | None = None

    def write(self, data: bytes) -> int:
        taken = data if self.room is None else data[: self.room]
        if self.room is not None:
            self.room -= len(taken)
        if taken:
            self.writes.append(taken)
        return len(taken)

    def sender(self) -> Callable[[bytes], int]:
        return self._handed

    def _handed(self, data: bytes) -> int:
        if self.room == 0:
            raise BlockingIOError
        return self.write(data)

    def pause(self) -> None:
        self.is_reading = False

    def resume(self) -> None:
        self.is_reading = True

    def later(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def is_deserted(self) -> bool:
        return self.is_empty_handed

    def finish(self) -> None:
        self.is_finished = True

    def abort(self) -> None:
        self.is_aborted, self.is_reading = True, False
        if self.engine is not None:
            self.waiting.append(self.engine.connection_lost)

    def turn(self) -> None:
        """Let everything run that was to be called soon."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def turns(self) -> int:
        """Let everything run until there is nothing; return how many turns it took."""
        count = 0
        while self.waiting:
            self.turn()
            count += 1
        return count


class Scene:
    """An engine with a fake pipe; `heard` is everything that it has told, in order.

    Args:
        receive: called with each text in the place of nothing.
        started: whether it reads already.
        receive_binary: called with each binary message; None refuses them.
        settings: of `Limits` and `Timeouts`, those that differ.
    """

    def __init__(
        self,
        receive: Callable[[str], object] | None = None,
        *,
        started: bool = True,
        receive_binary: Callable[[bytes], None] | None = None,
        **settings: Any,
    ) -> None:
        self.heard: list[Any] = []
        self.receive = receive or (lambda text: None)
        limits = {name: value for name, value in settings.items() if name in Limits.__dataclass_fields__}
        times = {name: value for name, value in settings.items() if name in Timeouts.__dataclass_fields__}
        self.engine = Engine(
            Limits(**limits), Timeouts(**times), receive=self._hear, receive_binary=receive_binary, lost=self._lose
        )
        self.pipe = FakePipe()
        pipe: Pipe = self.pipe
        self.pipe.engine = self.engine
        self.engine.attach(pipe)
        self.engine.watch(self._see_frame, self._see_control, self._see_violation)
        self.frames_seen = self.controls_seen = 0
        if started:
            self.engine.start()

    def _hear(self, text: str) -> None:
        self.heard.append(text)
        self.receive(text)

    def _lose(self, code: int | None, reason: str) -> None:
        self.heard.append(("lost", code, reason))

    def _see_frame(self) -> None:
        self.frames_seen += 1

    def _see_control(self) -> None:
        self.controls_seen += 1

    def _see_violation(self, close: Close) -> None:
        self.heard.append(close)
        self.engine.close(close)

    def read(self, *frames: bytes) -> None:
        """Let these arrive in one read."""
        self.engine.data_received(b"".join(frames))

    def say(self, text: str, now: float = 0.0, **options: Any) -> bool:
        """Send a message."""
        return self.engine.send(Outgoing(text, **options), now)

    @property
    def written(self) -> bytes:
        """Everything that the pipe took."""
        return b"".join(self.pipe.writes)


def said(*texts: str) -> bytes:
    """Texts as a client sends them."""
    return b"".join([masked(TEXT, text.encode()) for text in texts])
