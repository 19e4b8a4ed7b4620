"""Four servers of one store, their clients, and the command that revokes."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tornado_wssec import Timeouts
from tornado_wssec.policy.issuance import issue_token
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import TokenRules
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.url import open_store

from ..load.driver import request
from ..process import CLIENT_CORE, SERVER_CORE, ServerProcess, pinned
from ..visitors import AUDIENCE, ISSUER, ORIGIN, PERMISSIONS, TTL_SECONDS
from .load import TALKERS

SERVERS: Final = 4
OLD_SECONDS: Final = 3_600
LOOK_SECONDS: Final = 0.01
PATIENCE_SECONDS: Final = 30.0
REVOKED: Final = 4403


@dataclass(frozen=True, slots=True)
class Group:
    """Connections that one revocation ends.

    Args:
        kind, value: what is revoked.
        tokens: each with which a client connects to every server.
    """

    kind: str
    value: str
    tokens: Sequence[str]

    @property
    def name(self) -> str:
        """How the load client knows them."""
        return f"{self.kind} {self.value}"


@dataclass(frozen=True, slots=True)
class Revoked:
    """What one command came to.

    Args:
        at: the wall second in the entry: before the store was opened.
        ended_at: that at which the command had ended.
        closed: the wall second at which each client had its close frame.
    """

    group: Group
    at: float
    ended_at: float
    closed: Sequence[float] = field(repr=False)

    @property
    def latencies(self) -> list[float]:
        """Seconds from the entry to each close frame."""
        return [moment - self.at for moment in self.closed]

    @property
    def after_the_command(self) -> float:
        """Seconds from the end of the command to the last close frame; below zero where that was first."""
        return max(self.closed) - self.ended_at


class Issuer:
    """Signs tokens with two keys: one that can be revoked, and its successor.

    Args:
        folder: where the key file is written.
    """

    def __init__(self, folder: Path) -> None:
        now = time.time()
        self.keys = folder / "revocation-keys.json"
        self._old = KeyRing().generate(now=now - OLD_SECONDS)
        self._new = self._old.rotate(now - OLD_SECONDS)
        self._rules = TokenRules(issuer=ISSUER, audience=AUDIENCE)
        self._count = 0
        KeyFile(self.keys).create(self._new)

    def group(self, kind: str, value: str, tokens: int = 2) -> Group:
        """Tokens that are alike in one thing alone; those of a token are the same one."""
        if kind == "key":
            value = self._old.current.kid
        made = [self._token(kind, value) for _ in range(1 if kind == "token" else tokens)]
        return Group(kind, value, made * tokens if kind == "token" else made)

    def others(self, tokens: int) -> Group:
        """Who has nothing to do with any of it."""
        return Group("nothing", "at all", [self._token("", "") for _ in range(tokens)])

    def _token(self, kind: str, value: str) -> str:
        self._count += 1
        own = f"{self._count}"
        named: dict[str, Any] = {"subject": f"u{own}", "tenant": f"t{own}", "session": f"s{own}", "token": f"j{own}"}
        if kind in named:
            named[kind] = value
        return issue_token(
            self._old if kind == "key" else self._new,
            self._rules,
            subject=named["subject"],
            tenant=named["tenant"],
            session_id=named["session"],
            token_id=named["token"],
            permissions=PERMISSIONS,
            ttl=TTL_SECONDS,
            now=time.time(),
        )


class Scene:
    """Servers of one store.

    Args:
        folder: for the keys and the plans.
        url: the store, which is made.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self._url = url
        self._plans = 0
        self.issuer = Issuer(folder)
        asyncio.run(_make_store(url))

    def __enter__(self) -> Self:
        self.servers = [self._stack.enter_context(self._serve(number)) for number in range(SERVERS)]
        return self

    def _serve(self, number: int) -> ServerProcess:
        """Seconds are measured here, not shares of a core: they have what there is."""
        core = CLIENT_CORE if number % 2 else SERVER_CORE
        return ServerProcess("bench.revocation.server", str(self.issuer.keys), self._url, core=core)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def connect(self, groups: Sequence[Group], others: Group | None = None, pace: float = 1.0) -> ServerProcess:
        """Clients in a process of their own, each of whose tokens is shown at every server.

        Args:
            others: who talks, each to one server, once in `pace` seconds.
        """
        rows = [row for group in groups for token in group.tokens for row in self._everywhere(group.name, token)]
        talking = others.tokens if others else ()
        rows += [self._row(TALKERS, number, token) for number, token in enumerate(talking)]
        self._plans += 1
        plan = self._folder / f"plan-{self._plans}.json"
        plan.write_text(json.dumps(rows), encoding="utf-8")
        clients = ServerProcess("bench.revocation.load", str(plan), str(pace), core=CLIENT_CORE)
        return self._stack.enter_context(clients)

    def _everywhere(self, name: str, token: str) -> Iterator[tuple[str, int, str]]:
        return (self._row(name, number, token) for number in range(SERVERS))

    def _row(self, name: str, number: int, token: str) -> tuple[str, int, str]:
        port = self.servers[number % SERVERS].port
        return name, port, request(port, "/ws", token=token, origin=ORIGIN)

    def revoke(self, clients: ServerProcess, group: Group) -> Revoked:
        """Run the command, and wait until all whom it is about are closed.

        Raises:
            RuntimeError: the command failed, or one of them was not closed, or not as it should be.
        """
        command = [sys.executable, "-m", "tornado_wssec", "revoke", group.kind, group.value, "--json"]
        with pinned(CLIENT_CORE):
            ran = subprocess.run(
                command, capture_output=True, text=True, check=False, env={**os.environ, "WSSEC_STORE": self._url}
            )
        ended_at = time.time()
        if ran.returncode:
            raise RuntimeError(f"`wssec revoke` ended with {ran.returncode}: {ran.stderr or ran.stdout}")
        expected = len(group.tokens) * SERVERS
        until = time.monotonic() + PATIENCE_SECONDS
        while len(closed := clients.ask("closed").get(group.name, [])) < expected:
            if time.monotonic() > until:
                raise RuntimeError(f"{len(closed)} of {expected} sockets of {group.name} were closed")
            time.sleep(LOOK_SECONDS)
        if odd := {code for _, code in closed} - {REVOKED}:
            raise RuntimeError(f"sockets of {group.name} ended with {odd}")
        return Revoked(group, json.loads(ran.stdout)["at"], ended_at, [moment for moment, _ in closed])


async def _make_store(url: str) -> None:
    store = open_store(url, timeouts=Timeouts(store_call=PATIENCE_SECONDS))
    await store.migrate(time.time() - OLD_SECONDS)
    await store.close()
