"""A guard in memory, serving your handlers on a free port, with a clock turned by hand."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from tornado.web import Application

from ..guard import Guard
from ..policy.codec import Envelope
from ..policy.identity import Identity
from ..policy.keys import KeyRing
from ..policy.registry import Registry
from ..settings import Settings
from ..stores.memory import MemoryStore
from .client import Client
from .clock import HandClock
from .raw import RawSocket, Response, handshake_headers

ORIGIN: Final = "https://app.example.com"
ISSUER: Final = "https://issuer.example.com"
AUDIENCE: Final = "wssec-tests"


class HeldKeys:
    """Keys in memory, in the place of a key file. Assign `ring` to change them."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._seen: KeyRing | None = None

    def load(self) -> KeyRing:
        """The keys."""
        self._seen = self.ring
        return self.ring

    def changed(self) -> bool:
        """Whether they were assigned since."""
        return self.ring is not self._seen


class GuardKit:
    """Serves handlers behind a real guard and a real socket.

    Args:
        handlers: routes, as an Application takes them.
        registry: what is declared.
        settings: further `Settings`, such as `origins=` or `insecure=`.
        guard: further arguments of `Guard`, such as `limits=` or `authenticators=`.
        app_settings: further settings of the Application.
    """

    def __init__(
        self,
        handlers: Iterable[Any],
        *,
        registry: Registry,
        settings: dict[str, Any] | None = None,
        app_settings: dict[str, Any] | None = None,
        **guard: Any,
    ) -> None:
        self.clock = HandClock()
        self.keys = HeldKeys(KeyRing().generate(now=self.clock.wall))
        self.store = MemoryStore(wall=lambda: self.clock.wall)
        given = {"issuer": ISSUER, "audience": AUDIENCE, "origins": (ORIGIN,), **(settings or {})}
        parts = {"store": self.store, "keys": self.keys, "clock": self.clock.as_clock(), **guard}
        self.guard = Guard(registry=registry, settings=Settings.from_env({}, **given), **parts)
        self.app = Application([*handlers, *self.guard.routes()], wssec=self.guard, **(app_settings or {}))
        self.port = 0
        self._open: list[RawSocket] = []

    async def __aenter__(self) -> Self:
        await self.guard.start(following=False)
        self.port = self.guard.listen(self.app, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in self._open:
            await socket.close()
        await self.guard.stop()

    @property
    def host(self) -> str:
        """The Host to ask for."""
        return f"127.0.0.1:{self.port}"

    async def advance(self, seconds: float) -> None:
        """Let time pass: the store and the keys are looked at, and every deadline."""
        self.clock.advance(seconds)
        await self.guard.keeper.look()
        await self.guard.issuers.look()
        await self.guard.watcher.catch_up()
        await self.guard.directory.look()
        self.guard.tick(self.clock.monotonic)

    def token(self, subject: str = "ann", permissions: Sequence[str] = (), **options: Any) -> str:
        """A valid access token; see `Guard.issue_token` for the options."""
        return self.guard.issue_token(subject, permissions, **options)

    async def ticket(self, path: str, subject: str = "ann", permissions: Sequence[str] = (), **options: Any) -> str:
        """A ticket for one handshake at `path`, as the ticket endpoint would give it to this subject."""
        identity = self.identity(subject, permissions, **options)
        return await self.guard.issue_ticket(identity, path=path, origin=ORIGIN)

    def identity(self, subject: str = "ann", permissions: Sequence[str] = (), **options: Any) -> Identity:
        """The identity that such a token proves."""
        return self.guard.verify_token(self.token(subject, permissions, **options))

    async def raw(self) -> RawSocket:
        """A socket to the server that has said nothing yet."""
        socket = await RawSocket.open(self.port)
        self._open.append(socket)
        return socket

    async def handshake(self, path: str, **options: Any) -> tuple[RawSocket, Response]:
        """Ask for an upgrade and return what came; see `raw.handshake_headers` for the options."""
        options.setdefault("origin", ORIGIN)
        socket = await self.raw()
        return socket, await socket.upgrade(path, handshake_headers(options.pop("host", self.host), **options))

    async def connect(
        self,
        path: str,
        *,
        subject: str = "ann",
        permissions: Sequence[str] = (),
        token: str | None = None,
        envelope: Envelope | None = None,
        **options: Any,
    ) -> Client:
        """A connected client: with this token, or a fresh one of this subject, in the endpoint's envelope.

        Raises:
            AssertionError: the handshake was refused.
        """
        token = self.token(subject, permissions) if token is None else token
        socket, response = await self.handshake(path, token=token, **options)
        assert response.status == 101, f"the handshake was refused with {response.status}"
        return Client(socket, response.headers.get("sec-websocket-protocol"), envelope)

    async def assert_handshake_refused(self, status: int, path: str, **options: Any) -> Response:
        """Claim that a handshake is answered with this status; return the answer."""
        _, response = await self.handshake(path, **options)
        assert response.status == status, f"expected {status}, got {response.status} {response.body!r}"
        return response
