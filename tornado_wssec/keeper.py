"""The key ring of a running server: the key file where there is one, joined with what the store publishes."""

import json
import logging
from collections.abc import Callable
from typing import Any, Protocol

from .errors import ConfigurationError, KeyFileError
from .policy.keys import KeyRing

logger = logging.getLogger(__name__)


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
        self._own = KeyRing()
        self._published: dict[str, Any] | None = None
        self._compromised = compromised
        self.ring = self._own

    def start(self) -> None:
        """Read the key file.

        Raises:
            KeyFileError: it is not as it must be; the server must not start.
        """
        if self._source is not None:
            self._own = self._source.load()
            self._join()

    def look(self) -> None:
        """Follow a change of the key file; one that cannot be read leaves the last good keys in force."""
        if self._source is None or not self._source.changed():
            return
        try:
            self._own = self._source.load()
        except KeyFileError as error:
            logger.error("the key file cannot be read (%s); the keys read before stay in force", error)
            return
        self._join()

    def publish(self, document: str) -> None:
        """Take over what the store publishes; a document that is not ours changes nothing."""
        try:
            published = json.loads(document)
            KeyRing().merge_public(published)
        except (ValueError, ConfigurationError) as error:
            logger.error("the published keys cannot be read (%s); the keys read before stay in force", error)
            return
        self._published = published
        self._join()

    def _join(self) -> None:
        self.ring = self._own if self._published is None else self._own.merge_public(self._published)
        if self.ring.compromised:
            self._compromised(self.ring.compromised)
