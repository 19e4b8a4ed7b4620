"""`wssec revoke`, with four servers of one store and hundreds of sockets: exactly what matches is closed, everywhere.

The one second of the contract is the only time that is asserted here. It is counted from the end of the command to the
close frame at the client, where `make bench` counts from the entry's own time: a busy machine has room for what it does
in between. How fast it really is stands in docs/performance.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.redis import redis_server
from bench.revocation.hosts import Hosts, two_hosts
from bench.revocation.load import TALKERS
from bench.revocation.scene import SERVERS, Scene

KINDS: Final = ("token", "session", "subject", "tenant", "key")
TOKENS: Final = 10
TALKING: Final = 200
PROMISED_SECONDS: Final = 1.0


@pytest.fixture
def hosts(capsys: pytest.CaptureFixture[str]) -> Iterator[Hosts]:
    """Two, or one where the machine allows no more; which, is told."""
    with two_hosts() as found:
        with capsys.disabled():
            sys.stderr.write(f"\n[{found.told}]")
        yield found


@pytest.mark.requirement("R080")
def test_revocation_closes_what_matches_on_every_process(environment: dict[str, str], tmp_path: Path) -> None:
    """4403 for each socket of a token, session, subject, tenant and key, within a second; nobody else notices."""
    with Scene(tmp_path, environment["WSSEC_STORE"]) as scene:
        assert_exactly_those_are_closed(scene)


@pytest.mark.standard("WebSocket cheat sheet session end")
@pytest.mark.requirement("R080")
def test_revocation_closes_what_matches_on_another_host(hosts: Hosts, tmp_path: Path) -> None:
    """The same with two of the servers in a network of their own, to which only Redis has a way."""
    with redis_server(tmp_path, hosts.store_address) as url, Scene(tmp_path, url, hosts) as scene:
        assert_exactly_those_are_closed(scene)


def assert_exactly_those_are_closed(scene: Scene) -> None:
    """Claim that each command closes all whom it names, and that whoever talks goes on."""
    groups = [scene.issuer.group(kind, f"the-{kind}", TOKENS) for kind in KINDS]
    clients = scene.connect(groups, scene.issuer.others(TALKING), pace=2.0)
    for number, group in enumerate(groups):
        revoked = scene.revoke(clients, group)

        assert {each.name: TOKENS * SERVERS for each in groups[: number + 1]} == {
            name: len(ends) for name, ends in clients.closed().items()
        }
        assert revoked.after_the_command < PROMISED_SECONDS
    before = clients.answers()
    while clients.answers() < before + TALKING:
        assert TALKERS not in clients.closed()
