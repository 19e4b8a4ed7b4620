"""FastAPI with pydantic, by uvicorn on uvloop and httptools, with the fastest of its WebSocket implementations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter

from ..messages import KINDS
from .control import answer, listening

app = FastAPI()


class Chat(BaseModel):
    """One line."""

    room: str
    text: str
    reply_to: int
    urgent: bool
    lang: str


class Style(BaseModel):
    """How a stroke looks."""

    color: str
    width: float
    tool: str


class Point(BaseModel):
    """Where the pen was, how hard it was pressed, and when."""

    x: float
    y: float
    p: float
    t: int


class Stroke(BaseModel):
    """One stroke."""

    stroke: UUID
    drawn_at: datetime
    board: str
    style: Style
    points: list[Point]
    tags: list[str]


class Send(BaseModel):
    """The small message."""

    type: Literal["chat.send"]
    id: str
    data: Chat


class Draw(BaseModel):
    """The medium one."""

    type: Literal["board.stroke"]
    id: str
    data: Stroke


MESSAGE: TypeAdapter[Send | Draw] = TypeAdapter(Annotated[Send | Draw, Field(discriminator="type")])
ANSWERS = {Send: KINDS["small"].answer, Draw: KINDS["medium"].answer}


@app.websocket("/ws")
async def talk(socket: WebSocket) -> None:
    """Answer each message."""
    await socket.accept()
    try:
        while True:
            message = MESSAGE.validate_json(await socket.receive_text())
            await socket.send_json({"type": "reply", "id": message.id, "data": ANSWERS[type(message)]})
    except WebSocketDisconnect:
        pass


async def main() -> None:
    """Serve."""
    sock = listening()
    config = uvicorn.Config(
        app, log_level="error", http="httptools", ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off"
    )
    answer(sock.getsockname()[1])
    await uvicorn.Server(config).serve(sockets=[sock])


uvloop.run(main())
