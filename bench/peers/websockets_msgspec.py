"""The websockets library on uvloop, with msgspec."""

import asyncio

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from .control import answer, listening
from .typed import respond

listeners: set[ServerConnection] = set()


async def talk(connection: ServerConnection) -> None:
    """Answer each message, or in the room hand it on."""
    if connection.request is not None and connection.request.path == "/room":
        await listen(connection)
        return
    async for text in connection:
        await connection.send(respond(text), text=True)


async def listen(connection: ServerConnection) -> None:
    """Hand on what comes."""
    listeners.add(connection)
    async for text in connection:
        if '"chat.post"' in str(text):
            broadcast(listeners, text)
        else:
            await connection.send("{}")


async def main() -> None:
    """Serve."""
    sock = listening()
    async with serve(talk, sock=sock, compression=None):
        answer(sock.getsockname()[1])
        await asyncio.Event().wait()


uvloop.run(main())
