"""The socket that both hosts mount: the very class that a server of its own would."""

from typing import Any

from schemas import chat
from tornado_wssec import SecureWebSocketHandler, on


class ChatSocket(SecureWebSocketHandler):
    """A chat."""

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        await self.publish(f"room:{data['room']}", chat.Posted, {**data, "author": self.identity.subject})
        return {"delivered": True}
