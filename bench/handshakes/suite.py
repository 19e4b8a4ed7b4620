"""P7: what a handshake costs the server, everything on, against bare Tornado in the same run."""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..bars import HANDSHAKES, Bar
from ..process import ServerProcess
from ..redis import redis_server
from ..results import Figure
from .load import request, shake
from .server import ORIGIN

HANDSHAKES_A_ROUND: Final = 400
WARM_SECONDS: Final = 5.0
"""Longer than a server that has just come asks whether it is alone: `Timeouts.node_alone`."""
MODULE: Final = "bench.handshakes.server"


@dataclass
class Contender:
    """One server and how it is asked.

    Args:
        prepare: makes the requests of one round; what that costs the server is not measured.
        cost: CPU seconds a handshake, of each round.
    """

    name: str
    server: ServerProcess
    prepare: Callable[[ServerProcess], list[bytes]]
    cost: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Measure one round."""
        requests = self.prepare(self.server)
        before = self.server.cpu_seconds()
        count = shake(self.server.port, requests)
        self.cost.append((self.server.cpu_seconds() - before) / count)


def measure(rounds: int) -> list[Figure]:
    """Let the servers take turns, and compare their medians."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        contenders, missing = _contenders(stack, Path(folder))
        warm_at = time.monotonic() + WARM_SECONDS
        while time.monotonic() < warm_at:
            for contender in contenders:
                contender.run()
        for contender in contenders:
            contender.cost.clear()
        for _ in range(rounds):
            for contender in contenders:
                contender.run()
        return _figures(contenders, missing)


def _contenders(stack: ExitStack, folder: Path) -> tuple[list[Contender], dict[str, str]]:
    def serve(*arguments: str) -> ServerProcess:
        return stack.enter_context(ServerProcess(MODULE, *arguments))

    hs256, eddsa = serve("HS256", "memory://"), serve("EdDSA", "memory://")
    sqlite = serve("EdDSA", f"sqlite:///{folder}/wssec.db")
    found = [
        Contender("bare", serve("bare"), lambda server: [request(ORIGIN, None, None)] * HANDSHAKES_A_ROUND),
        Contender("hs256", hs256, _with_fresh_tokens),
        Contender("eddsa", eddsa, _with_fresh_tokens),
        Contender("known", eddsa, _with_one_token),
        Contender("sqlite_ticket", sqlite, _with_tickets),
    ]
    missing = {}
    try:
        url = stack.enter_context(redis_server(folder))
    except FileNotFoundError as error:
        missing["redis_ticket"] = str(error)
    else:
        found.append(Contender("redis_ticket", serve("EdDSA", url), _with_tickets))
    return found, missing


def _with_fresh_tokens(server: ServerProcess) -> list[bytes]:
    tokens = server.ask("tokens", str(HANDSHAKES_A_ROUND))
    return [request(ORIGIN, None, token) for token in tokens]


def _with_one_token(server: ServerProcess) -> list[bytes]:
    (token,) = server.ask("tokens", "1")
    return [request(ORIGIN, None, token)] * HANDSHAKES_A_ROUND


def _with_tickets(server: ServerProcess) -> list[bytes]:
    tickets = server.ask("tickets", str(HANDSHAKES_A_ROUND))
    return [request(ORIGIN, f"wssec.v1, wssec.ticket.{ticket}", None) for ticket in tickets]


def _figures(contenders: list[Contender], missing: dict[str, str]) -> list[Figure]:
    cost = {contender.name: statistics.median(contender.cost) for contender in contenders}
    figures = []
    for bar in HANDSHAKES:
        name = bar.id.partition(".")[2]
        figures.append(_figure(bar, cost["bare"], cost.get(name), missing.get(name, "")))
    return figures


def _figure(bar: Bar, bare: float, ours: float | None, missing: str) -> Figure:
    if ours is None:
        return Figure(bar, None, missing)
    note = f"server CPU a handshake: {ours * 1e6:.0f} µs, bare Tornado {bare * 1e6:.0f} µs"
    return Figure(bar, bare / ours, note)
