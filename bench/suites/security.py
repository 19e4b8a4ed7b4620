"""P5: what all security work costs, over the same engine echoing.

One engine says every message again; the other admits it first, as every message is admitted, and asks once more as it
comes to be handled: open, budgets, JSON, schema, permission, rights that may have been withdrawn meanwhile. The kernel,
the handler and its answer are in neither.
"""

import statistics
import time
from collections.abc import Callable
from typing import Final

from tornado_wssec import Registry
from tornado_wssec.endpoint import Endpoint
from tornado_wssec.handover import compiled_unmask
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.pipeline import readmit
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.settings import Timeouts
from tornado_wssec.wire.engine import Engine
from tornado_wssec.wire.speaking import GONE

from ..bars import SECURITY
from ..frames import TEXT, frame
from ..messages import MEDIUM, SMALL
from ..peers import ours
from ..results import Figure, Outcome

FRAMES: Final = 500
GOES: Final = 40
KINDS: Final = {"P5.small": (SMALL, 3.0), "P5.medium": (MEDIUM, 8.0)}
"""What each bar is about: the kind of message, and the microseconds that its figure is a share of."""
GRANTS: Final = ("chat:write:*", "board:draw:*")


def measure(rounds: int) -> Outcome:
    """Let the two take turns."""
    figures, table = [], {}
    for bar in SECURITY:
        kind, allowed = KINDS[bar.id]
        framed = frame(TEXT, kind.text.encode())
        costs: dict[str, list[float]] = {"echo": [], "secured": []}
        engines = {"echo": echoing(), "secured": secured()}
        for _ in range(rounds):
            for name, engine in engines.items():
                costs[name].append(least_cost(engine, framed))
        echo, whole = (statistics.median(costs[name]) for name in ("echo", "secured"))
        note = f"{whole - echo:.2f} µs; the echo costs {echo:.2f} µs, with security {whole:.2f} µs"
        figures.append(Figure(bar, (whole - echo) / allowed, note))
        table[kind.name] = {"echo": round(echo, 2), "secured": round(whole, 2)}
    return Outcome(figures, {"security": table})


def echoing() -> Engine:
    """An engine that says everything again."""

    def receive(text: str) -> None:
        engine.answer(text.encode(), 0.0)

    engine = _engine(receive)
    return engine


def secured() -> Engine:
    """One that admits it first, for somebody who may say it."""
    registry = Registry(ours.Send, ours.Draw, ours.Post, ours.Posted, ours.RoomChannel)
    pipeline = Endpoint.of(ours.Socket, registry, (), ours.RAISED).pipeline
    now = time.monotonic()
    identity = Identity(subject="u1", permissions=Grants(GRANTS))
    session = Session("s1", identity, ours.RAISED, Account(ours.RAISED, now), now)

    def receive(text: str) -> None:
        now = time.monotonic()
        readmit(pipeline.admit(text, session, now), session, now)
        engine.answer(text.encode(), now)

    engine = _engine(receive)
    return engine


def least_cost(engine: Engine, framed: bytes) -> float:
    """Microseconds of CPU for a message that comes alone, in the best of several goes: others use this core, too."""
    best = float("inf")
    for _ in range(GOES):
        begin = time.process_time_ns()
        for _ in range(FRAMES):
            engine.data_received(framed)
        best = min(best, time.process_time_ns() - begin)
    return best / FRAMES / 1_000


def _engine(receive: Callable[[str], None]) -> Engine:
    engine = Engine(ours.RAISED, Timeouts(), receive=receive, lost=lambda *_: None, unmask=compiled_unmask)
    engine.attach(GONE)
    return engine
