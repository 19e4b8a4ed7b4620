"""What a client is doing, what it hears, and what it is refused: the words that the browser's module has, too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class State:
    """What a connection is doing at one moment.

    Args:
        name: `waiting` comes back by itself, `stopped` does not.
        reason: why it waits or has stopped; docs/clients.md has them all.
        code: the server's close code, where there was one.
        seconds: until the next attempt.
        session: the server's name of an open connection.
        expires_in: seconds that its token had left when the server told it.
        text: what else is known, for a log.
    """

    name: Literal["connecting", "open", "waiting", "stopped"]
    reason: str = ""
    code: int | None = None
    seconds: float | None = None
    session: str | None = None
    expires_in: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What the server says unasked: a message, or a gap, or that a channel is heard no more.

    Args:
        type: as declared; `wssec.gap` and `wssec.unsubscribed` name the channel; `error` is about what was sent
            without waiting for an answer.
        data: of the message; of an error: `code`, `detail`, and what else it has.
        channel: in which it was published, or which it is about.
        seq: in a channel that keeps its history.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    channel: str | None = None
    seq: int | None = None


class Refused(Exception):
    """The server said no, or nobody answered.

    Args:
        code: the server's error code, or this client's: `disconnected`, `no_answer`, `queue_full`, `stopped`.
        detail: for a person.
        fields: the names of the fields at fault, with what is wrong.
        retry_after: seconds.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        fields: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code if not detail else f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = dict(fields or {})
        self.retry_after = retry_after

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Refused":
        """What an `error` message says."""
        return cls(message["code"], message.get("detail", ""), message.get("fields"), message.get("retry_after"))


class HttpRefused(Exception):
    """An HTTP answer that is no success, at the handshake or where a credential is fetched.

    Args:
        status: of the answer.
        retry_after: seconds.
    """

    def __init__(self, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.retry_after = retry_after


class Stopped(Exception):
    """The connection is over, and does not come back by itself; `state` says why."""

    def __init__(self, state: State) -> None:
        told = f" ({state.code})" if state.code else ""
        super().__init__(f"{state.reason}{told}{': ' if state.text else ''}{state.text}")
        self.state = state
