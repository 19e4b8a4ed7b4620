"""`wssec publish` says something in a channel, on every server, as a server itself would."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import CATALOGUE, ROOMS, declare
from tests.redis_server import RedisServer
from tests.stores.broker_kit import KEPT, Heard, running
from tests.stores.redis_kit import prefix_of
from tests.stores.test_redis_broker import broker_at
from tests.waiting import until_found

LINE = {"room": "lobby", "text": "hi", "author": "me"}
ASKED = ("publish", "room:lobby", "chat.posted")


@pytest.fixture
def speaker(bare: Terminal, here: Path, each_redis: RedisServer, tmp_path: Path) -> Terminal:
    """A terminal with a Redis store and a catalogue."""
    store = f"{each_redis.url}?prefix={prefix_of(tmp_path)}"
    kept = (CATALOGUE + ROOMS).replace(
        'subscribe = "chat:read:{room}"', 'subscribe = "chat:read:{room}"\n        history = 100'
    )
    environment = {"WSSEC_STORE": store, "WSSEC_SCHEMAS": declare(here, "lines", kept)}
    Terminal(environment).done("store", "migrate")
    return Terminal(environment)


def test_publish_reaches_servers(speaker: Terminal, each_redis: RedisServer, tmp_path: Path) -> None:
    """With the permission that its receivers need, and its number where the channel is kept."""

    async def run() -> tuple[dict[str, object], Heard]:
        heard = Heard()
        async with running((broker_at(each_redis.url, tmp_path, "n", heard), heard)) as [node]:
            await node.want("room:lobby", KEPT)
            told = await asyncio.to_thread(speaker.json, *ASKED, json.dumps(LINE))
            await asyncio.to_thread(speaker.done, *ASKED, "-", stdin=json.dumps({**LINE, "text": "again"}))
            await node.hears_of(2, "room:lobby")
        return told, heard

    told, heard = asyncio.run(run())
    first, second = heard.said

    assert LINE == json.loads(first.data)
    assert ("chat.posted", "chat:read:lobby", "wssec") == (first.type, first.needs, first.origin)
    assert {"channel": "room:lobby", "type": "chat.posted", "id": first.id, "seq": first.seq} == told
    assert (first.seq or 0) + 1 == second.seq


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("room:lobby", "chat.posted", "{"), 2, "the data is no JSON"),
        (("room:lobby", "chat.posted", "[1]"), 2, "the data is no object"),
        (("room:lobby", "chat.send", "{}"), 2, "chat.send is declared for clients only"),
        (("room:lobby", "chat.unknown", "{}"), 2, "chat.unknown is not declared"),
        (("hall:lobby", "chat.posted", json.dumps(LINE)), 1, "hall:lobby: is no declared channel"),
        (("room:lobby", "chat.posted"), 1, "chat.posted as sent by the application"),
        (("room:lobby", "chat.posted", json.dumps({**LINE, "text": "hunter2" * 400})), 1, "text"),
    ],
    ids=["torn", "a list", "inbound", "undeclared", "no channel", "no data", "too long"],
)
def test_publish_of_what_cannot_be(speaker: Terminal, arguments: tuple[str, ...], code: int, told: str) -> None:
    """It says what is wrong, and no value; with --check, too."""
    for check in ((), ("--check",)):
        outcome = speaker("publish", *arguments, *check)

        assert (code, "") == (outcome.code, outcome.out)
        assert told in outcome.err
        assert "hunter2" not in outcome.err


def test_publish_without_a_broker(wssec: Terminal, here: Path) -> None:
    """With SQLite nobody would hear it: it is refused with the remedy; whether it could be is told all the same."""
    catalogue = declare(here, "lines", CATALOGUE + ROOMS)
    wssec.done("keys", "generate")
    outcome = wssec(*ASKED, json.dumps(LINE), WSSEC_SCHEMAS=catalogue)

    assert (1, "") == (outcome.code, outcome.out)
    assert "only Redis does; call guard.publish in the server" in outcome.err
    checked = wssec.json(*ASKED, json.dumps(LINE), "--check", WSSEC_SCHEMAS=catalogue)
    assert {"channel": "room:lobby", "type": "chat.posted", "id": None, "seq": None} == checked


def test_publish_needs_declarations(wssec: Terminal) -> None:
    """What nobody has declared cannot be checked, and so not be sent."""
    outcome = wssec(*ASKED, "{}")

    assert 1 == outcome.code
    assert "WSSEC_SCHEMAS" in outcome.err


def test_channels_list_tells_who_listens_where(speaker: Terminal, each_redis: RedisServer, tmp_path: Path) -> None:
    """At which server, and how many; of one channel alone where one is asked for."""

    async def run() -> list[object]:
        heard = Heard()
        async with running((broker_at(each_redis.url, tmp_path, "n1", heard), heard)) as [node]:
            for channel in ("room:lobby", "room:lobby", "room:attic"):
                await node.want(channel)
            await until_found(True, lambda: asyncio.to_thread(lambda: len(listening("list")) == 2))
            return [await asyncio.to_thread(listening, *asked) for asked in (("list",), ("show", "room:attic"))]

    def listening(*asked: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = speaker.json("channels", *asked)["listening"]
        return found

    attic = {"channel": "room:attic", "node": "n1", "connections": 1}
    everything = [attic, {"channel": "room:lobby", "node": "n1", "connections": 2}]
    assert [everything, [attic]] == asyncio.run(run())
    assert [] == listening("list")
