"""Random talks: streams of frames, valid and not, through a real engine, conversation and hub, over a pipe of ours."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from tests.talk import REGISTRY, TalkSocket
from tests.wire.clients import masked
from tests.wire.engines import FakePipe
from tests.wire.streams import random_stream
from tornado_wssec import Identity, Limits, PermissionDenied
from tornado_wssec.auth import RequestView
from tornado_wssec.conversation import Conversation
from tornado_wssec.handover import compiled_unmask
from tornado_wssec.handshake import ANONYMOUS, Admitted
from tornado_wssec.policy.overflow import Overflow
from tornado_wssec.testing import GuardKit
from tornado_wssec.wire.engine import Engine
from tornado_wssec.wire.frames import TEXT
from tornado_wssec.wire.outgoing import Outgoing
from tornado_wssec.wire.speaking import CHUNK_BYTES

CAPS: Final = Limits(
    message_bytes=400,
    frame_bytes=300,
    fragments=5,
    inbox_messages=3,
    outbound_bytes=3_000,
    outbound_messages=8,
    error_budget=3,
    frames_burst=12,
    rate_refusals_until_silence=2,
    rate_refusals_until_close=5,
)
A_CONTROL: Final = 2 + 4 + 125
HELD: Final = CAPS.message_bytes + 139  # a control frame, and the most of a header beside it
LEAVING: Final = CHUNK_BYTES + CAPS.frames_burst * A_CONTROL
ADDRESS: Final = "192.0.2.1"
ANN: Final = Identity(subject="ann", issuer="https://example.com")
WHATS: Final = ("answer", "wait", "hang", "refuse", "fail", "shout", "leave")
EXPECTED: Final = "TalkSocket: talk.do: ZeroDivisionError"
BIG: Final = Outgoing('{"type":"talk.heard","data":{"text":"' + "x" * 900 + '"}}')
GENTLE: Final = Outgoing(BIG.text, overflow=Overflow.DROP_OLDEST)


class Speaker:
    """What handles messages: everything that an application may do."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.say: Any = None
        self.leave: Any = None

    def do(self, data: dict[str, Any]) -> Any:
        """Do what the message says."""
        what = data["what"]
        if what == "refuse":
            raise PermissionDenied("no")
        if what == "fail":
            raise ZeroDivisionError
        if what == "shout":
            for message in (BIG, GENTLE, GENTLE):
                self.say(message)
        if what == "leave":
            self.leave()
        return self._wait(what) if what in ("wait", "hang") else {"what": what}

    async def _wait(self, what: str) -> None:
        """Wait a turn, or until the talk is over."""
        await (asyncio.sleep(0) if what == "wait" else self.end.wait())


class Talks:
    """One guard that has everything but sockets.

    Attributes:
        ended: how often a talk ended with which code.
    """

    def __init__(self) -> None:
        self._kit = GuardKit([("/ws", TalkSocket)], registry=REGISTRY, limits=CAPS)
        self._guard = self._kit.guard
        self._endpoint = self._guard.reception.endpoint_of(TalkSocket)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.ended: Counter[str] = Counter()

    async def run(self, first: int, count: int) -> None:
        """Have so many talks.

        Raises:
            AssertionError: an exception got out, more was held than may be, or something is left; names the seed.
        """
        await self._guard.start(following=False)
        self._tasks = asyncio.all_tasks()
        with overheard() as mistakes:
            for seed in range(first, first + count):
                try:
                    await self._talk(Random(seed))
                    assert not mistakes, mistakes
                except Exception as error:
                    raise AssertionError(f"the talk of seed {seed} failed: {error!r}") from error
        await self._guard.stop()

    async def _talk(self, rng: Random) -> None:
        speaker, pipe = Speaker(), FakePipe()
        engine = Engine(
            CAPS,
            self._guard.timeouts,
            receive=lambda frame: talk.receive(frame),
            lost=lambda code, reason: self._leave(talk, code, reason),
            unmask=compiled_unmask,
        )
        pipe.engine = engine
        engine.attach(pipe)
        talk = await self._join(engine, speaker, ANONYMOUS if rng.random() < 0.8 else ANN)
        speaker.say, speaker.leave = talk.say, engine.abort
        engine.start()
        await self._feed(random_talk(rng), engine, pipe, rng)
        engine.abort()
        speaker.end.set()
        pipe.turns()
        if running := asyncio.all_tasks() - self._tasks:
            await asyncio.wait(running)
        self._check_nothing_is_left(talk, engine)

    async def _join(self, engine: Engine, speaker: Speaker, identity: Identity) -> Conversation:
        place = await self._guard.directory.reserve(identity, ADDRESS, self._endpoint)
        view = RequestView(path="/ws", headers={}, query={}, offered=(), address=ADDRESS, origin=None)
        return self._guard.reception.join(Admitted(identity, view, None, place), engine, speaker, self._endpoint)

    def _leave(self, talk: Conversation, code: int | None, reason: str) -> None:
        close = self._guard.reception.leave(talk, code, reason)
        self.ended[str(close and int(close.code))] += 1

    async def _feed(self, stream: bytes, engine: Engine, pipe: FakePipe, rng: Random) -> None:
        """Let it arrive in pieces, at a kernel that takes everything, something or nothing of what is said."""
        pipe.room = rng.choice((None, None, 0, 100, 2_000))
        while stream and not pipe.is_aborted:
            size = rng.randint(1, len(stream))
            engine.data_received(stream[:size])
            stream = stream[size:]
            assert engine._reader.held_bytes <= HELD, "more is held than may be"
            assert len(engine._partial) <= LEAVING, "more has begun to leave than may"
            assert engine.buffered_bytes - len(engine._partial) <= CAPS.outbound_bytes, "more waits than may"
            roll = rng.random()
            if roll < 0.3:
                pipe.turn()
            elif roll < 0.5:
                await asyncio.sleep(0)
            elif roll < 0.6:
                self._kit.clock.advance(rng.choice((0.1, 3.0, 11.0)))
                self._guard.hub.sweep(self._kit.clock.monotonic)
            elif roll < 0.7 and pipe.room is not None:
                pipe.room += 500
                engine.writable()

    def _check_nothing_is_left(self, talk: Conversation, engine: Engine) -> None:
        hub, account = self._guard.hub, talk.live.session.account
        counted = len(hub), len(hub._addresses), len(hub._identities), account.connections, len(self._guard.directory)
        assert (0, 0, 0, 0, 0) == counted, f"counted: {counted}"
        kept = (
            engine.buffered_bytes,
            len(engine._backlog or ()),
            len(talk._inbox._waiting or ()),
            len(engine._cork or ()),
        )
        assert (0, 0, 0, 0) == kept, f"kept: {kept}"


def random_talk(rng: Random) -> bytes:
    """Messages that a handler gets, and behind them or among them what may be wrong."""
    said = [_message(rng) for _ in range(rng.choice((0, 1, 2, 5, 12)))]
    said.insert(rng.randint(0, len(said)), random_stream(rng))
    return b"".join(said)


def _message(rng: Random) -> bytes:
    text = f'{{"type":"talk.do","id":"{rng.randint(0, 9)}","data":{{"what":"{rng.choice(WHATS)}"}}}}'
    return masked(TEXT, text.encode(), key=rng.randbytes(4))


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What is logged as an error meanwhile, but for the handler's own; and what the event loop was told of."""
    mistakes: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.getMessage().startswith(EXPECTED):
                mistakes.append(record.getMessage())

    ear, logger, loop = Ear(logging.ERROR), logging.getLogger("tornado_wssec"), asyncio.get_running_loop()
    before, propagates = loop.get_exception_handler(), logger.propagate
    loop.set_exception_handler(lambda loop, context: mistakes.append(str(context)))
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield mistakes
    finally:
        logger.removeHandler(ear)
        logger.propagate = propagates
        loop.set_exception_handler(before)
