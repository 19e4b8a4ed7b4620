"""Servers behind a balancer, restarted one after another, while clients of ours listen and speak."""

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.kits import CHAT, GENEROUS
from tests.stores.kit import PATIENT
from tornado_wssec import Guard, Timeouts
from tornado_wssec.client import Client, Refused, State, bearer

from .sharing import PATIENCE_SECONDS, ROOT, make_store

SERVERS: Final = 4
CHANNEL: Final = "kept:a"
PACE_SECONDS: Final = 0.05
"""Between two messages of a speaker."""


@dataclass(frozen=True)
class Figures:
    """What became of a rolling restart.

    Args:
        said: messages that were acknowledged; each was heard by everybody, once and in one order.
        unsure: messages of which their speakers do not know it.
        returns: connections that were told to go, and came back.
        longest: seconds that one of them was away.
        told: goodbyes in one second, at most.
        came: handshakes in one second, at most, at all servers together, from the first goodbye on.
    """

    said: int
    unsure: int
    returns: int
    longest: float
    told: int
    came: int


class Balancer:
    """Forwards connections to one server after another, and to the next where one does not listen.

    It does not count them: those that were told to go are most at the one that is restarted last.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = deque(ports)
        self._streams: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=1_024)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        for stream in self._streams:
            stream.close()

    @property
    def url(self) -> str:
        """Of the socket, behind it."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ws"

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams.add(writer)
        try:
            for _ in range(len(self._ports)):
                self._ports.rotate(-1)
                with suppress(OSError):
                    await self._carry_to(self._ports[0], reader, writer)
                    return
        finally:
            self._streams.discard(writer)
            writer.close()

    async def _carry_to(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        self._streams.add(ours)
        try:
            await asyncio.gather(_copied(reader, ours), _copied(theirs, writer))
        finally:
            self._streams.discard(ours)
            ours.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


class Person:
    """A client of ours, what it has heard, and how long it was away."""

    def __init__(self, issuer: Guard, url: str, subject: str) -> None:
        self.subject = subject
        self.heard: list[str] = []
        self.away: list[float] = []
        self._left_at: float | None = None
        self._is_open = asyncio.Event()
        self._grew = asyncio.Event()
        credential = bearer(lambda: issuer.issue_token(subject))
        self.client = Client(url, credential=credential, on_state=self._note, within=PATIENCE_SECONDS)

    def _note(self, state: State) -> None:
        now = asyncio.get_running_loop().time()
        if state.name == "open":
            self._is_open.set()
            if self._left_at is not None:
                self.away.append(now - self._left_at)
                self._left_at = None
            return
        self._is_open.clear()
        if state.reason == "going_away":
            self._left_at = now
        assert state.name != "stopped" or state.reason == "closed", state

    async def listen(self) -> None:
        """Write down what is heard, until the client leaves."""
        async for event in self.client.events():
            self.heard.append(event.data["text"] if event.type == "line" else event.type)
            self._grew.set()

    async def is_back(self) -> None:
        """Return once it is connected."""
        await self._is_open.wait()

    async def hears(self, text: str) -> None:
        """Return once it has heard this."""
        while text not in self.heard:
            self._grew.clear()
            await self._grew.wait()


@dataclass
class Speech:
    """What was said: what is known to have been published, and what is not known."""

    said: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    async def say(self, person: Person, text: str) -> None:
        """Publish it."""
        try:
            await person.client.request("say", {"channel": CHANNEL, "text": text})
        except Refused as refusal:
            if refusal.code not in ("disconnected", "unavailable"):
                raise
            self.unsure.append(text)
        else:
            self.said.append(text)

    async def speak(self, person: Person, is_over: asyncio.Event) -> None:
        """Say one thing after another."""
        number = 0
        while not is_over.is_set():
            number += 1
            await self.say(person, f"{person.subject}.{number}")
            await asyncio.sleep(PACE_SECONDS)


class Fleet:
    """The servers, by their ports."""

    def __init__(self, environment: Mapping[str, str], per_second: float) -> None:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
        self._environment = {**bare, **environment}
        self._per_second = per_second
        self._running: dict[int, asyncio.subprocess.Process] = {}

    @property
    def ports(self) -> list[int]:
        """Of all of them."""
        return list(self._running)

    async def start(self, port: int = 0) -> None:
        """Run one more; 0 takes a free port."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.processes.leaving", str(port), str(self._per_second)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=self._environment,
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await process.stdout.readline()
        assert said, "the server has ended"
        self._running[int(said)] = process

    async def stop(self, port: int) -> None:
        """As a service manager does; it must end by itself, and in order."""
        process = self._running[port]
        process.terminate()
        async with asyncio.timeout(Timeouts().drain + Timeouts().close + PATIENCE_SECONDS):
            assert 0 == await process.wait()

    async def end(self) -> None:
        """Kill whoever is left."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def fleet(environment: Mapping[str, str], per_second: float) -> AsyncIterator[Fleet]:
    """Four servers."""
    servers = Fleet(environment, per_second)
    try:
        await asyncio.gather(*(servers.start() for _ in range(SERVERS)))
        yield servers
    finally:
        await servers.end()


async def roll(environment: dict[str, str], folder: Path, *, people: int, per_second: float) -> Figures:
    """Restart each of four servers in turn, under load, and claim that nothing is lost and everybody comes back.

    Args:
        environment: of the servers; their audit goes below `folder`.
        people: who listen; a tenth of them speak as well.
        per_second: goodbyes of a server that drains.
    """
    await make_store(environment)
    environment = {**environment, "WSSEC_AUDIT": str(folder / "audit")}
    issuer = Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT)
    issuer.keeper.start()
    async with (
        fleet(environment, per_second) as servers,
        Balancer(servers.ports) as balancer,
        AsyncExitStack() as stack,
    ):
        crowd = [Person(issuer, balancer.url, f"u{number}") for number in range(people)]
        listening = []
        for person in crowd:
            await stack.enter_async_context(person.client)
            await person.client.subscribe(CHANNEL)
            listening.append(asyncio.ensure_future(person.listen()))
        speech, is_over = Speech(), asyncio.Event()
        speaking = [asyncio.ensure_future(speech.speak(person, is_over)) for person in crowd[: max(people // 10, 1)]]
        for port in servers.ports:
            await servers.stop(port)
            async with asyncio.timeout(Timeouts().drain):
                await asyncio.gather(*(person.is_back() for person in crowd))
            await servers.start(port)
        is_over.set()
        await asyncio.gather(*speaking)
        await speech.say(crowd[0], "the end")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(person.hears("the end") for person in crowd))
        for person in crowd:
            await person.client.close()
        await asyncio.gather(*listening)
    assert_all_heard(crowd, speech)
    away = [seconds for person in crowd for seconds in person.away]
    told, came = rush(folder / "audit")
    return Figures(len(speech.said), len(speech.unsure), len(away), max(away), told, came)


def assert_all_heard(crowd: Sequence[Person], speech: Speech) -> None:
    """Claim that everybody has heard the same: all that was acknowledged, once, and nothing that was not said."""
    first = crowd[0].heard
    assert all(person.heard == first for person in crowd)
    assert len(first) == len(set(first))
    assert set(speech.said) <= set(first) <= {*speech.said, *speech.unsure}


def rush(audit: Path) -> tuple[int, int]:
    """Goodbyes, and handshakes from the first of them on, at most in any second, by the servers' own audits."""
    lines = [json.loads(line) for path in audit.rglob("*.jsonl") for line in path.read_text().splitlines()]
    began = min(line["at"] for line in lines if line["event"] == "drain.began")
    told = [line["at"] for line in lines if line["event"] == "session.closed" and line.get("code") == 1001]
    came = [line["at"] for line in lines if line["event"] == "session.opened" and line["at"] >= began]
    return most_in_a_second(told), most_in_a_second(came)


def most_in_a_second(times: list[float]) -> int:
    """Of these wall times, wherever the second begins."""
    assert times, "nothing has happened"
    return max(sum(at <= other < at + 1.0 for other in times) for at in times)
