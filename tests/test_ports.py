"""Ports that tests give to servers: none is drawn twice by those that run at once."""

import socket
from itertools import islice

from tests.ports import PORTS, free_port, ports_of, shuffled


def test_ports_of_workers_are_each_its_own() -> None:
    """Together they have all of them, and no two have one in common."""
    shares = [list(ports_of(f"gw{number}", 3)) for number in range(3)]

    assert sorted(PORTS) == sorted(port for share in shares for port in share)


def test_ports_of_a_worker_come_once_each() -> None:
    """One that was given to a server that has not started yet is not given to another."""
    share = ports_of("gw1", 4)

    assert sorted(share) == sorted(islice(shuffled(share), len(share)))


def test_port_that_is_free_has_its_neighbour_free() -> None:
    """As a cluster's server needs it; and no outgoing connection is given either of them."""
    ports = [port + above for port in (free_port(beside=[10_000]) for _ in range(20)) for above in (0, 10_000)]

    assert set(ports) <= set(PORTS)
    for number in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", number))
