"""Who takes part: each server, what it needs, and how it is started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .environments import Missing, node_with, python_with, python_with_ours
from .process import ServerProcess

UNCOMPILED: Final = "BENCH_UNCOMPILED"
"""Set where ours is to run as it stands in this tree."""
PEERS: Final = Path(__file__).with_name("peers")
_UVICORN: Final = ("uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "websockets==17.4")


@dataclass(frozen=True, slots=True)
class Peer:
    """One server that can be measured.

    Args:
        name: in results and on the command line.
        title: for people.
        packages: what its environment has, of an exact version each; none: it runs in ours, since it needs what is
            under test.
        extras: of ours, which then runs compiled, in an environment of its own.
        script: the file that Node runs; None: the module `bench.peers.<name>`.
        speaks: "plain" WebSocket, or "socketio".
    """

    name: str
    title: str
    packages: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    script: str | None = None
    speaks: str = "plain"

    def start(self, *arguments: str) -> ServerProcess:
        """Run it.

        Raises:
            Missing: it cannot be installed, or does not start.
        """
        try:
            if self.script is not None:
                node, modules = node_with(self.name, self.packages)
                surroundings = {"NODE_PATH": str(modules)}
                return ServerProcess(str(PEERS / self.script), *arguments, program=[node], environment=surroundings)
            module = f"bench.peers.{self.name}"
            return ServerProcess(module, *arguments, program=self._program())
        except RuntimeError as error:
            raise Missing(f"{self.title}: {error}") from error

    def _program(self) -> list[str] | None:
        if self.extras and UNCOMPILED not in os.environ:
            return [str(python_with_ours(*self.extras)), "-P", "-m"]
        return [str(python_with(self.name, self.packages)), "-m"] if self.packages else None


BARE: Final = Peer("tornado_bare", "bare Tornado")
NAIVE: Final = Peer("tornado_naive", "Tornado, secured naively")
_EXTRAS: Final = ("fast", "uvloop")
OURS: Final = Peer("ours", "tornado_wssec", extras=_EXTRAS)
OURS_PYTHON: Final = Peer("ours_python", "tornado_wssec, not compiled")
FASTAPI: Final = Peer("fastapi_pydantic", "FastAPI + pydantic", ("fastapi==0.165.0", "pydantic==2.14.3", *_UVICORN))
WEBSOCKETS: Final = Peer(
    "websockets_msgspec", "websockets + msgspec", ("websockets==17.4", "msgspec==0.22.0", "uvloop==0.23.0")
)
AIOHTTP: Final = Peer("aiohttp_msgspec", "aiohttp + msgspec", ("aiohttp==3.14.5", "msgspec==0.22.0", "uvloop==0.23.0"))
PICOWS: Final = Peer("picows_msgspec", "picows + msgspec", ("picows==2.3.1", "msgspec==0.22.0", "uvloop==0.23.0"))
SOCKETIO: Final = Peer(
    "socketio_msgspec",
    "python-socketio + msgspec",
    ("python-socketio==5.18.1", "msgspec==0.22.0", *_UVICORN),
    speaks="socketio",
)
OURS_UVLOOP: Final = Peer("ours_uvloop", "tornado_wssec on uvloop", extras=_EXTRAS)
OURS_NODES: Final = Peer("ours_nodes", "tornado_wssec in four processes")
SECURED: Final = (OURS, OURS_PYTHON, OURS_UVLOOP, OURS_NODES)
"""Where everybody has to say who he is."""
SOCKETIO_NODES: Final = Peer(
    "socketio_nodes",
    "python-socketio in four processes",
    (*SOCKETIO.packages, "redis==8.1.0"),
    speaks="socketio",
)
CHANNELS: Final = Peer(
    "channels_msgspec",
    "Channels + msgspec",
    ("channels==4.3.2", "daphne==4.2.3", "django==5.2.19", "msgspec==0.22.0"),
)
NODE: Final = Peer("node_ws", "Node ws + ajv", ("ws@8.23.0", "ajv@8.20.0", "ajv-formats@3.0.1"), script="node_ws.js")

ALL: Final = (
    OURS,
    OURS_PYTHON,
    OURS_UVLOOP,
    BARE,
    NAIVE,
    FASTAPI,
    WEBSOCKETS,
    AIOHTTP,
    PICOWS,
    SOCKETIO,
    CHANNELS,
    NODE,
    OURS_NODES,
    SOCKETIO_NODES,
)


def titles() -> Mapping[str, str]:
    """What people call each of them."""
    return {peer.name: peer.title for peer in ALL}
