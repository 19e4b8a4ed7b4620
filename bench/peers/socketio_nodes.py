"""The python-socketio library in several processes on one port, joined by its Redis manager.

Usage: python -m bench.peers.socketio_nodes REDIS PROCESSES
"""

import os
import socket
import sys
import threading
from typing import Any

import msgspec
import socketio
import uvicorn
import uvloop

from .control import BACKLOG, answer, group_cpu_seconds, raise_descriptors
from .typed import Chat

ROOM = "lobby"
NO_PINGS_SECONDS = 3_600
"""They would be counted as answers."""


def serving(redis: str) -> socketio.ASGIApp:
    """A server that hands on what is said in the room."""
    server = socketio.AsyncServer(
        async_mode="asgi", client_manager=socketio.AsyncRedisManager(redis), ping_interval=NO_PINGS_SECONDS
    )

    @server.event
    async def connect(sid: str, environ: Any) -> None:
        await server.enter_room(sid, ROOM)

    @server.on("chat.post")
    async def post(sid: str, data: Any) -> None:
        msgspec.convert(data, Chat)
        await server.emit("chat.posted", data, room=ROOM)

    return socketio.ASGIApp(server)


def bound(port: int) -> socket.socket:
    """A socket on this port of loopback, which others may listen on, too."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(BACKLOG)
    return sock


async def main(redis: str, sock: socket.socket) -> None:
    """Serve."""
    config = uvicorn.Config(
        serving(redis),
        log_level="error",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
    )
    await uvicorn.Server(config).serve(sockets=[sock])


def end_with(lifeline: int) -> None:
    """End when the first process has."""
    os.read(lifeline, 1)
    os._exit(0)


raise_descriptors()
redis, processes = sys.argv[1], int(sys.argv[2])
sock = bound(0)
port = sock.getsockname()[1]
lifeline, held = os.pipe()
for _ in range(processes - 1):
    if os.fork() == 0:
        os.close(held)
        sock.close()
        sock = bound(port)
        threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()
        break
else:
    answer(port, cpu=group_cpu_seconds)
uvloop.run(main(redis, sock))
