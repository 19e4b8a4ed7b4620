"""A kit for testing your own handlers: a clock turned by hand, minted tokens, and clients that make claims.

Nothing here needs a test framework; each part is a plain object or an async context manager:

    async with GuardKit([(r"/ws", ChatSocket)], registry=registry) as kit:
        ann = await kit.connect("/ws", subject="ann", permissions=["chat:write:lobby"])
        await ann.request("chat.send", {"room": "lobby", "text": "hello"})
        await ann.assert_refused("permission_denied", "chat.send", {"room": "board", "text": "hello"})
"""

from .client import Client
from .clock import HandClock
from .kit import GuardKit
from .raw import Frame, RawSocket, Response
from .strategies import Spoken, messages, near_misses

__all__ = ["Client", "Frame", "GuardKit", "HandClock", "RawSocket", "Response", "Spoken", "messages", "near_misses"]
