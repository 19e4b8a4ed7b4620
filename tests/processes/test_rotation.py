"""Keys are rotated and retired by commands while a server runs and clients come and go."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from examples.tour.attacks import ANN, connect
from examples.tour.server import Deployment, deployed
from tornado_wssec.testing import Client, RawSocket

PATIENCE_SECONDS = 20.0
ATTEMPTS_MOST = 50
"""One identity may try 60 times at once; the rest of a test needs some, too."""
T = TypeVar("T")


async def kids(server: Deployment) -> dict[str, str]:
    """The kid of each key, by its state."""
    listed = json.loads(await server.wssec("keys", "list", "--json"))
    keys = listed["keys"] if isinstance(listed, dict) else listed
    return {key["state"]: key["kid"] for key in keys}


async def until_followed(server: Deployment) -> None:
    """Wait until the running server publishes the key that signs now."""
    current = (await kids(server))["current"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while current not in await published(server):
            continue


async def published(server: Deployment) -> set[str]:
    """The kids that the server's JWK Set shows."""
    socket = await RawSocket.open(server.port)
    answer = await socket.upgrade("/.well-known/jwks.json", [("Host", f"127.0.0.1:{server.port}")])
    await socket.close()
    return {key["kid"] for key in json.loads(answer.body)["keys"]}


async def is_admitted(server: Deployment, token: str) -> bool:
    """Whether a fresh connection with this token is let in and answered."""
    try:
        client = await connect(server, token)
    except RuntimeError:
        return False
    await client.request("wssec.subscribe", {"channel": "room:lobby"})
    await client.close()
    return True


def run(folder: Path, scenario: Callable[[Deployment], Awaitable[T]]) -> T:
    """What a scenario comes to, against a server made for it."""

    async def with_server() -> T:
        async with deployed(folder / "deployment") as server:
            return await scenario(server)

    return asyncio.run(with_server())


async def rotate_under_load(server: Deployment) -> tuple[list[bool], dict[str, object]]:
    """Rotate while a client stays connected and others keep connecting with old and new tokens."""
    token = await server.token("ann", *ANN)
    stays = await connect(server, token)
    rotation = asyncio.create_task(server.wssec("keys", "rotate"))
    admitted: list[bool] = []
    while not rotation.done() and len(admitted) < ATTEMPTS_MOST:
        admitted.append(await is_admitted(server, token))
    await rotation
    await until_followed(server)
    fresh = await server.token("bob", "chat:*:lobby")
    admitted += [await is_admitted(server, fresh), await is_admitted(server, token)]
    reply = await stays.request("wssec.subscribe", {"channel": "room:lobby"})
    await stays.close()
    return admitted, reply


@pytest.mark.requirement("R081")
def test_rotation_loses_no_client(tmp_path: Path) -> None:
    """Who is connected stays, old tokens go on connecting during and after the rotation, new ones are accepted."""
    admitted, reply = run(tmp_path, rotate_under_load)

    assert {True} == set(admitted)
    assert len(admitted) > 2
    assert {} == reply


async def retire_as_compromised(server: Deployment) -> tuple[int | None, bool, dict[str, object]]:
    """Retire the first key as compromised, with one client on it and one on its successor."""
    first = (await kids(server))["current"]
    old_token = await server.token("ann", *ANN)
    old: Client = await connect(server, old_token)
    await server.wssec("keys", "rotate")
    await until_followed(server)
    new = await connect(server, await server.token("bob", "chat:*:lobby"))
    closing = asyncio.create_task(old.assert_closed(4403))
    await server.wssec("keys", "retire", first, "--compromised", "--yes")
    await closing
    returned = await is_admitted(server, old_token)
    reply = await new.request("wssec.subscribe", {"channel": "room:lobby"})
    await new.close()
    return old.close_code, returned, reply


def test_j23_compromised_key_closes_what_it_signed(tmp_path: Path) -> None:
    """The sockets of a compromised key close with 4403, its tokens are refused, others are not touched."""

    assert (4403, False, {}) == run(tmp_path, retire_as_compromised)
