"""What the load client says, and what a server answers: the same text for every server that speaks plain WebSocket.

Standard library only: the peers import it in environments of their own.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

CHAT: Final = {
    "room": "lobby",
    "text": "Lunch at 12:30?",
    "reply_to": 41,
    "urgent": False,
    "lang": "en",
}

STROKE: Final[dict[str, Any]] = {
    "stroke": "6f1c2a9e-3b7d-4c58-9a10-5e2f8d4b7c61",
    "drawn_at": "2026-01-31T12:00:00.250000Z",
    "board": "team-7",
    "style": {"color": "#1d4ed8", "width": 2.5, "tool": "pen"},
    "points": [
        {"x": 120.25 + 3 * step, "y": 340.5 - 2 * step, "p": 0.5 + (step % 4) / 8, "t": 16 * step} for step in range(20)
    ],
    "tags": ["draft", "retro"],
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message.

    Args:
        type: its name on the wire.
        answer: the data of the answer.
    """

    name: str
    type: str
    data: dict[str, Any]
    answer: dict[str, Any]

    @property
    def text(self) -> str:
        """As it is sent."""
        return compact({"type": self.type, "id": "17", "data": self.data})

    @property
    def event(self) -> str:
        """As Socket.IO sends it: an event that wants an acknowledgement."""
        return "420" + compact([self.type, self.data])


def compact(value: Any) -> str:
    """JSON without a needless byte."""
    return json.dumps(value, separators=(",", ":"))


SMALL: Final = Kind("small", "chat.send", CHAT, {"delivered": True})
MEDIUM: Final = Kind("medium", "board.stroke", STROKE, {"stored": len(STROKE["points"])})
KINDS: Final = {kind.name: kind for kind in (SMALL, MEDIUM)}

SUBSCRIBE: Final = compact({"type": "wssec.subscribe", "id": "1", "data": {"channel": "room:lobby"}})
POST: Final = compact({"type": "chat.post", "data": CHAT})
"""What is handed on to everyone in the room; it has no id, so that nothing else is answered."""

LONG_POST: Final = compact({"type": "chat.post", "data": {**CHAT, "text": "Lunch? " * 280}})
"""Two kilobytes: of these a listener who reads nothing has soon enough."""


def reply(message_id: str | None, data: Any) -> str:
    """The answer of a server that has no faster way to write JSON."""
    return compact({"type": "reply", "id": message_id, "data": data})
