"""Who must be connected, and what each credential must be answered with: written from the contract alone.

Rules of this file:
1. It imports nothing of the package: what the two share, both could get wrong in the same way.
2. Nothing is ever forgotten, cached or put off. Whether somebody must go is worked out anew each time.
3. Where the contract leaves a choice, every answer that it allows is in the set.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

NOON: Final = 1_767_225_600
LEEWAY: Final = 30.0
STEP: Final = 30.0
"""A wall clock that has gone back by more judges no credential."""
SETTLING: Final = 300.0
GRACE: Final = 25.0
"""After a token's end, for a refresh on its way."""
AGE: Final = 21_600.5
"""Six hours, and never at the same moment as anything else, which all happens at whole seconds."""
LONGEST: Final = 86_400.0
OVERLAP: Final = LONGEST + 60.0
"""How long a retired key verifies: until the longest token has ended on clocks that differ as much as they may."""
TICKET: Final = 30.0

FRESH: Final = 30.0
"""What is revoked may be known to be so old, and no older, for whoever comes."""
BEARABLE: Final = 60.0
"""And for whoever is there."""

OK, EXPIRED, UNAUTHENTICATED, REVOKED, TIMED_OUT, GOING_AWAY = 101, 4001, 4401, 4403, 4408, 1001
TRY_AGAIN_LATER: Final = 1013
UNAVAILABLE: Final = "unavailable"


@dataclass(frozen=True)
class Token:
    """What a token says, and the name of the key that signed it."""

    jti: str
    subject: str
    tenant: str | None
    session: str | None
    kid: str
    issued_at: float
    expires_at: float
    text: str = field(repr=False)


@dataclass
class Ban:
    """One revocation."""

    id: str
    kind: str
    value: str
    made_at: float
    margin: float
    undone: bool = False
    ended: set[int] = field(default_factory=set)
    """The nodes on which its margin has ended; a clock that is set back afterwards does not begin it anew."""
    unheard: set[int] = field(default_factory=set)
    """The nodes that had no store when it was made."""
    undo_unheard: set[int] = field(default_factory=set)

    def names(self, token: Token, seen_at: float) -> bool:
        """Whether it is about this token; of a subject or tenant only what was issued up to then.

        Args:
            seen_at: when the token was judged: none counts as issued later than that.
        """
        if self.kind in ("subject", "tenant"):
            told = math.floor(min(token.issued_at, seen_at))
            return getattr(token, self.kind) == self.value and told <= math.floor(self.made_at)
        of = {"token": token.jti, "session": token.session, "key": token.kid}
        return of[self.kind] == self.value

    def bites(self, node: int) -> bool:
        """Whether it is in effect on a node: at once without a margin, whatever the clock says."""
        if node in self.unheard or (self.undone and node not in self.undo_unheard):
            return False
        return not self.margin or node in self.ended

    def look(self, node: int, wall: float) -> None:
        """See whether its margin has ended by the clock of a node."""
        if wall >= self.made_at + self.margin:
            self.ended.add(node)

    def has_lapsed(self, wall: float) -> bool:
        """Whether it may be forgotten: nobody should hold a token of a session any more that ended so long ago."""
        return self.kind == "session" and wall > self.made_at + self.margin + LONGEST + AGE


@dataclass
class Ticket:
    """One handshake as somebody."""

    token: Token
    seen_at: float
    ends_at: float
    spent: bool = False
    text: str = field(default="", repr=False)


@dataclass
class Socket:
    """One connection that must be there, and as whom."""

    name: str
    node: int
    token: Token
    seen_at: float
    closes_at: float
    """Monotonic: the end of its token, and the grace."""
    ages_at: float
    session: str | None
    """Its name as far as anybody could revoke it; a fresh token cannot change it."""
    replaced: set[str] = field(default_factory=set)
    shown: list[Token] = field(default_factory=list, repr=False)
    """What has been in force, the latest at the end."""


@dataclass
class Wall:
    """The wall clock of one node: how far it is from the true time, and how far it has come."""

    offset: float = 0.0
    surely: float = 0.0
    perhaps: float = 0.0
    jumped_at: float = -math.inf

    def look(self, now: float) -> None:
        """Take note of what it reads; what it reads after a jump ahead may be a glitch."""
        wall = NOON + now + self.offset
        self.perhaps = max(self.perhaps, wall)
        if now - self.jumped_at > SETTLING:
            self.surely = max(self.surely, wall)

    def restart(self, now: float) -> None:
        """Nobody knows any more what it read."""
        self.surely = self.perhaps = NOON + now + self.offset
        self.jumped_at = -math.inf


class Ledger:
    """Everything that anybody has decided.

    Args:
        nodes: how many there are.
    """

    def __init__(self, nodes: int) -> None:
        self.now = 0.0
        self.walls = [Wall() for _ in range(nodes)]
        self.cut: set[int] = set()
        """The nodes that have no store."""
        self.heard = [0.0] * nodes
        """When each has last known what the store knows."""
        self.bans: list[Ban] = []
        self.sockets: dict[str, Socket] = {}
        self.compromised: set[str] = set()
        self.retired: dict[str, float] = {}
        """Key → when the last token that it signed has ended."""
        self.look()

    def wall(self, node: int) -> float:
        """What the clock of a node reads."""
        return NOON + self.now + self.walls[node].offset

    def look(self) -> None:
        """Every node reads its clock, and the store."""
        for node, wall in enumerate(self.walls):
            wall.look(self.now)
            if node not in self.cut:
                self.heard[node] = self.now
            for ban in self.bans:
                ban.look(node, self.wall(node))

    def restarted(self, node: int) -> None:
        """A node has forgotten what it does not find in the store."""
        self.walls[node].restart(self.now)
        for ban in self.bans:
            ban.ended.discard(node)
        self.sockets = {name: one for name, one in self.sockets.items() if one.node != node}
        self.look()

    def mended(self) -> None:
        """Every node has its store again, and what was said meanwhile."""
        self.cut.clear()
        for ban in self.bans:
            ban.unheard.clear()
            ban.undo_unheard.clear()
        self.look()

    # --- what is revoked ---

    def banned(self, id: str, node: int, kind: str, value: str, margin: float) -> Ban:
        """Somebody has revoked something at a node."""
        ban = Ban(id, kind, value, self.wall(node), margin, unheard=set(self.cut))
        self.bans.append(ban)
        self.look()
        return ban

    def undo(self, ban: Ban) -> None:
        """Somebody has taken it back; the first word on that stands."""
        if not ban.undone:
            ban.undone, ban.undo_unheard = True, set(self.cut)

    # --- what a credential is answered with ---

    def handshake(self, node: int, token: Token) -> set[int]:
        """Every status that a handshake with this token may have."""
        return self._unready(node, self.judged(node, token))

    def redemption(self, node: int, ticket: Ticket) -> set[int]:
        """Every status that a handshake with this ticket may have."""
        wall = self.wall(node)
        if ticket.spent or wall >= ticket.ends_at or wall >= ticket.token.expires_at:
            return self._unready(node, {401})
        told = self._barred(node, ticket.token, ticket.seen_at)
        if any(self.wall(other) >= ticket.ends_at for other in range(len(self.walls))):
            told = told | {401}  # whoever's clock is ahead may have cleared it away
        return self._unready(node, told)

    def refresh(self, socket: Socket, token: Token) -> set[int | str]:
        """What a fresh token may lead to: its acceptance (OK), a close code, or an error."""
        held, node = socket.token, socket.node
        foreign = (
            (token.subject, token.tenant) != (held.subject, held.tenant)
            or (token.session is not None and token.session != socket.session)
            or token.jti in socket.replaced
        )
        judged = {401} if foreign else self.judged(node, token)
        told: set[int | str] = {UNAUTHENTICATED if status == 401 else status for status in judged}
        must, may = self._unsure(node)
        return (told - {OK}) | {UNAVAILABLE} if must else told | {UNAVAILABLE} if may else told

    def _unready(self, node: int, told: set[int]) -> set[int]:
        must, may = self._unsure(node)
        return {503} if must else told | {503} if may else told

    def _unsure(self, node: int) -> tuple[bool, bool]:
        """Whether a node must, and may, refuse to judge: its clock counts as set back, or it knows too little."""
        wall, clock = self.wall(node), self.walls[node]
        is_stale = self.now - self.heard[node] > FRESH
        return is_stale or clock.surely - wall > STEP, is_stale or clock.perhaps - wall > STEP

    def judged(self, node: int, token: Token) -> set[int]:
        wall = self.wall(node)
        is_dead = wall >= token.expires_at or wall >= self.retired.get(token.kid, math.inf)
        if is_dead or token.issued_at > wall + LEEWAY:
            return {401}
        return self._barred(node, token, wall)

    def _barred(self, node: int, token: Token, seen_at: float) -> set[int]:
        wall = self.wall(node)
        bans = [ban for ban in self.bans if ban.names(token, seen_at) and ban.bites(node)]
        if token.kid in self.compromised or any(not ban.has_lapsed(wall) for ban in bans):
            return {401}
        return {OK, 401} if bans else {OK}

    # --- who must go ---

    def connected(self, name: str, node: int, token: Token, seen_at: float) -> Socket:
        """Somebody has come in."""
        ends_in = token.expires_at - self.wall(node)
        closes_at, ages_at = self.now + ends_in + GRACE, self.now + AGE
        socket = Socket(name, node, token, seen_at, closes_at, ages_at, token.session)
        self.sockets[name] = socket
        return socket

    def refreshed(self, socket: Socket, token: Token) -> None:
        """A fresh token has taken over, and what it replaced is dead for this connection."""
        if token.jti != socket.token.jti:
            socket.replaced.add(socket.token.jti)
            socket.shown.append(socket.token)
        wall = self.wall(socket.node)
        socket.token, socket.seen_at = token, wall
        socket.closes_at = self.now + token.expires_at - wall + GRACE

    def doomed(self) -> Iterator[tuple[Socket, set[int]]]:
        """Everybody who must not be connected any more, and the codes that would be right."""
        for socket in self.sockets.values():
            held = self._of_session(socket)
            codes = {
                REVOKED: held.kid in self.compromised or any(self._ends(ban, held, socket) for ban in self.bans),
                EXPIRED: self.now >= socket.closes_at,
                TIMED_OUT: self.now >= socket.ages_at,
                TRY_AGAIN_LATER: self.now - self.heard[socket.node] > BEARABLE,
            }
            if reasons := {code for code, is_due in codes.items() if is_due}:
                yield socket, reasons

    def kicked(self, kind: str, value: str) -> set[str]:
        """Everybody whom a kick means."""
        return {name for name, one in self.sockets.items() if getattr(self._of_session(one), kind) == value}

    def _ends(self, ban: Ban, held: Token, socket: Socket) -> bool:
        is_kept = not ban.has_lapsed(self.wall(socket.node))
        return is_kept and ban.names(held, socket.seen_at) and ban.bites(socket.node)

    @staticmethod
    def _of_session(socket: Socket) -> Token:
        return replace(socket.token, session=socket.session)
