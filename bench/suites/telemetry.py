"""T1: what counting and timing adds to a message, on and off in turns over one real socket.

Off is the same code without the lines that count, which no setting of the product can do. What reads the counters, the
metrics' page every fifteen seconds and the alarm every five, is no part of a message. The client's work is not timed.
"""

import asyncio
import inspect
import logging
import statistics
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from unittest.mock import patch

from tornado_wssec import Registry, conversation, reception
from tornado_wssec.clock import Clock
from tornado_wssec.conversation import Conversation
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.wire import engine
from tornado_wssec.wire.engine import Engine

from ..bars import TELEMETRY
from ..frames import TEXT, frame
from ..messages import SMALL
from ..peers import ours
from ..results import Figure, Outcome

TURNS: Final = 10
GOES: Final = 30
FRAMES: Final = 160
AT_ONCE: Final = {"T1.small": 1, "T1.pipelined": 16}
"""How many messages one read brings, for each bar."""
GRANTS: Final = ("chat:write:*",)

FOUND: Final = "known, meter = spec, meters[spec.type]"
COUNTED: Final = """\
                counted: Meter = meter
                count = counted.count = counted.count + 1
                began = None if count % TIMED_ONE_IN else self._monotonic()
"""
TIMED: Final = """\
                if began is not None:
                    meter.seconds.observe(self._monotonic() - began)
"""

Receive = Callable[[Engine, bytes], None]


def without(module: object, function: Callable[..., Any], **lines: str) -> Any:
    """The function, made anew without these lines of it.

    Raises:
        RuntimeError: it has no such line any more, and this suite has to follow.
    """
    source = inspect.getsource(function)
    for line, instead in lines.items():
        wanted = globals().get(line, line)
        if wanted not in source:
            raise RuntimeError(f"{function.__qualname__} has no {line} any more; bench/suites/telemetry.py must follow")
        source = source.replace(wanted, instead)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(source), vars(module), names)  # noqa: S102 - it is our own source
    return names[function.__name__]


HEARD: Final = "        self._heard += count\n"


class Uncounted(Conversation):
    """A conversation that counts nothing."""

    __slots__ = ()

    receive_all = without(
        conversation,
        Conversation.receive_all,
        FOUND="known, meter = spec, None",
        COUNTED="                began = None\n",
        TIMED="",
    )
    _handle_counted = Conversation._handle


RECEIVE: Final[Mapping[str, Receive]] = {
    "on": Engine.data_received,
    "off": without(engine, Engine.data_received, HEARD=""),
}
CONVERSATIONS: Final = {"on": Conversation, "off": Uncounted}


def measure(rounds: int) -> Outcome:
    """Let the two take turns, ten times or more."""
    logging.getLogger("tornado_wssec").setLevel(logging.ERROR)
    costs = asyncio.run(_measured(max(rounds, TURNS)))
    figures, table = [], {}
    for bar in TELEMETRY:
        on, off = (statistics.median(costs[bar.id, name]) for name in ("on", "off"))
        note = f"{on - off:+.2f} µs; a message costs {off:.2f} µs without, {on:.2f} µs with"
        figures.append(Figure(bar, (on - off) / off, note))
        table[bar.id] = {"on": round(on, 2), "off": round(off, 2)}
    return Outcome(figures, {"telemetry": table})


async def _measured(turns: int) -> dict[tuple[str, str], list[float]]:
    """Microseconds a message, of each turn, by bar and variant."""
    kit = GuardKit(
        [("/ws", ours.Socket)],
        registry=Registry(ours.Send, ours.Draw, ours.Post, ours.Posted, ours.RoomChannel),
        limits=ours.RAISED,
        clock=Clock(),
    )
    kit.clock.wall = time.time()
    costs: dict[tuple[str, str], list[float]] = {(bar, name): [] for bar in AT_ONCE for name in RECEIVE}
    async with kit:
        talks = {name: await _talk(kit, name) for name in RECEIVE}
        for turn in range(turns):
            for bar, at_once in AT_ONCE.items():
                for name in sorted(talks, reverse=turn % 2 == 1):
                    client, end = talks[name]
                    costs[bar, name].append(await least_cost(client, end, RECEIVE[name], at_once))
    return costs


async def _talk(kit: GuardKit, name: str) -> tuple[Client, Engine]:
    """A client and the engine at its other end."""
    with patch.object(reception, "Conversation", CONVERSATIONS[name]):
        client = await kit.connect("/ws", subject=name, permissions=GRANTS)
    (end,) = [live.connection for live in kit.guard.hub if live.session.identity.subject == name]
    if not isinstance(end, Engine):
        raise RuntimeError(f"a {type(end).__name__} is no engine")
    return client, end


async def least_cost(client: Client, end: Engine, receive: Receive, at_once: int) -> float:
    """Microseconds of CPU for a message, in the best of several goes: others use this core, too."""
    framed, best = frame(TEXT, SMALL.text.encode()) * at_once, float("inf")
    for _ in range(GOES):
        begin = time.process_time_ns()
        for _ in range(FRAMES // at_once):
            receive(end, framed)
        best = min(best, time.process_time_ns() - begin)
        for _ in range(FRAMES):
            await client.receive()
    return best / FRAMES / 1_000
