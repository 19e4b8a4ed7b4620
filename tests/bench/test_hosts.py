"""Another host for a measurement: a network namespace where the machine allows one, else the reason why not."""

import socket
import subprocess
import sys
from collections.abc import Sequence

import pytest

from bench.revocation.hosts import LOOPBACK, two_hosts

REFUSED = ("sh", "-c", "echo 'unshare failed: Operation not permitted' >&2; exit 1")
KNOCK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).sendall(b'there')"


@pytest.mark.parametrize(
    ("hold", "reason"),
    [(REFUSED, "Operation not permitted"), (("no-such-program",), "no-such-program")],
    ids=["refused", "no program"],
)
def test_hosts_are_one_where_the_machine_allows_no_more(hold: Sequence[str], reason: str) -> None:
    """The store is on the loopback then, nothing is entered, and the reason is told."""
    with two_hosts(hold) as hosts:
        assert (LOOPBACK, False) == (hosts.store_address, hosts.are_two)
        assert reason in hosts.told


def test_hosts_share_nothing_but_the_cable() -> None:
    """What listens at the store's address is reached from the other one; what listens to ours alone is not."""
    with two_hosts() as hosts, socket.create_server((hosts.store_address, 0)) as store:
        port = store.getsockname()[1]
        python = [*hosts.enter, sys.executable, "-c", KNOCK]
        subprocess.run([*python, hosts.store_address, str(port)], check=True)
        heard, _ = store.accept()
        with heard, socket.create_server((LOOPBACK, 0)) as own:
            of_ours = [*python, LOOPBACK, str(own.getsockname()[1])]
            failed = subprocess.run(of_ours, check=False, capture_output=True).returncode != 0

            assert (b"there", hosts.are_two) == (heard.recv(100), failed)


def test_hosts_end_with_their_use() -> None:
    """Neither the namespace nor the cable is there afterwards."""
    with two_hosts() as hosts:
        address = hosts.store_address
    if address != LOOPBACK:
        with pytest.raises(OSError, match="assign"):
            socket.create_server((address, 0))
