"""A server with ten thousand connections and an operations page: `python -m tests.ops.serving 10000`.

With `history` behind it, the page has a past that looks like a morning: for the pictures in the documentation.
"""

import asyncio
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from tornado.web import Application

from tests.kits import CHAT, ChatSocket
from tests.ops.crowd import fill
from tests.ports import free_port
from tests.starter.running import ROOT
from tornado_wssec import Guard, Limits, pressure
from tornado_wssec.clock import Clock
from tornado_wssec.ops.observer import SAMPLE_SECONDS, SAMPLES, Observer, Sample
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import Secret, Settings, Timeouts
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing.kit import HeldKeys

ISSUER = "https://issuer.example.com"
PATIENCE_SECONDS = 60.0
"""For which a loop may stand still and still let somebody in: ten thousand in it, and a machine without time for us."""


def tell(line: str) -> None:
    """Say something to whoever has started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def remember_a_morning(guard: Guard, many: int) -> None:
    """Fill the history: people come, some with old tokens, and for some minutes somebody tries origins."""
    observer = guard.audit.watcher
    assert isinstance(observer, Observer)
    now = guard.clock.wall()
    observer.samples.clear()
    for each in range(SAMPLES - 1):
        refused = {"credential": 2 + round(2 * math.sin(each / 9) + math.sin(each / 2))}
        if 430 < each < 520:
            refused["origin"] = round(24 * math.sin((each - 430) / 90 * math.pi) + 3 * math.sin(each))
        if each % 40 == 0:
            refused["rate"] = 3
        known = round(many * (0.55 + 0.45 * math.sin(each / SAMPLES * math.pi / 2)) + 40 * math.sin(each / 7))
        at = now - SAMPLE_SECONDS * (SAMPLES - each)
        observer.samples.append(Sample(at, known, {name: max(0, count) for name, count in refused.items()}, 0))


async def main(many: int, *, has_history: bool) -> None:
    """Print where the page is and what it takes, and serve until the end of the input."""
    clock, port = Clock(), free_port()
    settings = Settings.from_env(
        {},
        issuer=ISSUER,
        audience="chat",
        origins=(f"http://127.0.0.1:{port}", "https://app.example.com"),
        cookie_secret="c" * 48,
        keys_passphrase=Secret("correct horse battery staple"),
    )
    guard = Guard(
        settings=settings,
        registry=CHAT,
        store=MemoryStore(wall=clock.wall),
        keys=HeldKeys(KeyRing().generate(now=clock.wall())),
        limits=Limits(
            connections=2 * many + 1_000,
            connections_per_subject=50,
            connections_per_address=1_000,
            departures_per_second=100.0 * many,  # at its end nobody is there who could come back
        ),
        timeouts=Timeouts(ping_interval=3_600.0),
    )
    app = Application([(r"/ws", ChatSocket), *guard.routes(ops=True)], wssec=guard)
    with patch.object(pressure, "SHED_LAG_SECONDS", PATIENCE_SECONDS):
        await serve(guard, app, port, many, has_history=has_history)


async def serve(guard: Guard, app: Application, port: int, many: int, *, has_history: bool) -> None:
    """Fill it, say so, and serve until the end of the input."""
    async with guard:
        guard.listen(app, port)
        await fill(guard, ChatSocket, many)
        if has_history:
            remember_a_morning(guard, many)
        every = ["wssec:ops:read", "wssec:ops:act", "chat:**"]
        for grants in (every, every[:1], every[2:]):
            tell(guard.issue_token("ops-ann" if len(grants) > 1 else "ops-bob", grants, ttl=3_600))
        # A loop that was busy with ten thousand lets nobody in for a while.
        while not guard.is_ready():  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.05)
        tell(f"http://127.0.0.1:{port}")
        await asyncio.to_thread(sys.stdin.read)


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Args:
        url: of the page.
        acts, reads, neither: tokens of operators who may act, may read alone, and may neither.
    """

    url: str
    acts: str
    reads: str
    neither: str


@contextmanager
def served(many: int, *options: str) -> Iterator[Served]:
    """Run it in a process of its own."""
    command = [sys.executable, "-m", __name__, str(many), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        acts, reads, neither, url = (server.stdout.readline().strip() for _ in range(4))
        yield Served(f"{url}/wssec/ops", acts, reads, neither)
        server.stdin.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), has_history="history" in sys.argv))
