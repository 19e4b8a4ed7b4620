"""Every error of this package. A class knows its outcome; an instance carries its evidence.

WssecError
├── ConfigurationError         the start is refused; lists every Problem with its remedy
├── FrameError                 an `error` message; the connection lives
│   ├── MalformedFrame         malformed
│   ├── UnknownType            unknown_type
│   ├── InvalidMessage         invalid
│   ├── PermissionDenied       permission_denied
│   ├── RateLimited            rate_limited
│   ├── MessageTooBig          too_big
│   ├── SignatureInvalid       signature_invalid
│   ├── MessageReplayed        replayed
│   ├── ReauthRequired         reauth_required
│   ├── AlreadyAuthenticated   already_authenticated
│   ├── Unavailable            unavailable
│   ├── HandlerTimedOut        timeout
│   └── HandlerFailed          internal
├── OutboundInvalid            the application sends what its own schema refuses
├── FrameDropped               no answer at all; the connection lives
├── Disconnect                 a close frame; the connection ends
├── HandshakeRefused           an HTTP status before 101
│   ├── HandshakeMalformed     400
│   ├── CredentialRefused      401
│   │   ├── TokenRefused
│   │   └── TicketRefused
│   ├── OriginRefused          403
│   ├── CsrfRefused            403
│   ├── PlaintextRefused       403
│   ├── RouteDenied            403
│   ├── MethodRefused          405
│   ├── HostRefused            421
│   ├── VersionRefused         426
│   ├── TooManyAttempts        429
│   └── NotReady               503
├── StoreError                 the store did not do what was asked
│   ├── StoreUnavailable       did not answer within its budget
│   ├── StoreMissing           is not there, or holds no generation
│   ├── StoreCorrupt           is not what we wrote
│   └── NotAcknowledged        may have forgotten it by tomorrow
├── KeyFileError               the key file is missing, too open, torn or locked
└── AuditError                 the audit's folder or files cannot be used

What the peer is told is fixed per class and holds none of the peer's own words. What
happened goes to the log and the audit through `evidence`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from .closing import Close


class WssecError(Exception):
    """The root of every error this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a configuration: where it stands, what it is, how to mend it."""

    where: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.fault}; {self.remedy}"


class ConfigurationError(WssecError):
    """A configuration that must not start. It lists every problem, not the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{title}:", *(f"  - {problem}" for problem in self.problems)]))


class ErrorCode(StrEnum):
    """The `code` of an `error` message."""

    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    INVALID = "invalid"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMITED = "rate_limited"
    TOO_BIG = "too_big"
    SIGNATURE_INVALID = "signature_invalid"
    REPLAYED = "replayed"
    REAUTH_REQUIRED = "reauth_required"
    ALREADY_AUTHENTICATED = "already_authenticated"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class FrameError(WssecError):
    """A frame we will not act on. The peer gets `code` and `detail`; the connection lives.

    Args:
        evidence: what happened, for the audit; never sent.
        fields: names of offending fields and what is wrong with each; never their values.
        retry_after: seconds after which the same message may pass.
        message_id: the `id` to answer, where the frame got far enough to have one.
    """

    code: ClassVar[ErrorCode]
    detail: ClassVar[str]

    def __init__(
        self,
        evidence: str = "",
        *,
        fields: Mapping[str, object] | None = None,
        retry_after: float | None = None,
        message_id: str | None = None,
    ) -> None:
        if type(self) is FrameError:
            raise TypeError("FrameError has no code of its own; raise one of its subclasses, such as PermissionDenied")
        super().__init__(evidence or self.detail)
        self.evidence = evidence
        self.fields = None if fields is None else dict(fields)
        self.retry_after = retry_after
        self.message_id = message_id


class MalformedFrame(FrameError):
    """Not JSON as we accept it, or not an envelope."""

    code = ErrorCode.MALFORMED
    detail = "The frame is not a well-formed message."


class UnknownType(FrameError):
    """A type that this handler does not accept."""

    code = ErrorCode.UNKNOWN_TYPE
    detail = "This endpoint accepts no message of that type."


class InvalidMessage(FrameError):
    """The data does not fit the type's schema."""

    code = ErrorCode.INVALID
    detail = "The data does not fit the schema of this type."


class PermissionDenied(FrameError):
    """The identity lacks the permission that the message requires."""

    code = ErrorCode.PERMISSION_DENIED
    detail = "You do not have the permission that this message requires."


class RateLimited(FrameError):
    """A budget is spent; `retry_after` says when it will have refilled."""

    code = ErrorCode.RATE_LIMITED
    detail = "Too many messages; slow down."


class MessageTooBig(FrameError):
    """Over the cap of its type (over the connection's cap closes with 1009 instead)."""

    code = ErrorCode.TOO_BIG
    detail = "The message is larger than its type allows."


class SignatureInvalid(FrameError):
    """A signature is missing where it is required, or does not verify."""

    code = ErrorCode.SIGNATURE_INVALID
    detail = "The message is not validly signed."


class MessageReplayed(FrameError):
    """A signed message that has been seen, or is out of its time window."""

    code = ErrorCode.REPLAYED
    detail = "The message has been seen before or is out of its time window."


class ReauthRequired(FrameError):
    """The type asks for an authentication more recent than this one."""

    code = ErrorCode.REAUTH_REQUIRED
    detail = "Authenticate again before sending this message."


class AlreadyAuthenticated(FrameError):
    """A first message on a connection that has an identity."""

    code = ErrorCode.ALREADY_AUTHENTICATED
    detail = "This connection is authenticated already."


class Unavailable(FrameError):
    """Something this message needs does not answer."""

    code = ErrorCode.UNAVAILABLE
    detail = "A service that this message needs is not available."


class HandlerTimedOut(FrameError):
    """The handler did not finish within its deadline."""

    code = ErrorCode.TIMEOUT
    detail = "The message was not handled in time."


class HandlerFailed(FrameError):
    """The handler raised; close 1011 follows."""

    code = ErrorCode.INTERNAL
    detail = "The server failed to handle the message."


class OutboundInvalid(WssecError):
    """The application tried to send what its own schema refuses: its mistake, not the peer's."""


class FrameDropped(WssecError):
    """A frame that gets no answer: the session is closing, or answers would feed a flood."""


class Disconnect(WssecError):
    """The connection ends with this close.

    Args:
        close: what the peer is told.
        evidence: what happened, for the audit; never sent.
    """

    def __init__(self, close: Close, evidence: str = "") -> None:
        super().__init__(f"{int(close.code)} {evidence or close.reason}")
        self.close = close
        self.evidence = evidence


class HandshakeRefused(WssecError):
    """A handshake that ends in an HTTP status instead of 101.

    Args:
        evidence: what happened and the value, for the log and the audit; never sent.
        remedy: what the operator may change; logged beside the evidence.
        retry_after: seconds for the Retry-After header; None: `retry_seconds` of the class.
        headers: further response headers.
        about: (subject, issuer) of whom the evidence names; None: of nobody.

    Attributes:
        is_recorded: it has been counted, and told to the log and the audit.
    """

    status: ClassVar[int]
    stage: ClassVar[str]
    text: ClassVar[str]
    retry_seconds: ClassVar[float | None] = None

    def __init__(
        self,
        evidence: str = "",
        *,
        remedy: str = "",
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        about: tuple[str, str | None] | None = None,
    ) -> None:
        super().__init__(evidence or self.text)
        self.evidence = evidence
        self.about = about
        self.remedy = remedy
        self.retry_after = self.retry_seconds if retry_after is None else retry_after
        self.headers = dict(headers or {})
        self.is_recorded = False


class HandshakeMalformed(HandshakeRefused):
    """Not a WebSocket handshake as RFC 6455 §4.2.1 has it."""

    status = 400
    stage = "handshake"
    text = "Bad WebSocket handshake."


class CredentialRefused(HandshakeRefused):
    """No credential, or one we do not accept. The body is the same for every cause."""

    status = 401
    stage = "credential"
    text = "Authentication required."


class TokenRefused(CredentialRefused):
    """An access token that does not verify, has expired or is revoked."""


class TicketRefused(CredentialRefused):
    """A ticket that is unknown, spent, expired or bound elsewhere."""


class OriginRefused(HandshakeRefused):
    """An Origin that is not on the allowlist, or none where one is required."""

    status = 403
    stage = "origin"
    text = "Forbidden."


class CsrfRefused(HandshakeRefused):
    """A cookie without the unguessable value that only a page of ours knows (R008)."""

    status = 403
    stage = "csrf"
    text = "Forbidden."


class PlaintextRefused(HandshakeRefused):
    """ws:// from beyond loopback."""

    status = 403
    stage = "tls"
    text = "Forbidden."


class RouteDenied(HandshakeRefused):
    """The identity lacks the permission that the route requires."""

    status = 403
    stage = "route"
    text = "Forbidden."


class MethodRefused(HandshakeRefused):
    """Anything but GET."""

    status = 405
    stage = "handshake"
    text = "Method not allowed."


class HostRefused(HandshakeRefused):
    """A Host that this server does not answer for (DNS rebinding)."""

    status = 421
    stage = "host"
    text = "Misdirected request."


class VersionRefused(HandshakeRefused):
    """A WebSocket version other than 13."""

    status = 426
    stage = "handshake"
    text = "Upgrade to WebSocket version 13."


class TooManyAttempts(HandshakeRefused):
    """A quota of the address or of the identity is used up."""

    status = 429
    stage = "quota"
    text = "Too many connections or attempts."
    retry_seconds = 5.0


class NotReady(HandshakeRefused):
    """The store is not ready or too stale, the server is full or draining."""

    status = 503
    stage = "ready"
    text = "Not available right now."
    retry_seconds = 5.0


class StoreError(WssecError):
    """The store did not do what was asked."""


class StoreUnavailable(StoreError):
    """The store did not answer within its budget."""


class StoreMissing(StoreError):
    """There is no store at this address, or it holds no generation."""


class StoreCorrupt(StoreError):
    """What is stored is not what we wrote; it is never recreated silently."""


class NotAcknowledged(StoreError):
    """It was written, but not yet where a crash could not take it back."""


class KeyFileError(WssecError):
    """The key file is missing, readable by others, torn, locked or sealed."""


class AuditError(WssecError):
    """The audit's folder or one of its files cannot be made, read or written."""
