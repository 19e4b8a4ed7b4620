"""What an identity may have holds over servers that are processes, also when one of them is killed."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.kits import CHAT, GENEROUS
from tests.redis_server import RedisServer, wait_until
from tests.stores.kit import PATIENT, in_loop
from tornado_wssec import Guard
from tornado_wssec.policy.session_directory import Entry
from tornado_wssec.stores.url import open_store
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

from .counting import CAP, LEASE_SECONDS
from .sharing import PATIENCE_SECONDS, ROOT, Server, environment_of, make_store, several, sharing

COUNTING = "tests.processes.counting"
IDENTITIES = 12
RACERS = 4
"""Handshakes of one identity at each server, all at once."""


class Door:
    """Knocks at servers, and keeps what opens."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._issuer = Guard.from_env(environment, registry=CHAT, limits=GENEROUS, timeouts=PATIENT)
        self._issuer.keeper.start()
        self._open: list[RawSocket] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        for raw in self._open:
            await raw.close()

    async def knock(self, server: Server, subject: str = "ann", session: str | None = None) -> tuple[RawSocket, int]:
        """A connection, and the status of its handshake."""
        token = self._issuer.issue_token(subject, session=session)
        raw = await RawSocket.open(server.port)
        self._open.append(raw)
        headers = handshake_headers(f"127.0.0.1:{server.port}", origin=ORIGIN, token=token)
        return raw, (await raw.upgrade("/ws", headers)).status

    async def statuses(self, servers: Sequence[Server], subject: str = "ann") -> list[int]:
        """Of handshakes at these servers, one after the other."""
        return [(await self.knock(server, subject))[1] for server in servers]

    async def until_admitted(self, server: Server, subject: str = "ann") -> float:
        """Knock until there is a place; return the monotonic second at which there was."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                _, status = await self.knock(server, subject)
                if status == 101:
                    return time.monotonic()
                assert status == 429
                await asyncio.sleep(0.05)


async def wssec(environment: dict[str, str], *arguments: str) -> Any:
    """What the command says to programs, in a process of its own."""
    command = (sys.executable, "-m", "tornado_wssec", *arguments, "--json")
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, cwd=ROOT, env=bare | environment)
    told, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(told)


async def known(environment: dict[str, str], count: int) -> list[Entry]:
    """What the directory says once it knows of so many connections."""
    store = open_store(environment["WSSEC_STORE"], timeouts=PATIENT)
    await store.open()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                entries, _ = await store.list_entries(after="", most=1000, now=time.time())
                if len(entries) == count:
                    return list(entries)
                await asyncio.sleep(0.05)
    finally:
        await store.close()


@in_loop
async def test_quota_holds_over_processes(environment: dict[str, str]) -> None:
    """Of the handshakes of an identity that arrive together at three processes as many are let in as may be."""
    await make_store(environment)
    async with Door(environment) as door, several(3, environment, COUNTING) as servers:
        for number in range(IDENTITIES):
            asked = [server for server in servers for _ in range(RACERS)]
            came = await asyncio.gather(*(door.knock(server, f"u{number}") for server in asked))
            statuses = [status for _, status in came]
            assert (CAP, len(asked) - CAP) == (statuses.count(101), statuses.count(429))
            for raw, _ in came[::2]:
                await raw.close()
            await door.until_admitted(servers[number % 3], f"u{number}")


@in_loop
async def test_quota_of_a_killed_process_is_free_within_its_lease(environment: dict[str, str]) -> None:
    """And not before: its connections may be there still for all that the others know. Another takes its place.

    That one runs already when it is killed: a slow machine may start nothing within a lease.
    """
    await make_store(environment)
    async with Door(environment) as door, several(3, environment, COUNTING) as [dead, living, new]:
        assert [101] * CAP + [429] == await door.statuses([dead] * CAP + [living])
        killed_at = time.monotonic()
        dead.process.kill()
        await dead.process.wait()
        assert [429] == await door.statuses([new])
        waited = await door.until_admitted(living) - killed_at

        assert LEASE_SECONDS / 2 < waited
        assert [101] * (CAP - 1) + [429] == await door.statuses([new, living, new, living])
        assert {living.process.pid, new.process.pid} == {entry.pid for entry in await known(environment, CAP)}


@in_loop
async def test_quota_of_a_process_that_stops_is_free_at_once(environment: dict[str, str]) -> None:
    """Nobody waits for the lease of one that says goodbye."""
    await make_store(environment)
    async with Door(environment) as door, sharing(environment, COUNTING) as living:
        async with sharing(environment, COUNTING) as leaving:
            assert [101] * CAP + [429] == await door.statuses([leaving] * CAP + [living])

        assert [101] * CAP + [429] == await door.statuses([living] * (CAP + 1))


def each_has_looked(server: RedisServer) -> None:
    """Return once every node has renewed its lease, and so knows of the others."""

    def leases() -> list[str]:
        return server.ask("ZRANGE", "{wssec}:nodes", "0", "-1", "WITHSCORES").split()

    before = set(leases()[4::4])
    wait_until(lambda: not before.intersection(leases()[4::4]), "every node to renew its lease")


@in_loop
async def test_quota_is_a_share_while_redis_is_away(own_redis: RedisServer, tmp_path: Path) -> None:
    """Each of two servers gives half; when it is back, it is told of everybody, and the whole counts again."""
    environment = environment_of(own_redis.url, tmp_path)
    await make_store(environment)
    async with Door(environment) as door, several(2, environment, COUNTING) as [one, two]:
        assert [101] == await door.statuses([one])
        each_has_looked(own_redis)
        own_redis.stop()
        assert [101, 429, 101, 101, 429] == await door.statuses([one, one, two, two, two])
        own_redis.start()
        entries = await known(environment, CAP)

        assert sorted([one.process.pid] * 2 + [two.process.pid] * 2) == sorted(entry.pid or 0 for entry in entries)


@pytest.mark.requirement("R040")
@in_loop
async def test_sessions_are_listed_and_kicked_at_every_process(environment: dict[str, str]) -> None:
    """By the command: both ends of the session close with what it says, others stay, and all may come back."""
    await make_store(environment)
    async with Door(environment) as door, several(2, environment, COUNTING) as servers:
        ends = [Client((await door.knock(server, "ann", "s1"))[0], None) for server in servers]
        other = Client((await door.knock(servers[0], "ann", "s2"))[0], None)
        entries = await known(environment, 3)
        listed = await wssec(environment, "sessions", "list", "--session", "s1")
        seen = await wssec(environment, "top")
        kicked = await wssec(environment, "sessions", "kick", "s1", "--reason", "please reload")
        told = [await end.assert_closed(4403) for end in ends]

        assert ["please reload"] * 2 == told
        assert {server.process.pid for server in servers} == {entry["pid"] for entry in listed}
        assert (3, 1, 2) == (seen["connections"], seen["identities"], len(seen["nodes"]))
        assert (2, True) == (kicked["connections"], kicked["acknowledged"])
        assert {"s1", "s2"} == {entry.session for entry in entries}
        await other.assert_nothing_received()
        assert 101 == (await door.knock(servers[1], "ann", "s1"))[1]
