"""The revocations of the log in memory, so that every message can be checked (R078, R079).

Rules of this file:
1. An entry bites from `effective_at`, or at once where it has no margin, until it is undone or forgotten; overlapping
   ones bite each on its own. Once it bites, no clock that is set back takes that away.
2. An undo counts for its id alone, whichever of the two is seen first.
3. A check costs the same with one entry as with a million; forgetting costs no more than it is told to.
"""

from bisect import bisect_left, insort
from dataclasses import replace
from heapq import heappop, heappush

from .identity import Identity
from .moderation_entries import Moderation
from .revocation_entries import Kind, LogEntry, Notice, Revocation, Undo

Named = dict[str | None, list[Revocation]]
"""Value → its entries, weakest first: see `_strength`."""


class RevocationIndex:
    """Answers whether an identity is revoked. Fed with every entry of the log, in its order.

    About 0.6 KiB an entry. `generation` rises with every entry that changes an answer: who
    compares it notices a revocation between two looks.
    """

    __slots__ = ("_anybody", "_by_id", "_ends", "_issuers", "_undone", "generation")

    def __init__(self) -> None:
        self.generation = 0
        self._by_id: dict[str, Revocation] = {}
        self._undone: dict[str, float | None] = {}
        self._ends: list[tuple[float, str]] = []
        self._anybody = _Names()
        self._issuers: dict[str | None, _Names] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def entries(self) -> tuple[Revocation, ...]:
        """The revocations it holds, in the order in which they came; those not yet in effect too."""
        return tuple(self._by_id.values())

    def undos(self, now: float) -> tuple[Undo, ...]:
        """The undos it remembers, as of now: when each was made it does not remember."""
        return tuple(Undo(id=id, at=now, expires_at=ends) for id, ends in self._undone.items())

    def revoked(self, identity: Identity, now: float) -> Revocation | None:
        """A revocation in effect that names this identity, or None. A fifth of a microsecond when there is none."""
        if not self._by_id:
            return None
        found = self._anybody.find(identity, now)
        if found is None and (names := self._issuers.get(identity.issuer)) is not None:
            return names.find(identity, now)
        return found

    def apply(self, entry: LogEntry) -> Revocation | None:
        """Take in one entry of the log.

        Returns:
            The revocation when it is new, in effect already or not; None for an undo, a notice or a moderation,
            for one that was seen before and for one that has been undone.
        """
        body = entry.body
        if isinstance(body, Undo):
            self._undo(body)
            return None
        if isinstance(body, (Notice, Moderation)):
            return None  # it refuses nobody
        if body.id in self._by_id or body.id in self._undone:
            return None
        self._by_id[body.id] = body
        self._names_of(body).add(body)
        self._remember_end(body)
        self.generation += 1
        return body

    def end_margin(self, id: str) -> None:
        """Let an entry bite from now on, whatever its margin was; nothing where it is gone."""
        revocation = self._by_id.get(id)
        if revocation is None:
            return
        names = self._names_of(revocation)
        names.remove(revocation)
        self._by_id[id] = ended = replace(revocation, effective_at=revocation.at)
        names.add(ended)

    def forget_expired(self, now: float, most: int) -> int:
        """Drop at most `most` entries and undos whose `expires_at` is before `now`; return how many.

        What a clock that ran ahead has dropped comes back only by reading the log from its start.
        """
        forgotten = 0
        while forgotten < most and self._ends and self._ends[0][0] < now:
            self._forget(*heappop(self._ends))
            forgotten += 1
        return forgotten

    def _forget(self, ended_at: float, id: str) -> None:
        # An id that came again with another end has an end of its own in the heap.
        if (revocation := self._by_id.get(id)) is not None and revocation.expires_at == ended_at:
            self._drop(id)
        if self._undone.get(id) == ended_at:
            del self._undone[id]

    def _undo(self, undo: Undo) -> None:
        if undo.id in self._undone:
            return
        self._undone[undo.id] = undo.expires_at
        self._remember_end(undo)
        if self._drop(undo.id):
            self.generation += 1

    def _drop(self, id: str) -> bool:
        revocation = self._by_id.pop(id, None)
        if revocation is None:
            return False
        self._names_of(revocation).remove(revocation)
        return True

    def _names_of(self, revocation: Revocation) -> "_Names":
        if revocation.issuer is None:
            return self._anybody
        if (names := self._issuers.get(revocation.issuer)) is None:
            names = self._issuers[revocation.issuer] = _Names()
        return names

    def _remember_end(self, body: Revocation | Undo) -> None:
        if body.expires_at is not None:
            heappush(self._ends, (body.expires_at, body.id))


class _Names:
    """The entries of one issuer, or of any, by what they name."""

    __slots__ = ("_keys", "_kinds", "_sessions", "_subjects", "_tenants", "_tokens")

    def __init__(self) -> None:
        self._tokens: Named = {}
        self._sessions: Named = {}
        self._subjects: Named = {}
        self._tenants: Named = {}
        self._keys: Named = {}
        self._kinds = {
            Kind.TOKEN: self._tokens,
            Kind.SESSION: self._sessions,
            Kind.SUBJECT: self._subjects,
            Kind.TENANT: self._tenants,
            Kind.KEY: self._keys,
        }

    def find(self, identity: Identity, now: float) -> Revocation | None:
        """An entry in effect that names the identity."""
        # On the path of every message: five look-ups, and no object made.
        token = self._tokens.get(identity.token_id)
        session = self._sessions.get(identity.session_id)
        subject = self._subjects.get(identity.subject)
        tenant = self._tenants.get(identity.tenant)
        key = self._keys.get(identity.key_id)
        if token is session is subject is tenant is key is None:
            return None
        for entries in (token, session, subject, tenant, key):
            if entries is not None and (found := _strongest(entries, identity.issued_at, now)) is not None:
                return found
        return None

    def add(self, revocation: Revocation) -> None:
        named = self._kinds[revocation.kind]
        if (entries := named.get(revocation.value)) is None:
            named[revocation.value] = [revocation]
        else:
            insort(entries, revocation, key=_strength)

    def remove(self, revocation: Revocation) -> None:
        named = self._kinds[revocation.kind]
        entries = named[revocation.value]
        place = bisect_left(entries, _strength(revocation), key=_strength)
        while entries[place] is not revocation:
            place += 1
        del entries[place]
        if not entries:
            del named[revocation.value]


def _strength(revocation: Revocation) -> tuple[float, float]:
    """Sorts what refuses more, then what is in effect earlier, to the end."""
    return revocation.cutoff, -revocation.effective_at


def _strongest(entries: list[Revocation], issued_at: float, now: float) -> Revocation | None:
    """The strongest that bites. The search ends at the first unless that is still in its margin."""
    for entry in reversed(entries):
        if issued_at >= entry.cutoff:
            return None
        if entry.is_effective(now):
            return entry
    return None
