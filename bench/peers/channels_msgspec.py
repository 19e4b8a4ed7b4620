"""Django Channels by daphne, with msgspec."""

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from daphne.server import Server
from django.conf import settings
from django.urls import path

from .control import answer
from .typed import respond

settings.configure(INSTALLED_APPS=["channels"], SECRET_KEY="of no use here", ALLOWED_HOSTS=["*"])
django.setup()


class Talk(AsyncWebsocketConsumer):
    """Answers each message."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Look at one message."""
        await self.send(text_data=respond(text_data or "").decode())


def ready() -> None:
    """Tell the port."""
    answer(server.listening_addresses[0][1])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws", Talk.as_asgi())])})
server = Server(
    application=application,
    endpoints=["tcp:port=0:interface=127.0.0.1"],
    ready_callable=ready,
    signal_handlers=False,
    verbosity=0,
)
server.run()
