"""Descriptors that are watched together are each told as if they were watched alone."""

import asyncio
import errno
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from tests.carriers import in_each_loop
from tornado_wssec.wire.gathering import HELD_MOST, TURN, Gathering, Gatherings

NAMED: ContextVar[str] = ContextVar("named", default="nobody")


@contextmanager
def lines(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Pairs of sockets, each with something to read on the first."""
    pairs = [socket.socketpair() for _ in range(count)]
    try:
        for _, theirs in pairs:
            theirs.send(b"x")
        yield pairs
    finally:
        for ours, theirs in pairs:
            ours.close()
            theirs.close()


def joined() -> Gathering:
    """A gathering with one member."""
    found = Gatherings().join(asyncio.get_running_loop())
    assert found is not None
    return found


async def pass_turns(count: int = 4) -> None:
    """Let the loop look at its descriptors so often."""
    for _ in range(count):
        await asyncio.sleep(0)


@in_each_loop
async def test_gathering_tells_each_in_its_context() -> None:
    """Who has something to read is called, in the context that came with it."""
    gathering, told = joined(), []
    with lines(3) as pairs:
        for number, (ours, _) in enumerate(pairs):
            context = copy_context()
            context.run(NAMED.set, f"n{number}")
            gathering.add(ours.fileno(), lambda ours=ours: told.append((NAMED.get(), ours.recv(9))), context)  # type: ignore[misc]
        await pass_turns()
        for ours, _ in pairs:
            gathering.remove(ours.fileno())
        gathering.leave()

    assert [(f"n{number}", b"x") for number in range(3)] == sorted(told)
    assert "nobody" == NAMED.get()


@in_each_loop
async def test_gathering_calls_nobody_who_was_removed_meanwhile() -> None:
    """Whoever is ended by one before it in the same turn has no descriptor any more."""
    gathering, told = joined(), []
    with lines(2) as pairs:
        descriptors = {ours.fileno() for ours, _ in pairs}

        def end_both() -> None:
            told.append("told")
            for descriptor in descriptors:
                gathering.remove(descriptor)

        for descriptor in descriptors:
            gathering.add(descriptor, end_both, copy_context())
        await pass_turns()
        gathering.leave()

    assert ["told"] == told


@in_each_loop
async def test_gathering_keeps_faults_to_themselves() -> None:
    """The loop hears of what one raises, and the others are served."""
    gathering, told, heard = joined(), [], []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
    fault = GeneratorExit("of a reader")
    with lines(2) as pairs:

        def served(sock: socket.socket, raised: list[BaseException]) -> Callable[[], None]:
            def read() -> None:
                told.append(sock.recv(9))
                if raised:
                    raise raised.pop()

            return read

        faults: list[list[BaseException]] = [[fault], []]
        for (ours, _), raised in zip(pairs, faults, strict=True):
            gathering.add(ours.fileno(), served(ours, raised), copy_context())
        await pass_turns()
        for ours, _ in pairs:
            gathering.remove(ours.fileno())
        gathering.leave()

    assert ([b"x", b"x"], [fault]) == (told, heard)


def test_gathering_lets_pass_what_ends_the_process() -> None:
    """As the loop's own callbacks do."""

    def end() -> None:
        raise KeyboardInterrupt

    async def run() -> None:
        gathering = joined()
        with lines(1) as pairs:
            gathering.add(pairs[0][0].fileno(), end, copy_context())
            try:
                await pass_turns(20)
            finally:
                gathering.remove(pairs[0][0].fileno())
                gathering.leave()

    loop = asyncio.new_event_loop()
    with closing(loop), pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(run())


@in_each_loop
async def test_gathering_gives_others_their_turn() -> None:
    """A crowd is served by and by, and whatever else the loop has to do comes between."""
    gathering, told = joined(), list[str]()
    loop = asyncio.get_running_loop()
    with lines(TURN + 1) as pairs:
        for ours, _ in pairs:

            def read(ours: socket.socket = ours) -> None:
                if not told:
                    loop.call_soon(told.append, "other")
                ours.recv(9)
                told.append("one")

            gathering.add(ours.fileno(), read, copy_context())
        await pass_turns(20)
        for ours, _ in pairs:
            gathering.remove(ours.fileno())
        gathering.leave()

    assert ["one"] * TURN == told[: told.index("other")]


@in_each_loop
async def test_gathering_releases_what_is_held() -> None:
    """As soon as so many have been read, and before anybody else has his turn; a fault of one is its own."""
    gathering, told, heard = joined(), list[str](), []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
    fault = ValueError("of a release")

    class Held:
        def uncork(self) -> None:
            told.append("released")
            if told.count("released") == 1:
                raise fault

    with lines(HELD_MOST + 2) as pairs:
        for ours, _ in pairs:

            def read(ours: socket.socket = ours) -> None:
                if not told:
                    loop.call_soon(told.append, "other")
                ours.recv(9)
                told.append("read")
                gathering.held.append(Held())

            gathering.add(ours.fileno(), read, copy_context())
        await pass_turns()
        for ours, _ in pairs:
            gathering.remove(ours.fileno())
        gathering.leave()

    of_most = ["read"] * HELD_MOST + ["released"] * HELD_MOST
    assert ([*of_most, "read", "read", "released", "released", "other"], [fault]) == (told, heard)
    assert [] == gathering.held


@in_each_loop
async def test_gathering_ends_with_its_last_member() -> None:
    """And the next one who comes opens another."""
    gatherings, loop = Gatherings(), asyncio.get_running_loop()
    first, same = gatherings.join(loop), gatherings.join(loop)
    assert first is not None
    assert same is first
    epoll: Any = first._epoll
    first.leave()
    was_closed = epoll.closed
    first.leave()
    after = gatherings.join(loop)
    assert after is not None
    after.leave()

    assert (False, True) == (was_closed, epoll.closed)
    assert after is not first


def test_gathering_is_of_one_loop() -> None:
    """One that was left behind by a loop that has ended serves no other."""
    gatherings, found = Gatherings(), list[Gathering | None]()
    for _ in range(2):

        async def join() -> None:
            found.append(gatherings.join(asyncio.get_running_loop()))

        asyncio.run(join())

    assert found[0] is not found[1]
    assert None not in found


def test_gathering_needs_an_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the loop watches each by itself."""
    monkeypatch.delattr(select, "epoll")
    loop: Any = None

    assert None is Gatherings().join(loop)


@in_each_loop
async def test_gathering_does_without_a_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more may be opened, the loop watches each by itself."""

    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("tornado_wssec.wire.gathering.select.epoll", none_left)

    assert None is Gatherings().join(asyncio.get_running_loop())
