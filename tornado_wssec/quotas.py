"""How much an address and an identity may attempt and hold, and how many may wait to be identified.

Rules of this file:
1. An address pays before anything is verified, an identity only once its credential has been: nobody can lock
   out another by naming them (R06).
2. Whoever waits to be identified is counted, before 101 and after, and counted out however that ends.
"""

from collections.abc import Callable

from .doorstep import Doorstep
from .endpoint import Endpoint
from .errors import NotReady, TooManyAttempts
from .hub import Hub
from .policy.identity import Identity
from .policy.proxies import quota_key
from .policy.rates import BucketTable, Rate
from .settings import Limits
from .telemetry.redact import printable


class Quotas:
    """The quotas of one guard's door.

    Args:
        limits: how much of each.
        hub: who is connected.
        doorstep: who is connected and unknown.
        monotonic: the clock of all budgets.
    """

    def __init__(self, limits: Limits, hub: Hub, doorstep: Doorstep, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._hub = hub
        self._doorstep = doorstep
        self._monotonic = monotonic
        self._verifying = 0
        now, most = monotonic(), limits.tracked_keys
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

    def check_identity(self, identity: Identity, endpoint: Endpoint) -> None:
        """Charge an attempt to an identity that has been verified, and look at its connections.

        Raises:
            TooManyAttempts: too many attempts; or connections, where the newest does not replace the oldest.
        """
        if identity.anonymous:
            return
        wait = self._identities.take((identity.issuer, identity.subject), 1.0, self._monotonic())
        if wait:
            raise TooManyAttempts(f"attempts of {identity.subject}", retry_after=wait)
        connections = self._hub.of_identity(identity)
        if connections >= endpoint.limits.connections_per_subject and not endpoint.newest_wins:
            raise TooManyAttempts(f"{identity.subject} has {connections} connections")

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
