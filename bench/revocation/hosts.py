"""Two hosts on one machine: ours, and a network namespace with nothing but a cable to it.

What is not allowed here (a container without CAP_NET_ADMIN, a system without namespaces) is told, and done by ports
alone. The namespace lives as long as the process that holds it, and that ends with its standard input: nothing is left
of it, whatever happens to us.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = "127.0.0.1"
NETWORK: Final = "198.18.{}.{}"
"""For measurements between networks; no route of anybody's leads there (RFC 2544 appendix C, RFC 6890)."""
HOLD: Final = ("unshare", "--net", "sh", "-c", "ip link set lo up && echo held && exec cat")
DEAF_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where programs run.

    Args:
        store_address: where a store is found from both.
        enter: what a command begins with to run on the other host; empty where that is ours, too.
        told: what this amounts to, for whoever reads the result.
    """

    store_address: str
    enter: Sequence[str]
    told: str

    @property
    def are_two(self) -> bool:
        """Whether the other one is another one."""
        return bool(self.enter)


ONE_HOST: Final = Hosts(LOOPBACK, (), "one host, a port for each server")


@contextmanager
def two_hosts(hold: Sequence[str] = HOLD) -> Iterator[Hosts]:
    """Another host beside ours; or ours twice where the machine allows no more, and why.

    Args:
        hold: makes a namespace, says so in a line, and keeps it for as long as its standard input is open.
    """
    try:
        holder = subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        yield _without(str(error))
        return
    assert holder.stdout is not None
    try:
        if not holder.stdout.readline():
            yield _without(holder.communicate(timeout=DEAF_SECONDS)[1].decode().strip())
            return
        yield _connected(holder.pid)
    finally:
        # The kernel takes its time to clear a namespace away, and the cable goes with one of its ends.
        with suppress(OSError):
            _run("ip", "link", "delete", _end_of(holder.pid))
        holder.kill()
        holder.communicate()


def _connected(namespace: int) -> Hosts:
    """Lay a cable between us and the namespace of a process; it goes with the namespace."""
    ours, theirs = _end_of(namespace), "wssec"
    net = namespace % 256
    enter = ("nsenter", f"--target={namespace}", "--net")
    commands = (
        ("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", str(namespace)),
        ("ip", "address", "add", f"{NETWORK.format(net, 1)}/24", "dev", ours),
        ("ip", "link", "set", ours, "up"),
        (*enter, "ip", "address", "add", f"{NETWORK.format(net, 2)}/24", "dev", theirs),
        (*enter, "ip", "link", "set", theirs, "up"),
    )
    for command in commands:
        try:
            ran = _run(*command)
        except OSError as error:
            return _without(str(error))
        if ran.returncode:
            return _without(f"`{' '.join(command)}`: {ran.stderr.strip()}")
    return Hosts(NETWORK.format(net, 1), enter, "two hosts, a network namespace each, with a cable between them")


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEAF_SECONDS)


def _end_of(namespace: int) -> str:
    """Our end of the cable to it."""
    return f"wssec{namespace}"  # 15 characters at most, and a pid has seven


def _without(reason: str) -> Hosts:
    told = f"{ONE_HOST.told}: this machine allows no network namespaces to user {os.getuid()} ({reason})"
    return Hosts(LOOPBACK, (), told)
