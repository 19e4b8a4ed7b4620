"""The layers hold, and the check that says so can fail."""

import pytest

from .layers import FOLDER, faults_of_package, faults_of_source


def test_layers_hold() -> None:
    """No module imports from above, and none does what its layer forbids."""

    assert [] == faults_of_package()


def test_layers_are_looked_for_where_the_package_is() -> None:
    """The check reads the real package; an empty folder would pass everything."""

    assert {"errors.py", "closing.py", "settings"} <= {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("errors", "from .policy.codec import Envelope", "imports policy, which is above it"),
        ("policy.codec", "from ..guard import Guard", "imports guard, which is above it"),
        ("policy.codec", "from .. import guard", "imports guard, which is above it"),
        ("policy.codec", "from .. import Guard", "imports __init__, which is above it"),
        ("policy.codec", "import tornado_wssec.hub", "imports hub, which is above it"),
        ("policy.codec", "from tornado_wssec import Guard", "imports __init__, which is above it"),
        ("policy.codec", "def f():\n    from ..hub import Hub", "imports hub, which is above it"),
        ("hub", "from .cli import main", "imports cli, which is above it"),
        ("auth.bearer", "from ..stores.base import Store", "imports stores, its sibling"),
        ("wire.frames", "from .. import telemetry", "imports telemetry, its sibling"),
        ("policy.codec", "from ..unheard import of", "imports unheard, which belongs to no layer"),
        ("unheard", "", "unheard belongs to no layer"),
        ("unheard.of", "", "unheard.of belongs to no layer"),
    ],
)
def test_layers_refuse_imports_within_the_package(module: str, source: str, fault: str) -> None:
    """An import from above, from a sibling stranger or of the unknown is a fault."""
    faults = faults_of_source(source, module)

    assert [True] == [fault in found for found in faults]


@pytest.mark.parametrize("module", ["closing", "settings", "policy.keys"])
@pytest.mark.parametrize("name", ["asyncio", "os", "redis.asyncio", "socket", "sqlite3", "time", "tornado.web"])
def test_layers_refuse_the_outside_world_in_policy(module: str, name: str) -> None:
    """Below L2 nothing imports what reads a clock, a socket or a file."""

    assert [f"{module}:1 imports {name.partition('.')[0]}"] == faults_of_source(f"import {name}", module)
    assert [f"{module}:2 imports {name.partition('.')[0]}"] == faults_of_source(f"\nfrom {name} import x", module)


@pytest.mark.parametrize(
    "source",
    [
        "async def f(): pass",
        "async def f():\n    await g()",
        "async def f():\n    async with g(): pass",
        "async def f():\n    async for x in g(): pass",
        "async def f():\n    return [x async for x in g()]",
    ],
)
def test_layers_refuse_async_in_policy(source: str) -> None:
    """Below L2 nothing waits."""

    assert faults_of_source(source, "policy.codec")[0].endswith("is asynchronous")
    assert [] == faults_of_source(source, "wire.stock")


@pytest.mark.parametrize("call", ["open('x')", "print(1)", "datetime.now()", "date.today()", "path.read_text()"])
def test_layers_refuse_files_and_clocks_in_policy(call: str) -> None:
    """Below L2 nothing opens, prints or asks what time it is."""
    name = call.partition("(")[0].rpartition(".")[2]

    assert [f"policy.codec:1 calls {name}()"] == faults_of_source(call, "policy.codec")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("settings", "marshmallow"),
        ("policy.codec", "msgpack"),
        ("policy.codec", "click"),
        ("auth.base", "tornado.web"),
        ("stores.sqlite", "tornado.ioloop"),
        ("guard", "click"),
        ("cli.keys", "requests"),
    ],
)
def test_layers_refuse_libraries_that_are_not_theirs(module: str, name: str) -> None:
    """Each layer sees the libraries it is built on and no other."""

    assert [f"{module}:1 imports {name.partition('.')[0]}"] == faults_of_source(f"import {name}", module)


@pytest.mark.parametrize(
    "source",
    [
        "seen = []",
        "SEEN: Final = {}",
        "SEEN: Final[dict[str, Sequence[int]]] = {}",
        "SEEN = {x for x in y}",
        "if x:\n    SEEN = dict()",
        "SEEN: OrderedDict[str, int] = collections.OrderedDict()",
        "SEEN = defaultdict[str, int](int)",
        "def f():\n    global seen",
        "@functools.lru_cache(maxsize=8)\ndef f(): pass",
        "@cache\ndef f(): pass",
    ],
)
def test_layers_refuse_state_in_modules(source: str) -> None:
    """What two Guards in one process would share is a fault, in every layer."""

    assert 1 == len(faults_of_source(source, "policy.codec"))
    assert 1 == len(faults_of_source(source, "guard"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("closing", "from enum import IntEnum"),
        ("errors", "from .closing import Close"),
        ("policy.codec", "import json\nimport marshmallow\nfrom jwt import PyJWK\nfrom ..errors import FrameError"),
        ("policy.codec", "from .permissions import Grants\nfrom . import rates\nfrom .. import settings"),
        ("policy.codec", "LIMIT: Final = 3\nNAMES = frozenset({1})\nT = MappingProxyType({})\n__all__ = ['a']"),
        ("policy.rates", "UNITS: Final[Mapping[str, float]] = {}"),
        ("policy.codec", "def f():\n    seen = []\n    return seen"),
        ("stores.redis", "import redis.asyncio as aioredis\nimport os, socket, time\nfrom .base import Store"),
        ("wire.stock", "from tornado.websocket import WebSocketHandler"),
        (
            "hub",
            "import asyncio\nimport tornado.web\nfrom .wire.connection import Connection\nfrom .guard import Guard",
        ),
        ("__init__", "from .guard import Guard\nfrom .errors import WssecError"),
        ("testing", "from . import Guard\nimport tornado.httpserver"),
        ("cli.keys", "import click\nfrom ..stores.keyfile import KeyFile"),
        ("starter.app", "from tornado_wssec import Guard"),
    ],
)
def test_layers_allow_what_lies_below(module: str, source: str) -> None:
    """What the layers are for passes without a fault."""

    assert [] == faults_of_source(source, module)


def test_layers_know_a_package_from_a_module() -> None:
    """One dot means the package itself in its `__init__`, and its folder in any other module."""

    assert [] == faults_of_source("from .base import Credential", "auth", is_package=True)
    assert [] == faults_of_source("from ..errors import StoreError", "stores", is_package=True)
    assert ["auth:1 imports stores, its sibling; share a Protocol in policy/"] == faults_of_source(
        "from ..stores import base", "auth", is_package=True
    )
