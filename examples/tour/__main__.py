"""Serve the chat, use it, attack it, revoke somebody, and say how each went. Exits 1 if any of it failed."""

import asyncio
import sys
import time

from examples.running.folder import own_folder
from examples.running.processes import Ended, end_on_signals
from examples.running.story import Outcome, print_scene
from tornado_wssec.testing import Client

from .attacks import ANN, ATTACKS, connect
from .server import Deployment, deployed

CLOSED_WITHIN_SECONDS = 1.0


async def chat(server: Deployment) -> list[Outcome]:
    """Two people talk in a room that both may read."""
    ann = await connect(server, await server.token("ann", *ANN))
    bob = await connect(server, await server.token("bob", "chat:read:lobby"))
    await bob.request("wssec.subscribe", {"channel": "room:lobby"})
    reply = await ann.request("chat.send", {"room": "lobby", "text": "hello bob"})
    heard = await bob.assert_received("chat.posted")
    refused = await bob.assert_refused("permission_denied", "chat.send", {"room": "lobby", "text": "hello ann"})
    await ann.close()
    await bob.close()
    return [
        Outcome("ann writes to the lobby", "{'delivered': True}", str(reply)),
        Outcome("bob, who listens, hears it", "ann: hello bob", f"{heard['author']}: {heard['text']}"),
        Outcome("bob, who may only read, writes", "error permission_denied", f"error {refused['code']}"),
    ]


async def attack(server: Deployment) -> list[Outcome]:
    """Try every attack of the list."""
    return [Outcome(tried, expected, await attempt(server)) for tried, expected, attempt in ATTACKS]


async def revoke(server: Deployment) -> tuple[list[Outcome], float, float]:
    """Revoke one client by a command in another process.

    Returns:
        What happened; the seconds from the start of the command to the closed socket; and from its end.
    """
    token = await server.token("eve", "chat:read:lobby")
    eve = await connect(server, token)
    bob = await connect(server, await server.token("bob", "chat:read:lobby"))
    closing = asyncio.create_task(_closed_at(eve))
    started_at = time.monotonic()
    await server.wssec("revoke", "subject", "eve", "--reason", "the tour", "--yes")
    acknowledged_at = time.monotonic()
    closed_at = await closing
    answer = await bob.request("wssec.subscribe", {"channel": "room:lobby"})
    await bob.close()
    try:
        await connect(server, token)
        again = "HTTP 101"
    except RuntimeError as error:
        again = f"HTTP {str(error)[-3:]}"
    outcomes = [
        Outcome("eve's socket", "close 4403", f"close {eve.close_code}"),
        Outcome("the socket closed within a second", "True", str(closed_at - acknowledged_at < CLOSED_WITHIN_SECONDS)),
        Outcome("eve comes back with the same token", "HTTP 401", again),
        Outcome("bob, who was not meant, stays", "{}", str(answer)),
    ]
    return outcomes, closed_at - started_at, closed_at - acknowledged_at


async def _closed_at(client: Client) -> float:
    async for _ in client:
        continue
    return time.monotonic()


async def tour() -> bool:
    """Walk through it all; True when everything went as it must."""
    with own_folder("tour") as folder:
        async with deployed(folder / "deployment") as server:
            print(f"The chat serves ws://127.0.0.1:{server.port}/ws/chat, with keys made by `wssec init`.", flush=True)
            talked = await chat(server)
            print_scene("Two people talk", talked)
            attacked = await attack(server)
            print_scene(f"{len(attacked)} attacks", attacked)
            revoked, since_start, since_end = await revoke(server)
            print_scene("`wssec revoke subject eve`, in another process", revoked)
            when = "after" if since_end > 0 else "before"
            print(f"\n  The socket closed {since_start:.3f} s after the command was started,")
            print(f"  {abs(since_end):.3f} s {when} it had ended.")
    everything = [*talked, *attacked, *revoked]
    failed = [outcome for outcome in everything if not outcome.is_right]
    print(f"\n{len(everything) - len(failed)} as they must be, {len(failed)} not.")
    return not failed


def main() -> int:
    """Run the tour; Ctrl-C stops the server and leaves nothing behind."""
    end_on_signals()
    try:
        return 0 if asyncio.run(tour()) else 1
    except Ended:
        print("The server is stopped and its folder removed.", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"The tour could not go on: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
