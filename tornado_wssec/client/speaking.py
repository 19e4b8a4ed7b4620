"""What a client says: at once, or once there is a connection; signed where it must be; and answered, or refused."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from ..policy.codec import Envelope
from ..policy.far_side import spoken
from .answers import Answers, Backlog, Outgoing
from .signing import MessageSigner
from .states import Refused, State
from .transport import Transport, Unreachable

CLOSED: Final = State("stopped", "closed")


class Speaking:
    """The side of a client that speaks.

    Args:
        envelope: how the endpoint's messages look.
        signed: the types that are signed.
        queue: messages that may wait while there is no connection.
        within: seconds that a request waits for its answer.
    """

    def __init__(self, envelope: Envelope, *, signed: Collection[str], queue: int, within: float) -> None:
        self.state = CLOSED
        self._envelope = envelope
        self._signed = frozenset(signed)
        self._within = within
        self._answers = Answers()
        self._backlog = Backlog(queue)
        self._link: Transport | None = None
        self._signer: MessageSigner | None = None

    async def request(
        self,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        payload: bytes | None = None,
        within: float | None = None,
    ) -> dict[str, Any]:
        """Send a message and return the data of its reply. While there is no connection it waits in the queue.

        Args:
            type: as declared.
            data: its fields.
            payload: the bytes behind it, where the type takes bytes.
            within: seconds; None: as the client was made.

        Raises:
            Refused: the server said no, or nobody answered.
            ValueError: a flat envelope needs a name that the data uses.
        """
        self._ensure_sayable(type, data)
        return await self._asked(self._send, outgoing(type, data, payload, self._answers.expect()), within)

    async def send(self, type: str, data: Mapping[str, Any] | None = None, *, payload: bytes | None = None) -> None:
        """Send a message that nobody waits for; what is wrong with it comes as an `error` event.

        Raises:
            Refused: there is no room for it, or the connection has stopped.
            ValueError: a flat envelope needs a name that the data uses.
        """
        self._ensure_sayable(type, data)
        await self._send(outgoing(type, data, payload))

    @property
    def _is_open(self) -> bool:
        return self.state.name == "open"

    async def _asked(
        self, send: Callable[[Outgoing], Awaitable[None]], one: Outgoing, within: float | None = None
    ) -> dict[str, Any]:
        id = one.message["id"]
        limit = self._within if within is None else within
        try:
            async with asyncio.timeout(limit):
                await send(one)
                return await self._answers.answer(id)
        except TimeoutError:
            raise Refused("no_answer", f"nothing came within {limit:g} s") from None
        finally:
            self._answers.forget(id)

    def _ensure_sayable(self, type: str, data: Mapping[str, Any] | None) -> None:
        spoken(self._envelope, {"type": type, "data": data})

    async def _send(self, one: Outgoing) -> None:
        if self.state.name == "stopped":
            raise Refused("stopped", self.state.reason)
        if self._is_open:
            await self._write(one)
        else:
            self._backlog.add(one)

    async def _write(self, one: Outgoing) -> None:
        self._answers.mark_sent(one.id)
        message = one.message
        if message["type"] in self._signed:
            if self._signer is None:
                raise Refused("signing_failed", "the client was made without signing_key=")
            jws = self._signer.sign(json.dumps(spoken(self._envelope, message)))
            # The id stands outside, too: an envelope that is refused was never opened.
            message = outgoing("wssec.signed", {"jws": jws}, None, one.id).message
        try:
            if self._link is None:
                raise Unreachable
            await self._link.write(message, one.payload)
        except Unreachable:
            raise Refused("disconnected") from None


def outgoing(
    type: str, data: Mapping[str, Any] | None, payload: bytes | None = None, id: str | None = None
) -> Outgoing:
    """A message as it is said, without what it has not."""
    message = {"type": type, "id": id, "data": data}
    return Outgoing({name: value for name, value in message.items() if value is not None}, payload)
