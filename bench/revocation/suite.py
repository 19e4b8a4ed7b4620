"""P10: how long `wssec revoke` takes until sockets are closed, on four processes of one store, while clients talk.

By Redis two of the processes are on another host, where the machine allows that. First 4,000 sockets, of which each
command ends eight, two on each process; then 8,000 of one tenant and one command.
The clock starts with the time in the entry, which is before the command has opened the store; it stops as the client
reads the close frame.
"""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..bars import REVOCATION, Bar
from ..process import most_connections
from ..redis import redis_server
from ..results import Figure, Outcome
from .hosts import ONE_HOST, Hosts, two_hosts
from .scene import SERVERS, Revoked, Scene

KINDS: Final = ("token", "session", "subject", "tenant", "key")
TOKENS: Final = 2
LIVE: Final = 4_000
OF_A_TENANT: Final = 8_000
PACE_SECONDS: Final = 2.0
PROMISED_SECONDS: Final = 1.0
P99_SECONDS: Final = 0.05
TENANT_SECONDS: Final = 2.0
STORES: Final = ("redis", "sqlite")


def measure(rounds: int) -> Outcome:
    """Revoke so many of each kind, and then the large tenant, on each store."""
    singles: dict[str, list[float]] = {}
    tenants: dict[str, Revoked] = {}
    missing = ""
    for name in STORES:
        try:
            with tempfile.TemporaryDirectory() as folder, _store(name, Path(folder)) as (url, hosts):
                revoked, tenants[name] = _measured(Path(folder), url, hosts, rounds)
        except FileNotFoundError as error:
            missing = str(error)
        else:
            singles[name] = [latency for each in revoked for latency in each.latencies]
            print(f"  {name}, {hosts.told}: {_told(singles[name])}; {_told_of_tenant(tenants[name])}", flush=True)
            print("\n".join(_told_of_kinds(revoked)), flush=True)
    return Outcome(figures(singles, tenants, missing))


@contextmanager
def _store(name: str, folder: Path) -> Iterator[tuple[str, Hosts]]:
    """A store and where its servers run; those of one file are on one host."""
    if name == "redis":
        with two_hosts() as hosts, redis_server(folder, hosts.store_address) as url:
            yield url, hosts
    else:
        yield f"sqlite:///{folder}/wssec.db", ONE_HOST


def _measured(folder: Path, url: str, hosts: Hosts, rounds: int) -> tuple[list[Revoked], Revoked]:
    with Scene(folder, url, hosts, old_keys=rounds + 1) as scene:
        groups = [
            scene.issuer.group(kind, f"{kind}-{number}", TOKENS) for number in range(rounds + 1) for kind in KINDS
        ]
        talkers = scene.issuer.others(LIVE - len(groups) * TOKENS * SERVERS)
        clients = scene.connect(groups, talkers, PACE_SECONDS)
        revoked = [scene.revoke(clients, group) for group in groups]
        large = scene.issuer.group("tenant", "large", most_connections(OF_A_TENANT) // SERVERS)
        of_tenant = scene.revoke(scene.connect([large]), large)
        ensure_others_live(list(clients.closed()), [group.name for group in groups])
        return revoked[len(KINDS) :], of_tenant  # what the first round takes is no revocation alone


def ensure_others_live(closed: Sequence[str], expected: Sequence[str]) -> None:
    """See that no other group has lost anybody.

    Raises:
        RuntimeError: one has.
    """
    if set(closed) != set(expected):
        raise RuntimeError(f"sockets were closed that nobody revoked: {set(closed) - set(expected)}")


def figures(singles: dict[str, list[float]], tenants: dict[str, Revoked], missing: str) -> list[Figure]:
    """What was measured on each store, against the bars.

    Args:
        missing: why one of the stores was not to be had; empty where both were.
    """
    by_redis, worst, tenant = REVOCATION
    told = "; ".join(f"{name} {_told(each)}" for name, each in singles.items())
    told_of_tenants = "; ".join(f"{name} {_told_of_tenant(each)}" for name, each in tenants.items())
    return [
        _figure(by_redis, [p99(singles[name]) / P99_SECONDS for name in singles if name == "redis"], told, missing),
        _figure(worst, [max(each) / PROMISED_SECONDS for each in singles.values()], told, missing),
        _figure(tenant, [max(each.latencies) / TENANT_SECONDS for each in tenants.values()], told_of_tenants, missing),
    ]


def _figure(bar: Bar, shares: list[float], told: str, missing: str) -> Figure:
    """The worst of the stores; none where one of them is missing."""
    return Figure(bar, None, missing) if missing else Figure(bar, max(shares), told)


def p99(latencies: Sequence[float]) -> float:
    """What one in a hundred takes longer than."""
    return statistics.quantiles(latencies, n=100, method="inclusive")[-1]


def _told(latencies: Sequence[float]) -> str:
    middle, late, last = statistics.median(latencies), p99(latencies), max(latencies)
    return f"p50 {middle * 1e3:.0f} ms, p99 {late * 1e3:.0f} ms, at worst {last * 1e3:.0f} ms of {len(latencies):,}"


def _told_of_kinds(revoked: Sequence[Revoked]) -> Iterator[str]:
    """A line for each kind."""
    for kind in KINDS:
        latencies = [latency for each in revoked if each.group.kind == kind for latency in each.latencies]
        yield f"    revoke {kind:<8}{_told(latencies)}"


def _told_of_tenant(revoked: Revoked) -> str:
    return f"{len(revoked.closed):,} of one tenant within {max(revoked.latencies):.2f} s"
