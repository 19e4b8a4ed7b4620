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
TTL = st.sampled_from([600, 60, 3_600, 86_400])
MARGIN = st.sampled_from([0, 0, 30, 300])
PASSING = st.sampled_from([1, 5, 29, 60, 600, 3_600, 30_000, 90_000])
WITHIN = st.sampled_from([-30, -20, -10, 10, 20])
BEYOND = st.sampled_from([-7_200, -600, -45])


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

    @initialize()
    def begin(self) -> None:
        """Start every node."""
        self.real = Cluster(self.store)
        self.run(self.real.start())

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

    @rule(target=bans, node=NODE, token=tokens, margin=MARGIN)
    def revoke_token(self, node: int, token: Token, margin: int) -> Ban:
        """By its jti."""
        return self.revoked(node, "token", token.jti, margin)

    @rule(target=bans, node=NODE, subject=SUBJECT, margin=MARGIN)
    def revoke_subject(self, node: int, subject: str, margin: int) -> Ban:
        """What was issued until now."""
        return self.revoked(node, "subject", subject, margin)

    @rule(target=bans, node=NODE, margin=MARGIN)
    def revoke_tenant(self, node: int, margin: int) -> Ban:
        """What was issued until now."""
        return self.revoked(node, "tenant", "acme", margin)

    @rule(target=bans, node=NODE, session=st.sampled_from(["s1", "s2"]), margin=MARGIN)
    def revoke_session(self, node: int, session: str, margin: int) -> Ban:
        """Whatever its token."""
        return self.revoked(node, "session", session, margin)

    @rule(target=bans, node=NODE, token=tokens, margin=MARGIN)
    def revoke_key(self, node: int, token: Token, margin: int) -> Ban:
        """The key of a token."""
        return self.revoked(node, "key", token.kid, margin)

    @rule(ban=bans)
    def undo(self, ban: Ban) -> None:
        """Take a revocation back: who was closed stays closed."""
        self.run(self.real.undo(ban.id))
        ban.undone = True

    @rule(node=NODE, kind=st.sampled_from(["subject", "session", "tenant"]), token=tokens)
    def kick(self, node: int, kind: str, token: Token) -> None:
        """End connections and revoke nothing."""
        value = getattr(token, kind)
        if value is None:
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

    @rule()
    def generate_key(self) -> None:
        """A next key."""
        self.run(self.real.turn_keys(self.real.ring.generate(now=self.now)))

    @rule()
    def rotate(self) -> None:
        """Promote the next key, and retire the current one."""
        self.retired(self.real.ring.current.kid)
        self.run(self.real.turn_keys(self.real.ring.rotate(self.now)))

    @rule()
    def promote(self) -> None:
        """Promote the youngest next key."""
        waiting = [key.kid for key in self.real.ring.keys if key.state is KeyState.NEXT]
        if waiting:
            self.retired(self.real.ring.current.kid)
            self.run(self.real.turn_keys(self.real.ring.promote(waiting[-1], self.now)))

    @rule(token=tokens, compromised=st.booleans())
    def retire(self, token: Token, compromised: bool) -> None:
        """Retire the key of a token."""
        if compromised:
            self.model.compromised.add(token.kid)
        else:
            self.retired(token.kid)
        self.run(self.real.turn_keys(self.real.ring.retire(token.kid, self.now, compromised)))

    # --- time, and restarts ---

    @rule(seconds=PASSING)
    def wait(self, seconds: int) -> None:
        """Let time pass on every clock."""
        self.model.now += seconds
        self.model.look()
        self.run(self.real.advance(seconds))

    @rule(node=NODE, seconds=st.one_of(WITHIN, BEYOND))
    def step(self, node: int, seconds: int) -> None:
        """Set the wall clock of one node."""
        wall = self.model.walls[node]
        if abs(wall.offset + seconds) <= 30 or (seconds < -30 and wall.offset >= -30):
            self.stepped(node, seconds)

    @rule(node=NODE)
    def mend_clock(self, node: int) -> None:
        """Set the wall clock of one node right."""
        self.stepped(node, -self.model.walls[node].offset)

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
