"""Ports for servers that are told theirs before they start."""

import os
import random
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

PORTS: Final = range(12_000, 30_000)
"""Below the ports that outgoing connections are given: else one of those may take it before the server does."""
_DRAWN: Final = random.Random(os.getpid())  # no secret: processes that test at once draw different ones


def free_port(*, beside: Sequence[int] = ()) -> int:
    """A port of 127.0.0.1 that nobody uses, nor those that lie so far above it."""
    while True:
        port = _DRAWN.choice(PORTS)
        if all(_is_free(port + above) for above in (0, *beside)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
