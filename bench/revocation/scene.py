"""Four servers of one store, their clients, and the command that revokes."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
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
from .hosts import ONE_HOST, Hosts
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
    """Signs tokens with keys that can be revoked, and with their successor.

    Args:
        folder: where the key file is written.
        old_keys: how many can be revoked.
    """

    def __init__(self, folder: Path, old_keys: int = 1) -> None:
        now = time.time()
        self.keys = folder / "revocation-keys.json"
        self._old = [KeyRing().generate(now=now - OLD_SECONDS)]
        for _ in range(old_keys):
            self._old.append(self._old[-1].rotate(now - OLD_SECONDS))
        self._new = self._old.pop()
        self._rules = TokenRules(issuer=ISSUER, audience=AUDIENCE)
        self._count = 0
        KeyFile(self.keys).create(self._new)

    def group(self, kind: str, value: str, tokens: int = 2) -> Group:
        """Tokens that are alike in one thing alone; those of a token are the same one, each key is another one."""
        ring = self._new
        if kind == "key":
            ring = self._old.pop()
            value = ring.current.kid
        made = [self._token(kind, value, ring) for _ in range(1 if kind == "token" else tokens)]
        return Group(kind, value, made * tokens if kind == "token" else made)

    def others(self, tokens: int) -> Group:
        """Who has nothing to do with any of it."""
        return Group("nothing", "at all", [self._token("", "", self._new) for _ in range(tokens)])

    def _token(self, kind: str, value: str, ring: KeyRing) -> str:
        self._count += 1
        own = f"{self._count}"
        named: dict[str, Any] = {"subject": f"u{own}", "tenant": f"t{own}", "session": f"s{own}", "token": f"j{own}"}
        if kind in named:
            named[kind] = value
        return issue_token(
            ring,
            self._rules,
            subject=named["subject"],
            tenant=named["tenant"],
            session_id=named["session"],
            token_id=named["token"],
            permissions=PERMISSIONS,
            ttl=TTL_SECONDS,
            now=time.time(),
        )


class Crowd:
    """The clients of all servers: a process on each host, since servers listen to their own host alone.

    Args:
        processes: one or two.
    """

    def __init__(self, processes: Sequence[ServerProcess]) -> None:
        self._processes = processes

    def closed(self) -> dict[str, list[tuple[float, int | None]]]:
        """By group: the wall second of each end, and its code; None where there was none."""
        found: dict[str, list[tuple[float, int | None]]] = {}
        for process in self._processes:
            for name, ends in process.ask("closed").items():
                found.setdefault(name, []).extend(ends)
        return found

    def answers(self) -> int:
        """How often anybody was answered."""
        return sum(process.ask("answers") for process in self._processes)


class Scene:
    """Servers of one store, half of them on either host.

    Args:
        folder: for the keys and the plans.
        url: the store, which is made.
        hosts: where they run.
        old_keys: how many keys can be revoked.
    """

    def __init__(self, folder: Path, url: str, hosts: Hosts = ONE_HOST, old_keys: int = 1) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self._url = url
        self._hosts = hosts
        self._plans = 0
        self.issuer = Issuer(folder, old_keys)
        asyncio.run(_make_store(url))

    def __enter__(self) -> Self:
        self.servers = [self._stack.enter_context(self._serve(number)) for number in range(SERVERS)]
        return self

    def _serve(self, number: int) -> ServerProcess:
        """Seconds are measured here, not shares of a core: they have what there is."""
        core = CLIENT_CORE if number % 2 else SERVER_CORE
        arguments = ("bench.revocation.server", str(self.issuer.keys), self._url)
        return ServerProcess(*arguments, core=core, program=self._python_of(number))

    def _python_of(self, number: int) -> Sequence[str] | None:
        """What runs a module where a server is."""
        is_here = number < SERVERS // 2 or not self._hosts.are_two
        return None if is_here else (*self._hosts.enter, sys.executable, "-m")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def connect(self, groups: Sequence[Group], others: Group | None = None, pace: float = 1.0) -> Crowd:
        """Clients in processes of their own, each of whose tokens is shown at every server.

        Args:
            others: who talks, each to one server, once in `pace` seconds.
        """
        talking = others.tokens if others else ()
        places = [(number % SERVERS, TALKERS, token) for number, token in enumerate(talking)]
        everywhere = [(group.name, token) for group in groups for token in group.tokens]
        places += [(number, *who) for who in everywhere for number in range(SERVERS)]
        found: dict[Sequence[str] | None, list[tuple[str, int, str]]] = {}
        for number, name, token in places:
            port = self.servers[number].port
            row = name, port, request(port, "/ws", token=token, origin=ORIGIN)
            found.setdefault(self._python_of(number), []).append(row)
        return Crowd([self._load(rows, pace, program) for program, rows in found.items()])

    def _load(self, rows: Sequence[tuple[str, int, str]], pace: float, program: Sequence[str] | None) -> ServerProcess:
        self._plans += 1
        plan = self._folder / f"plan-{self._plans}.json"
        plan.write_text(json.dumps(rows), encoding="utf-8")
        clients = ServerProcess("bench.revocation.load", str(plan), str(pace), core=CLIENT_CORE, program=program)
        return self._stack.enter_context(clients)

    def revoke(self, clients: Crowd, group: Group) -> Revoked:
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
        while len(closed := clients.closed().get(group.name, [])) < expected:
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
