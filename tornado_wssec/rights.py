"""What the application itself says of people: whether they may be connected, what they may do, and how they sign.

Rules of this file:
1. A hook that fails, or does not answer in time, has not said yes: nobody comes in by it, and who is in does nothing
   that needs a right, and goes when the grace is over.
2. An answer counts unless something was announced since it was asked for.
3. However many are due, only so many questions are asked at once; of a hook that has fallen silent, one.
"""

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from .channels import Channels
from .clock import Clock
from .closing import Close, CloseCode
from .errors import ConfigurationError, CredentialRefused, NotReady
from .hub import Hub, Live
from .patience import OutOfPatience, patiently
from .policy.grant_pool import GrantPool
from .policy.identity import Identity
from .policy.permissions import expand_roles
from .policy.signatures import read_signing_key
from .settings import Limits, Timeouts
from .standing import Standing
from .telemetry.audit import Audit
from .telemetry.redact import where_raised

logger = logging.getLogger(__name__)

Granted = Iterable[str] | Mapping[str, Iterable[str]]
PermissionSource = Callable[[Identity], Awaitable[Granted]]
"""Gives the grants of an identity, or `{"permissions": [...], "roles": [...]}`; whatever its credential says itself
stands in `identity.permissions`."""
Revalidation = Callable[[Identity], Awaitable[bool | Identity]]
"""Says whether an identity may be connected; or gives it with other permissions, roles or claims."""
SigningKeys = Callable[[Identity], Awaitable[Mapping[str, Any] | None]]
"""Gives the public JWK of the key that an identity signs messages with; None: it has none."""

PERMISSIONS: Final = "permissions"
REVALIDATE: Final = "revalidate"
SIGNING_KEYS: Final = "signing_keys"
_NAMES: Final = frozenset({"permissions", "roles"})


class NoAnswer(Exception):
    """A hook has failed, was too slow, or gave what is no answer."""

    def __init__(self, hook: str) -> None:
        super().__init__(f"{hook}= does not answer")
        self.hook = hook


class Rights:
    """Asks the hooks of one guard, before 101, at a refresh, at intervals, and when a change is announced.

    Args:
        permissions: what somebody may do, in the place of what the credential says; None: that stands.
        revalidate: whether somebody may be connected; None: whoever holds a credential may.
        signing_keys: with which key somebody signs, in the place of the token's `cnf.jwk`; None: that stands.
        roles: role → grants.

    Attributes:
        announced: rises with every change that was announced; who compares it notices one between two looks.
    """

    def __init__(
        self,
        *,
        permissions: PermissionSource | None,
        revalidate: Revalidation | None,
        signing_keys: SigningKeys | None,
        roles: Mapping[str, Iterable[str]],
        limits: Limits,
        timeouts: Timeouts,
        clock: Clock,
        hub: Hub,
        channels: Channels,
        audit: Audit,
    ) -> None:
        for name, hook in ((PERMISSIONS, permissions), (REVALIDATE, revalidate), (SIGNING_KEYS, signing_keys)):
            if hook is not None and not callable(hook):
                raise TypeError(f"{name}={hook!r:.80} is no function; write `async def` and pass its name")
        self._permissions = permissions
        self._revalidate = revalidate
        self._signing_keys = signing_keys
        self._roles = {role: tuple(grants) for role, grants in roles.items()}
        self._limits = limits
        self._timeouts = timeouts
        self._clock = clock
        self._hub = hub
        self._channels = channels
        self._audit = audit
        self._pool = GrantPool()
        self._places: asyncio.Semaphore | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._down: set[str] = set()
        self._under_way = 0
        self._unanswered = 0
        self._silent = ""
        self.announced = 0
        hub.ask_rights = self.ask

    @property
    def has_hooks(self) -> bool:
        """Whether there is anybody to ask."""
        return any(hook is not None for hook in (self._permissions, self._revalidate, self._signing_keys))

    async def of(self, proven: Identity) -> Identity:
        """Whoever a credential has proven, with what the hooks say; nobody is asked about nobody in particular.

        Raises:
            CredentialRefused: it may not be connected.
            NotReady: a hook does not answer.
        """
        if proven.anonymous or not self.has_hooks:
            return proven
        try:
            return await self._ask(proven)
        except NoAnswer as error:
            fault = str(error)
        raise NotReady(fault, remedy="see the error logged when it began to fail")

    def begin(self, live: Live, proven: Identity, announced: int) -> None:
        """Look after the rights of a connection from now on; after a refresh, by its fresh credential.

        Args:
            proven: as the credential says it, under the name of the session.
            announced: what `announced` was before the hooks were asked.
        """
        if proven.anonymous or not self.has_hooks:
            return
        standing = live.standing = live.standing or Standing(proven)
        standing.proven, standing.unknown_since = proven, None
        live.session.is_in_doubt = False
        self._ask_later(live)
        if announced != self.announced:
            self._announce(live)
        elif standing.asking is None:
            standing.is_announced = False

    def leave(self, live: Live) -> None:
        """Ask nothing more about a connection that has gone."""
        if live.standing is not None and live.standing.asking is not None:
            live.standing.asking.cancel()

    def reload(self, matches: Callable[[Live], bool]) -> int:
        """Ask anew about the connections that match, since their rights have changed; return how many.

        What needs a right waits for the answer from now on.
        """
        self.announced += 1
        meant = [live for live in self._hub if live.standing is not None and matches(live)]
        for live in meant:
            self._announce(live)
        return len(meant)

    def ask(self, live: Live) -> None:
        """Ask about a connection in the background, unless that is under way."""
        standing = live.standing
        if standing is None or standing.asking is not None or live.session.is_closing:
            return
        renewing, context = self._renew(live, standing), standing.context.copy()
        task = standing.asking = asyncio.get_running_loop().create_task(renewing, context=context)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def stop(self) -> None:
        """Ask nothing more."""
        for task in tuple(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        self._places = None  # the guard's next life may be in another event loop

    # --- one connection ---

    def _announce(self, live: Live) -> None:
        if live.standing is not None:
            live.standing.is_announced = True
            live.standing.changes += 1
            self.ask(live)

    async def _renew(self, live: Live, standing: Standing) -> None:
        try:
            await self._ask_until_valid(live, standing)
        except Exception as error:
            # A mistake of ours must not leave rights in force that may have been withdrawn.
            logger.error("asking for rights failed: %s", where_raised(error))
            self._doubt(live, standing, certain=False)
        finally:
            standing.asking = None

    async def _ask_until_valid(self, live: Live, standing: Standing) -> None:
        while not live.session.is_closing:
            proven, changes = standing.proven, standing.changes
            found: Identity | None = None
            try:
                found = await self._ask(proven)
            except CredentialRefused as refusal:
                self._hub.end(live, Close(CloseCode.REVOKED), refusal.evidence)
            except NoAnswer as error:
                if standing.proven is proven:
                    self._doubt(live, standing, certain=error.hook == REVALIDATE and not standing.is_announced)
                    return
            # A newer credential, or a change that was announced meanwhile, may not be in the answer.
            if found is not None and standing.proven is proven and standing.changes == changes:
                self._put_in_force(live, standing, found)
                return

    def _put_in_force(self, live: Live, standing: Standing, found: Identity) -> None:
        session = live.session
        if session.is_closing:
            return
        standing.is_announced, standing.unknown_since, session.is_in_doubt = False, None, False
        if found != session.identity:
            session.identity = found
            self._hub.end_unless_permitted(live)
            lost = self._channels.recheck(live)
            facts = {"session": session.id, "subject": found.subject, "issuer": found.issuer, "tenant": found.tenant}
            self._audit.record("session.rights_changed", self._clock.wall(), channels_lost=len(lost), **facts)
        self._ask_later(live)

    def _doubt(self, live: Live, standing: Standing, *, certain: bool) -> None:
        """Bear with a connection about which nothing can be learnt, for as long as the grace lasts.

        Args:
            certain: its rights are what they were, only whether it may stay is not known.
        """
        if live.session.is_closing:
            return
        now = self._clock.monotonic()
        if standing.unknown_since is None:
            standing.unknown_since = now
        live.session.is_in_doubt = not certain
        left = standing.unknown_since + self._timeouts.rights_for_live - now
        if left <= 0:
            self._hub.end(live, Close(CloseCode.TRY_AGAIN_LATER), "the application does not say what it may do")
        else:
            live.lifetime.ask_rights_at(now + min(self._timeouts.hook_retry, left))

    def _ask_later(self, live: Live) -> None:
        # Spread out: those who came together do not come up together.
        share = random.uniform(0.5, 1.0)  # noqa: S311 - nobody gains by guessing it
        live.lifetime.ask_rights_at(self._clock.monotonic() + self._timeouts.revalidation * share)

    # --- the hooks ---

    async def _ask(self, proven: Identity) -> Identity:
        """What the hooks say of an identity.

        Raises:
            CredentialRefused: no.
            NoAnswer: nothing.
        """
        self._places = self._places or asyncio.Semaphore(self._limits.hook_calls)
        async with self._places:
            # Else ten thousand would wait in turn for what never comes, each with the rights that it had.
            if self._unanswered >= self._limits.hook_calls and self._under_way:
                raise NoAnswer(self._silent)
            self._under_way += 1
            try:
                return await self._ask_hooks(proven)
            finally:
                self._under_way -= 1

    async def _ask_hooks(self, proven: Identity) -> Identity:
        found = proven
        if self._revalidate is not None:
            found = await self._call(REVALIDATE, self._revalidate, proven, self._confirmed)
        if self._permissions is not None:
            found = await self._call(PERMISSIONS, self._permissions, found, self._granted)
        if self._signing_keys is not None:
            found = await self._call(SIGNING_KEYS, self._signing_keys, found, _keyed)
        return found

    async def _call(
        self,
        name: str,
        hook: Callable[[Identity], Any],
        identity: Identity,
        read: Callable[[Identity, Any], Identity],
    ) -> Identity:
        try:
            found = read(identity, await patiently(_answer_of(hook, identity), self._timeouts.hook))
        except CredentialRefused:
            self._tell_back(name)
            raise
        except OutOfPatience:
            self._unanswered, self._silent = self._unanswered + 1, name
            fault = f"no answer within {self._timeouts.hook:g} s"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            fault = "it was cancelled by something of its own"
        except Exception as error:
            fault = where_raised(error)
        else:
            self._tell_back(name)
            return found
        self._tell_down(name, fault)
        raise NoAnswer(name)

    def _confirmed(self, identity: Identity, answer: object) -> Identity:
        if answer is True:
            return identity
        if answer is False:
            raise CredentialRefused(f"{REVALIDATE}= says no")
        if not isinstance(answer, Identity):
            raise TypeError(f"{REVALIDATE}= gave a {type(answer).__name__}; return True, False or an Identity")
        if _person(answer) != _person(identity):
            raise CredentialRefused(f"{REVALIDATE}= says that this is somebody else now")
        grants = self._pool.of(answer.permissions)
        return replace(identity, permissions=grants, roles=tuple(answer.roles), claims=answer.claims)

    def _granted(self, identity: Identity, answer: Any) -> Identity:
        given: Any = answer if isinstance(answer, Mapping) else {"permissions": answer, "roles": identity.roles}
        if not _NAMES.issuperset(given):
            raise TypeError(f"{PERMISSIONS}= gave other keys than permissions and roles")
        permissions, roles = given.get("permissions", ()), given.get("roles", ())
        if isinstance(permissions, str) or isinstance(roles, str):
            raise TypeError(f"{PERMISSIONS}= gave one string where a list belongs")
        named = tuple(roles)
        if not all(isinstance(role, str) for role in named):
            raise TypeError(f"{PERMISSIONS}= gave a role that is no string")
        expanded = expand_roles(named, self._roles) if isinstance(answer, Mapping) else ()
        return replace(identity, permissions=self._pool.of([*permissions, *expanded]), roles=named)

    def _tell_down(self, name: str, fault: str) -> None:
        if name not in self._down:
            self._down.add(name)
            logger.error("%s= does not answer: %s; nobody new comes in until it does", name, fault)
            self._audit.record("hook.failed", self._clock.wall(), hook=name, fault=fault)

    def _tell_back(self, name: str) -> None:
        self._unanswered = 0
        if name in self._down:
            self._down.discard(name)
            logger.warning("%s= answers again", name)
            self._audit.record("hook.answers", self._clock.wall(), hook=name)


async def _answer_of(hook: Callable[[Identity], Any], identity: Identity) -> Any:
    """What a hook says, coroutine or plain function alike."""
    answer = hook(identity)
    return await answer if inspect.isawaitable(answer) else answer


def _keyed(identity: Identity, answer: Any) -> Identity:
    """The identity with the key that it signs with; the fault of one that cannot be is told without any of it."""
    fault = ""
    try:
        return replace(identity, signing_key={} if answer is None else read_signing_key(answer, "the key").public_jwk())
    except ConfigurationError as error:
        fault = error.problems[0].fault
    raise TypeError(f"{SIGNING_KEYS}= gave what {fault}; return the public JWK of an Ed25519 or P-256 key, or None")


def _person(identity: Identity) -> tuple[str | None, str, str | None, bool]:
    return (identity.issuer, identity.subject, identity.tenant, identity.anonymous)
