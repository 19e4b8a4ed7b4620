"""Drives nodes and the model by the same random steps, and compares after each who is connected."""

import asyncio
import faulthandler
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from tornado_wssec.policy.keys import KeyState
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.stores.sqlite import SqliteStore

from .cluster import TIMEOUTS, Cluster
from .ledger import NODES, NOON, OK, OVERLAP, REVOKED, TICKET, UNAVAILABLE, Ban, Ledger, Socket, Ticket, Token

NODE = st.integers(0, NODES - 1)
SUBJECT = st.sampled_from(["ann", "bob"])
TENANT = st.sampled_from([None, "acme"])
SESSION = st.sampled_from([None, "s1", "s2"])
TTL = st.sampled_from([3_600, 86_400, 600, 60])
MARGIN = st.sampled_from([0, 0, 30, 300])
PASSING = st.sampled_from([1, 29, 60, 5, 30, 600, 20, 3_600, 18_000, 90_000])
WITHIN = st.sampled_from([-30, -20, -10, 10, 20])
BEYOND = st.sampled_from([-7_200, -600, -45])
PERSON = st.tuples(NODE, SUBJECT, TENANT, SESSION, TTL)


class LiveSockets(RuleBasedStateMachine):
    """The live sockets of every node are those of the model, whatever anybody does."""

    tokens: ClassVar = Bundle("tokens")
    tickets: ClassVar = Bundle("tickets")
    sockets: ClassVar = Bundle("sockets")
    bans: ClassVar = Bundle("bans")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = Ledger()
        self.names = 0
        self.agreed = False

    def store(self) -> Store:
        """Another handle on the one store."""
        if not hasattr(self, "memory"):
            self.memory = MemoryStore(wall=lambda: NOON)
        return self.memory.sibling()

    @initialize(target=sockets, people=st.lists(PERSON, min_size=3, max_size=6))
    def begin(self, people: list[Any]) -> Any:
        """Start every node, and let some people in: a life without anybody shows nothing."""
        self.real = Cluster(self.store)
        self.run(self.real.start())
        return multiple(*[self.entered(node, self.issued(*person)) for node, *person in people])

    def teardown(self) -> None:
        """Every socket that is left answers; then everything goes."""
        if not self.agreed:
            # To find the shortest way to a fault takes longer than pytest lets a test hang.
            faulthandler.cancel_dump_traceback_later()
        try:
            if self.agreed:
                for socket in self.model.sockets.values():
                    self.run(self.real.speak(socket.node, socket.name))
            if hasattr(self, "real"):
                self.run(self.real.stop())
        finally:
            self.runner.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it in the loop of this example."""
        self.agreed = False
        return self.runner.run(work)

    # --- credentials ---

    @rule(target=tokens, subject=SUBJECT, tenant=TENANT, session=SESSION, ttl=TTL)
    def issue(self, subject: str, tenant: str | None, session: str | None, ttl: int) -> Token:
        """Sign a token with the current key, by the clock of the node that has it."""
        return self.issued(subject, tenant, session, ttl)

    def issued(self, subject: str, tenant: str | None, session: str | None, ttl: int) -> Token:
        """A new token, on both sides."""
        jti, wall, kid = self.name("t"), self.model.wall(0), self.real.ring.current.kid
        text = self.real.issue(subject=subject, tenant=tenant, session=session, ttl=ttl, token_id=jti)
        return Token(jti, subject, tenant, session, kid, wall, wall + ttl, text)

    @rule(target=tickets, node=NODE, token=tokens)
    def buy(self, node: int, token: Token) -> Any:
        """Change a token for a ticket; to whom, is decided as at a handshake."""
        text = self.run(self.real.ticket(node, token.text))
        expected = self.model.judged(node, token)
        assert (OK if text else 401) in expected, f"a ticket for {token} at {node}: {bool(text)}, expected {expected}"
        wall = self.model.wall(node)
        return Ticket(token, wall, wall + TICKET, text=text) if text else multiple()

    # --- sockets ---

    @rule(target=sockets, node=NODE, token=tokens)
    def connect(self, node: int, token: Token) -> Any:
        """Come with a token."""
        return self.entered(node, token)

    @rule(target=sockets, person=PERSON)
    def arrive(self, person: Any) -> Any:
        """Come with a fresh token."""
        node, *claims = person
        return self.entered(node, self.issued(*claims))

    def entered(self, node: int, token: Token) -> Any:
        """Connect, and compare the status."""
        name, expected = self.name("c"), self.model.handshake(node, token)
        status = self.run(self.real.connect(node, name, token=token.text))
        assert status in expected, f"{token} at node {node}: {status}, expected {expected}"
        if status != OK:
            return multiple()
        return self.model.connected(name, node, token, self.model.wall(node))

    @rule(target=sockets, node=NODE, ticket=tickets)
    def redeem(self, node: int, ticket: Ticket) -> Any:
        """Come with a ticket."""
        name, expected = self.name("c"), self.model.redemption(node, ticket)
        status = self.run(self.real.connect(node, name, ticket=ticket.text))
        assert status in expected, f"{ticket} at node {node}: {status}, expected {expected}"
        ticket.spent = ticket.spent or status != 503
        if status != OK:
            return multiple()
        return self.model.connected(name, node, ticket.token, ticket.seen_at)

    @rule(socket=sockets, token=tokens)
    def refresh(self, socket: Socket, token: Token) -> None:
        """Show another token over an open socket."""
        if socket.name not in self.model.sockets:
            return
        self.show(socket, token)

    @rule(target=tokens, socket=sockets, ttl=TTL)
    def renew(self, socket: Socket, ttl: int) -> Token:
        """Have a fresh token of the same person made, and show it over the open socket."""
        held = socket.token
        token = self.issued(held.subject, held.tenant, held.session, ttl)
        if socket.name in self.model.sockets:
            self.show(socket, token)
        return token

    @rule(socket=sockets, again=st.integers(0, 2))
    def show_again(self, socket: Socket, again: int) -> None:
        """Show a token once more that was in force over this socket before."""
        if socket.name in self.model.sockets and len(socket.shown) > again:
            self.show(socket, socket.shown[-1 - again])

    def show(self, socket: Socket, token: Token) -> None:
        """Refresh, and compare the answer."""
        expected = self.model.refresh(socket, token)
        told = self.run(self.real.refresh(socket.node, socket.name, token.text))
        assert told in expected, f"{token} over {socket}: {told}, expected {expected}"
        if told == OK:
            self.model.refreshed(socket, token)
        elif told != UNAVAILABLE:
            del self.model.sockets[socket.name]

    @rule(socket=sockets)
    def leave(self, socket: Socket) -> None:
        """Say goodbye."""
        if self.model.sockets.pop(socket.name, None):
            self.run(self.real.leave(socket.node, socket.name))

    # --- revocations ---

    @rule(
        target=bans,
        node=NODE,
        socket=sockets,
        kind=st.sampled_from(["key", "token", "session", "subject", "tenant"]),
        margin=MARGIN,
    )
    def revoke(self, node: int, socket: Socket, kind: str, margin: int) -> Any:
        """Something that a socket is known by."""
        held = socket.token
        named = {"key": held.kid, "token": held.jti, "session": socket.session}
        value = named[kind] if kind in named else getattr(held, kind)
        return multiple() if value is None else self.revoked(node, kind, value, margin)

    @rule(ban=bans)
    def undo(self, ban: Ban) -> None:
        """Take a revocation back: who was closed stays closed."""
        self.run(self.real.undo(ban.id))
        ban.undone = True

    @rule(node=NODE, kind=st.sampled_from(["subject", "session", "tenant"]), socket=sockets)
    def kick(self, node: int, kind: str, socket: Socket) -> None:
        """End connections and revoke nothing."""
        value = getattr(socket.token, kind)
        offsets = [wall.offset for wall in self.model.walls]
        # A notice is old after ten minutes, by the clock of whoever reads it.
        if value is None or max(offsets) - min(offsets) > 300:
            return
        self.run(self.real.kick(node, kind, value))
        self.run(self.real.look())
        for name in sorted(self.model.kicked(kind, value)):
            self.expect_closed(self.model.sockets.pop(name), {REVOKED})

    @rule()
    def prune(self) -> None:
        """Delete what has ended."""
        self.run(self.real.prune())

    # --- keys ---

    @rule(how=st.sampled_from(["generate", "rotate", "promote"]))
    def turn_keys(self, how: str) -> None:
        """Make a next key; promote the oldest, or the youngest, and retire the current one."""
        ring = self.real.ring
        waiting = [key.kid for key in ring.keys if key.state is KeyState.NEXT]
        if how == "generate":
            ring = ring.generate(now=self.now)
        elif how == "rotate" or waiting:
            self.retired(ring.current.kid)
            ring = ring.rotate(self.now) if how == "rotate" else ring.promote(waiting[-1], self.now)
        self.run(self.real.turn_keys(ring))

    @rule(socket=sockets, compromised=st.booleans())
    def retire(self, socket: Socket, compromised: bool) -> None:
        """Retire the key by which somebody came in."""
        kid = socket.token.kid
        if compromised:
            self.model.compromised.add(kid)
        else:
            self.retired(kid)
        self.run(self.real.turn_keys(self.real.ring.retire(kid, self.now, compromised)))

    # --- time, and restarts ---

    @rule(seconds=PASSING)
    def wait(self, seconds: int) -> None:
        """Let time pass on every clock."""
        self.model.now += seconds
        self.model.look()
        self.run(self.real.advance(seconds))

    @rule(node=NODE, seconds=st.one_of(WITHIN, BEYOND, st.just(0)))
    def step(self, node: int, seconds: int) -> None:
        """Set the wall clock of one node; 0: right again."""
        wall = self.model.walls[node]
        if not seconds or abs(wall.offset + seconds) <= 30 or (seconds < -30 and wall.offset >= -30):
            self.stepped(node, seconds or -wall.offset)

    @rule(node=NODE)
    def restart(self, node: int) -> None:
        """Stop a node, whose clients are told, and start another in its place."""
        self.run(self.real.restart(node))
        self.model.restarted(node)
        for _ in range(5):  # until nobody believes any more to be the only node
            self.wait(1)

    # --- what must hold ---

    @invariant()
    def agrees(self) -> None:
        """Who must go is told why, and whoever is left on a node is whom the model has there."""
        if not hasattr(self, "real"):
            return
        self.run(self.real.look())
        for socket, codes in list(self.model.doomed()):
            self.expect_closed(self.model.sockets.pop(socket.name), codes)
        for number, node in enumerate(self.real.nodes):
            expected = {name for name, one in self.model.sockets.items() if one.node == number}
            assert expected == node.live, f"node {number} has {node.live}, and must have {expected}"
        self.agreed = True

    def expect_closed(self, socket: Socket, codes: set[int]) -> None:
        """Claim that a client has been told to go, for one of these reasons."""
        assert socket.name not in self.real.nodes[socket.node].live, f"{socket} must be closed with {codes}"
        code = self.run(self.real.closed(socket.node, socket.name))
        assert code in codes, f"{socket} was closed with {code}, expected {codes}"

    # --- what the steps have in common ---

    @property
    def now(self) -> float:
        """The true time, by which commands go."""
        return NOON + self.model.now

    def name(self, letter: str) -> str:
        """A name that nothing else has."""
        self.names += 1
        return f"{letter}{self.names}"

    def revoked(self, node: int, kind: str, value: str, margin: int) -> Ban:
        """Revoke at a node, by its clock."""
        id = self.run(self.real.revoke(node, kind, value, margin))
        ban = Ban(id, kind, value, self.model.wall(node), margin)
        self.model.bans.append(ban)
        self.model.look()
        return ban

    def retired(self, kid: str) -> None:
        """Take note until when a key verifies: the first word on it stands."""
        self.model.retired.setdefault(kid, self.now + OVERLAP)

    def stepped(self, node: int, seconds: float) -> None:
        """Set a clock, on both sides."""
        wall = self.model.walls[node]
        if seconds > 30:
            wall.jumped_at = self.model.now
        wall.offset += seconds
        self.real.offsets[node] = wall.offset
        self.run(self.real.look())
        self.model.look()


class LiveSocketsOnFile(LiveSockets):
    """The same with SQLite files."""

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
