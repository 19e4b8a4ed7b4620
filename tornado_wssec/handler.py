"""`SecureWebSocketHandler`: the class to subclass. It obeys; the policies decide."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tornado.httputil import HTTPServerRequest
from tornado.util import ObjectDict
from tornado.web import Application, HTTPError, _UIModuleNamespace
from tornado.websocket import WebSocketHandler

from .auth.api_key import ApiKey
from .auth.base import Authenticator
from .closing import Close, CloseCode
from .conversation import Conversation
from .doorstep import Visitor
from .endpoint import Endpoint, declared_for, handled_by, on
from .errors import AlreadyAuthenticated, HandshakeRefused, NotReady, PermissionDenied
from .handover import STOCK, carry, compiled_unmask, switching_head, take_socket
from .handshake import Admitted, Unidentified
from .opened_request import OpenedRequest
from .outbound import event_of, may_receive, ready_to_send
from .policy.broker import Present
from .policy.codec import Envelope
from .policy.identity import Identity
from .policy.messages import Message
from .policy.registry import Registry
from .policy.reserved import Authenticate, Ping, Publish, Refresh, Signed, Subscribe, Unsubscribe
from .routes import respond_refused
from .sealing import refuse_overrides
from .settings import Limits
from .telemetry.redact import redacted_uri, where_raised
from .wire.connection import Connection
from .wire.engine import Engine
from .wire.stock import StockConnection, StockProtocol, stock_protocol

if TYPE_CHECKING:
    from .guard import Guard

logger = logging.getLogger(__name__)

OF_THE_RESPONSE: Final = frozenset({"_admitted", "_headers", "_reason", "_transforms", "_write_buffer", "ui"})
"""What a handler holds for a response, and for nothing once 101 is out."""


class _Templates:
    """`self.ui` once it was let go of: made anew for `render_string`, which a message may well be made with."""

    def __get__(self, handler: "SecureWebSocketHandler", owner: type) -> ObjectDict:
        found = ObjectDict(
            (name, handler._ui_method(method)) for name, method in handler.application.ui_methods.items()
        )
        found["_tt_modules"] = found["modules"] = _UIModuleNamespace(handler, handler.application.ui_modules)
        return found


class SecureWebSocketHandler(WebSocketHandler):
    """A WebSocket endpoint in which everything is decided before your code runs.

    Declare messages as `Message` classes and handle each with a method marked `@on`. What
    arrives there is validated and authorised; what it returns is the reply.

    Attributes:
        anonymous: True lets nobody in particular connect; written out, never by accident.
        requires: permission to connect, and to stay, filled from the URL's named groups.
        allow_missing_origin: True for native clients, which send no Origin.
        envelope: how messages look on the wire.
        subprotocols: names of your own that may be chosen beside `wssec.v1`.
        authenticators: for this endpoint; None takes the guard's.
        limits: for this endpoint; None takes the guard's.
        newest_wins: whether an identity's newest connection ends its oldest where there are too many; False refuses
            the newest, None takes the guard's.
        concurrency: messages of one connection that may be handled at once, 1 to 64. With more than one they begin in
            order, and end, and are answered, as their handlers do.
        declares: what may be said at this endpoint, where that is no part of the application; None takes the guard's.
    """

    anonymous: ClassVar[bool] = False
    requires: ClassVar[str | None] = None
    allow_missing_origin: ClassVar[bool] = False
    envelope: ClassVar[Envelope] = Envelope()
    subprotocols: ClassVar[Sequence[str]] = ()
    authenticators: ClassVar[Sequence[Authenticator] | None] = None
    limits: ClassVar[Limits | None] = None
    newest_wins: ClassVar[bool | None] = None
    concurrency: ClassVar[int] = 1
    declares: ClassVar[Registry | None] = None

    _guard: "Guard"
    _endpoint: Endpoint
    _admitted: Admitted | Unidentified | None = None
    _visitor: Visitor | None = None
    _talk: Conversation | None = None
    _has_left = False

    # As Tornado sets them on each: what says the same need not be kept for every connection.
    _headers_written = False
    _auto_finish = True
    _prepared_future = None
    _on_close_called = False
    ws_connection = None
    close_code = None
    close_reason = None
    ui: Any = _Templates()

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        # First of all: a request that never gets to `prepare` is logged, too.
        request.uri = redacted_uri(request.uri or "")
        super().__init__(application, request, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_overrides(cls, SecureWebSocketHandler)
        handled_by(cls)

    # --- what a subclass uses ---

    @property
    def identity(self) -> Identity:
        """Who is connected, as the credential in force says."""
        if self._talk is not None:
            return self._talk.live.session.identity
        if not isinstance(self._admitted, Admitted):
            raise RuntimeError("nobody has been identified yet")
        return self._admitted.identity

    def opened(self) -> Awaitable[None] | None:
        """Override: the connection is open and known; no message has been handled yet."""

    def closed(self, close: Close | None) -> Awaitable[None] | None:
        """Override: the connection is gone.

        Args:
            close: what ended it; None when the peer left without a word.
        """

    async def send(self, message: type[Message], data: Mapping[str, Any]) -> None:
        """Send one declared message to this client.

        Raises:
            ConfigurationError: the message is not declared for sending.
            OutboundInvalid: the data does not fit its schema.
            PermissionDenied: this identity may not receive it.
        """
        spec = declared_for(type(self), self._guard.registry).outbound(message)
        ready = ready_to_send(spec, data)
        if not may_receive(spec, data, self.identity):
            raise PermissionDenied(f"may not receive {spec.type}")
        self._open_talk().say(event_of(spec, ready, self.envelope))

    async def publish(self, channel: str, message: type[Message], data: Mapping[str, Any]) -> None:
        """Send one declared message to everyone who listens to a channel and may receive it, in this client's name.

        It costs the client's identity a send for each who listens; `guard.publish` speaks for the application, and
        asks none of this.

        Raises:
            ConfigurationError, OutboundInvalid: as for `guard.publish`.
            PermissionDenied: the client is muted or banned there.
            RateLimited: it publishes too often there, or to too many.
            Unavailable: listeners may have got it or not.
        """
        await self._guard.publishing.publish(self._open_talk().live, channel, message, data)

    async def subscribe(self, channel: str, *, since: int | None = None) -> int | None:
        """Make this connection listen to a channel, if its identity may.

        Args:
            since: the `seq` of the last event that the client has of it: what came behind it is sent first, or
                `wssec.gap` where that is not known any more.

        Returns:
            The `seq` to come back with; None where nothing is kept of the channel, or it is listened to already.

        Raises:
            PermissionDenied, RateLimited, Unavailable: as for a client that asks.
        """
        talk = self._open_talk()
        return await self._guard.channels.subscribe(talk.live, self.envelope, channel, since)

    async def present(self, channel: str) -> Sequence[Present]:
        """Who listens to a channel with `presence = True`, on all nodes, for a client that may listen there, too.

        Raises:
            ConfigurationError: the channel is not declared so.
            PermissionDenied: this identity may not listen to it.
            Unavailable: it cannot be found out now.
        """
        return await self._guard.channels.present_for(self._open_talk().live, channel)

    async def unsubscribe(self, channel: str) -> None:
        """Make this connection stop listening to a channel."""
        talk = self._open_talk()
        self._guard.channels.unsubscribe(talk.live, channel)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End this connection. The code is 1000 or one of 3000–4999."""
        talk = self._open_talk()
        self._guard.hub.end(talk.live, Close(code or CloseCode.NORMAL, reason or ""), "by the handler")

    def _open_talk(self) -> Conversation:
        if self._talk is None:
            raise RuntimeError("the connection is not open yet; use opened()")
        return self._talk

    # --- the protocol's own messages; each has passed the same pipeline as yours ---

    @on(Ping)
    def _answer_ping(self, data: Mapping[str, Any]) -> None:
        """A ping is answered as it is admitted, in `Conversation.receive`."""

    @on(Signed)
    def _open_signed(self, data: Mapping[str, Any]) -> None:
        """A signed envelope is opened as it is admitted, in `Conversation.receive`."""

    @on(Authenticate)
    def _refuse_second_credential(self, data: Mapping[str, Any]) -> None:
        raise AlreadyAuthenticated("a first message after the handshake has authenticated")

    @on(Subscribe)
    async def _subscribe_client(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        seq = await self.subscribe(data["channel"], since=data.get("since"))
        return None if seq is None else {"seq": seq}

    @on(Unsubscribe)
    async def _unsubscribe_client(self, data: Mapping[str, Any]) -> None:
        await self.unsubscribe(data["channel"])

    @on(Publish)
    async def _publish_client(self, data: Mapping[str, Any]) -> None:
        await self._guard.publishing.publish_asked(self._open_talk().live, data)

    @on(Refresh)
    async def _refresh(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"expires_in": await self._guard.reception.refresh(self._open_talk().live, data["token"])}

    # --- the handshake ---

    async def prepare(self) -> None:
        """Sealed. Decides over the handshake before Tornado looks at it."""
        self.set_header("Cache-Control", "no-store")
        try:
            self._guard = _guard_of(self)
            self._guard.require_checked(self.application)
            self._endpoint = self._guard.reception.endpoint_of(type(self))
            groups = {name: value or "" for name, value in self.path_kwargs.items()}
            self._admitted = await self._guard.reception.admit(self.request, self._endpoint, groups)
            self.current_user = self._admitted.identity if isinstance(self._admitted, Admitted) else None
            if self._has_left:
                self._guard.reception.give_up(self._admitted)
        except HandshakeRefused as refusal:
            respond_refused(self, refusal)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Sealed. Upgrades a handshake that was admitted and whose peer is still there."""
        if self._admitted is None or self._has_left:
            return
        if self._guard.framing == STOCK:
            await super().get(*args, **kwargs)
        else:
            await self._carry(self._admitted)

    def check_origin(self, origin: str) -> bool:
        """Sealed. `prepare` has decided; Tornado asks this only of some requests."""
        return self._admitted is not None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Sealed. What the handshake chose; never a credential."""
        return self._admitted.subprotocol if self._admitted else None

    def get_compression_options(self) -> None:
        """Sealed. None: the stock inflater has unbounded paths."""

    def get_websocket_protocol(self) -> StockProtocol:
        """Sealed. Tornado's framing with our caps."""
        return stock_protocol(self, self._caps().message_bytes)

    # --- the connection ---

    async def _carry(self, admitted: Admitted | Unidentified) -> None:
        """Answer 101 and carry the frames ourselves."""
        engine = Engine(
            self._caps(),
            self._guard.timeouts,
            receive=self.on_message,
            receive_binary=self.on_message if self._endpoint.binary.accepted else None,
            lost=self.on_ws_connection_close,
            unmask=compiled_unmask,
        )
        taken = take_socket(self)
        if taken is None:
            self._guard.reception.give_up(admitted)
            return
        carry(taken.sock, engine, self._guard.reception.gatherings, is_watched=taken.is_watched)
        try:
            await self._begin_frames(admitted, engine)
        except BaseException:
            engine.abort()  # nobody else knows of it
            raise
        engine.start(taken.first)

    async def _begin_frames(self, admitted: Admitted | Unidentified, engine: Engine) -> None:
        self.set_status(101)
        self.application.log_request(self)
        self.on_finish()
        engine.cork(switching_head(self.request.headers["Sec-WebSocket-Key"], admitted.subprotocol))
        try:
            talk = self._meet(admitted, engine)
        finally:
            engine.uncork()
        if talk is not None:
            await self._tell_opened(talk)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Sealed. Tornado's framing has answered 101."""
        protocol = self.ws_connection
        if self._has_left or self._admitted is None or not isinstance(protocol, StockProtocol):
            return  # the client left while it was being authenticated: on_close has run already
        protocol.set_nodelay(True)
        talk = self._meet(self._admitted, StockConnection(protocol, self._endpoint.limits.outbound_bytes))
        if talk is not None:
            await self._tell_opened(talk)

    def _meet(self, admitted: Admitted | Unidentified, connection: Connection) -> Conversation | None:
        """Register the connection; or wait for the message that says whose it is."""
        if isinstance(admitted, Admitted):
            return self._join(admitted, connection)
        expect = self._guard.reception.expect
        self._visitor = expect(admitted, connection, self.request, self._endpoint, self._begin)
        return None

    async def _begin(self, admitted: Admitted, connection: Connection) -> None:
        await self._tell_opened(self._join(admitted, connection))

    def _join(self, admitted: Admitted, connection: Connection) -> Conversation:
        self._admitted, self.current_user, self._visitor = admitted, admitted.identity, None
        self._talk = self._guard.reception.join(admitted, connection, self, self._endpoint)
        self.current_user = self._talk.live.session.identity
        return self._talk

    async def _tell_opened(self, talk: Conversation) -> None:
        if not talk.live.session.is_closing and self._has(SecureWebSocketHandler.opened):
            await talk.run_hook("opened", self.opened)
        if self.ws_connection is None:  # else Tornado's framing goes on with what it has
            self._let_go()

    def _let_go(self) -> None:
        """Keep what a connection needs for as long as it is open, and no credential."""
        ways = self._endpoint.authenticators
        self.request = OpenedRequest(self.request, [way.header for way in ways if isinstance(way, ApiKey)])
        defaults = vars(SecureWebSocketHandler)
        held = vars(self).items()
        self.__dict__ = {
            name: value for name, value in held if name not in OF_THE_RESPONSE and value is not defaults.get(name, self)
        }

    def _has(self, hook: Callable[..., object]) -> bool:
        """Whether a subclass says what to do there; to run nothing, with a deadline, costs all the same."""
        return getattr(type(self), hook.__name__) is not hook

    def _caps(self) -> Limits:
        """Those of the endpoint; somebody unknown may send less."""
        limits, endpoint = self._endpoint.limits, self._endpoint
        if isinstance(self._admitted, Admitted):
            return limits
        return replace(limits, message_bytes=endpoint.first_message_bytes)

    def on_message(self, message: str | bytes) -> None:
        """Sealed. Hands a frame to the pipeline."""
        if self._talk is not None:
            self._talk.receive(message)
        elif self._visitor is not None:
            self._visitor.receive(message)

    def on_connection_close(self) -> None:
        """Sealed. The socket is gone, perhaps before it was open."""
        self._has_left = True
        super().on_connection_close()

    def on_close(self) -> None:
        """Sealed. Counts the connection out, then calls `closed`."""
        if self._talk is not None:
            close = self._guard.reception.leave(self._talk, self.close_code, self.close_reason)
            if self._has(SecureWebSocketHandler.closed):
                self._guard.spawn(self._talk.run_hook("closed", lambda: self.closed(close)))
        elif self._visitor is not None:
            self._visitor.left()

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Sealed. One line that says where, without what was sent."""
        if value is not None and not isinstance(value, HTTPError):  # the access log tells those
            logger.error("%s: %s", type(self).__name__, where_raised(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A failure's status and nothing else, whatever the application's debug settings say."""
        self.set_header("Cache-Control", "no-store")  # a failure forgets what `prepare` has set
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", "GET")  # a method that Tornado does not know never gets to `prepare`
        self.finish(f"{status_code}\n")

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Sealed. The server sends what it has declared, with `send`."""
        raise TypeError("write_message() would send what was not declared; use: await self.send(Message, data)")

    def ping(self, data: str | bytes = b"") -> None:
        """Sealed. The guard keeps the heartbeat."""
        raise TypeError("the guard keeps the heartbeat; there is nothing to call instead")


def _guard_of(handler: SecureWebSocketHandler) -> "Guard":
    guard: Guard | None = handler.settings.get("wssec")
    if guard is None:
        logger.error(
            "%s has no guard; pass wssec=guard to the Application, or call guard.install(app)", type(handler).__name__
        )
        raise NotReady("the application has no guard")
    return guard
