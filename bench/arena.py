"""Where one suite takes place: its servers, their clients, and whatever they need; all gone when it ends."""

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .environments import Missing
from .load.driver import Load, Plan, request
from .messages import Kind, compact
from .process import ServerProcess
from .roster import BARE, SECURED, Peer
from .visitors import ORIGIN, Visitors

SOCKETIO_PATH: Final = "/socket.io/?EIO=4&transport=websocket"


class Arena:
    """Runs servers and clients."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.visitors = Visitors(self.folder)
        self.missing: dict[str, str] = {}

    def serve(self, peer: Peer, *arguments: str) -> ServerProcess:
        """Start a server.

        Raises:
            Missing: it cannot be had.
        """
        own = [str(self.visitors.keys)] if peer in SECURED else []
        return self._stack.enter_context(peer.start(*own, *arguments))

    def serve_all(self, peers: Iterable[Peer], *arguments: str) -> dict[Peer, ServerProcess]:
        """Start those that can be had; `missing` says why the others cannot."""
        running = {}
        for peer in peers:
            try:
                running[peer] = self.serve(peer, *arguments)
            except Missing as error:
                self.missing[peer.name] = str(error)
                print(f"{peer.title} takes no part: {error}", flush=True)
        return running

    def plan(self, peer: Peer, port: int, kind: Kind, *, visitors: int = 64, **options: Any) -> Plan:
        """How clients of this server say this kind of message and know the answer; see `Plan` for the options."""
        if peer.speaks == "socketio":
            options |= {"hello": "40", "greeted": 2}
            return Plan([request(port, SOCKETIO_PATH)], kind.event, expects=compact(kind.answer)[1:-1], **options)
        expects = "" if peer is BARE else compact(kind.answer)[1:-1]
        return Plan(self.requests(peer, port, "/ws", visitors), kind.text, expects=expects, **options)

    def requests(self, peer: Peer, port: int, path: str, visitors: int) -> list[str]:
        """Handshakes: at ours each visitor shows a token of his own."""
        tokens = self.visitors.tokens(visitors) if peer in SECURED else [None]
        return [request(port, path, token=token, origin=ORIGIN if token else None) for token in tokens]

    def connect(self, port: int, plan: Plan, connections: int) -> Load:
        """Clients that are connected.

        Raises:
            LoadFailed: one was refused.
        """
        load = self._stack.enter_context(Load(port, plan))
        load.connect(connections)
        return load

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
