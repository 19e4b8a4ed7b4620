"""The benchmark of revocations: what it makes of what it has measured, and what it will not overlook."""

import asyncio

import pytest

from bench.bars import REVOCATION
from bench.revocation.load import Client, Clients, masked
from bench.revocation.scene import Group, Revoked
from bench.revocation.suite import ensure_others_live, figures

GROUP = Group("tenant", "large", ["token"])


def test_figures_are_of_the_worst_store() -> None:
    """The p99 is that of Redis alone; each as a share of what is promised."""
    singles = {"redis": [0.01] * 99 + [0.02], "sqlite": [0.03] * 99 + [0.5]}
    tenants = {"redis": Revoked(GROUP, 100.0, 101.0, [100.5]), "sqlite": Revoked(GROUP, 100.0, 101.0, [101.0])}
    made = figures(singles, tenants, "")

    assert list(REVOCATION) == [each.bar for each in made]
    assert [pytest.approx(0.202, abs=0.01), 0.5, 0.5] == [each.figure for each in made]


def test_figures_without_a_server_are_none() -> None:
    """What was not measured does not hold."""

    assert [(None, "no Redis")] * 3 == [
        (each.figure, each.note) for each in figures({"sqlite": [0.1, 0.2]}, {}, "no Redis")
    ]


def test_run_counts_for_nothing_where_too_many_were_closed() -> None:
    """Also where it was one of those who talk."""
    ensure_others_live(["subject a"], ["subject a"])
    with pytest.raises(RuntimeError, match=r"closed that nobody revoked.*talkers"):
        ensure_others_live(["subject a", "talkers"], ["subject a"])


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        """Nothing has to be closed."""


def test_client_reads_what_comes_in_pieces() -> None:
    """An answer, a ping, and at last a close frame, whose code it keeps and returns."""

    async def read() -> tuple[Clients, Wire]:
        clients, wire = Clients(), Wire()
        client = Client(clients, "g")
        client.connection_made(wire)
        long = b"\x81\x7e\x00\x80" + b"x" * 128
        stream = b"HTTP/1.1 101 Switching\r\n\r\n" + b"\x81\x02{}" + long + b"\x89\x01p" + b"\x88\x02\x11\x33"
        for place in range(len(stream)):
            client.data_received(stream[place : place + 1])
        client.connection_lost(None)
        return clients, wire

    clients, wire = asyncio.run(read())

    assert 2 == clients.answers
    assert [4403] == [code for _, code in clients.closed["g"]]
    assert masked(0x8A, b"p") + masked(0x88, b"\x11\x33") == wire.written
