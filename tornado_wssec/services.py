"""What any coroutine of an application may ask of its guard: publish, disconnect, revoke, issue."""

from collections.abc import Mapping, Sequence
from typing import Any

from .api_keys import keep_key, revoke_with_keys
from .channels import Channels
from .clock import Clock
from .desk import CredentialDesk, IssuedToken
from .enforcement import Enforcer
from .errors import ConfigurationError, CredentialRefused, Problem
from .hub import Hub
from .keeper import KeyKeeper
from .moderation import Moderator
from .policy.api_keys import NewApiKey, is_key_id, looks_like_key, new_api_key
from .policy.broker import Present
from .policy.identity import Identity
from .policy.messages import Message
from .policy.notices import make_notice
from .policy.revocation_entries import NoticeKind
from .policy.revocations import Kind, Revocation, make_revocation
from .publishing import Publishing
from .readiness import Readiness
from .rights import Rights
from .settings import Timeouts, TokenRules
from .telemetry.audit import Audit
from .watcher import Watcher


class Services:
    """The calls of a `Guard`, which assembles what they need."""

    audit: Audit
    channels: Channels
    clock: Clock
    hub: Hub
    moderation: Moderator
    publishing: Publishing
    keeper: KeyKeeper
    rules: TokenRules
    accepted_rules: Sequence[TokenRules]
    timeouts: Timeouts
    _desk: CredentialDesk
    _enforcer: Enforcer
    _readiness: Readiness
    _rights: Rights

    @property
    def watcher(self) -> Watcher:
        """The mirror of the store; NotReady before `start`."""
        return self._readiness.mirror()

    def is_ready(self) -> bool:
        """Whether a new connection would be let in."""
        return self._readiness.is_ready()

    def verify_token(self, token: str) -> Identity:
        """Who an access token of our own proves, revocation included.

        Raises:
            TokenRefused: for every cause.
        """
        return self._desk.verify_token(token)

    async def identify_token(self, token: str) -> Identity:
        """Who an access token proves, of our own or of another issuer that is trusted, revocation included.

        Raises:
            TokenRefused: for every cause in the token.
            NotReady: its issuer's keys cannot be had.
        """
        return await self._desk.identify_token(token)

    async def publish(self, channel: str, message: type[Message], data: Mapping[str, Any]) -> None:
        """Send a declared message to everyone who listens to a channel and may receive it.

        Raises:
            ConfigurationError: the message or the channel is not declared.
            OutboundInvalid: the data does not fit the schema.
            StoreUnavailable: listeners may have got it or not.
        """
        await self.channels.publish(channel, message, data)

    async def present(self, channel: str) -> Sequence[Present]:
        """Who listens to a channel with `presence = True`, on all nodes, by subject.

        Whoever was connected to a server that was killed counts for another `timeouts.node_lease`.

        Raises:
            ConfigurationError: the channel is not declared so.
            StoreUnavailable: it cannot be found out now.
        """
        return await self.channels.present(channel)

    async def disconnect(
        self,
        *,
        subject: str | None = None,
        session: str | None = None,
        tenant: str | None = None,
        issuer: str | None = None,
        reason: str = "",
    ) -> int:
        """Close the live connections that match everything given (4403), on every node.

        Those of this process are closed before anything is awaited, the others within a second of the store's
        acknowledgement. Their credentials stay valid; `revoke` ends those.

        Args:
            issuer: whose subject, session or tenant; None: of whatever issuer.
            reason: what their clients are told; empty: "access revoked".

        Returns:
            How many there were in this process.

        Raises:
            StoreUnavailable, NotAcknowledged: other nodes may not hear of it; try again.
            ValueError: what is named cannot be.
        """
        if subject is None and session is None and tenant is None:
            raise TypeError("disconnect() takes subject=, session= or tenant=")
        wanted = {"subject": subject, "session": session, "tenant": tenant, "issuer": issuer}
        notice = make_notice(NoticeKind.KICK, self.clock.wall(), **wanted, reason=reason)
        closed = self._enforcer.heed(notice)
        await self.watcher.store.append(notice)
        return closed

    async def permissions_changed(
        self,
        *,
        subject: str | None = None,
        session: str | None = None,
        tenant: str | None = None,
        role: str | None = None,
        resource: str | None = None,
        issuer: str | None = None,
    ) -> int:
        """Have the hooks asked anew about the live connections that match everything given, on every node.

        Nothing given: about all. Those of this process are asked about before anything is awaited, those of others
        within a second of the store's acknowledgement. What needs a right waits for the answer from then on.

        Args:
            role: named by their credential, or by the source of permissions.
            resource: what one of their grants or channels is about: `b7`, or `board:b7`.
            issuer: whose people; None: of whatever issuer.

        Returns:
            How many there are in this process.

        Raises:
            ConfigurationError: this guard has none of `permissions=`, `revalidate=` and `signing_keys=`.
            StoreUnavailable, NotAcknowledged: other nodes may not hear of it; try again.
            ValueError: what is named cannot be.
        """
        if not self._rights.has_hooks:
            remedy = "give it one; without, rights change by a fresh token, or end by revoke()"
            fault = "has neither permissions= nor revalidate= nor signing_keys="
            raise ConfigurationError([Problem("Guard", fault, remedy)])
        notice = make_notice(
            NoticeKind.PERMISSIONS,
            self.clock.wall(),
            subject=subject,
            session=session,
            tenant=tenant,
            role=role,
            resource=resource,
            issuer=issuer,
        )
        meant = self._enforcer.heed(notice)
        await self.watcher.store.append(notice)
        return meant

    async def revoke(
        self,
        *,
        token: str | None = None,
        session: str | None = None,
        subject: str | None = None,
        tenant: str | None = None,
        key: str | None = None,
        issuer: str | None = None,
        before: float | None = None,
        reason: str = "",
        margin: float = 0.0,
    ) -> Revocation:
        """Refuse a token (by its jti, or whole), session, subject, tenant or key from now on, on every node.

        Live connections close within a second of the store's acknowledgement, those of this process
        before this returns. API keys that it names are dropped: an undo does not bring them back.

        Args:
            issuer: whose token, session, subject or tenant; None: of whatever issuer, as `wssec revoke` does.
            before: for a subject or tenant: what was issued until then, in wall seconds; None: until now.
            margin: seconds during which clients are asked to re-authenticate first.

        Raises:
            StoreUnavailable, NotAcknowledged: it may not hold; try again.
            ValueError: what is named cannot be, or is a whole token that does not verify.
        """
        named = {Kind.TOKEN: token, Kind.SESSION: session, Kind.SUBJECT: subject, Kind.TENANT: tenant, Kind.KEY: key}
        given = [(kind, value) for kind, value in named.items() if value is not None]
        if len(given) != 1:
            raise TypeError("revoke() takes one of token=, session=, subject=, tenant=, key=")
        (kind, value) = given[0]
        if kind is Kind.TOKEN:
            value = self._token_id_of(value)
        revocation = make_revocation(
            kind,
            value,
            self.clock.wall(),
            rules=self.accepted_rules,
            timeouts=self.timeouts,
            issuer=issuer,
            before=before,
            margin=margin,
            reason=reason,
        )
        try:
            for id in await revoke_with_keys(self.watcher.store, revocation, self.clock.wall()):
                self.audit.record("api_key.dropped", self.clock.wall(), key=id, revocation=revocation.id)
        finally:
            await self.watcher.catch_up()
        return revocation

    def _token_id_of(self, token: str) -> str:
        if looks_like_key(token):
            raise ValueError("this is a whole API key, which is a secret; give its id, the part that begins with ak")
        return self._desk.token_id_of(token)

    async def create_api_key(
        self,
        subject: str,
        permissions: Sequence[str] = (),
        *,
        roles: Sequence[str] = (),
        tenant: str | None = None,
        ttl: float | None = None,
        no_expiry: bool = False,
        note: str = "",
    ) -> NewApiKey:
        """Make an API key for a program. Only this call ever shows it: the store has its hash.

        Args:
            subject: whom it stands for.
            permissions, roles, tenant: as in a token.
            ttl: seconds; None: `timeouts.api_key`.
            no_expiry: it is good until it is revoked.
            note: for whoever lists the keys.

        Raises:
            StoreError: it may not be there.
            ValueError: something cannot be; says what and the remedy.
        """
        if no_expiry and ttl is not None:
            raise ValueError("the key has a ttl and no expiry; give one of the two")
        key, record = new_api_key(
            issuer=self.rules.issuer,
            audience=self.rules.audience,
            subject=subject,
            permissions=permissions,
            roles=roles,
            tenant=tenant,
            note=note,
            ttl=None if no_expiry else self.timeouts.api_key if ttl is None else ttl,
            now=self.clock.wall(),
        )
        try:
            self._desk.vouch(record.assertion)
        except CredentialRefused as refusal:
            remedy = "wait a second if that was just now, or undo the revocation"
            raise ValueError(f"the key would be refused at once ({refusal.evidence}); {remedy}") from None
        await keep_key(self.watcher.store, record)
        self.audit.record("api_key.created", record.created_at, key=key.id, subject=subject, tenant=tenant)
        return NewApiKey(id=key.id, key=key.text, expires_at=record.expires_at)

    async def revoke_api_key(self, id: str, *, reason: str = "") -> Revocation:
        """End an API key: it is dropped, and its connections and tickets are revoked. Twice is as good as once.

        Args:
            id: its public part, `ak…`.

        Raises:
            StoreError: it may not hold; try again.
            ValueError: this is no id of an API key.
        """
        if not is_key_id(id):
            raise ValueError("this is no id of an API key; `wssec apikeys list` shows those that there are")
        return await self.revoke(token=id, reason=reason)

    def issue_token(
        self, subject: str, permissions: Sequence[str] = (), *, session: str | None = None, **options: Any
    ) -> IssuedToken:
        """Sign an access token with the current key. The result is a string, and may be awaited, too.

        Args:
            session: the session that it belongs to (`sid`); None: each connection makes one.
            options: `ttl` (seconds), `tenant`, `roles`, `claims`, `cnf`, `token_id`; see `policy.issuance`.

        Raises:
            ValueError: something cannot be in a token; says what and the remedy.
        """
        return self._desk.issue_token(subject, permissions, {"session_id": session, **options})

    async def issue_ticket(
        self,
        subject: Identity | str,
        permissions: Sequence[str] = (),
        *,
        path: str | None = None,
        origin: str | None = None,
        address: str | None = None,
        **options: Any,
    ) -> str:
        """A single-use ticket for one handshake within `timeouts.ticket` seconds.

        Args:
            subject: an identity, as `authenticate` returns it; or a subject, to be let in as by a fresh token.
            permissions, options: with a subject, those of `issue_token`.
            path, origin, address: what the handshake must come from and go to; None: any.

        Raises:
            TooManyAttempts: as many are outstanding as one identity may have.
            NotReady: the store does not answer.
            ValueError: as for `issue_token`.
        """
        if not isinstance(subject, Identity):
            subject = self.verify_token(self.issue_token(subject, permissions, **options))
        return await self._desk.issue_ticket(subject, path, origin, address)

    async def _end_session(self, identity: Identity) -> None:
        await self.revoke(session=identity.session_id, issuer=identity.issuer, reason="signed out")
        facts = {"session": identity.session_id, "subject": identity.subject, "tenant": identity.tenant}
        self.audit.record("login.ended", self.clock.wall(), **facts)

    def public_keys(self) -> Mapping[str, Any]:
        """The JWK Set of every key that verifies now (RFC 7517)."""
        return self.keeper.ring.jwks(self.clock.wall())
