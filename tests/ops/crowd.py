"""Thousands of connections that are none: in the hub and in the directory, without a socket."""

import asyncio
from collections.abc import Callable
from typing import Final

from tornado_wssec import Guard
from tornado_wssec.closing import Close
from tornado_wssec.endpoint import Endpoint
from tornado_wssec.handler import SecureWebSocketHandler
from tornado_wssec.hub import Live
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.lifetime import Lifetime
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.session import Session
from tornado_wssec.wire.outgoing import Outgoing

HOSTILE: Final = "<img/src=x/onerror=alert(1)>"
"""A subject without a space, as tokens have them; a browser would take it for a tag all the same."""
TENANTS: Final = ("acme", "globex", "initech", "umbrella")


class NoSocket:
    """A connection whose peer takes everything and leaves when it is told to."""

    def __init__(self, buffered_bytes: int) -> None:
        self.buffered_bytes = buffered_bytes
        self.sent_bytes = 4_096
        self.heard_frames = 12
        self.is_reading = True
        self.leave: Callable[[], None] = lambda: None

    def watch(self, *told: object) -> None:
        """Nothing is ever seen."""

    def send(self, message: Outgoing, now: float) -> bool:
        return True

    def answer(self, text: bytes, now: float) -> bool:
        return True

    def ping(self, nonce: bytes) -> None:
        """Nobody answers, and nobody waits for it."""

    def close(self, close: Close) -> None:
        asyncio.get_running_loop().call_soon(self.leave)

    def abort(self) -> None:
        self.leave()

    def pause(self) -> None:
        """Nothing comes anyway."""

    def resume(self) -> None:
        """As above."""

    def set_message_cap(self, message_bytes: int) -> None:
        """As above."""

    def overdue(self, now: float) -> Close | None:
        return None

    def extend(self, lag: float) -> None:
        """Nothing is ever late."""


async def join(guard: Guard, handler: type[SecureWebSocketHandler], identity: Identity, **options: object) -> Live:
    """Put one into the hub and the directory.

    Args:
        options: `address`, `channel`, `waiting` (bytes that it does not read).
    """
    endpoint: Endpoint = guard.reception.endpoint_of(handler)
    address = str(options.get("address", "198.51.100.7"))
    place = await guard.directory.reserve(identity, address, endpoint)
    guard.directory.occupy(place)
    now = guard.clock.monotonic()
    socket = NoSocket(int(str(options.get("waiting", 0))))
    session = Session(place.entry.session, identity, endpoint.limits, guard.hub.account(identity), now)
    lifetime = Lifetime(guard.timeouts, now, expires_in=None)
    live = Live(session, socket, lifetime, address, "nonce", endpoint.limits, place)
    guard.hub.add(live)
    if "channel" in options:
        guard.channels.admit(live, Envelope(), str(options["channel"]))

    def leave() -> None:
        guard.channels.leave_all(live)
        guard.hub.remove(live)
        guard.directory.release(place)

    socket.leave = leave
    return live


async def fill(guard: Guard, handler: type[SecureWebSocketHandler], many: int) -> None:
    """A crowd: people of four tenants in twenty rooms, some of them slow, and one with a hostile name."""
    for each in range(many):
        identity = Identity(
            subject=HOSTILE if each == many - 1 else f"user-{each:05}",
            issuer=guard.rules.issuer,
            tenant=TENANTS[each % len(TENANTS)],
            session_id=f"session-{each:05}",
            token_id=f"token-{each:05}",
            issued_at=guard.clock.wall(),
            permissions=Grants(["chat:read:*", "chat:write:lobby"]),
        )
        address = f"198.51.{each % 7}.{each % 90 + 1}"
        await join(
            guard,
            handler,
            identity,
            address=address,
            channel=f"room:room-{each % 20}",
            waiting=65_536 + each if each % 1_500 == 3 else 0,
        )
        if each % 100 == 0:
            await asyncio.sleep(0)  # whoever is served meanwhile need not wait for all
