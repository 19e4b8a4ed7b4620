"""A client that speaks the protocol and makes claims about the answers."""

import itertools
import json
import struct
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..policy.binary import joined
from ..policy.codec import Envelope
from ..policy.far_side import spoken, understood
from .raw import BINARY, CLOSE, PING, PONG, TEXT, RawSocket


class Client:
    """One open WebSocket. Pings are answered as a browser would.

    Args:
        socket: after 101.
        subprotocol: what the server chose.
        envelope: how the endpoint's messages look; here they are `type`, `id` and `data` in any.
    """

    def __init__(self, socket: RawSocket, subprotocol: str | None, envelope: Envelope | None = None) -> None:
        self.socket = socket
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason = ""
        self._waiting: deque[dict[str, Any]] = deque()
        self._ids = (f"m{number}" for number in itertools.count(1))
        self._is_open = True
        self._envelope = envelope or Envelope()

    # --- saying ---

    async def send(self, type: str, data: Mapping[str, Any] | None = None, id: str | None = None) -> None:
        """Send one message."""
        await self.send_text(self._written(type, data, id))

    async def send_text(self, text: str) -> None:
        """Send one text frame, whatever is in it."""
        await self.socket.send_frame(TEXT, text.encode("utf-8", "surrogatepass"))

    async def send_binary(
        self, type: str, data: Mapping[str, Any] | None = None, *, payload: bytes, id: str | None = None
    ) -> None:
        """Send one message that carries bytes."""
        await self.socket.send_frame(BINARY, joined(self._written(type, data, id), payload))

    async def close(self, code: int = 1000) -> None:
        """Say goodbye and wait for the answer."""
        if self._is_open:
            await self.socket.send_frame(CLOSE, struct.pack("!H", code))
            async for _ in self:
                continue
        await self.socket.close()

    # --- hearing ---

    async def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            AssertionError: the connection ended instead.
        """
        message = self._waiting.popleft() if self._waiting else await self._next()
        assert message is not None, f"a message was expected, but the connection closed with {self.close_code}"
        return message

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Every message until the connection ends."""
        while (message := self._waiting.popleft() if self._waiting else await self._next()) is not None:
            yield message

    async def answer(self, id: str) -> dict[str, Any]:
        """The answer to the message of that id; what comes before is kept for `receive`."""
        kept: list[dict[str, Any]] = []
        try:
            while True:
                message = await self.receive()
                if message.get("id") == id:
                    return message
                kept.append(message)
        finally:
            self._waiting.extendleft(reversed(kept))

    async def request(self, type: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a message and return the data of its reply.

        Raises:
            AssertionError: it was refused.
        """
        answer = await self._ask(type, data)
        assert answer["type"] == "reply", f"{type} was refused: {answer}"
        reply: dict[str, Any] = answer["data"]
        return reply

    # --- claims ---

    async def assert_refused(
        self, code: str, type: str | None = None, data: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Claim that a message is answered with this error, and the connection stays open.

        Args:
            code: an `ErrorCode`.
            type, data: the message to send; None: it has been sent.
        """
        answer = await self.receive() if type is None else await self._ask(type, data)
        assert (answer["type"], answer.get("code")) == ("error", code), f"expected the error {code}, got {answer}"
        return answer

    async def assert_received(self, type: str) -> dict[str, Any]:
        """Claim that the next message is of this type; return its data."""
        message = await self.receive()
        assert message["type"] == type, f"expected {type}, got {message}"
        data: dict[str, Any] = message.get("data", {})
        return data

    async def assert_nothing_received(self) -> None:
        """Claim that no message is on its way: a ping sent now is answered first."""
        answer = await self._ask("ping", None)
        assert (answer["type"], list(self._waiting)) == ("pong", []), f"expected nothing, got {list(self._waiting)}"

    async def assert_closed(self, code: int) -> str:
        """Claim that the server ends the connection with this code; return its reason."""
        async for _ in self:
            continue
        assert self.close_code == code, f"expected the close code {code}, got {self.close_code} {self.close_reason}"
        return self.close_reason

    # --- frames ---

    def _written(self, type: str, data: Mapping[str, Any] | None, id: str | None) -> str:
        message = {"type": type, "id": id, "data": data}
        said = {name: value for name, value in message.items() if value is not None}
        return json.dumps(spoken(self._envelope, said))

    async def _ask(self, type: str, data: Mapping[str, Any] | None) -> dict[str, Any]:
        id = next(self._ids)
        await self.send(type, data, id)
        return await self.answer(id)

    async def _next(self) -> dict[str, Any] | None:
        while self._is_open:
            frame = await self.socket.receive_frame()
            if frame is None:
                self._is_open = False
            elif frame.opcode == PING:
                await self.socket.send_frame(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                await self._closed(frame.payload)
            elif frame.opcode == TEXT:
                message: dict[str, Any] = json.loads(frame.payload)
                return understood(self._envelope, message)
        return None

    async def _closed(self, payload: bytes) -> None:
        self._is_open = False
        if len(payload) >= 2:
            (self.close_code,) = struct.unpack("!H", payload[:2])
            self.close_reason = payload[2:].decode()
        await self.socket.send_frame(CLOSE, payload[:2])
        await self.socket.close()
