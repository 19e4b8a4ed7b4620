"""The machines: one in which everything happens, and one for each subject whose mistakes are rare among everything."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from tornado_wssec.stores.base import Store
from tornado_wssec.stores.redis import RedisStore
from tornado_wssec.stores.redis_url import parse_redis_url
from tornado_wssec.stores.sqlite import SqliteStore

from .cluster import TIMEOUTS
from .machine import Lives
from .rules import (
    Arrivals,
    Clocks,
    Connections,
    Keys,
    Kicks,
    Outages,
    Refreshes,
    Restarts,
    Revocations,
    RevocationsOfReplaced,
    Tickets,
    Time,
)


class OnFile(Lives):
    """With a SQLite file as the store."""

    def store(self) -> Store:
        """Another handle on the one file."""
        if not hasattr(self, "folder"):
            self.folder = TemporaryDirectory()
        return SqliteStore(Path(self.folder.name, "wssec.db"), timeouts=TIMEOUTS)

    def teardown(self) -> None:
        """And the file goes, too."""
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


class OnRedis(Lives):
    """With a Redis server as the store; its leases go by its own clock, in which a life takes no time."""

    url: ClassVar[str]
    lives: ClassVar = itertools.count()

    def store(self) -> Store:
        """Another handle on what this life has in the server."""
        if not hasattr(self, "prefix"):
            self.prefix = f"model-{os.getpid()}-{next(self.lives)}"
        return RedisStore(parse_redis_url(f"{self.url}?prefix={self.prefix}"), timeouts=TIMEOUTS)


class LiveSockets(Connections, Refreshes, Tickets, RevocationsOfReplaced, Kicks, Keys, Time, Clocks, Restarts):
    """Everything may happen, and the store is always there."""


class LiveSocketsOnFile(OnFile, LiveSockets):
    """The same with a file."""


class OnePerson(Lives):
    """Nobody but ann, without a tenant, in no session of a name."""

    subjects: ClassVar[Sequence[str]] = ["ann"]
    tenants: ClassVar[Sequence[str | None]] = [None]
    sessions: ClassVar[Sequence[str | None]] = [None]


class Refreshing(Arrivals, Refreshes, RevocationsOfReplaced):
    """One person in two tenants and two sessions, and tokens that take over from each other."""

    node_count = 1
    subjects: ClassVar[Sequence[str]] = ["ann"]
    sessions: ClassVar[Sequence[str | None]] = [None, "s1"]
    ttls: ClassVar[Sequence[int]] = [600]
    kinds: ClassVar[Sequence[str]] = ["token", "session"]
    margins: ClassVar[Sequence[int]] = [0]


class TicketsAndTokens(OnePerson, Connections, Tickets, Revocations):
    """Tokens that are shared, changed for tickets, and revoked between the two."""

    ttls: ClassVar[Sequence[int]] = [600]
    kinds: ClassVar[Sequence[str]] = ["token", "subject"]
    margins: ClassVar[Sequence[int]] = [0]


class RevocationsAndUndos(Arrivals, Revocations, Time):
    """Two people of whom everything is revoked, again and again, and taken back."""

    node_count = 1
    tenants: ClassVar[Sequence[str | None]] = ["acme"]
    sessions: ClassVar[Sequence[str | None]] = ["s1"]
    ttls: ClassVar[Sequence[int]] = [600]
    kinds: ClassVar[Sequence[str]] = ["token", "session", "subject", "tenant"]
    margins: ClassVar[Sequence[int]] = [0, 20]
    passing: ClassVar[Sequence[int]] = [1, 20]


class KeysTurning(OnePerson, Arrivals, Keys, Time, Restarts):
    """Keys whose every state matters."""

    ttls: ClassVar[Sequence[int]] = [86_400]
    passing: ClassVar[Sequence[int]] = [1, 43_199, 43_262]


class ClocksStepping(OnePerson, Arrivals, Refreshes, Time, Clocks):
    """Short tokens, and clocks that nobody can rely on."""

    ttls: ClassVar[Sequence[int]] = [60, 30]
    passing: ClassVar[Sequence[int]] = [5, 10, 24, 30, 301, 21_600]
    within: ClassVar[Sequence[int]] = [-30, 30, -10]
    beyond: ClassVar[Sequence[int]] = [-31, -90]


class MarginsAndClocks(OnePerson, Arrivals, Revocations, Time, Clocks):
    """Revocations that wait for a moment, and clocks that pass it more than once."""

    node_count = 1
    ttls: ClassVar[Sequence[int]] = [600]
    kinds: ClassVar[Sequence[str]] = ["subject"]
    margins: ClassVar[Sequence[int]] = [20]
    passing: ClassVar[Sequence[int]] = [20]
    within: ClassVar[Sequence[int]] = [-30, -20]
    beyond: ClassVar[Sequence[int]] = [-60]


class NodesCutOff(Arrivals, Revocations, Time, Restarts, Outages):
    """Two nodes that lose their store, and what is said of two people meanwhile."""

    tenants: ClassVar[Sequence[str | None]] = [None]
    sessions: ClassVar[Sequence[str | None]] = ["s1"]
    ttls: ClassVar[Sequence[int]] = [86_400]
    kinds: ClassVar[Sequence[str]] = ["session", "subject"]
    margins: ClassVar[Sequence[int]] = [0]
    passing: ClassVar[Sequence[int]] = [30, 31, 61]


class NodesCutOffOnFile(OnFile, NodesCutOff):
    """The same with a file."""


class NodesCutOffOnRedis(OnRedis, NodesCutOff):
    """The same with a server."""
