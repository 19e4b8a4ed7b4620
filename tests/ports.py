"""Ports for servers that are told theirs before they start."""

import os
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Final

PORTS: Final = range(12_000, 30_000)
"""Below the ports that outgoing connections are given: else one of those may take it before the server does."""


def ports_of(worker: str, workers: int) -> Sequence[int]:
    """Those of one of the processes that test at once: none draws what another may have drawn and not bound yet.

    Args:
        worker: as pytest-xdist names it, `gw0` and so on.
    """
    return PORTS[int(worker.removeprefix("gw")) :: workers]


def shuffled(ports: Sequence[int]) -> Iterator[int]:
    """All of them before one comes again: it may not be bound yet either."""
    drawn = random.Random(os.getpid())  # no secret: programs that a test starts draw in an order of their own
    return cycle(drawn.sample(ports, len(ports)))


_NEXT: Final = shuffled(
    ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
)


def free_port(*, beside: Sequence[int] = ()) -> int:
    """A port of 127.0.0.1 that nobody uses, nor those that lie so far above it."""
    return next(port for port in _NEXT if all(_is_free(port + above) for above in (0, *beside)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return port in PORTS
    return False
