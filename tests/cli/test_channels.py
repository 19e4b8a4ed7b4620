"""`wssec channels` shows what is declared and in force, and writes what every server follows."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.live import PATIENT, notices
from tornado_wssec.errors import NotAcknowledged
from tornado_wssec.policy.moderation_entries import Moderation
from tornado_wssec.policy.revocation_entries import NoticeKind
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.stores.url import open_store

ENTRY = ["id", "channel", "measure", "subject", "issuer", "address", "seconds", "at", "until", "reason"]
SCHEMAS = """
from marshmallow import fields, validate
from tornado_wssec import PUBLIC, Channel, Message

class Posted(Message):
    class Meta:
        type = "posted"
        direction = "out"
        permission = PUBLIC
    text = fields.String(validate=validate.Length(max=9))

class Room(Channel):
    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
        publish = "chat:write:{room}"
        accepts = [Posted]
        bind = {"room": "team"}
        rate = "5/second"
        history = 100
        presence = True
    room = fields.String(required=True, validate=validate.Length(max=9))

class News(Channel):
    class Meta:
        pattern = "news"
        subscribe = PUBLIC
"""


def refused(wssec: Terminal, *arguments: str) -> tuple[int, str]:
    """How it was refused: the exit code, and what it said."""
    outcome = wssec("channels", *arguments)
    return outcome.code, outcome.err


def entries(wssec: Terminal) -> list[Moderation]:
    """What servers read."""

    async def run() -> list[Moderation]:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=PATIENT)
        await store.open()
        found = await store.read_after(None, 1_000)
        await store.close()
        return [entry.body for entry in found if isinstance(entry.body, Moderation)]

    return asyncio.run(run())


def in_force(wssec: Terminal) -> list[tuple[Any, ...]]:
    """What `list` shows."""
    found = wssec.json("channels", "list")["moderation"]
    return [(one["channel"], one["measure"], one["subject"] or one["address"]) for one in found]


def test_channels_mute_writes_an_entry(wssec: Terminal) -> None:
    """With everything that was said, in the documented form; the command line and the log agree."""
    told = wssec.json(
        "channels", "mute", "room:lobby", "u42", "--issuer", "us", "--for", "10m", "--reason", "spam", "--yes"
    )
    (body,) = entries(wssec)

    assert [*ENTRY, "acknowledged"] == list(told)
    assert told == {**{name: getattr(body, name) for name in ENTRY}, "acknowledged": True}
    assert ("mute", "u42", "us", "spam", 600) == (
        body.measure,
        body.subject,
        body.issuer,
        body.reason,
        round((body.until or 0) - body.at),
    )


@pytest.mark.requirement("R049")
def test_channels_measures_are_taken_back(wssec: Terminal) -> None:
    """By the verb that takes back, named as they were made; what is not there cannot be."""
    wssec.done("channels", "mute", "room:lobby", "--subject", "u42")
    wssec.done("channels", "ban", "room:*", "--address", "2001:db8::7")
    wssec.done("channels", "slow", "room:lobby", "30s")
    assert [
        ("room:*", "ban", "2001:db8::/64"),
        ("room:lobby", "mute", "u42"),
        ("room:lobby", "slow", None),
    ] == in_force(wssec)
    wssec.done("channels", "unmute", "room:lobby", "u42")
    wssec.done("channels", "unban", "room:*", "--address", "2001:db8::1")
    wssec.done("channels", "slow", "room:lobby", "off")

    assert [] == in_force(wssec)
    for gone in (("unmute", "room:lobby", "u42"), ("unban", "room:lobby", "u42"), ("slow", "room:lobby", "0")):
        code, said = refused(wssec, *gone)
        assert (1, True) == (code, "take back" in said)
    wssec.done("channels", "mute", "room:lobby", "u42")
    assert [("room:lobby", "mute", "u42")] == in_force(wssec)


def test_channels_kick_asks_every_server(wssec: Terminal) -> None:
    """Once; nothing of it is in force afterwards."""
    told = wssec.json("channels", "kick", "room:lobby", "u42", "--session", "s1", "--tenant", "acme", "--issuer", "us")
    (notice,) = notices(wssec)

    assert {"id": notice.id, "channel": "room:lobby", "acknowledged": True} == told
    assert (NoticeKind.REMOVE, "u42", "s1", "acme", "us") == (
        notice.kind,
        notice.subject,
        notice.session,
        notice.tenant,
        notice.issuer,
    )
    assert [] == in_force(wssec)


def test_channels_list_shows_what_is_declared(wssec: Terminal, here: Path) -> None:
    """For people and programs; `show` tells of one channel what covers it."""
    (here / "rooms.py").write_text(SCHEMAS)
    wssec.environment["WSSEC_SCHEMAS"] = "rooms"
    wssec.done("channels", "mute", "room:*", "u42", "--for", "1h")
    wssec.done("channels", "slow", "news", "5s")
    told = wssec.json("channels", "show", "room:lobby")

    assert ["room:{room}", "news"] == [one["pattern"] for one in wssec.json("channels", "list")["channels"]]
    assert ([{"count": 5, "seconds": 1}], 100, 60, True) == tuple(
        told["channels"][0][name] for name in ("rates", "history", "ttl", "presence")
    )
    assert ["room:*"] == [one["channel"] for one in told["moderation"]]
    table = wssec.done("channels", "list")
    assert ["room:{room}", "chat:write:{room}", "room=team", "100 for 60s", "slow 5s"] == [
        text for text in ("room:{room}", "chat:write:{room}", "room=team", "100 for 60s", "slow 5s") if text in table
    ]
    code, said = refused(wssec, "show", "hall:lobby")
    assert (1, True) == (code, "no declared channel" in said)


def test_channels_show_without_declarations(wssec: Terminal) -> None:
    """What is in force is told all the same."""
    wssec.done("channels", "mute", "room:lobby", "u42")

    told = wssec.json("channels", "show", "room:lobby")
    assert ([], 1, None) == (told["channels"], len(told["moderation"]), told["listening"])


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("mute", "room:lobby"), "give a subject or an address"),
        (("mute", "room:lobby", "u42", "--address", "192.0.2.1"), "give a subject or an address"),
        (("mute", "room:lobby", "u42", "--subject", "u42"), "given twice"),
        (("mute", "ROOM", "u42"), "can be no channel"),
        (("mute", "room:lobby", "u42", "--for", "0s"), "not above 0"),
        (("mute", "room:lobby", "u42", "--for", "soon"), "no duration"),
        (("ban", "room:lobby", "--address", "here"), "address is none"),
        (("unban", "room:lobby"), "give a subject or an address"),
        (("slow", "room:lobby", "2d"), "slow mode takes"),
        (("slow", "room:lobby", "often"), "no duration"),
        (("kick", "room:lobby"), "name a session"),
        (("show", "room:*"), "is a pattern"),
    ],
)
def test_channels_asked_wrongly(wssec: Terminal, arguments: tuple[str, ...], fault: str) -> None:
    """It exits 2 with the remedy, and nothing is written."""
    code, said = refused(wssec, *arguments)

    assert (2, True) == (code, fault in said)
    assert ([], []) == (entries(wssec), notices(wssec))


def test_channels_measure_that_is_not_acknowledged(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so and exits 1: a crash may take it back."""

    async def append(self: SqliteStore, body: object) -> None:
        raise NotAcknowledged("no replica has it")

    monkeypatch.setattr(SqliteStore, "append", append)
    code, said = refused(wssec, "mute", "room:lobby", "u42")

    assert (1, True) == (code, "not acknowledged" in said)
