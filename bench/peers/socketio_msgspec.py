"""The python-socketio library by uvicorn on uvloop, with msgspec: events in, acknowledgements out."""

from typing import Any

import msgspec
import socketio
import uvicorn
import uvloop

from ..messages import KINDS
from .control import answer, listening
from .typed import Chat, Stroke

server = socketio.AsyncServer(async_mode="asgi")


@server.on("chat.send")
async def send(sid: str, data: Any) -> Any:
    """The small message."""
    msgspec.convert(data, Chat)
    return KINDS["small"].answer


@server.on("board.stroke")
async def draw(sid: str, data: Any) -> Any:
    """The medium one."""
    msgspec.convert(data, Stroke)
    return KINDS["medium"].answer


async def main() -> None:
    """Serve."""
    sock = listening()
    config = uvicorn.Config(
        socketio.ASGIApp(server),
        log_level="error",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
    )
    answer(sock.getsockname()[1])
    await uvicorn.Server(config).serve(sockets=[sock])


uvloop.run(main())
