"""What every machine has in common: nodes and the model side by side, and after each step who must be connected.

A machine is this and some of the rules of `rules`, with alphabets of its own: the smaller they are, the more often
two steps are about the same thing.
"""

import asyncio
import faulthandler
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple

from tornado_wssec.stores.base import Store
from tornado_wssec.stores.memory import MemoryStore

from .cluster import Cluster
from .ledger import NOON, OK, OVERLAP, Ban, Ledger, Socket, Token

TOKENS: Bundle[Token] = Bundle("tokens")
TICKETS: Bundle[Any] = Bundle("tickets")
SOCKETS: Bundle[Socket] = Bundle("sockets")
BANS: Bundle[Ban] = Bundle("bans")


def one_of(alphabet: str) -> st.SearchStrategy[Any]:
    """One of what a machine names by this attribute."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, alphabet)))


NODE = st.runner().flatmap(lambda machine: st.integers(0, machine.node_count - 1))
PERSON = st.tuples(NODE, one_of("subjects"), one_of("tenants"), one_of("sessions"), one_of("ttls"))


class Lives(RuleBasedStateMachine):
    """The live sockets of every node are those of the model, whatever anybody does."""

    node_count: ClassVar[int] = 2
    subjects: ClassVar[Sequence[str]] = ["ann", "bob"]
    tenants: ClassVar[Sequence[str | None]] = [None, "acme"]
    sessions: ClassVar[Sequence[str | None]] = [None, "s1", "s2"]
    ttls: ClassVar[Sequence[int]] = [3_600, 86_400, 600, 60]
    kinds: ClassVar[Sequence[str]] = ["key", "token", "session", "subject", "tenant"]
    margins: ClassVar[Sequence[int]] = [0, 0, 30, 300]
    passing: ClassVar[Sequence[int]] = [1, 29, 60, 5, 30, 600, 20, 3_600, 18_000, 90_000]
    within: ClassVar[Sequence[int]] = [-30, -20, -10, 10, 20]
    """Steps of a clock that everybody must put up with."""
    beyond: ClassVar[Sequence[int]] = [-7_200, -600, -45]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = Ledger(self.node_count)
        self.names = 0
        self.agreed = False

    def store(self) -> Store:
        """Another handle on the one store."""
        if not hasattr(self, "memory"):
            self.memory = MemoryStore(wall=lambda: NOON)
        return self.memory.sibling()

    @initialize(target=SOCKETS, people=st.lists(PERSON, min_size=3, max_size=6))
    def begin(self, people: list[Any]) -> Any:
        """Start every node, and let some people in: a life without anybody shows nothing."""
        self.real = Cluster(self.store, self.node_count)
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

    # --- what must hold ---

    @invariant()
    def agrees(self) -> None:
        """Who must go is told why, and whoever is left on a node is whom the model has there."""
        if not hasattr(self, "real"):
            return
        self.run(self.real.look())
        self.model.look()
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

    # --- what the rules have in common ---

    @property
    def now(self) -> float:
        """The true time, by which commands go."""
        return NOON + self.model.now

    def name(self, letter: str) -> str:
        """A name that nothing else has."""
        self.names += 1
        return f"{letter}{self.names}"

    def issued(self, subject: str, tenant: str | None, session: str | None, ttl: int) -> Token:
        """A new token, on both sides."""
        jti, wall, kid = self.name("t"), self.model.wall(0), self.real.ring.current.kid
        text = self.real.issue(subject=subject, tenant=tenant, session=session, ttl=ttl, token_id=jti)
        return Token(jti, subject, tenant, session, kid, wall, wall + ttl, text)

    def entered(self, node: int, token: Token) -> Any:
        """Connect, and compare the status."""
        name, expected = self.name("c"), self.model.handshake(node, token)
        status = self.run(self.real.connect(node, name, token=token.text))
        assert status in expected, f"{token} at node {node}: {status}, expected {expected}"
        if status != OK:
            return multiple()
        return self.model.connected(name, node, token, self.model.wall(node))

    def passed(self, seconds: int) -> None:
        """Let time pass, on both sides."""
        self.model.now += seconds
        self.run(self.real.advance(seconds))
        self.model.look()

    def settled(self) -> None:
        """Wait until no node believes any more to be the only one, and each knows of the others."""
        for _ in range(5):
            self.passed(1)

    def retired(self, kid: str) -> None:
        """Take note until when a key verifies: the first word on it stands."""
        self.model.retired.setdefault(kid, self.now + OVERLAP)
