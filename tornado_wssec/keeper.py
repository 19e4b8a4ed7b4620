"""The key ring of a running server: the key file where there is one, joined with what the store publishes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from .errors import ConfigurationError, FrameError, KeyFileError
from .policy.codec import decode_json
from .policy.keys import KeyRing
from .settings import Limits
from .telemetry.incidents import Incident

logger = logging.getLogger(__name__)

FAULT_SECONDS: Final = 5.0
"""Until a key file that could not be read is tried again: a wrong seal costs a tenth of a second of one core."""


class KeySource(Protocol):
    """Where private keys are kept."""

    def load(self) -> KeyRing:
        """Read them; KeyFileError."""

    def changed(self) -> bool:
        """Whether they may have changed since the last `load`."""


class KeyKeeper:
    """Holds the ring in force, and follows a rotation without a restart.

    Args:
        source: the key file; None on a node that only verifies.
        compromised: called with the kids that must no longer be trusted.
    """

    def __init__(self, source: KeySource | None, compromised: Callable[[frozenset[str]], None]) -> None:
        self._source = source
        self._compromised = compromised
        self.incident = Incident(logger, what="key_file")
        self.ring = KeyRing()

    def start(self) -> None:
        """Read the key file.

        Raises:
            KeyFileError: it is not as it must be; the server must not start.
        """
        if self._source is not None:
            self._take(self._source.load())

    def read(self) -> KeyRing:
        """What the key file holds, without taking it over; no keys where there is none.

        Raises:
            KeyFileError: it is not as it must be.
        """
        return KeyRing() if self._source is None else self._source.load()

    async def look(self) -> bool:
        """Follow a change of the key file; False when it cannot be read, and the keys read before stay in force."""
        if self._source is None or not self._source.changed():
            return True
        try:
            # Off the loop: to open a sealed file takes some tenths of a second.
            self._take(await asyncio.to_thread(self._source.load))
        except (KeyFileError, ConfigurationError) as error:
            self.incident.begin("the key file cannot be read (%s); the keys read before stay in force", error)
            return False
        self.incident.end("the key file can be read again")
        return True

    async def follow(self, interval: float) -> None:
        """Look every `interval` seconds until cancelled; after a fault less often."""
        while True:
            is_readable = await self.look()
            await asyncio.sleep(interval if is_readable else FAULT_SECONDS)

    async def publish(self, document: str) -> None:
        """Take over what the store publishes; a document that is not ours changes nothing."""
        # The file first: a key that is current elsewhere may sign here only with its private half.
        await self.look()
        try:
            published = decode_json(document, Limits())
            self._put_in_force(self.ring.merge_public(published))
        except (FrameError, ConfigurationError) as error:
            logger.error("the published keys cannot be read (%s); the keys known before stay in force", error)

    def _take(self, own: KeyRing) -> None:
        # What is in force is kept beside what is new: an older document never brings a compromised key back.
        self._put_in_force(own.merge_public(self.ring.public_document()))

    def _put_in_force(self, ring: KeyRing) -> None:
        self.ring = ring
        if ring.compromised:
            self._compromised(ring.compromised)
