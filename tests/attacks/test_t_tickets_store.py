"""T: tickets against the store that keeps them. The lines that need a socket stand beside the handshake's."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.stores.kit import NOW, PATIENT, in_loop, opened, put, take
from tests.stores.redis_kit import prefix_of, redis_store
from tornado_wssec.errors import TicketRefused
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.revocations import Kind, LogEntry, RevocationIndex, make_revocation
from tornado_wssec.policy.tickets import TicketRecord, new_ticket
from tornado_wssec.settings import TokenRules
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.url import open_store

IDENTITY = Identity(subject="u1", issuer="us", token_id="t1", issued_at=NOW - 60, expires_at=NOW + 600)
TICKETS = [f"t{number}" for number in range(200)]


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One of each kind that more than one process can use."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return f"{request.getfixturevalue('redis_url')}?prefix={prefix_of(tmp_path)}"


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """One of each kind, not open."""
    if request.param == "redis":
        return redis_store(request.getfixturevalue("redis_url"), tmp_path)
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db", timeouts=PATIENT)


async def issue(store: Store) -> tuple[str, str]:
    """A ticket of IDENTITY for /ws in the store, and its digest."""
    await store.migrate(NOW)
    await store.open()
    ticket, digest = new_ticket()
    record = TicketRecord.of(IDENTITY, path="/ws", origin="https://a.example", address=None, expires_at=NOW + 30)
    payload = record.to_json()
    assert await store.put_ticket(digest, owner=record.owner, payload=payload, expires_at=NOW + 30, most=10, now=NOW)
    return ticket, digest


async def redeem(store: Store, digest: str, *, path: str = "/ws", origin: str = "https://a.example") -> Identity:
    """What a handshake does with a ticket."""
    payload = await store.take_ticket(digest, NOW)
    if payload is None:
        raise TicketRefused("unknown, spent or expired")
    return TicketRecord.from_json(payload).redeem(path=path, origin=origin, address="192.0.2.1", now=NOW)


@in_loop
async def test_t01_the_second_use_is_refused(store: Store) -> None:
    """The first lets in whom it was issued to, every other nobody."""
    _, digest = await issue(store)
    first = await redeem(store, digest)
    for _ in range(3):
        with pytest.raises(TicketRefused):
            await redeem(store, digest)
    await store.close()

    assert IDENTITY == first


async def _fill(url: str) -> None:
    store = open_store(url, timeouts=PATIENT)
    await store.migrate(NOW)
    await store.open()
    for ticket in TICKETS:
        assert await put(store, ticket, most=len(TICKETS))
    await store.close()


async def _take_all(url: str, start: threading.Barrier, winners: list[str]) -> None:
    store = open_store(url, timeouts=PATIENT)
    await store.open()
    start.wait()
    winners.extend([ticket for ticket in TICKETS if await take(store, ticket) is not None])
    await store.close()


def test_t02_threads_race_and_one_wins(url: str) -> None:
    """Eight servers, each in a thread with a loop and a store of its own, want the same 200 tickets."""
    asyncio.run(_fill(url))
    winners: list[str] = []
    start = threading.Barrier(8)
    threads = [threading.Thread(target=lambda: asyncio.run(_take_all(url, start, winners))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert dict.fromkeys(TICKETS, 1) == Counter(winners)


RACER = """
import asyncio, sys
from tests.stores.kit import take
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.url import open_store
async def main():
    store = open_store(sys.argv[1], timeouts=Timeouts(store_call=60.0))
    await store.open()
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(200):
        if await take(store, f"t{number}") is not None:
            print(f"t{number}")
    await store.close()
asyncio.run(main())
"""


def test_t02_processes_race_and_one_wins(url: str) -> None:
    """Two processes that start at the same moment share 200 tickets between them, none twice and none lost."""
    asyncio.run(_fill(url))
    program, pipe = [sys.executable, "-c", RACER, url], subprocess.PIPE
    racers = [subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert "ready\n" == racer.stdout.readline()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [_finish(racer) for racer in racers]

    assert dict.fromkeys(TICKETS, 1) == Counter(ticket for output in outputs for ticket in output)


def _finish(racer: "subprocess.Popen[str]") -> list[str]:
    output, _ = racer.communicate()
    assert 0 == racer.returncode
    return output.split()


@in_loop
async def test_t03_expiry_is_absolute(store: Store) -> None:
    """One second late is too late, and a clock that steps back brings nothing to life again."""
    _, digest = await issue(store)
    late = await store.take_ticket(digest, NOW + 31)
    stepped_back = await store.take_ticket(digest, NOW + 1)
    await store.close()

    assert (None, None) == (late, stepped_back)


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
@in_loop
async def test_t03_sweeping_resurrects_nothing(store: Store) -> None:
    """What a later ticket swept away is gone for a clock that steps back, too."""
    _, digest = await issue(store)
    await put(store, "later", now=NOW + 31)
    stepped_back = await store.take_ticket(digest, NOW + 1)
    await store.close()

    assert None is stepped_back


@in_loop
async def test_t03_redis_forgets_by_its_own_clock(own_redis: RedisServer, tmp_path: Path) -> None:
    """Nobody need look or sweep: the server lets a ticket end, whatever the clock of a node says by then."""
    async with opened(redis_store(own_redis.url, tmp_path)) as store:
        await put(store, "t", expires_at=NOW + 0.02)
        while ":ticket:" in await asyncio.to_thread(own_redis.ask, "KEYS", "*"):
            pass

        assert None is await take(store, "t", NOW)


@pytest.mark.parametrize("elsewhere", [{"path": "/admin"}, {"origin": "https://evil.example"}])
@in_loop
async def test_t05_a_ticket_used_elsewhere_is_spent(store: Store, elsewhere: dict[str, str]) -> None:
    """Refused where it does not belong, and then where it does: there is one guess."""
    _, digest = await issue(store)
    for binding in (elsewhere, {}):
        with pytest.raises(TicketRefused):
            await redeem(store, digest, **binding)
    await store.close()


@pytest.mark.requirement("R019")
@in_loop
async def test_t06_a_stolen_store_holds_no_ticket(tmp_path: Path) -> None:
    """Whoever reads its files finds nothing that can be presented."""
    store = SqliteStore(tmp_path / "store.db", timeouts=PATIENT)
    ticket, digest = await issue(store)
    stolen = _everything_in(tmp_path)
    presented = await take(store, digest)
    await store.close()

    assert digest.encode() in stolen
    assert ticket.encode() not in stolen
    assert None is presented


def _everything_in(place: Path) -> bytes:
    return b"".join(file.read_bytes() for file in place.iterdir())


@pytest.mark.parametrize(("kind", "value"), [(Kind.SUBJECT, "u1"), (Kind.TOKEN, "t1")])
@in_loop
async def test_t07_a_ticket_carries_what_a_revocation_names(store: Store, kind: Kind, value: str) -> None:
    """Issued, then revoked, then redeemed: the identity that comes back is refused by the index."""
    _, digest = await issue(store)
    index = RevocationIndex()
    index.apply(LogEntry("", make_revocation(kind, value, NOW, rules=TokenRules(), issuer="us")))
    identity = await redeem(store, digest)
    await store.close()

    assert None is not index.revoked(identity, NOW)


@in_loop
async def test_t08_a_flood_evicts_nothing(store: Store) -> None:
    """Of 1,000 asked for at once ten are given out, and those ten are good."""
    await store.migrate(NOW)
    await store.open()
    kept = await asyncio.gather(*(put(store, f"t{number}") for number in range(1_000)))
    good = [await take(store, f"t{number}") for number in range(1_000) if kept[number]]
    await store.close()

    assert 10 == sum(kept)
    assert None not in good
