"""A secure chat inside Jupyter Server, as one of its extensions.

jupyter server --ServerApp.jpserver_extensions="{'examples.embedding.jupyter_chat': True}"
"""

from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp

from tornado_wssec import Guard, Registry

from .chat import ChatSocket


class SecureChat(ExtensionApp):
    """Lives and ends with its server."""

    name = "secure_chat"
    guard: Guard

    def initialize_handlers(self) -> None:
        self.guard = Guard.from_env(registry=Registry.scan("schemas.chat"))
        self.guard.install(self.serverapp.web_app, prefix=self.serverapp.base_url)
        self.handlers.append(("/chat", ChatSocket))  # Jupyter puts its base URL before it

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        await self.guard.start()

    async def stop_extension(self) -> None:
        await self.guard.stop()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__, "app": SecureChat}]
