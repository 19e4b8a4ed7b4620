"""One message of each type of the reference catalogues, as it stands on the wire."""

from collections.abc import Mapping
from typing import Any, Final

AT: Final = "2026-01-31T12:00:00.250000+00:00"
UUID: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"

_STROKE: Final[Mapping[str, Any]] = {
    "board": "b1",
    "stroke": UUID,
    "shape": "line",
    "points": [{"x": 1.5, "y": -2.0}, {"x": 3.0, "y": 4.25}],
    "color": "#2b6cb0",
    "style": {"width": 3, "opacity": 0.5, "dash": "dotted"},
    "drawn_at": AT,
    "tags": ["draft"],
}
_COMMAND: Final[Mapping[str, Any]] = {"device": "pump-1", "command": UUID, "action": "set", "settings": {"level": 3.5}}
_READING: Final[Mapping[str, Any]] = {"sensor": "flow", "value": -3.5, "unit": "l/s"}

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat.send": {"room": "lobby", "text": "hello"},
    "chat.posted": {"room": "lobby", "text": "hello", "author": "ann"},
    "moderation.act": {"room": "lobby", "subject": "bob", "measure": "mute", "seconds": 600, "reason": "spam"},
    "moderation.slow": {"room": "lobby", "seconds": 0},
    "moderation.pardon": {"room": "lobby", "subject": "bob", "measure": "ban"},
    "moderation.look": {"room": "lobby"},
    "moderation.remove": {"room": "lobby", "lines": [UUID]},
    "moderation.report": {"room": "lobby", "reporter": "ann", "line": UUID, "what": "abuse", "remark": None},
    "moderation.acted": {"room": "lobby", "subject": "bob", "measure": "ban", "until": None},
    "moderation.pardoned": {"room": "lobby", "subject": "bob", "measure": "mute"},
    "moderation.slowed": {"room": "lobby", "seconds": 30},
    "moderation.removed": {"room": "lobby", "lines": [UUID]},
    "support.list": {},
    "support.open": {"subject": "Where is my parcel?"},
    "support.say": {"room": "c7", "text": "hello\nthere"},
    "support.answer": {"room": "c7", "html": "<b>Today</b>"},
    "support.resolve": {"room": "c7"},
    "support.said": {"room": "c7", "line": UUID, "author": "cleo", "text": "hello", "at": AT},
    "support.answered": {"room": "c7", "line": UUID, "author": "ann", "html": "<b>Today</b>", "at": AT},
    "support.changed": {"room": "c7", "customer": "cleo", "subject": "Parcel", "state": "waiting", "at": AT},
    "board.draw": _STROKE,
    "board.drawn": {**_STROKE, "author": "ann"},
    "market.quote": {
        "symbol": "acme",
        "bid": "10.25",
        "ask": None,
        "bids": [{"price": "10.25", "quantity": 100}],
        "asks": [],
        "at": AT,
    },
    "order.place": {
        "order": UUID,
        "account": "ab12",
        "symbol": "acme",
        "side": "buy",
        "quantity": 10,
        "limit": "10.250001",
        "timeInForce": "gtc",
        "reduceOnly": False,
    },
    "order.cancel": {"order": UUID, "account": "ab12"},
    "order.changed": {
        "order": UUID,
        "account": "ab12",
        "symbol": "acme",
        "side": "buy",
        "quantity": 10,
        "limit": None,
        "state": "filled",
        "filled": 10,
        "average": "10.25",
        "at": AT,
    },
    "device.telemetry": {
        "device": "pump-1",
        "at": AT,
        "readings": [_READING],
        "position": {"at": [52.5, 13.4], "within": None},
        "health": "WARN",
        "upFor": 12.5,
        "address": "2001:db8::1",
    },
    "device.mine": {},
    "device.enrol": {"kind": "lamp", "label": "Desk"},
    "device.remove": {"device": "pump-1"},
    "device.seen": {"device": "pump-1", "online": True},
    "device.command": {**_COMMAND, "waitSeconds": 30},
    "device.acknowledge": {"device": "pump-1", "command": UUID, "done": False, "why": "no power"},
    "device.ordered": _COMMAND,
    "device.reported": {"device": "pump-1", "at": AT, "readings": [_READING], "health": "OK"},
    "device.acknowledged": {"device": "pump-1", "command": UUID, "done": True, "why": ""},
    "dashboard.ask": {
        "tenant": "acme",
        "dashboard": "sales",
        "metrics": ["revenue"],
        "since": AT,
        "until": None,
        "step": "1h",
        "most": 24,
    },
    "dashboard.watch": {
        "tenant": "acme",
        "dashboard": "sales",
        "metrics": ["revenue"],
        "step": "10s",
        "compare": True,
    },
    "dashboard.figures": {
        "tenant": "acme",
        "dashboard": "sales",
        "revision": 7,
        "day": "2026-01-31",
        "series": [
            {
                "metric": "revenue",
                "labels": {"region": "north"},
                "samples": [{"at": AT, "value": 1e6}, {"at": AT, "value": None}],
            }
        ],
    },
    "dashboard.alarm": {
        "tenant": "acme",
        "metric": "errors",
        "severity": "critical",
        "value": 12.0,
        "threshold": 10.0,
        "at": AT,
    },
}
