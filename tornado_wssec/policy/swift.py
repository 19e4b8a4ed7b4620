"""What `Pipeline.admit` does step by step, done in one go for the messages that nearly all are.

Rules of this file:
1. It only accepts, and then with the same outcome and the same charges. Whatever it does not accept, the readable
   way judges from the start, as if nobody had asked here: nothing has been charged by then.
2. A type whose admission needs more than its schema, its rate and a permission is left to the readable way.
3. What is remembered of a permission is an answer that `PermissionTemplate.allowed` gave for the very same grants.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

from ..settings import Limits
from .codec import Envelope
from .identity import Identity
from .permissions import Grants, PermissionTemplate
from .permitted import Permitted, permit
from .plans import Value
from .rates import TokenBucket
from .session import Session
from .specs import MessageSpec
from .typed import Decoder

Passed = tuple[MessageSpec, str | None, dict[str, Any], Mapping[str, Any], Identity, str | None]
"""What a `Permitted` says, of a message that has been admitted and that nobody may want to see as one."""

_NONE: Final[frozenset[str]] = frozenset()


def as_permitted(passed: Passed) -> Permitted:
    """The message that has passed, as the readable way makes one."""
    return permit(Permitted, passed)


class Turnstile:
    """One message type and what is asked of it, at hand.

    Args:
        spec: the type.
        template: its permission.
    """

    __slots__ = (
        "cost",
        "filled_from",
        "is_public",
        "key",
        "max_bytes",
        "message",
        "rates",
        "spec",
        "template",
        "text",
        "typable",
        "type",
    )

    spec: MessageSpec
    type: str
    max_bytes: int | None
    typable: Value | None
    filled_from: tuple[tuple[str, str], ...]

    def __init__(self, spec: MessageSpec, template: PermissionTemplate) -> None:
        self.spec, self.template = spec, template
        self.type, self.max_bytes, self.typable = spec.type, spec.max_bytes, spec.typable
        self.message, self.rates, self.cost = spec.message, spec.rates, spec.cost
        self.filled_from = spec.filled_from
        self.is_public, self.text = template.is_public, template.text
        # Of the one field that the permission is filled from, as it is named in validated data; None: not one.
        self.key = spec.filled_from[0][1] if len(spec.filled_from) == 1 else None

    def lets_pass(self, grants: Grants, value: Any, data: Mapping[str, Any]) -> bool:
        """Ask in earnest, and remember a yes about one plain string."""
        if not self.template.allowed(grants, self.spec.permission_values(data)):
            return False
        if type(value) is str:
            grants.remember(self.text, value)
        return True


class Swift:
    """The fast way through one pipeline; see `of`."""

    __slots__ = ("_handles",)

    @classmethod
    def of(cls, accepted: Mapping[str, MessageSpec], envelope: Envelope, limits: Limits) -> Self | None:
        """Make one; None where no type of the pipeline can take it, or its envelope reads in a way of its own.

        Args:
            accepted, envelope, limits: those of the pipeline.
        """
        if type(envelope).parse is not Envelope.parse:
            return None
        turnstiles = {
            spec.type: Turnstile(spec, spec.permission)
            for spec in accepted.values()
            if spec.permission is not None and spec.typable is not None and spec.max_auth_age is None
        }
        decoder = Decoder.of(turnstiles, envelope, limits)
        return None if decoder is None else cls(decoder)

    def __init__(self, decoder: Decoder) -> None:
        self._handles = decoder.handles

    def admitted(self, frame: str, session: Session, now: float) -> Permitted | None:
        """The message in a frame, admitted and paid for; None where the readable way has to judge."""
        passed = next(self.each_admitted((frame,), session, now))
        return None if passed is None else as_permitted(passed)

    def each_admitted(self, frames: Iterable[str], session: Session, now: float) -> Iterator[Passed | None]:
        """The same of one frame after another, each asked and paid for when it is its turn.

        Whatever is done about one before the next is asked for, as its handler may, counts for the next.
        """
        decode, finishers, narrow, is_within = self._handles
        frame_budget, byte_budget, account = session.frames, session.bytes, session.account
        # Up to when each may be in debt: the same for all, since they come at the same moment.
        frame_price, frame_most = frame_budget.price, frame_budget.depth + now
        byte_price, byte_most = byte_budget.price, byte_budget.depth + now
        shared, budgets = account.messages, account.by_type
        # Of the type of the last one, since what comes together is mostly alike.
        known: Turnstile | None = None
        own: Any = None
        has_one_rate = is_public = False
        key, text, price, own_at = None, "", 0.0, now
        message: Any = None
        turnstile: Any = None
        most_bytes = 0
        for frame in frames:
            # Open. Nobody can tell which rights a sender in doubt still has: the readable way knows what goes without.
            if session.close is not None or session.is_in_doubt:
                yield None
                continue
            # Can it pay for the frame? `TokenBucket.take` in pieces, here and below: what is owed, and whether there is
            # room for more. Nothing is put down before the end.
            size = len(frame) if frame.isascii() else len(frame.encode("utf-8", "surrogatepass"))
            frames_at, bytes_at = frame_budget.full_at, byte_budget.full_at
            frames_at = (frames_at if frames_at > now else now) + frame_price
            bytes_at = (bytes_at if bytes_at > now else now) + size * byte_price
            if frames_at > frame_most or bytes_at > byte_most:
                yield None
                continue
            # Parse, resolve, validate: as `Decoder.decode`, without its call.
            data: Any = None
            try:
                message = decode(frame)
                turnstile, finish, most_bytes = finishers[type(message)]
                data = finish(message, frame)
            except Exception:  # noqa: S110  # `data` tells; nothing is handed out while an exception is at hand
                pass
            if data is None or size > most_bytes or ((size >= narrow or "\\" in frame) and not is_within(frame)):
                yield None
                continue
            # Can it pay for the message, from what all types share and from what this one has?
            if turnstile is not known:
                known, price, own = turnstile, turnstile.cost, budgets.get(turnstile.message)
                if own is None and turnstile.rates:
                    known = None  # the readable way makes the first one
                    yield None
                    continue
                has_one_rate = type(own) is TokenBucket  # as most types have it
                is_public, key, text = turnstile.is_public, turnstile.key, turnstile.text
            shared_at = shared.full_at
            shared_at = (shared_at if shared_at > now else now) + price * shared.price
            if shared_at - now > shared.depth:
                yield None
                continue
            if has_one_rate:
                own_at = own.full_at
                own_at = (own_at if own_at > now else now) + price * own.price
                if own_at - now > own.depth:
                    yield None
                    continue
            elif own is not None and own.wait(price, now):
                yield None
                continue
            # Authorise. A value is looked up by its text alone, so that it must be one.
            identity = session.identity
            if not is_public:
                value, grants = data.get(key), identity.permissions
                is_known = type(value) is str and value in grants.passed.get(text, _NONE)
                if not is_known and not turnstile.lets_pass(grants, value, data):
                    yield None
                    continue
            # Pay.
            frame_budget.full_at, byte_budget.full_at, shared.full_at = frames_at, bytes_at, shared_at
            if has_one_rate:
                own.full_at = own_at
            elif own is not None:
                own.take(price, now)
            yield turnstile.spec, message.id, data, data, identity, None
