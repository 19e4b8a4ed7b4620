"""Real nodes that share a store, with real sockets: what the model is compared with."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.kits import CHAT, GENEROUS, PLENTY, ChatSocket
from tornado_wssec.clock import Clock
from tornado_wssec.errors import StoreError, TokenRefused
from tornado_wssec.hub import Live
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.revocations import Revocation, make_undo
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store
from tornado_wssec.testing import Client, GuardKit

from .ledger import AGE, GOING_AWAY, NOON, OK
from .stores import Cable, OneClock

LIMITS = replace(GENEROUS, tickets_per_subject=PLENTY)
TIMEOUTS = Timeouts(
    age=AGE, age_jitter=1e-9, idle=PLENTY, ping_interval=PLENTY, store_call=14.0, store_sync=30.0, drain=5.0
)
"""Whoever says nothing for hours stays: what ends connections here is what somebody has decided."""


class KeyFile:
    """The key file, as one node sees it: it knows by itself what it has seen."""

    def __init__(self, cluster: "Cluster") -> None:
        self._cluster = cluster
        self._seen: KeyRing | None = None

    def load(self) -> KeyRing:
        """The keys."""
        self._seen = self._cluster.ring
        return self._seen

    def changed(self) -> bool:
        """Whether another ring has been written."""
        return self._cluster.ring is not self._seen


class NoKeys:
    """A node without a key file."""

    def load(self) -> KeyRing:
        """None."""
        return KeyRing()

    def changed(self) -> bool:
        """Never."""
        return False


class Node:
    """One guard behind its own port."""

    def __init__(self, kit: GuardKit) -> None:
        self.kit = kit
        self.clients: dict[str, Client] = {}
        self.names: dict[Live, str] = {}

    @property
    def live(self) -> set[str]:
        """Who is connected here, and not being closed."""
        return {self.names[one] for one in self.kit.guard.hub if not one.session.is_closing}


class Cluster:
    """The nodes. The first has the key file; the others know keys by the store alone.

    Args:
        make_store: a handle on the one store, for each node of its own.
        node_count: how many there are.
    """

    def __init__(self, make_store: Callable[[], Store], node_count: int) -> None:
        self._make_store = make_store
        self.monotonic = 0.0
        self.offsets = [0.0] * node_count
        self._cables = [Cable() for _ in self.offsets]
        self.ring = KeyRing().generate(now=NOON)
        self.nodes: list[Node] = []
        self._revocations: dict[str, Revocation] = {}

    def wall(self, node: int) -> float:
        """What the clock of a node reads."""
        return NOON + self.monotonic + self.offsets[node]

    @property
    def store(self) -> Store:
        """The store, as a node has it that can reach it."""
        return next(
            node.kit.guard.watcher.store
            for node, cable in zip(self.nodes, self._cables, strict=True)
            if not cable.is_cut
        )

    # --- life ---

    async def start(self) -> None:
        """Begin with every node up and knowing the keys."""
        await self._make_store().migrate(NOON - 86_400)  # what is from before it is refused, and nothing here is
        for node in range(len(self.offsets)):
            self.nodes.append(await self._started(node))
        await self.publish()

    async def stop(self) -> None:
        """Let everything go."""
        for node in self.nodes:
            await node.kit.__aexit__(None, None, None)

    async def restart(self, node: int) -> None:
        """Stop a node, hear its goodbyes, and start another guard in its place."""
        old = self.nodes[node]
        goodbyes = [client.assert_closed(GOING_AWAY) for client in old.clients.values()]
        await asyncio.gather(old.kit.guard.stop(), *goodbyes)
        await old.kit.__aexit__(None, None, None)
        self.nodes[node] = await self._started(node)
        await self.look()

    async def look(self) -> None:
        """Every node looks at the store and at its clock, as it would within a second."""
        for _ in range(2):  # what the first tells the second of itself is heard by the first in the second round
            for node in self.nodes:
                node.kit.clock.monotonic = 1_000 + self.monotonic  # what the kit hands to `guard.tick`
                try:
                    await node.kit.advance(0)
                except StoreError:
                    node.kit.guard.tick(node.kit.clock.monotonic)

    async def advance(self, seconds: float) -> None:
        """Let time pass everywhere."""
        self.monotonic += seconds
        await self.look()

    def cut(self, node: int, *, is_cut: bool) -> None:
        """Take the store away from a node, or give it back."""
        self._cables[node].is_cut = is_cut

    # --- credentials ---

    def issue(self, **claims: Any) -> str:
        """A token of the node that has the private keys."""
        return self.nodes[0].kit.guard.issue_token(**claims)

    async def ticket(self, node: int, token: str) -> str | None:
        """A ticket for whoever holds a token; None where the token is refused."""
        guard = self.nodes[node].kit.guard
        try:
            identity = guard.verify_token(token)
        except TokenRefused:
            return None
        return await guard.issue_ticket(identity, path="/ws")

    # --- sockets ---

    async def connect(self, node: int, name: str, *, token: str = "", ticket: str = "") -> int:
        """Ask for a connection and return the status; an open one goes by this name from then on."""
        at = self.nodes[node]
        known = set(at.kit.guard.hub)
        path = f"/ws?ticket={ticket}" if ticket else "/ws"
        socket, response = await at.kit.handshake(path, token=token)
        if response.status != OK:
            await socket.close()
            return response.status
        for _ in range(1_000):
            if new := set(at.kit.guard.hub) - known:
                at.names[new.pop()] = name
                break
            await asyncio.sleep(0)
        at.clients[name] = Client(socket, None)
        return OK

    async def refresh(self, node: int, name: str, token: str) -> int | str:
        """Show a fresh token over an open connection: OK, the code of an error, or the close code."""
        client = self.nodes[node].clients[name]
        await client.send("wssec.refresh", {"token": token}, "r")
        try:
            answer = await client.answer("r")
        except AssertionError:
            await self.gone(node, name)
            return client.close_code or 0
        return OK if answer["type"] == "reply" else str(answer["code"])

    async def speak(self, node: int, name: str) -> None:
        """Claim that a connection answers."""
        await self.nodes[node].clients[name].assert_nothing_received()

    async def closed(self, node: int, name: str) -> int | None:
        """What a client is told that must have been ended."""
        client = self.nodes[node].clients[name]
        async for _ in client:
            continue
        await self.gone(node, name)
        return client.close_code

    async def leave(self, node: int, name: str) -> None:
        """Say goodbye."""
        await self.nodes[node].clients[name].close()
        await self.gone(node, name)

    async def gone(self, node: int, name: str) -> None:
        """Wait until a node has counted a client out that has left."""
        at = self.nodes[node]
        del at.clients[name]
        for _ in range(1_000):
            if name not in {at.names[live] for live in at.kit.guard.hub}:
                return
            await asyncio.sleep(0)

    # --- decisions ---

    async def revoke(self, node: int, kind: str, value: str, margin: float) -> str:
        """Revoke at a node; return the id of the entry."""
        named: dict[str, Any] = {kind: value}
        revocation = await self.nodes[node].kit.guard.revoke(margin=margin, **named)
        self._revocations[revocation.id] = revocation
        return revocation.id

    async def undo(self, id: str) -> None:
        """Take a revocation back, as `wssec revocations undo` does."""
        await self.store.append(make_undo(self._revocations[id], NOON + self.monotonic))

    async def kick(self, node: int, kind: str, value: str) -> None:
        """End connections, and revoke nothing."""
        await self.nodes[node].kit.guard.disconnect(**{kind: value})

    async def prune(self) -> None:
        """Delete what has ended, as `wssec revocations prune` does, by the true time."""
        await self.store.prune(NOON + self.monotonic, 1_000)
        await self.store.prune(NOON + self.monotonic, 1_000, notices=True)

    async def turn_keys(self, turned: KeyRing) -> None:
        """Write the key file and tell the store, as `wssec keys` does."""
        self.ring = turned
        await self.publish()

    async def publish(self) -> None:
        """Tell the store of the keys."""
        await self.store.publish_keys(json.dumps(self.ring.public_document()))
        await self.look()

    async def _started(self, node: int) -> Node:
        clock = Clock(wall=lambda: self.wall(node), monotonic=lambda: 1_000 + self.monotonic)
        keys = KeyFile(self) if node == 0 else NoKeys()
        kit = GuardKit(
            [("/ws", ChatSocket)],
            registry=CHAT,
            store=self._cables[node].to(OneClock(self._make_store(), lambda: NOON + self.monotonic)),
            keys=keys,
            clock=clock,
            limits=LIMITS,
            timeouts=TIMEOUTS,
        )
        await kit.__aenter__()
        return Node(kit)
