"""Three people at a whiteboard, a stranger, and what each of them is refused."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from examples.running.stage import Stage, Visitor, answer, refusal, within_a_second
from examples.running.story import Outcome, Scene
from tornado_wssec.client import Client

from . import app

PEOPLE: Final[Mapping[str, str]] = {name: facts["may"] for name, facts in app.PEOPLE.items()}
TRY: Final[Sequence[str]] = (
    "Open {url} in two windows, sign in as ann and as cleo, and draw as ann; then let ann make cleo an editor.",
    "End somebody's access, and see his page say so within a second: {wssec} revoke subject cleo --yes",
)
PATH: Final = "/ws/boards/roadmap"
BOARD: Final = "board:roadmap"


def stroke(**changes: Any) -> dict[str, Any]:
    """A stroke of three points."""
    return {
        "board": "roadmap",
        "stroke": str(uuid.uuid4()),
        "shape": "freehand",
        "points": [{"x": 10.0 * n, "y": 5.0 * n * n} for n in range(3)],
        "color": "#2b6cb0",
        "style": {"width": 3},
        "drawn_at": datetime.now(UTC).isoformat(),
        **changes,
    }


async def tell(stage: Stage) -> AsyncIterator[Scene]:
    """People draw together; others may not; rights change while they are there; strangers try to get in."""
    ann, bob, cleo, dan = [await stage.sign_in(name) for name in PEOPLE]
    async with ann.connect(PATH) as anns, bob.connect(PATH) as bobs, cleo.connect(PATH) as cleos:
        for client in (anns, bobs, cleos):
            await client.subscribe(BOARD)
        yield Scene("Three people at one board", await draw_together(anns, bobs, cleos))
        yield Scene("Rights change while cleo is there", await share(anns, cleos))
        yield Scene("Bob's network fails, and comes back", await resume(stage, anns, bob))
    yield Scene("Frames that a page would not send", await crafted(cleo, bob))
    yield Scene("Strangers", await strangers(stage, ann, dan))


async def draw_together(anns: Client, bobs: Client, cleos: Client) -> list[Outcome]:
    """Two draw, all see it, one may not."""
    drawn = stroke()
    await anns.request("board.draw", drawn)
    seen = [await heard(client, "board.drawn") for client in (bobs, cleos)]
    await bobs.request("board.undo", {"board": "roadmap", "stroke": drawn["stroke"]})
    undone = await heard(cleos, "board.undone")
    return [
        Outcome("ann draws, and bob sees whose it is", "ann", seen[0]["author"]),
        Outcome("cleo, who only views, sees the same stroke", drawn["stroke"], seen[1]["stroke"]),
        Outcome("cleo draws", "error permission_denied", await refusal(cleos.request("board.draw", stroke()))),
        Outcome("bob takes back ann's stroke: it is told in his name, and hers stays", "bob", undone["author"]),
        Outcome(
            "bob wipes the board",
            "error permission_denied",
            await refusal(bobs.request("board.clear", {"board": "roadmap"})),
        ),
    ]


async def share(anns: Client, cleos: Client) -> list[Outcome]:
    """A viewer becomes an editor, and a viewer again, on one socket."""
    role = {"board": "roadmap", "person": "cleo", "role": "editor"}
    own = await refusal(cleos.request("board.share", role))

    async def draw() -> str:
        return await refusal(cleos.request("board.draw", stroke()))

    await anns.request("board.share", role)
    may = await within_a_second(draw, "nothing refused")
    await anns.request("board.share", {**role, "role": "viewer"})
    may_not = await within_a_second(draw, "error permission_denied")
    return [
        Outcome("cleo makes herself an editor", "error permission_denied", own),
        Outcome("ann makes her one; cleo draws", "nothing refused", may),
        Outcome("ann takes it away; cleo draws", "error permission_denied", may_not),
    ]


async def resume(stage: Stage, anns: Client, bob: Visitor) -> list[Outcome]:
    """What is drawn meanwhile comes once, in order."""
    async with bob.connect(PATH) as before:
        await before.subscribe(BOARD, since=0)
        marker = stroke()
        await anns.request("board.draw", marker)
        seq = await seq_of(before, marker["stroke"])
    missed = [stroke() for _ in range(3)]
    for each in missed:
        await anns.request("board.draw", each)
    async with bob.connect(PATH) as after:
        await after.subscribe(BOARD, since=seq)
        came = [(await heard(after, "board.drawn"))["stroke"] for _ in missed]
    return [
        Outcome(
            "the three strokes that he missed",
            "came in order",
            "came in order" if came == [each["stroke"] for each in missed] else "did not",
        )
    ]


async def crafted(cleo: Visitor, bob: Visitor) -> list[Outcome]:
    """What somebody with a browser's console would try."""
    lie = json.dumps({"type": "board.draw", "id": "1", "data": stroke(author="ann")})
    other = json.dumps({"type": "board.draw", "id": "1", "data": stroke(board="moodboard")})
    huge = json.dumps({"type": "board.draw", "id": "1", "data": stroke(points=[{"x": 1, "y": 1}] * 2_000)})
    direct = {"channel": BOARD, "type": "board.drawn", "data": stroke(author="ann")}
    listen = {"channel": "board:retro"}
    tries = [
        ("bob draws in ann's name", "error invalid", bob, lie),
        ("bob draws on a board that is not shared with him", "error permission_denied", bob, other),
        ("bob draws 2,000 points at once", "error too_big", bob, huge),
        ("bob publishes a stroke past the server", "error permission_denied", bob, frame("wssec.publish", direct)),
        (
            "cleo listens to a board that is not shared with her",
            "error permission_denied",
            cleo,
            frame("wssec.subscribe", listen),
        ),
        ("cleo sends what is no JSON", "error malformed", cleo, "{type: board.draw}"),
    ]
    return [Outcome(tried, expected, await one_frame(who, text)) for tried, expected, who, text in tries]


async def strangers(stage: Stage, ann: Visitor, dan: Visitor) -> list[Outcome]:
    """Nobody comes in by another way than a ticket of his own, for this board, from this page."""
    used = await ann.ticket(PATH)
    offered = [
        ["wssec.v1", f"wssec.ticket.{one}"] for one in (used, used, await ann.ticket(PATH), await dan.ticket(PATH))
    ]
    first = await stage.handshake(PATH, subprotocols=offered[0])
    return [
        Outcome("ann's ticket opens a socket", "HTTP 101", first),
        Outcome("the same ticket again", "HTTP 401", await stage.handshake(PATH, subprotocols=offered[1])),
        Outcome(
            "a ticket of hers from the page of another site",
            "HTTP 403",
            await stage.handshake(PATH, subprotocols=offered[2], origin="https://evil.example"),
        ),
        Outcome(
            "her cookie alone, without a ticket",
            "HTTP 401",
            await stage.handshake(PATH, extra=[("Cookie", ann.cookie)]),
        ),
        Outcome("dan, with whom nothing is shared", "HTTP 403", await stage.handshake(PATH, subprotocols=offered[3])),
        Outcome(
            "another site's page signs somebody in",
            "HTTP 403",
            await refusal(dan.ask("POST", "/sign-in", {"name": "ann"}, origin="https://evil.example")),
        ),
    ]


def frame(type: str, data: Mapping[str, Any]) -> str:
    """A message that asks for an answer."""
    return json.dumps({"type": type, "id": "1", "data": data})


async def one_frame(who: Visitor, text: str) -> str:
    """What one frame on a new connection is answered."""
    client = await who.raw(PATH)
    said = await answer(client, text)
    await client.close()
    return said


async def heard(client: Client, type: str) -> Mapping[str, Any]:
    """The data of the next message of a type."""
    async with asyncio.timeout(10):
        async for event in client.events():
            if event.type == type:
                return event.data
    raise RuntimeError(f"{type} did not come")


async def seq_of(client: Client, stroke: str) -> int:
    """The number of a stroke in its channel."""
    async with asyncio.timeout(10):
        async for event in client.events():
            if event.type == "board.drawn" and event.data["stroke"] == stroke and event.seq is not None:
                return event.seq
    raise RuntimeError("the stroke did not come")
