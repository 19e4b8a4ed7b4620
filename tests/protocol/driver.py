"""Drives a client through the conformance cases: commands on its standard input, what happens on its output.

A line to the client is `{"command": number, "do": name, …}`: open, close, request, send, subscribe, unsubscribe, sign,
with what each needs. The client begins with `{"can": […]}`, then tells `{"command": number, "answer": {…}}` or
`{"command": number, "refused": code, "fields": […]}`, `{"state": {…}}` and `{"event": {…}}`.

Steps of a case are what the client is asked, what the server does, and what must be told next. Members of a state that
a step does not name may be anything; an answer and an event are compared whole.
"""

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from schemas import chat
from tests.docs.pages import ROOT
from tests.kits import settled
from tests.protocol.server import RIGHTS, Town
from tornado_wssec import Close, Limits
from tornado_wssec.policy.reserved import UNSUBSCRIBED
from tornado_wssec.testing.clock import NOON

CASES: Final[list[dict[str, Any]]] = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
PATIENCE_SECONDS: Final = 10.0
MAY_BE_TOLD: Final = {"connecting", "wssec.expiring"}
"""What a client may tell or not."""


class Driven:
    """A client in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._count = 0
        self.answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.told: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self.can: set[str] = set()

    @property
    def has_ended(self) -> bool:
        """Whether it tells nothing any more."""
        return self._reading is not None and self._reading.done()

    @classmethod
    async def begin(cls, command: Sequence[str]) -> Self:
        """Start the program."""
        pipe = asyncio.subprocess.PIPE
        driven = cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT))
        driven.can = set((await driven._line())["can"])
        driven._reading = asyncio.create_task(driven._read())
        driven.forget()
        return driven

    def forget(self) -> None:
        """What an earlier case has left."""
        self.answers.clear()
        self.told = {"state": asyncio.Queue(), "event": asyncio.Queue()}

    def order(self, options: Mapping[str, Any]) -> int:
        """Have it do something; returns the number of the command."""
        self._count += 1
        self.answers[self._count] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": self._count, **options}).encode() + b"\n")
        return self._count

    async def end(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._reading is not None:
            self._reading.cancel()

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {}
        return told

    async def _read(self) -> None:
        while told := await self._line():
            if "command" in told:
                if (waiting := self.answers.get(told.pop("command"))) is not None:
                    waiting.set_result(told)
                continue
            ((kind, what),) = told.items()
            if what.get("name", what.get("type")) not in MAY_BE_TOLD:
                self.told[kind].put_nowait(what)


class Run:
    """One case with one client."""

    def __init__(self, town: Town, driven: Driven, case: Mapping[str, Any]) -> None:
        self.town = town
        self.driven = driven
        self.case = case
        self._later: dict[str, int] = {}

    async def go(self) -> str:
        """Every step; what was wrong with the first that failed, or nothing."""
        for number, step in enumerate(self.case["steps"], 1):
            fault = await self._step(step)
            if fault:
                return f"step {number}, {json.dumps(step, ensure_ascii=False)}: {fault}"
        return ""

    async def _step(self, step: Mapping[str, Any]) -> str:
        if "server" in step:
            options = {name: value for name, value in step.items() if name != "server"}
            return str(await getattr(self, f"_{step['server']}")(**options) or "")
        if "client" in step:
            return await self._ordered(step)
        if "await" in step:
            return await self._settled(self._later[step["await"]], step)
        if "state" in step:
            return told(step["state"], await self._next("state"), is_whole=False)
        if "events" in step:
            found = [await self._next("event") for _ in step["events"]]
            return next((f"there were {found}" for one in step["events"] if one not in found), "")
        return told(step["event"], await self._next("event")) if "event" in step else await self._quiet()

    async def _ordered(self, step: Mapping[str, Any]) -> str:
        options = step["client"]
        if options["do"] == "open":
            options = {**self._where(options), **options}
        command = self.driven.order(options)
        if "later" in step:
            self._later[step["later"]] = command
            return ""
        return await self._settled(command, step)

    def _where(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where to, and where tokens come from."""
        base = f"127.0.0.1:{self.town.port}"
        where = {"url": f"ws://{base}{self.case.get('path', '/ws')}", "tokens": f"http://{base}/token"}
        return {**where, "api_key": self.town.api_key} if options.get("placement") == "key" else where

    async def _settled(self, command: int, step: Mapping[str, Any]) -> str:
        wanted = {name: step[name] for name in ("answer", "refused", "fields") if name in step}
        if not wanted:
            return ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await self.driven.answers[command]
        return told(wanted, found, is_whole="refused" not in wanted)

    async def _next(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.driven.told[kind].get()

    async def _quiet(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.driven.answers[self.driven.order({"do": "request", "type": "ping"})]
        events = self.driven.told["event"]
        while not events.empty():
            if (event := events.get_nowait())["type"] != UNSUBSCRIBED:  # it may be told of a refusal, too
                return f"there was {event}"
        return ""

    # --- what the server does ---

    async def _close(self, code: int, reason: str = "") -> None:
        self.town.guard.hub.end_where(lambda live: True, Close(code, reason))

    async def _cut(self) -> None:
        for live in tuple(self.town.guard.hub):
            live.connection.abort()

    async def _advance(self, seconds: float) -> None:
        await self.town.advance(seconds)

    async def _ping(self) -> str:
        """Ping whoever is silent, and see that he answers."""
        await self.town.advance(26)
        for _ in range(1_000):
            await settled(self.town, 1)
            if all(live.lifetime.life_at == self.town.clock.monotonic for live in self.town.guard.hub):
                return ""
        return "no pong has come"

    async def _keep(self, texts: Sequence[str]) -> None:
        for text in texts:
            data = {"room": "lobby", "text": text, "author": "ann"}
            await self.town.guard.publish("kept:lobby", chat.Posted, data)

    async def _gap(self, channel: str) -> None:
        self.town.guard.channels.gap(channel)

    async def _kick(self, channel: str) -> None:
        await self.town.guard.moderation.kick(channel, subject="ann")
        await self.town.advance(1)

    async def _revoke(self, subject: str) -> None:
        await self.town.guard.revoke(subject=subject)
        await self.town.advance(1)

    async def _hold(self) -> None:
        self.town.counter.clear()

    async def _admit(self) -> None:
        self.town.counter.set()

    async def _counter(self, is_closed: bool) -> None:
        self.town.has_closed_counter = is_closed

    async def _occupy(self) -> None:
        await self.town.ticket("/ws", "ann", RIGHTS)

    async def _release(self) -> None:
        self.town.gate.set()

    async def _handling(self) -> str:
        """Wait until a line waits."""
        for _ in range(1_000):
            if self.town.waiting:
                return ""
            await settled(self.town, 1)
        return "nothing is being handled"

    async def _handled(self, times: int) -> str:
        return "" if self.town.waiting == times else f"handled {self.town.waiting} times"

    async def _alone(self) -> None:
        await settled(self.town, 0)


def told(wanted: Any, found: Any, *, is_whole: bool = True) -> str:
    """What is wrong with what was told; nothing, where it is what the case wants."""
    if isinstance(wanted, Mapping) and "at_least" in wanted:
        return "" if found is not None and found >= wanted["at_least"] else f"{found!r} is less"
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping) or (is_whole and wanted.keys() != found.keys()):
            return f"there was {found!r}"
        return next((fault for name in wanted if (fault := told(wanted[name], found.get(name)))), "")
    if isinstance(wanted, float) and isinstance(found, int | float):
        return "" if math.isclose(wanted, found, abs_tol=0.05) else f"there was {found!r}"
    return "" if wanted == found else f"there was {found!r}"


async def faults(command: Sequence[str]) -> dict[str, str]:
    """What a client does otherwise than the cases want, by their names."""
    driven = await Driven.begin(command)
    found = {}
    try:
        for case in CASES:
            if case.get("needs", "sign") in driven.can and (fault := await one(driven, case)):
                found[case["name"]] = fault
            if driven.has_ended:
                return {**found, case["name"]: "the client has ended"}
    finally:
        await driven.end()
    return found


async def one(driven: Driven, case: Mapping[str, Any]) -> str:
    """What is wrong in one case."""
    driven.forget()
    has_begun = any(step.get("client", {}).get("do") == "open" for step in case["steps"])
    limits = Limits(identity_sends_per_second=10**9, identity_sends_burst=10**9, **case.get("limits", {}))
    async with Town(limits=limits, now=time.time() if case.get("clock") == "now" else NOON) as town:
        await town.begin(case.get("key"))
        try:
            return await Run(town, driven, case).go()
        except TimeoutError:
            return f"nothing came; there is {dict(driven.told)}"
        finally:
            town.gate.set()
            town.counter.set()
            if has_begun and not driven.has_ended:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await driven.answers[driven.order({"do": "close"})]
