"""The picows library, compiled from end to end, on uvloop, with msgspec."""

import asyncio

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from .control import answer, listening
from .typed import respond


class Talk(WSListener):
    """Answers each message."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Look at one frame."""
        if frame.msg_type == WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, respond(frame.get_payload_as_memoryview()))
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


def greet(request: WSUpgradeRequest) -> WSListener:
    """One listener a connection."""
    return Talk()


async def main() -> None:
    """Serve."""
    sock = listening()
    await ws_create_server(greet, sock=sock)
    answer(sock.getsockname()[1])
    await asyncio.Event().wait()


uvloop.run(main())
