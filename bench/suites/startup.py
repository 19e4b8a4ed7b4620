"""What declared types cost at the start: seconds of CPU until the first connection can come, and memory. No bar.

Each number of types is measured in a process of its own; of three, the quickest counts.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from marshmallow import Schema, fields, validate

from tornado_wssec import PUBLIC, Identifier, Message, PlainText, Registry, SecureWebSocketHandler, on
from tornado_wssec.policy.fields import StrictBoolean, StrictDateTime, StrictFloat, StrictInteger
from tornado_wssec.testing import GuardKit

from ..results import Outcome

COUNTS: Final = (10, 100, 1_000)
ATTEMPTS: Final = 3
ROOT: Final = Path(__file__).resolve().parents[2]


class Point(Schema):
    """What is nested."""

    x = StrictFloat(required=True)
    y = StrictFloat(required=True)


def measure(rounds: int) -> Outcome:
    """Start with more and more types."""
    table = {}
    for count in COUNTS:
        told = min([_started(count) for _ in range(ATTEMPTS)], key=lambda one: one["seconds"])
        print(f"  {count} types: {told['seconds']:.2f} s, {told['bytes'] / 2**20:.1f} MiB", flush=True)
        table[str(count)] = told
    return Outcome([], {"startup": table})


def _started(count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.suites.startup", str(count)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def start(count: int) -> dict[str, float]:
    """Declare so many types of eight fields, half of them answered, and make a guard ready to serve them."""
    begun, before = time.process_time(), _held_bytes()
    declared = [_message(number) for number in range(count)]
    handled = on(*[one for one in declared if one.opts.direction == "in"])(lambda socket, data: None)
    handler = type("ManySocket", (SecureWebSocketHandler,), {"handle": handled, "anonymous": True})
    kit = GuardKit([("/ws", handler)], registry=Registry(*declared))
    kit.guard.check(kit.app)
    kit.guard.reception.endpoint_of(handler)
    return {"seconds": round(time.process_time() - begun, 3), "bytes": _held_bytes() - before}


def _message(number: int) -> type[Message]:
    meta = {"type": f"many.type{number}", "permission": PUBLIC, "direction": "out" if number % 2 else "in"}
    members: dict[str, Any] = {
        "board": Identifier(required=True),
        "text": fields.String(required=True, validate=validate.Length(1, 2_000)),
        "label": PlainText(max_length=64),
        "colour": fields.String(validate=validate.OneOf(["red", "green", "blue"])),
        "width": StrictInteger(validate=validate.Range(1, 9)),
        "is_last": StrictBoolean(),
        "at": StrictDateTime(),
        "points": fields.List(fields.Nested(Point), validate=validate.Length(max=400)),
    }
    return type(f"Type{number}", (Message,), {"Meta": type("Meta", (), meta), "__module__": __name__, **members})


def _held_bytes() -> int:
    """Memory of this process, where the system tells it; else 0."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * 4096 if pages.exists() else 0


if __name__ == "__main__":
    print(json.dumps(start(int(sys.argv[1]))))
