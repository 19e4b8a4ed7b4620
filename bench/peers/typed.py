"""The two messages as msgspec knows them; for every peer in Python that brings no validation of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ..messages import KINDS


class Chat(msgspec.Struct):
    """One line."""

    room: str
    text: str
    reply_to: int
    urgent: bool
    lang: str


class Style(msgspec.Struct):
    """How a stroke looks."""

    color: str
    width: float
    tool: str


class Point(msgspec.Struct):
    """Where the pen was, how hard it was pressed, and when."""

    x: float
    y: float
    p: float
    t: int


class Stroke(msgspec.Struct):
    """One stroke."""

    stroke: UUID
    drawn_at: datetime
    board: str
    style: Style
    points: list[Point]
    tags: list[str]


class Send(msgspec.Struct, tag="chat.send"):
    """The small message."""

    id: str
    data: Chat


class Draw(msgspec.Struct, tag="board.stroke"):
    """The medium one."""

    id: str
    data: Stroke


_decode = msgspec.json.Decoder(Send | Draw).decode
_encode = msgspec.json.Encoder().encode
_ANSWERS: dict[type, dict[str, Any]] = {Send: KINDS["small"].answer, Draw: KINDS["medium"].answer}


def respond(text: str | bytes) -> bytes:
    """Read and validate one message; the answer to it."""
    message = _decode(text)
    return _encode({"type": "reply", "id": message.id, "data": _ANSWERS[type(message)]})
