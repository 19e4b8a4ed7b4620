"""A chat that clients of ours talk to, and clients whose waits are told instead of waited."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

from schemas import chat
from tests.kits import ChatSocket
from tests.stores.kit import in_loop
from tornado_wssec import Channel, Envelope, FirstMessage, Registry, on
from tornado_wssec.auth.bearer import BearerToken
from tornado_wssec.auth.ticket import Ticket
from tornado_wssec.client import Client, State, bearer
from tornado_wssec.testing import GuardKit

__all__ = ["LINE", "RIGHTS", "Chat", "Waits", "in_loop", "served", "start"]

RIGHTS: Final = ("chat:*:lobby",)
PATIENCE_SECONDS: Final = 20.0
T = TypeVar("T")
LINE: Final = {"room": "lobby", "text": "hello"}


class KeptChannel(Channel):
    """A room that remembers."""

    class Meta:
        pattern = "kept:{room}"
        subscribe = "chat:read:{room}"
        history = 10
        ttl = 60

    room = chat.Room


class Socket(ChatSocket):
    """Programs may come, too; a line may be slow, or break."""

    allow_missing_origin = True

    @on(chat.Send)
    async def send_line(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["text"] == "break":
            raise RuntimeError("broken")
        if data["text"] == "wait":
            await self.settings["gate"].wait()
        if data["text"] == "keep":
            await self.publish(f"kept:{data['room']}", chat.Posted, {**data, "author": "ann"})
            return {}
        delivered: dict[str, Any] = await super().send_line(data)
        return delivered


class FlatSocket(Socket):
    """For clients of old."""

    envelope = Envelope.flat(type="action")


class WaitingSocket(Socket):
    """Waits for a first message."""

    authenticators = [FirstMessage()]  # noqa: RUF012 -- as users write it


def start(asked: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Ask at once, and go on."""
    return asyncio.ensure_future(asked)


class Waits:
    """What a client waits between two attempts: noted, and over at once, unless it is to be held."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.states: list[State] = []
        self.is_held = False
        self._changed = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let go of whoever is held, now and from now on."""
        self.is_held = False
        self._released.set()

    async def pause(self, seconds: float) -> None:
        """In the place of `asyncio.sleep`."""
        self.seconds.append(seconds)
        if self.is_held:
            await self._released.wait()

    def told(self, state: State) -> None:
        """In the place of `on_state`."""
        self.states.append(state)
        self._changed.set()

    async def until(self, name: str, reason: str = "", *, times: int = 1) -> State:
        """The state of that name and reason, once it has been told so often."""
        async with asyncio.timeout(10):
            while len(found := [one for one in self.states if (one.name, one.reason) == (name, reason)]) < times:
                self._changed.clear()
                await self._changed.wait()
        return found[-1]

    @property
    def names(self) -> list[str]:
        """Of the states, in their order, with the reason behind a colon."""
        return [f"{one.name}:{one.reason}".rstrip(":") for one in self.states]


class Chat(GuardKit):
    """The chat at /ws, one that waits for first messages at /first, and one for clients of old at /flat."""

    def __init__(self, **options: Any) -> None:
        given = {"authenticators": [BearerToken(), Ticket()], **options}
        handlers = [(r"/ws", Socket), (r"/first", WaitingSocket), (r"/flat", FlatSocket)]
        super().__init__(handlers, registry=REGISTRY, **given)

    loop: asyncio.AbstractEventLoop

    async def __aenter__(self) -> Self:
        self.app.settings["gate"] = asyncio.Event()
        return await super().__aenter__()

    @property
    def url(self) -> str:
        """Of the chat."""
        return f"ws://{self.host}/ws"

    def client(self, waits: Waits | None = None, **options: Any) -> Client:
        """Ann's client; its waits are told and its dice always fall highest."""
        waits = waits or Waits()
        given = {"credential": bearer(lambda: self.token("ann", RIGHTS)), "dice": lambda: 1.0, **options}
        return Client(given.pop("url", self.url), on_state=waits.told, pause=waits.pause, **given)


@contextmanager
def served(kit: Chat) -> Iterator[Chat]:
    """The chat, served by a thread with an event loop of its own; `kit.loop` is that."""
    started, ended = threading.Event(), asyncio.Event()

    async def serve() -> None:
        kit.loop = asyncio.get_running_loop()
        async with kit:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS)
        yield kit
    finally:
        kit.loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_SECONDS)


REGISTRY: Final = Registry(chat.Send, chat.Posted, chat.RoomChannel, KeptChannel)
