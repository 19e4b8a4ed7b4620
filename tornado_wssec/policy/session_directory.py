"""The directory of live connections: who is connected where, and how many an identity has on all nodes.

Rules of this file:
1. An entry belongs to a node, and counts for as long as that node's lease lives: never longer, never shorter.
   A node renews one lease, however many connections it has.
2. A lease that has ended never lives again. A node that was away too long comes back under another name.
3. Whether there is a place for an identity is decided in one step of the store, so that no two can have the last.
4. Nothing secret is in an entry.

A node that is alone need not ask before it takes a connection in: nobody else does. It holds a claim to
that, which the store grants for a moment at a time, and to which it holds on by its own clock for less. A
node that joins is not clear to take connections in until every claim of another has been given up or has ended.
"""

import hashlib
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from ..settings import KiB
from .records import Record, dump_record, ensure_text
from .revocation_entries import ensure_name

ENTRY_BYTES: Final = 16 * KiB
"""More than any entry has: six texts of `TEXT_CHARACTERS`, each of them escaped to twelve bytes, names and numbers."""

TEXT_CHARACTERS: Final = 200
"""Of a text in an entry; a subject has 128 at most."""

ENTERED_AT_ONCE: Final = 200
"""Entries of one call: a few milliseconds of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One live connection. Times are wall seconds of its node.

    Args:
        connection: random, made by its node; several connections of one login share a session, not this.
        node: where it is.
        session: its public name, as revocations and notices know it.
        endpoint: the handler's class.
        anonymous: it counts for nobody.
    """

    connection: str
    node: str
    session: str
    subject: str
    endpoint: str
    address: str
    since: float
    issuer: str | None = None
    tenant: str | None = None
    expires_at: float | None = None
    anonymous: bool = False

    @property
    def owner(self) -> str:
        """Whose quota it counts for, hashed, so that it is no pattern and has one length; empty for nobody's."""
        if self.anonymous:
            return ""
        return hashlib.sha256(json.dumps([self.issuer, self.subject]).encode()).hexdigest()

    @property
    def pid(self) -> int | None:
        """The process of its node, as its name says it."""
        parts = self.node.split(":")
        return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else None

    def to_json(self) -> str:
        """The entry as one line of ASCII JSON; at most `ENTRY_BYTES`.

        Raises:
            ValueError: it is more than a store keeps.
        """
        ensure_name("connection", self.connection)
        ensure_name("node", self.node)
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return ensure_text("the entry", dump_record({**fields, "anonymous": self.anonymous or None}), ENTRY_BYTES)

    @classmethod
    def from_json(cls, text: object) -> "Entry":
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is no entry.
        """
        record = Record.parse(text, ENTRY_BYTES)
        return cls(
            connection=ensure_name("connection", record.text("connection")),
            node=ensure_name("node", record.text("node")),
            session=record.text("session"),
            subject=record.text("subject"),
            endpoint=record.text("endpoint"),
            address=record.text("address"),
            since=record.seconds("since"),
            issuer=record.optional_text("issuer"),
            tenant=record.optional_text("tenant"),
            expires_at=record.optional_seconds("expires_at"),
            anonymous=record.flag("anonymous"),
        )


class Place:
    """The place of one connection, from before its 101 until it has left.

    Args:
        entry: what the directory knows of it.
        until: monotonic second by which the connection must be open; None: it is.

    Attributes:
        is_sent: the store may have it.
        is_in: the store has it.
    """

    __slots__ = ("entry", "is_in", "is_sent", "until")

    def __init__(self, entry: Entry, until: float | None) -> None:
        self.entry = entry
        self.until = until
        self.is_sent = self.is_in = False


class NodeStanding(NamedTuple):
    """What a renewal has found.

    Args:
        is_alive: whether the lease is renewed; False: it had ended, and the node must come back under another name.
        others: further nodes whose lease lives.
        is_alone: whether the claim to be alone was granted for as long as was asked for.
        is_clear: whether no other node holds such a claim.
        life: of the store; another one than before may have lost entries.
    """

    is_alive: bool
    others: int = 0
    is_alone: bool = False
    is_clear: bool = False
    life: str = ""


class NodeFacts(NamedTuple):
    """A node whose lease lives, and how many entries it has."""

    node: str
    connections: int


class EntryPage(NamedTuple):
    """Entries by connection, and behind which to read on; empty at the end. It may hold fewer than asked for."""

    entries: Sequence[Entry]
    after: str


class SessionDirectory(Protocol):
    """The directory in a store. It need not survive the machine. Raises StoreError where the store does not answer.

    `now` is wall seconds of the caller. Stores that serve one machine go by it; one that serves several goes by
    its own server's clock, since those of nodes may be seconds apart.
    """

    def renew_node(self, node: str, *, joins: bool, lease: float, alone: float, now: float) -> Awaitable[NodeStanding]:
        """Let a node's lease end `lease` seconds from now. Tidies up a bounded part of what dead nodes have left.

        Args:
            joins: the node is new; else a lease that has ended is not renewed.
            alone: seconds for which it claims to be alone, granted where it is; 0: it gives the claim up. A claim
                that is not granted stays what it was.
        """

    def drop_node(self, node: str, now: float) -> Awaitable[None]:
        """End a node's lease at once: none of its entries counts any more."""

    def enter(
        self, node: str, entries: Sequence[Entry], *, most: int | None, now: float, leaving: Sequence[str] = ()
    ) -> Awaitable[Sequence[bool] | None]:
        """Enter connections, or change what is known of them.

        Args:
            entries: at most `ENTERED_AT_ONCE`.
            most: how many an identity may have on all nodes; None: whatever it has, this is a fact.
            leaving: connections of the node that are forgotten first, in the same step.

        Returns:
            For each whether it is in; None when the node's lease has ended, and nothing was entered.
        """

    def leave(self, node: str, connections: Sequence[str]) -> Awaitable[None]:
        """Forget connections of a node. Those that are not there are none to complain of."""

    def list_entries(self, *, after: str, most: int, now: float) -> Awaitable[EntryPage]:
        """At most `most` entries of living nodes that sort behind the connection `after` (empty: from the first)."""

    def list_nodes(self, now: float) -> Awaitable[Sequence[NodeFacts]]:
        """Every node whose lease lives, by name."""
