"""Keys are rotated and retired by commands while a server runs and clients come and go."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from examples.tour.attacks import ANN, connect
from examples.tour.server import Deployment, deployed
from tornado_wssec.testing import Client

PATIENCE_SECONDS = 20.0
T = TypeVar("T")


async def kids(server: Deployment) -> dict[str, str]:
    """The kid of each key, by its state."""
    listed = json.loads(await server.wssec("keys", "list", "--json"))
    keys = listed["keys"] if isinstance(listed, dict) else listed
    return {key["state"]: key["kid"] for key in keys}


async def until(holds: Callable[[], Awaitable[bool]]) -> bool:
    """Whether something comes to hold while the server goes on."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await holds():
                continue
    except TimeoutError:
        return False
    return True


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
    admitted = []
    while not rotation.done():
        admitted.append(await is_admitted(server, token))
    await rotation
    fresh = await server.token("bob", "chat:*:lobby")
    assert await until(lambda: is_admitted(server, fresh))
    admitted.append(await is_admitted(server, token))
    reply = await stays.request("wssec.subscribe", {"channel": "room:lobby"})
    await stays.close()
    return admitted, reply


def test_rotation_loses_no_client(tmp_path: Path) -> None:
    """Who is connected stays, old tokens go on connecting during and after the rotation, new ones are accepted."""
    admitted, reply = run(tmp_path, rotate_under_load)

    assert {True} == set(admitted)
    assert len(admitted) > 1
    assert {} == reply


async def retire_as_compromised(server: Deployment) -> tuple[int | None, bool, dict[str, object]]:
    """Retire the first key as compromised, with one client on it and one on its successor."""
    first = (await kids(server))["current"]
    old_token = await server.token("ann", *ANN)
    old: Client = await connect(server, old_token)
    await server.wssec("keys", "rotate")
    new_token = await server.token("bob", "chat:*:lobby")
    assert await until(lambda: is_admitted(server, new_token))
    new = await connect(server, new_token)
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
