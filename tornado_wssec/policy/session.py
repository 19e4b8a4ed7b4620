"""What one connection may still do: who it is, whether it is open, and what its budgets hold.

Rules of this file:
1. A closing session admits nothing; frames can still arrive after close().
2. A frame pays before it is parsed, a message before it is validated: invalid ones pay too.
3. Excess is first told, then dropped in silence, then ended (R071).
4. A fresh token takes over for the same person under the same key, and never brings back one that it has replaced.
"""

import math
from typing import Final, NoReturn

from ..closing import Close, CloseCode
from ..errors import Disconnect, FrameDropped, RateLimited, ReauthRequired, Unavailable
from ..settings import LEEWAY_MOST, Limits
from .identity import Identity
from .rates import Buckets, Rate, TokenBucket, budget_of
from .registry import MessageSpec
from .specs import MessageClass

REPLACED_MOST: Final = 256
"""Tokens that one session has replaced and that have not expired: a day's, of a client that asks for one every ten
minutes, is 144."""


class Account:
    """The budgets that all connections of one identity share in this process.

    Args:
        limits: the identity budget.
        now: monotonic seconds.
    """

    __slots__ = ("by_type", "_deliveries", "_limits", "messages", "connections")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._deliveries: TokenBucket | None = None  # most never publish
        self.messages = TokenBucket(limits.identity_messages_per_second, limits.identity_messages_burst, now)
        # By class: two endpoints may each declare a type of one name, and one's rate is not the other's.
        self.by_type: dict[MessageClass, TokenBucket | Buckets] = {}
        self.connections = 0

    def take(self, message: MessageClass, rates: tuple[Rate, ...], cost: float, now: float) -> float:
        """Spend `cost` on one message of a class; 0.0, or the seconds until it would pass."""
        wait = self.messages.wait(cost, now)
        if not wait and rates:
            budget = self.by_type.get(message)
            if budget is None:
                budget = self.by_type[message] = budget_of(rates, now)
            wait = budget.take(cost, now)
        # Charged last: what a type's own rate refuses must not use up what other types share.
        return wait or self.messages.take(cost, now)

    def throttle(self, share: float) -> None:
        """Let only this share of the identity budget come back from now on; 1.0: all of it."""
        self.messages.price = 1.0 / (self._limits.identity_messages_per_second * share)

    def deliveries_wait(self, count: float, now: float) -> float:
        """Seconds until a message to so many may be sent; 0.0: now."""
        return 0.0 if self._deliveries is None else self._deliveries.wait(count, now)

    def charge_deliveries(self, count: float, now: float) -> None:
        """Charge for a message to so many, which `deliveries_wait` has let pass."""
        if self._deliveries is None:
            limits = self._limits
            self._deliveries = TokenBucket(limits.identity_sends_per_second, limits.identity_sends_burst, now)
        self._deliveries.take(count, now)

    def is_idle(self, now: float) -> bool:
        """Whether nobody is connected and every budget is full: forgetting it would give nothing away."""
        if self.connections or not self.messages.is_full(now):
            return False
        if self._deliveries is not None and not self._deliveries.is_full(now):
            return False
        return all(buckets.is_full(now) for buckets in self.by_type.values())


class Session:
    """The state of one connection after 101.

    Args:
        id: public name of the session; survives reconnects when the token carries `sid`.
        identity: who it is.
        limits: its budgets.
        account: what it shares with the identity's other connections.
        now: monotonic seconds.

    Attributes:
        authenticated_at: monotonic seconds; when this person last proved who it is.
        is_in_doubt: the rights cannot be asked for, so that nothing is done that needs one.
    """

    __slots__ = (
        "bytes",
        "_error_budget",
        "frames",
        "_refusals",
        "_refusals_since",
        "_replaced",
        "account",
        "authenticated_at",
        "close",
        "id",
        "identity",
        "is_in_doubt",
        "limits",
    )

    def __init__(self, id: str, identity: Identity, limits: Limits, account: Account, now: float) -> None:
        self.id = id
        self.identity = identity
        self.limits = limits
        self.account = account
        self.close: Close | None = None
        self.authenticated_at = -math.inf
        self.is_in_doubt = False
        self._replaced: dict[str, float] | None = None
        self.frames = TokenBucket(limits.frames_per_second, limits.frames_burst, now)
        self.bytes = TokenBucket(limits.bytes_per_second, limits.bytes_burst, now)
        self._error_budget = TokenBucket(1 / limits.error_refill_seconds, limits.error_budget, now)
        self._refusals = 0
        self._refusals_since = now

    @property
    def is_closing(self) -> bool:
        """Whether a close has been decided; nothing is admitted any more."""
        return self.close is not None

    def ensure_open(self) -> None:
        """Drop what arrives after the close was decided.

        Raises:
            FrameDropped: the session is closing.
        """
        if self.close is not None:
            raise FrameDropped("the session is closing")

    def ensure_takes(self, fresh: Identity, now: float) -> None:
        """Refuse a fresh credential that may not take over from the one in force; one that is in force may, again.

        Args:
            now: wall seconds.

        Raises:
            Disconnect: 4401, it is somebody else's, another session's, bound to another key, or has been replaced.
            RateLimited: too many have been replaced that are still good.
        """
        fault = _fault_of(fresh, self.identity, self.id)
        if fault is None and self._replaced is not None and fresh.token_id in self._replaced:
            fault = "a refresh token that another has replaced"
        if fault is not None:
            raise Disconnect(Close(CloseCode.UNAUTHENTICATED), fault)
        self._forget_expired(now)
        if self._replaced is not None and len(self._replaced) >= REPLACED_MOST:
            raise RateLimited(f"{REPLACED_MOST} tokens of this session have been replaced and are still good")

    def take_over(self, fresh: Identity) -> None:
        """Put a fresh credential in force that `ensure_takes` has let pass; the old one is dead for this session."""
        old = self.identity
        if old.token_id is not None and old.token_id != fresh.token_id:
            self._replaced = self._replaced or {}
            self._replaced[old.token_id] = math.inf if old.expires_at is None else old.expires_at
        self.identity = fresh

    def ensure_certain(self, spec: MessageSpec, *, is_signed: bool = False) -> None:
        """Refuse what needs a right, or a key, while nobody can tell whether it is still held.

        Raises:
            Unavailable: the source of permissions, or of keys, does not answer.
        """
        if self.is_in_doubt and (is_signed or not spec.is_public):
            raise Unavailable(f"{spec.type} needs a right that cannot be asked for now")

    def ensure_recent(self, spec: MessageSpec, now: float) -> None:
        """Refuse a type that asks for a more recent authentication; `now` in monotonic seconds.

        Raises:
            ReauthRequired: the person has to prove anew who it is, and the fresh token to say so.
        """
        if spec.max_auth_age is None:
            return
        age = now - self.authenticated_at
        # One that is ahead of every clock would be recent for ever.
        if not -LEEWAY_MOST <= age <= spec.max_auth_age:
            raise ReauthRequired(f"{spec.type} needs an authentication of the last {spec.max_auth_age:g} s")

    def spend_frame(self, size: int, now: float) -> None:
        """Pay for a frame of `size` bytes, before anything looks into it.

        Raises:
            RateLimited, FrameDropped, Disconnect: by how long the excess has lasted.
        """
        wait = self.frames.take(1.0, now) or self.bytes.take(size, now)
        if wait:
            self.refuse(wait, now, None)

    def spend(self, spec: MessageSpec, message_id: str | None, now: float) -> None:
        """Pay for a message of a known type, before it is validated.

        Raises:
            RateLimited, FrameDropped, Disconnect: by how long the excess has lasted.
        """
        wait = self.account.take(spec.message, spec.rates, spec.cost, now)
        if wait:
            self.refuse(wait, now, message_id)

    def spend_error(self, now: float) -> None:
        """Pay for a mistake of the peer.

        Raises:
            Disconnect: 4400, the error budget is used up.
        """
        if self._error_budget.take(1.0, now):
            raise Disconnect(Close(CloseCode.BAD_MESSAGES), "error budget used up")

    def may_err(self, now: float) -> bool:
        """Whether a mistake now would be answered; else it ends the connection, and nobody reads what was wrong."""
        return not self._error_budget.wait(1.0, now)

    def refuse(self, wait: float | None, now: float, message_id: str | None = None, *, evidence: str = "") -> NoReturn:
        """Refuse what a budget does not hold.

        Args:
            wait: seconds until it would; None: nobody knows.
            evidence: for the audit; never sent.

        Raises:
            RateLimited, FrameDropped, Disconnect: by how long the excess has lasted.
        """
        if now - self._refusals_since > self.limits.rate_window_seconds:
            self._refusals, self._refusals_since = 0, now
        self._refusals += 1
        if self._refusals > self.limits.rate_refusals_until_close:
            raise Disconnect(Close(CloseCode.RATE_LIMITED), "sustained excess")
        if self._refusals > self.limits.rate_refusals_until_silence:
            raise FrameDropped("answers would feed a flood")
        raise RateLimited(evidence, retry_after=wait, message_id=message_id)

    def _forget_expired(self, now: float) -> None:
        """Whatever has expired is refused anyway."""
        if self._replaced is not None:
            self._replaced = {id: end for id, end in self._replaced.items() if end > now} or None


def _fault_of(fresh: Identity, held: Identity, session_id: str) -> str | None:
    """Why a fresh credential is none for this session."""
    if (fresh.issuer, fresh.subject, fresh.tenant) != (held.issuer, held.subject, held.tenant):
        return "a refresh token of another subject"
    if fresh.session_id not in (None, session_id):
        # Taking over its name would let this connection escape what is revoked under the other.
        return "a refresh token of another session"
    if fresh.claims.get("cnf") != held.claims.get("cnf"):
        return "a refresh token that is bound to another key"
    return None
