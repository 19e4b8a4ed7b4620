"""Clients of several servers who write down what they hear, and claims about what they have written."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from tests.kits import CHAT, GENEROUS
from tests.stores.kit import PATIENT
from tests.waiting import until
from tornado_wssec import Guard
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .sharing import PATIENCE_SECONDS, Server

GAP = "gap"


class Crowd:
    """Opens connections, and closes them at the end."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._issuer = Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT)
        self._issuer.keeper.start()
        self._witnesses: list[Witness] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        for witness in self._witnesses:
            await witness.leave()

    async def at(self, server: Server, subject: str, *channels: str) -> "Witness":
        """Somebody who listens at a server to these channels."""
        witness = Witness(self._issuer, subject)
        self._witnesses.append(witness)
        await witness.connect(server)
        for channel in channels:
            await witness.listen(channel)
        return witness


async def everywhere(crowd: Crowd, servers: Sequence[Server], each: int, *channels: str) -> list["Witness"]:
    """So many who listen at each server."""
    places = [(number, at, server) for number, server in enumerate(servers) for at in range(each)]
    return [await crowd.at(server, f"u{number}-{at}", *channels) for number, at, server in places]


class Witness:
    """One client, and what it has heard of each channel, in order; `gap` where something may be missing."""

    def __init__(self, issuer: Guard, subject: str) -> None:
        self.subject = subject
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.seqs: dict[str, list[int]] = defaultdict(list)
        self._issuer = issuer
        self._client: Client | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count()

    async def connect(self, server: Server) -> None:
        """Connect, until one is let in."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                token = self._issuer.issue_token(self.subject)
                raw = await RawSocket.open(server.port)
                headers = handshake_headers(f"127.0.0.1:{server.port}", origin=ORIGIN, token=token)
                if (await raw.upgrade("/ws", headers)).status == 101:
                    break
                await raw.close()
                await asyncio.sleep(0.05)
        self._client = Client(raw, None)
        self._reading = asyncio.get_running_loop().create_task(self._read(self._client))

    async def leave(self) -> None:
        """Go."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._client is not None:
            await self._client.socket.close()

    async def listen(self, channel: str) -> None:
        """Subscribe, behind what was heard last; as often as it takes."""
        asked: dict[str, Any] = {"channel": channel}
        if self.seqs[channel]:
            asked["since"] = self.seqs[channel][-1]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.ask("wssec.subscribe", asked)).get("type") != "reply":  # noqa: ASYNC110 -- it is asked
                await asyncio.sleep(0.05)

    async def say(self, channel: str, text: str) -> bool:
        """Publish; whether it was acknowledged."""
        return (await self.ask("say", {"channel": channel, "text": text})).get("type") == "reply"

    async def ask(self, type: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a message; empty where the connection ended first."""
        assert self._client is not None
        id = f"w{next(self._ids)}"
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        with suppress(ConnectionError):
            await self._client.send(type, data, id)
            found: dict[str, Any] = await asyncio.wait_for(answer, PATIENCE_SECONDS)
            return found
        return {}

    async def hears(self, channel: str, text: str) -> None:
        """Return once this has been heard."""
        await until(lambda: text in self.heard[channel], f"{text} in {channel}")

    async def hears_of(self, channel: str, count: int) -> None:
        """Return once so much has been heard."""
        await until(lambda: len(self.heard[channel]) >= count, f"{count} in {channel}")

    async def _read(self, client: Client) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                with suppress(TimeoutError):  # nothing was said for long: that is no end
                    async for message in client:
                        self._take(message)
                    break
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({})

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "line":
            self.heard[message["channel"]].append(message["data"]["text"])
            if "seq" in message:
                self.seqs[message["channel"]].append(message["seq"])
        elif message["type"] == "wssec.gap":
            self.heard[message["data"]["channel"]].append(GAP)
        elif (answer := self._answers.pop(message.get("id", ""), None)) and not answer.done():
            answer.set_result(message)


def assert_once(heard: Sequence[str]) -> None:
    """Claim that nothing came twice."""
    said = [text for text in heard if text != GAP]
    assert len(said) == len(set(said))


def assert_one_order(witnesses: Iterable[Sequence[str]]) -> None:
    """Claim that what any two have heard, they have heard in the same order."""
    for one, other in itertools.combinations(witnesses, 2):
        places = {text: place for place, text in enumerate(other)}
        common = [places[text] for text in one if text != GAP and text in places]
        assert common == sorted(common)


def assert_nothing_missing_unsaid(heard: Sequence[str], acknowledged: Mapping[str, Sequence[int]]) -> int:
    """Claim that where something acknowledged is missing a gap stands in its place; return how much is.

    Args:
        acknowledged: speaker → the numbers of what he knows to have been published, each `speaker.number`, said one
            after the other.
    """
    missing = 0
    for speaker, numbers in acknowledged.items():
        places = {int(text.partition(".")[2]): at for at, text in enumerate(heard) if text.startswith(f"{speaker}.")}
        gaps = [at for at, text in enumerate(heard) if text == GAP]
        for number in numbers:
            if number in places:
                continue
            missing += 1
            before = max((at for other, at in places.items() if other < number), default=-1)
            after = min((at for other, at in places.items() if other > number), default=len(heard))
            assert any(before < at < after for at in gaps), f"{speaker}.{number} is missing unsaid"
    return missing
