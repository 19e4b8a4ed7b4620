"""What may happen, by subject. Each class holds the rules of one; a machine takes those that it is about."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import multiple, precondition, rule

from tornado_wssec.policy.keys import KeyState

from .ledger import OK, REVOKED, TICKET, UNAVAILABLE, Ban, Socket, Ticket, Token
from .machine import BANS, NODE, PERSON, SOCKETS, TICKETS, TOKENS, Lives, one_of


class Arrivals(Lives):
    """People come."""

    @rule(target=SOCKETS, person=PERSON)
    def arrive(self, person: Any) -> Any:
        """Come with a fresh token."""
        node, *claims = person
        return self.entered(node, self.issued(*claims))

    @rule(target=SOCKETS, node=NODE, socket=SOCKETS)
    def return_with(self, node: int, socket: Socket) -> Any:
        """Come with the token that somebody came in with, or has shown last."""
        return self.entered(node, socket.token)


class Connections(Arrivals):
    """Tokens are made, shared and kept; people come with them, and go."""

    @rule(
        target=TOKENS,
        subject=one_of("subjects"),
        tenant=one_of("tenants"),
        session=one_of("sessions"),
        ttl=one_of("ttls"),
    )
    def issue(self, subject: str, tenant: str | None, session: str | None, ttl: int) -> Token:
        """Sign a token with the current key, by the clock of the node that has it."""
        return self.issued(subject, tenant, session, ttl)

    @rule(target=SOCKETS, node=NODE, token=TOKENS)
    def connect(self, node: int, token: Token) -> Any:
        """Come with a token."""
        return self.entered(node, token)

    @rule(socket=SOCKETS)
    def leave(self, socket: Socket) -> None:
        """Say goodbye."""
        if self.model.sockets.pop(socket.name, None):
            self.run(self.real.leave(socket.node, socket.name))


class Refreshes(Lives):
    """Tokens are shown over open sockets."""

    @rule(socket=SOCKETS, token=TOKENS)
    def refresh(self, socket: Socket, token: Token) -> None:
        """Show another token."""
        if socket.name in self.model.sockets:
            self.show(socket, token)

    @rule(target=TOKENS, socket=SOCKETS, ttl=one_of("ttls"), is_named=st.booleans())
    def renew(self, socket: Socket, ttl: int, is_named: bool) -> Token:
        """Have a fresh token of the same person made, and show it.

        Args:
            is_named: whether it says of which session it is, where that is known.
        """
        held = socket.token
        token = self.issued(held.subject, held.tenant, socket.session if is_named else None, ttl)
        if socket.name in self.model.sockets:
            self.show(socket, token)
        return token

    @rule(socket=SOCKETS, again=st.integers(0, 2))
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


class Tickets(Lives):
    """Tokens are changed for tickets."""

    @rule(target=TICKETS, node=NODE, token=TOKENS)
    def buy(self, node: int, token: Token) -> Any:
        """Change a token for a ticket; to whom, is decided as at a handshake."""
        text = self.run(self.real.ticket(node, token.text))
        expected = self.model.judged(node, token)
        assert (OK if text else 401) in expected, f"a ticket for {token} at {node}: {bool(text)}, expected {expected}"
        wall = self.model.wall(node)
        return Ticket(token, wall, wall + TICKET, text=text) if text else multiple()

    @rule(target=SOCKETS, node=NODE, ticket=TICKETS)
    def redeem(self, node: int, ticket: Ticket) -> Any:
        """Come with a ticket."""
        name, expected = self.name("c"), self.model.redemption(node, ticket)
        status = self.run(self.real.connect(node, name, ticket=ticket.text))
        assert status in expected, f"{ticket} at node {node}: {status}, expected {expected}"
        ticket.spent = ticket.spent or status != 503
        if status != OK:
            return multiple()
        return self.model.connected(name, node, ticket.token, ticket.seen_at)


class Revocations(Lives):
    """Somebody revokes, and takes it back."""

    @rule(target=BANS, node=NODE, socket=SOCKETS, kind=one_of("kinds"), margin=one_of("margins"))
    def revoke(self, node: int, socket: Socket, kind: str, margin: int) -> Any:
        """Something that a socket is known by."""
        held = socket.token
        named = {"key": held.kid, "token": held.jti, "session": socket.session}
        value = named[kind] if kind in named else getattr(held, kind)
        return multiple() if value is None or node in self.model.cut else self.revoked(node, kind, value, margin)

    @rule(target=BANS, node=NODE, ban=BANS, margin=one_of("margins"))
    def revoke_again(self, node: int, ban: Ban, margin: int) -> Any:
        """What has been revoked before, whether that was taken back or not."""
        return multiple() if node in self.model.cut else self.revoked(node, ban.kind, ban.value, margin)

    @rule(ban=BANS)
    def undo(self, ban: Ban) -> None:
        """Take a revocation back: who was closed stays closed."""
        if len(self.model.cut) < self.node_count:
            self.run(self.real.undo(ban.id))
            self.model.undo(ban)

    def revoked(self, node: int, kind: str, value: str, margin: int) -> Ban:
        """Revoke at a node, by its clock."""
        id = self.run(self.real.revoke(node, kind, value, margin))
        return self.model.banned(id, node, kind, value, margin)


class RevocationsOfReplaced(Revocations):
    """Also of what nobody is known by any more."""

    @rule(target=BANS, node=NODE, socket=SOCKETS)
    def revoke_replaced(self, node: int, socket: Socket) -> Any:
        """A token that was in force over a socket before: nobody is known by it any more."""
        if not socket.shown or node in self.model.cut:
            return multiple()
        return self.revoked(node, "token", socket.shown[-1].jti, 0)


class Kicks(Lives):
    """Connections are ended, and nothing is revoked; what has ended is pruned."""

    @rule(node=NODE, kind=st.sampled_from(["subject", "session", "tenant"]), socket=SOCKETS)
    def kick(self, node: int, kind: str, socket: Socket) -> None:
        """End connections and revoke nothing."""
        value = getattr(socket.token, kind)
        offsets = [wall.offset for wall in self.model.walls]
        # A notice is old after ten minutes, by the clock of whoever reads it.
        if value is None or self.model.cut or max(offsets) - min(offsets) > 300:
            return
        self.run(self.real.kick(node, kind, value))
        self.run(self.real.look())
        for name in sorted(self.model.kicked(kind, value)):
            self.expect_closed(self.model.sockets.pop(name), {REVOKED})

    @precondition(lambda self: len(self.model.cut) < self.node_count)
    @rule()
    def prune(self) -> None:
        """Delete what has ended."""
        self.run(self.real.prune())


class Keys(Lives):
    """Keys are made, promoted, retired, compromised."""

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

    @rule(socket=SOCKETS, compromised=st.booleans())
    def retire(self, socket: Socket, compromised: bool) -> None:
        """Retire the key by which somebody came in."""
        kid = socket.token.kid
        if compromised:
            self.model.compromised.add(kid)
        else:
            self.retired(kid)
        self.run(self.real.turn_keys(self.real.ring.retire(kid, self.now, compromised)))


class Time(Lives):
    """Time passes."""

    @rule(seconds=one_of("passing"))
    def wait(self, seconds: int) -> None:
        """On every clock."""
        self.passed(seconds)


class Clocks(Lives):
    """Somebody sets the clock of one node."""

    @rule(node=NODE, seconds=st.one_of(one_of("within"), one_of("beyond"), st.just(0)))
    def step(self, node: int, seconds: int) -> None:
        """Set the wall clock; 0: right again."""
        wall = self.model.walls[node]
        if not seconds or abs(wall.offset + seconds) <= 30 or (seconds < -30 and wall.offset >= -30):
            self.stepped(node, seconds or -wall.offset)

    def stepped(self, node: int, seconds: float) -> None:
        """Set a clock, on both sides."""
        wall = self.model.walls[node]
        if seconds > 30:
            wall.jumped_at = self.model.now
        wall.offset += seconds
        self.real.offsets[node] = wall.offset
        self.run(self.real.look())
        self.model.look()


class Restarts(Lives):
    """Nodes are stopped and started."""

    @rule(node=NODE)
    def restart(self, node: int) -> None:
        """Stop a node, whose clients are told, and start another in its place."""
        if node in self.model.cut:
            return
        self.run(self.real.restart(node))
        self.model.restarted(node)
        self.settled()


class Outages(Lives):
    """Nodes lose their store, and find it again."""

    @precondition(lambda self: len(self.model.cut) < self.node_count)
    @rule(node=NODE)
    def cut(self, node: int) -> None:
        """Nothing that a node asks the store is answered."""
        self.model.cut.add(node)
        self.real.cut(node, is_cut=True)

    @precondition(lambda self: self.model.cut)
    @rule()
    def mend(self) -> None:
        """Every node has its store again."""
        for node in sorted(self.model.cut):
            self.real.cut(node, is_cut=False)
        self.model.mended()
        self.agrees()
        self.settled()
