"""The connections of this process in the store's directory of all live ones.

Rules of this file:
1. A place for an identity is taken before 101, where the store counts those of all nodes; and given back however the
   handshake ends.
2. A node that is alone asks nobody: it counts by itself, and while it does no other node takes anybody in.
3. While the store does not answer, an identity has its share here: the limit, divided by the nodes last seen.
4. Everything else lags behind: entries and departures are written in batches, beside the connections.
"""

import asyncio
import contextlib
import logging
import math
import secrets
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from .clock import Clock
from .endpoint import Endpoint
from .errors import StoreError, TooManyAttempts
from .hub import Hub
from .membership import UNCLEAR_SECONDS, Membership, Renewal
from .policy.identity import Identity
from .policy.session_directory import ENTERED_AT_ONCE, TEXT_CHARACTERS, Entry, Place
from .settings import Timeouts
from .stores.base import Store
from .telemetry.redact import where_raised

logger = logging.getLogger(__name__)

CONNECTION_BYTES: Final = 12
SESSION_BYTES: Final = 16
PAGE: Final = 1_000
COMPARE_SECONDS: Final = 60.0
"""Between two looks whether the directory has what we have: a call that timed out may have been done later."""


class Directory:
    """This process's part of the directory, for one guard.

    Args:
        hub: who is connected here.
        timeouts: of the lease.
        clock: wall time for facts, monotonic time for deadlines.
    """

    def __init__(self, hub: Hub, timeouts: Timeouts, clock: Clock) -> None:
        self._hub = hub
        self._timeouts = timeouts
        self._clock = clock
        self.membership = Membership(timeouts, clock)
        self._store: Store | None = None
        self._places: dict[str, Place] = {}
        self._reserved: dict[str, Place] = {}
        self._unwritten: dict[str, Place] = {}
        self._gone: dict[str, Entry] = {}
        self._woken = asyncio.Event()
        self._compare_at = 0.0
        self._is_silent = False

    def __len__(self) -> int:
        return len(self._places)

    # --- connections ---

    async def reserve(self, identity: Identity, address: str, endpoint: Endpoint) -> Place:
        """Take a place for a connection that is about to open.

        Raises:
            TooManyAttempts: the identity has as many as it may on all nodes, and the newest does not replace the
                oldest.
        """
        place = Place(self._entry(identity, address, endpoint), self._clock.monotonic() + self._timeouts.handshake)
        connection = place.entry.connection
        self._places[connection] = self._reserved[connection] = place
        if identity.anonymous or endpoint.newest_wins or self.membership.is_alone:
            self._unwritten[connection] = place
            return place
        try:
            await self._ask(place, identity, endpoint.limits.connections_per_subject)
        except BaseException:
            self.release(place)
            raise
        return place

    def occupy(self, place: Place) -> None:
        """The connection is open: its place is kept until it is given back."""
        place.until = None
        connection = place.entry.connection
        self._reserved.pop(connection, None)
        if connection not in self._places:  # it took longer than a handshake may
            place.entry = replace(place.entry, node=self.membership.node)
            self._places[connection] = self._unwritten[connection] = place

    def update(self, place: Place, expires_at: float | None) -> None:
        """What is known of a connection has changed."""
        place.entry = replace(place.entry, expires_at=_end(expires_at))
        if place.entry.connection in self._places:
            self._unwritten[place.entry.connection] = place

    def release(self, place: Place) -> None:
        """Give a place back. A second call does nothing."""
        connection = place.entry.connection
        if self._places.pop(connection, None) is None:
            return
        self._reserved.pop(connection, None)
        self._unwritten.pop(connection, None)
        if place.is_sent and self.membership.may_live:  # after the lease there is nothing to take back
            self._gone[connection] = place.entry
            if not self.membership.is_alone:
                self._woken.set()  # somebody may want it

    # --- its life ---

    async def start(self, store: Store, *, following: bool) -> None:
        """Become a node of this store, and wait until all others know, for as long as one may not be heard of.

        Args:
            following: whether `run` will follow; else the caller looks.
        """
        self.membership.begin()
        self._store = store
        self._woken = asyncio.Event()
        self._compare_at = self._clock.monotonic() + COMPARE_SECONDS
        await self._try_to_look()
        until = self._clock.monotonic() + self._timeouts.node_alone
        while following and not self.membership.is_clear and self._clock.monotonic() < until:
            await asyncio.sleep(UNCLEAR_SECONDS)
            await self._try_to_look()

    async def run(self) -> None:
        """Renew the lease and write what has changed, until cancelled."""
        while True:
            await self._try_to_look()
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeouts.tick if self.membership.is_clear else UNCLEAR_SECONDS):
                    await self._woken.wait()

    async def stop(self) -> None:
        """End the lease: nobody waits for the places that were here."""
        store, self._store = self._store, None
        if store is not None and self.membership.is_joined:
            with contextlib.suppress(StoreError):
                await store.drop_node(self.membership.node, self._clock.wall())
        for kept in (self._places, self._reserved, self._unwritten, self._gone):
            kept.clear()
        self.membership.begin()

    async def look(self) -> None:
        """Write what has changed, and renew the lease where that is due.

        Raises:
            StoreError: the store does not answer; what could not be written waits.
        """
        store = self._store
        if store is None:
            return
        self._release_unoccupied()
        if self.membership.is_joined:
            await self._write(store)
        if self.membership.is_due:
            await self._renew(store)
            await self._write(store)
            await self._compare(store)
            if self._is_silent:
                self._is_silent = False
                logger.warning("the session directory answers again, and knows who is connected here")

    # --- a place on all nodes ---

    async def _ask(self, place: Place, identity: Identity, most: int) -> None:
        """Enter one connection, if there is a place for it on all nodes."""
        membership = self.membership
        if membership.is_careful:
            self._require_share(identity, most)
        asked = place.entry
        found = await self._enter(place, most - self._unknown_of(place))
        if found is None:
            # Whether the store has heard is not known: it is told again.
            self._require_share(identity, most)
            self._unwritten[place.entry.connection] = place
            membership.hurry()
        elif not found[0]:
            place.is_sent = False
            fault = f"{identity.subject} has {most} connections on {membership.nodes} nodes"
            raise TooManyAttempts(fault, about=(identity.subject, identity.issuer))
        else:
            place.is_in = place.entry is asked  # else the lease has ended meanwhile, and it is entered again

    async def _enter(self, place: Place, most: int) -> Sequence[bool] | None:
        if self._store is None or not self.membership.is_joined:
            return None
        place.is_sent = True
        entry, now = place.entry, self._clock.wall()
        # Who reconnects must not stand in his own way.
        leaving = [name for name, gone in self._gone.items() if _is_same(gone, entry)][:ENTERED_AT_ONCE]
        try:
            found = await self._store.enter(entry.node, [entry], most=most, now=now, leaving=leaving)
            for name in leaving:
                self._gone.pop(name, None)
            return found
        except StoreError as error:
            self._tell(error)
            return None

    def _unknown_of(self, place: Place) -> int:
        """Connections of the same identity that the store does not know of yet."""
        return sum(_is_same(one.entry, place.entry) for one in self._unwritten.values() if not one.is_in)

    def _require_share(self, identity: Identity, most: int) -> None:
        share = max(1, most // self.membership.nodes)
        if self._hub.of_identity(identity) >= share:
            fault = f"{identity.subject} has {share} connections here, its share while the store does not answer"
            raise TooManyAttempts(fault, about=(identity.subject, identity.issuer))

    # --- writing ---

    async def _renew(self, store: Store) -> None:
        before = self.membership.node
        renewal = await self.membership.renew(store)
        if renewal is Renewal.LOST:
            logger.warning("the session directory may have lost node %s; who is connected is entered again", before)
            self._enter_all_again()
        elif renewal is Renewal.NOT_ALONE:
            await self._write(store)  # whoever was taken in counts before anybody else takes one in
            await self.membership.give_up_claim(store)

    def _enter_all_again(self) -> None:
        for place in self._places.values():
            place.entry = replace(place.entry, node=self.membership.node)
            place.is_in = False
        self._unwritten = dict(self._places)
        self._gone.clear()

    async def _write(self, store: Store) -> None:
        while self._gone:
            gone = list(islice(self._gone, ENTERED_AT_ONCE))
            await store.leave(self.membership.node, gone)
            for connection in gone:
                self._gone.pop(connection, None)
        while self._unwritten:
            batch = [(place, place.entry) for place in islice(self._unwritten.values(), ENTERED_AT_ONCE)]
            for place, _ in batch:
                place.is_sent = True
            entries = [entry for _, entry in batch]
            if await store.enter(self.membership.node, entries, most=None, now=self._clock.wall()) is None:
                self.membership.hurry()
                return
            for place, entry in batch:
                place.is_in = True
                if place.entry is entry:  # else it has changed meanwhile
                    self._unwritten.pop(entry.connection, None)

    async def _compare(self, store: Store) -> None:
        """Now and then see that the directory has what we have, and mend it where it has not."""
        now = self._clock.monotonic()
        if now < self._compare_at:
            return
        self._compare_at = now + COMPARE_SECONDS
        kept = {facts.node: facts.connections for facts in await store.list_nodes(self._clock.wall())}
        if kept.get(self.membership.node) == sum(place.is_sent for place in self._places.values()):
            return
        known: dict[str, Entry] = {}
        after = ""
        while True:
            page, after = await store.list_entries(after=after, most=PAGE, now=self._clock.wall())
            known |= {entry.connection: entry for entry in page if entry.node == self.membership.node}
            if not after:
                break
        self._gone.update({name: known[name] for name in known.keys() - self._places.keys()})
        self._unwritten.update({name: place for name, place in self._places.items() if name not in known})

    def _release_unoccupied(self) -> None:
        now = self._clock.monotonic()
        for place in [one for one in self._reserved.values() if one.until is not None and one.until <= now]:
            self.release(place)

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except StoreError as error:
            self._tell(error)
        except Exception as error:
            # A mistake of ours must not end the lease: everybody here would be taken for gone.
            logger.error("following the session directory failed: %s", where_raised(error))

    def _tell(self, error: StoreError) -> None:
        """Say once in an outage what holds meanwhile."""
        if not self._is_silent:
            share = f"an identity may have 1/{self.membership.nodes} of its connections here"
            logger.warning("the session directory does not answer: %s; until it does, %s", error, share)
        self._is_silent = True

    def _entry(self, identity: Identity, address: str, endpoint: Endpoint) -> Entry:
        return Entry(
            connection=secrets.token_urlsafe(CONNECTION_BYTES),
            node=self.membership.node,
            session=_text(identity.session_id or secrets.token_urlsafe(SESSION_BYTES)),
            subject=_text(identity.subject),
            issuer=None if identity.issuer is None else _text(identity.issuer),
            tenant=None if identity.tenant is None else _text(identity.tenant),
            endpoint=_text(endpoint.name),
            address=_text(address),
            since=self._clock.wall(),
            expires_at=_end(identity.expires_at),
            anonymous=identity.anonymous,
        )


def _is_same(one: Entry, other: Entry) -> bool:
    """Whether both count for the same identity."""
    return (one.issuer, one.subject, one.anonymous) == (other.issuer, other.subject, False)


def _text(given: str) -> str:
    """What a store can keep of it."""
    # An authenticator of the application's may have made it, and one entry that cannot be written holds up all others.
    if len(given) <= TEXT_CHARACTERS and given.isascii():
        return given
    return given[:TEXT_CHARACTERS].encode("utf-8", "replace").decode()


def _end(expires_at: float | None) -> float | None:
    return expires_at if expires_at is not None and math.isfinite(expires_at) else None
