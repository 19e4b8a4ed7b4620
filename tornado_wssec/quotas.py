"""How much an address and an identity may attempt and hold, and how many may wait to be identified.

Rules of this file:
1. An address pays before anything is verified, an identity only once its credential has been: nobody can lock
   out another by naming them (R06).
2. Whoever waits to be identified is counted, before 101 and after, and counted out however that ends.
3. A ban keeps out who misbehaved: the identity, or, of an address, those who have none. A neighbour with a
   credential of his own is not kept out with them.
"""

from typing import Final

from .clock import Clock
from .closing import CloseCode
from .doorstep import Doorstep
from .endpoint import Endpoint
from .errors import NotReady, TooManyAttempts
from .hub import Hub, Live
from .policy.bans import BanTable
from .policy.identity import Identity
from .policy.proxies import quota_key
from .policy.rates import BucketTable, Rate
from .settings import Limits, Timeouts
from .telemetry.audit import Audit
from .telemetry.redact import printable

BANNING: Final = frozenset({CloseCode.BAD_MESSAGES, CloseCode.RATE_LIMITED})
"""Closes after which somebody may not come back for `Timeouts.ban` seconds."""


class Quotas:
    """The quotas of one guard's door.

    Args:
        limits: how much of each.
        timeouts: how long a ban lasts.
        hub: who is connected, and who is being ended.
        doorstep: who is connected and unknown.
        clock: of all budgets and bans.
        audit: told of every ban.
    """

    def __init__(
        self, limits: Limits, timeouts: Timeouts, *, hub: Hub, doorstep: Doorstep, clock: Clock, audit: Audit
    ) -> None:
        self._limits = limits
        self._hub = hub
        self._doorstep = doorstep
        self._clock = clock
        self._monotonic = clock.monotonic
        self._audit = audit
        self._verifying = 0
        self._ban_seconds = timeouts.ban
        now, most = clock.monotonic(), limits.tracked_keys
        self._banned_identities = BanTable[tuple[str | None, str]](timeouts.ban, most=most)
        self._banned_addresses = BanTable[str](timeouts.ban, most=most)
        if timeouts.ban:
            hub.ending = self._ban_abuser
        attempts = Rate(limits.attempts_burst, limits.attempts_burst / limits.attempts_per_second)
        failures = Rate(limits.failed_credentials, limits.failed_credentials_window_seconds)
        burst = limits.identity_attempts_burst
        of_identity = Rate(burst, burst / limits.identity_attempts_per_second)
        self._attempts = BucketTable[str]((attempts,), most=most, now=now)
        self._failures = BucketTable[str]((failures,), most=most, now=now)
        self._identities = BucketTable[tuple[str | None, str]]((of_identity,), most=most, now=now)

    def check_address(self, address: str) -> None:
        """Charge an attempt to connect to an address that may still make one.

        Raises:
            TooManyAttempts: too many attempts, failed credentials or connections.
        """
        self.check_attempt(address)
        self.check_room(address)

    def check_attempt(self, address: str) -> None:
        """Charge an attempt to show a credential to an address that may still make one.

        Raises:
            TooManyAttempts: too many attempts or failed credentials.
        """
        wait = self._attempts.take(quota_key(address), 1.0, self._monotonic())
        if wait:
            raise TooManyAttempts(f"attempts from {printable(address)}", retry_after=wait)
        self.check_failures(address)

    def check_failures(self, address: str) -> None:
        """Refuse an address whose credentials have been refused too often.

        Raises:
            TooManyAttempts: until one of its failures is forgotten.
        """
        wait = self._failures.wait(quota_key(address), 1.0, self._monotonic())
        if wait:
            raise TooManyAttempts(f"failed credentials from {printable(address)}", retry_after=wait)

    def charge_failure(self, address: str) -> None:
        """Remember that a credential from this address was refused."""
        self._failures.take(quota_key(address), 1.0, self._monotonic())

    def check_room(self, address: str) -> None:
        """Refuse an address that holds as many connections as it may; who is unknown counts like everybody.

        Raises:
            TooManyAttempts: it does.
        """
        held = self._hub.at_address(address) + self._doorstep.at_address(address)
        if held >= self._limits.connections_per_address:
            raise TooManyAttempts(f"connections from {printable(address)}")

    def check_identity(self, identity: Identity, address: str, endpoint: Endpoint) -> None:
        """Charge an attempt to an identity that has been verified, and look at its connections.

        Raises:
            TooManyAttempts: banned; too many attempts; or connections, where the newest does not replace the oldest.
        """
        self._check_ban(identity, address)
        if identity.anonymous:
            return
        wait = self._identities.take((identity.issuer, identity.subject), 1.0, self._monotonic())
        if wait:
            raise TooManyAttempts(
                f"attempts of {identity.subject}", retry_after=wait, about=(identity.subject, identity.issuer)
            )
        connections = self._hub.of_identity(identity)
        if connections >= endpoint.limits.connections_per_subject and not endpoint.newest_wins:
            raise TooManyAttempts(
                f"{identity.subject} has {connections} connections", about=(identity.subject, identity.issuer)
            )

    def _check_ban(self, identity: Identity, address: str) -> None:
        now = self._monotonic()
        if identity.anonymous:
            who, wait = f"nobody in particular at {address}", self._banned_addresses.wait(quota_key(address), now)
        else:
            key = identity.issuer, identity.subject
            who, wait = identity.subject, self._banned_identities.wait(key, now)
        if wait:
            raise TooManyAttempts(f"{printable(who)} is banned", retry_after=wait)

    def _ban_abuser(self, live: Live) -> None:
        """Ban who is being ended, if it is for what it sent."""
        close = live.session.close
        if close is not None and close.code in BANNING:
            self.ban(live, int(close.code))

    def ban(self, live: Live, code: int | None = None) -> None:
        """Ban whose a connection is, for `timeouts.ban` seconds, in this process.

        Args:
            code: of the close that it is for; None: it is for something else.
        """
        identity, now = live.session.identity, self._monotonic()
        if identity.anonymous:
            self._banned_addresses.ban(quota_key(live.address), now)
        else:
            self._banned_identities.ban((identity.issuer, identity.subject), now)
        self._audit.record(
            "ban.begun",
            self._clock.wall(),
            session=live.session.id,
            subject=identity.subject,
            issuer=identity.issuer,
            address=live.address,
            code=code,
            seconds=self._ban_seconds,
        )

    def begin_verifying(self) -> None:
        """Count somebody as waiting, until `end_verifying`. Those on the doorstep keep nobody from it.

        Raises:
            NotReady: as many wait as may; nobody has been counted.
        """
        self._check_pending(0)
        self._verifying += 1

    def end_verifying(self) -> None:
        """Count out whom `begin_verifying` has counted in."""
        self._verifying -= 1

    def check_doorstep(self) -> None:
        """Refuse one more who has shown nothing, where as many wait as may.

        Raises:
            NotReady: they do.
        """
        self._check_pending(len(self._doorstep))

    def _check_pending(self, others: int) -> None:
        if self._verifying + others >= self._limits.pending_handshakes:
            raise NotReady("too many handshakes are pending")
