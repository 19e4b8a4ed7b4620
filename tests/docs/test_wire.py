"""The conversations of the page on the wire protocol, held with a real server."""

import asyncio
import json
from typing import Any

from tests.docs.pages import DOCS, ROOT, blocks
from tests.docs.terminals import fits
from tests.kits import V1, chat_kit
from tornado_wssec import Limits
from tornado_wssec.policy.binary import parted
from tornado_wssec.policy.codec import Envelope, encode_json
from tornado_wssec.testing import Client

SAID, HEARD = "→ ", "← "


async def hold(client: Client, lines: list[str]) -> list[tuple[str, str]]:
    """Say what is to be said; what was heard, beside what the page says, and nothing more."""
    pairs = await exchange(client, lines)
    await client.assert_nothing_received()
    return pairs


async def exchange(client: Client, lines: list[str]) -> list[tuple[str, str]]:
    """Say what is to be said; what was heard, beside what the page says."""
    pairs = []
    for line in lines:
        if line.startswith(SAID):
            await client.send_text(line.removeprefix(SAID))
        else:
            pairs.append((line.removeprefix(HEARD), encode_json(await client.receive())))
    return pairs


async def converse() -> list[tuple[str, str]]:
    """Every conversation of the page, in order."""
    pairs = []
    async with chat_kit() as kit:
        plain = await kit.connect("/ws", permissions=["chat:*:lobby"])
        for block in blocks(DOCS / "wire.md"):
            if block.language != "text":  # a drawing
                continue
            client = await kit.connect("/ws", subprotocols=V1) if "wssec.v1" in block.caption else plain
            pairs += await hold(client, block.text.splitlines())
            await kit.advance(20)
    return pairs


def test_wire_conversations_go_as_the_page_says() -> None:
    """Whatever is sent is answered so, and with nothing else."""
    pairs = asyncio.run(converse())

    assert [] == [(wanted, found) for wanted, found in pairs if not fits(wanted, found)]
    assert len(pairs) > 10


def test_wire_binary_message_is_made_as_the_page_says() -> None:
    """Its few lines of Python make what the server takes apart."""
    (block,) = [block for block in blocks(DOCS / "wire.md") if block.language == "python"]
    made: dict[str, Any] = {}
    exec(block.text, made)  # noqa: S102  # the page is ours
    head, payload = parted(made["binary_message"]("board.snapshot", {"board": "b7"}, b"\x89PNG", id="a"))

    assert b"\x89PNG" == payload
    assert ("board.snapshot", "a", {"board": "b7"}) == Envelope().parse(head, Limits())[:3]


def test_wire_warning_before_the_end() -> None:
    """The text of `wssec.expiring` on the page is the one that is sent."""

    async def warned() -> dict[str, object]:
        async with chat_kit() as kit:
            ann = await kit.connect("/ws", subprotocols=V1)
            await ann.assert_received("wssec.ready")
            await kit.advance(540)
            return await ann.receive()

    assert f"`{encode_json(asyncio.run(warned()))}`" in (DOCS / "wire.md").read_text()


def test_wire_routes_answer() -> None:
    """Each plain route of the page is there."""

    async def asked(path: str) -> dict[str, object]:
        async with chat_kit() as kit:
            answer = await (await kit.raw()).upgrade(path, [("Host", kit.host)])
            found: dict[str, object] = json.loads(answer.body)
            return found

    assert {"live": True} == asyncio.run(asked("/wssec/live"))
    assert {"ready": True} == asyncio.run(asked("/wssec/ready"))
    assert ["keys"] == list(asyncio.run(asked("/.well-known/jwks.json")))


def test_wire_numbers_are_those_of_the_autobahn_testsuite() -> None:
    """What the page says of the suite is what its committed summary counts."""
    summary = json.loads((ROOT / "tests" / "autobahn" / "summary.json").read_text())
    total = summary["total"]
    cases = sum(total.values()) - total["wrong_closes"]
    version = summary["suite"].removeprefix("AutobahnTestSuite/").partition("-")[0]
    sentences = (
        f"Of the {cases} cases of the Autobahn testsuite {version}, {total['passed']} pass and "
        f"{total['informational']} are for information; {total['failed']} fail, {total['non_strict']} pass only by a "
        f"lenient reading, {total['wrong_closes']} closes are unclean or have the wrong code. "
        f"The other {total['unimplemented']} need compression, which is off."
    )

    assert sentences in " ".join((DOCS / "wire.md").read_text().split())
