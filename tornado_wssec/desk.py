"""Where credentials are issued and verified: tokens, tickets, and what has been revoked.

Rules of this file:
1. A verified credential is only accepted while the revocation index does not match it.
2. Issuing and verifying use the same rules, so a guard never issues what it would refuse.
3. What a token says of its issuer only chooses by whose keys and rules it is judged.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from .api_keys import proven_key
from .auth.base import RequestView
from .clock import Clock
from .errors import CredentialRefused, NotReady, StoreError, TicketRefused, TokenRefused, TooManyAttempts
from .issuers import TrustedIssuers
from .keeper import KeyKeeper
from .logins import Logins
from .policy.assertions import Assertion
from .policy.digests import digest_of
from .policy.identity import Identity
from .policy.revocations import RevocationIndex
from .policy.tickets import TicketRecord, new_ticket
from .policy.tokens import TokenVerifier, issue_token
from .settings import Limits, Timeouts, TokenRules
from .watcher import Watcher


class IssuedToken(str):
    """A token. It may be awaited, like everything else that a coroutine asks of a guard; it is there already."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, str]:
        """Give the plain string, at once."""
        yield from ()
        return str(self)


class CredentialDesk:
    """Issues and verifies for one guard.

    Args:
        rules: what our tokens look like.
        issuers: whose tokens are accepted beside them.
        roles: role → permissions.
        keeper: the keys in force.
        index: what is revoked.
        mirror: gives the watcher once the guard has started; it knows the store and its generation.
        logins: what cookies are verified by.
    """

    def __init__(
        self,
        *,
        rules: TokenRules,
        issuers: TrustedIssuers,
        roles: Mapping[str, Sequence[str]],
        limits: Limits,
        timeouts: Timeouts,
        keeper: KeyKeeper,
        index: RevocationIndex,
        mirror: Callable[[], Watcher],
        clock: Clock,
        logins: Logins,
    ) -> None:
        self.logins = logins
        self.tickets: Counter[tuple[str, ...]] = Counter()
        """What became of tickets → how many there were since the start."""
        self._rules = rules
        self._issuers = issuers
        self._limits = limits
        self._timeouts = timeouts
        self._keeper = keeper
        self._index = index
        self._mirror = mirror
        self._clock = clock
        self._roles = roles
        self._verifier = TokenVerifier(rules, roles, limits)

    def verify_token(self, token: str) -> Identity:
        """Verify an access token of our own, revocation included.

        Raises:
            TokenRefused: for every cause.
        """
        not_before = self._not_before()
        identity = self._verifier.verify(token, self._keeper.ring, self._clock.wall(), not_before=not_before)
        return self._unrevoked(identity)

    def _not_before(self) -> float:
        """When the store's generation was made: of what was revoked before, whoever issued it, nothing is known."""
        generation = self._mirror().generation
        return 0.0 if generation is None else generation.made_at

    def _unrevoked(self, identity: Identity) -> Identity:
        revoked = self._index.revoked(identity, self._clock.wall())
        if revoked is not None:
            raise TokenRefused(f"revoked by {revoked.kind} {revoked.id}")
        return identity

    def tokens_ahead(self) -> dict[tuple[str, ...], float]:
        """Issuer → tokens that were refused since they are from later than now."""
        found: dict[tuple[str, ...], float] = {(str(self._rules.issuer),): self._verifier.ahead}
        return found | {(issuer.issuer.name,): issuer.ahead for issuer in self._issuers}

    async def identify_token(self, token: str) -> Identity:
        """Verify an access token that somebody shows, of our own or of another issuer; fetch its keys if they are due.

        Raises:
            TokenRefused: for every cause in the token.
            NotReady: the keys of its issuer cannot be had.
        """
        found = None if self._verifier.recall(token) else self._issuers.find(token)
        if found is None:
            return self.verify_token(token)
        issuer, kid = found
        await issuer.prepare(kid)
        return self._unrevoked(issuer.verify(token, not_before=self._not_before()))

    async def identify_api_key(self, key: str) -> Identity:
        """Look an API key of ours up.

        Raises:
            CredentialRefused: it is unknown, expired or revoked, or is none.
            NotReady: the store does not answer.
        """
        record = await proven_key(self._mirror().store, key, self._rules, self._clock.wall())
        return self.vouch(record.assertion)

    def vouch(self, assertion: Assertion) -> Identity:
        """Make an identity of what something other than a token of ours has proven.

        Raises:
            CredentialRefused: it cannot be somebody's, has ended, or is revoked.
        """
        now = self._clock.wall()
        identity = assertion.identity(self._rules.issuer, self._roles, now)
        self._refuse_revoked(identity, now)
        return identity

    def _refuse_revoked(self, identity: Identity, now: float) -> None:
        revoked = self._index.revoked(identity, now)
        if revoked is not None:
            raise CredentialRefused(f"revoked by {revoked.kind} {revoked.id}")

    def token_id_of(self, token: str) -> str:
        """The jti of a whole token; a jti stays as it is.

        The token is verified first, though it may be revoked already: else a forged one would revoke whatever it names.

        Raises:
            ValueError: it does not verify, or has expired.
        """
        if not _is_whole(token):
            return token
        try:
            found = self._issuers.find(token)
            if found is not None:
                return found[0].verify(token, not_before=0.0).token_id or token
            identity = self._verifier.verify(token, self._keeper.ring, self._clock.wall())
        except TokenRefused as refusal:
            fault = f"the token to revoke is not accepted ({refusal.evidence})"
        else:
            return identity.token_id or token
        raise ValueError(f"{fault}, so there is nothing to revoke; authenticate the request first")

    def issue_token(self, subject: str, permissions: Sequence[str], options: Mapping[str, Any]) -> IssuedToken:
        """Sign an access token with the current key. See `policy.tokens.issue_token` for the options.

        Raises:
            ValueError: something cannot be in a token; says what and the remedy.
        """
        ring, now = self._keeper.ring, self._clock.wall()
        return IssuedToken(issue_token(ring, self._rules, subject=subject, permissions=permissions, now=now, **options))

    async def issue_ticket(self, identity: Identity, path: str | None, origin: str | None, address: str | None) -> str:
        """A single-use ticket for one handshake.

        Raises:
            TooManyAttempts: the identity has as many outstanding as it may.
            NotReady: the store does not answer.
        """
        now = self._clock.wall()
        ticket, digest = new_ticket()
        expires_at = now + self._timeouts.ticket
        record = TicketRecord.of(identity, path=path, origin=origin, address=address, expires_at=expires_at)
        most = self._limits.tickets_per_subject
        try:
            kept = await self._mirror().store.put_ticket(
                digest, owner=record.owner, payload=record.to_json(), expires_at=expires_at, most=most, now=now
            )
        except StoreError as error:
            raise NotReady(f"no ticket could be kept: {error}") from error
        self.tickets["issued" if kept else "too_many",] += 1
        if not kept:
            raise TooManyAttempts(
                f"{most} tickets of {identity.subject} are outstanding",
                retry_after=self._timeouts.ticket,
                about=(identity.subject, identity.issuer),
            )
        return ticket

    async def redeem_ticket(self, ticket: str, request: RequestView) -> Identity:
        """Spend a ticket. One that is bound elsewhere is spent, too.

        Raises:
            TicketRefused: unknown, spent, expired, bound elsewhere, or its owner is revoked.
            NotReady: the store does not answer.
        """
        now = self._clock.wall()
        try:
            payload = await self._mirror().store.take_ticket(digest_of(ticket), now)
        except StoreError as error:
            raise NotReady(f"no ticket could be looked up: {error}") from error
        try:
            identity = self._redeemed(payload, request, now)
        except TicketRefused:
            self.tickets["refused",] += 1
            raise
        self.tickets["redeemed",] += 1
        return identity

    def _redeemed(self, payload: str | None, request: RequestView, now: float) -> Identity:
        if payload is None:
            raise TicketRefused("unknown, spent or expired")
        record = TicketRecord.from_json(payload)
        identity = record.redeem(path=request.path, origin=request.origin, address=request.address, now=now)
        revoked = self._index.revoked(identity, now)
        if revoked is not None:
            raise TicketRefused(f"revoked by {revoked.kind} {revoked.id}")
        if identity.key_id in self._keeper.ring.compromised:
            raise TicketRefused("the key of the token that it was issued for is compromised")
        if not self._issuers.trusts(identity):
            raise TicketRefused("the key of the token that it was issued for has been withdrawn by its issuer")
        return identity


def _is_whole(token: str) -> bool:
    """Whether this is a compact JWS rather than a jti: its header begins with `{"` in base64url (RFC 7515 §3.1)."""
    return token.startswith("eyJ") and token.count(".") == 2
