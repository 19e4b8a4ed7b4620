"""What a client of the protocol holds: in Python here, for browsers in `static/`.

async with Client("wss://app.example.com/ws/chat", credential=bearer(token)) as client:
    await client.subscribe("room:lobby")
    await client.request("chat.send", {"room": "lobby", "text": "hello"})
    async for event in client.events():
        print(event)
"""

from pathlib import Path
from typing import Final

from ..client_modules import module_url
from .connection import Client
from .credentials import Shown, api_key, bearer, first_message, ticket, ticket_for
from .signing import MessageSigner, public_jwk
from .states import Event, HttpRefused, Refused, State, Stopped

__all__ = [
    "STATIC",
    "Client",
    "Event",
    "HttpRefused",
    "MessageSigner",
    "Refused",
    "Shown",
    "State",
    "Stopped",
    "api_key",
    "bearer",
    "first_message",
    "module_url",
    "public_jwk",
    "ticket",
    "ticket_for",
]

STATIC: Final = Path(__file__).parent / "static"
"""The folder of the browser's modules; `guard.routes(client=True)` serves them."""
