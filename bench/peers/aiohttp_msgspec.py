"""The aiohttp library, whose reader is compiled, on uvloop, with msgspec."""

import asyncio

import uvloop
from aiohttp import WSMsgType, web

from .control import answer, listening
from .typed import respond


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Answer each message."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(respond(message.data).decode())
    return socket


async def main() -> None:
    """Serve."""
    app = web.Application()
    app.router.add_get("/ws", talk)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    sock = listening()
    await web.SockSite(runner, sock).start()
    answer(sock.getsockname()[1])
    await asyncio.Event().wait()


uvloop.run(main())
