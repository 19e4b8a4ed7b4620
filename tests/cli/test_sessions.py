"""`wssec sessions` lists who is connected on all servers, and asks these to end connections or to reload rights."""

import time
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.live import NODE, connection, enter, notices
from tornado_wssec.errors import NotAcknowledged
from tornado_wssec.policy.notices import NOTICE_SECONDS
from tornado_wssec.policy.revocation_entries import NoticeKind
from tornado_wssec.stores.sqlite import SqliteStore

LISTED = [
    "session",
    "connection",
    "subject",
    "issuer",
    "tenant",
    "endpoint",
    "address",
    "since",
    "expires_at",
    "node",
    "pid",
]
ASKED = ["id", "kind", "connections", "acknowledged"]
NOW = 1_700_000_000.0


def crowd(wssec: Terminal) -> None:
    """Ann with two tabs and a telephone, bob of another tenant, and somebody."""
    enter(
        wssec,
        connection("tabs", subject="ann", tenant="acme", issuer="us", since=NOW, expires_at=NOW + 600.5),
        connection("tabs", subject="ann", tenant="acme", issuer="us", since=NOW + 1, number=1),
        connection("phone", subject="ann", tenant="acme", issuer="us", since=NOW + 2, node="other:7:beef"),
        connection("bobs", subject="bob", tenant="other", issuer="us", since=NOW + 3),
        connection("nobody", subject="anonymous", anonymous=True, since=NOW + 4),
    )


def sessions_of(entries: Any) -> list[str]:
    """Their names, as listed."""
    return [entry["session"] for entry in entries]


def test_sessions_list_for_programs(wssec: Terminal) -> None:
    """The documented names, the oldest first; nobody in particular has no subject."""
    crowd(wssec)
    found = wssec.json("sessions", "list")

    assert ["tabs", "tabs", "phone", "bobs", "nobody"] == sessions_of(found)
    assert [LISTED] * 5 == [list(entry) for entry in found]
    assert {
        "session": "tabs",
        "connection": "c-tabs-0",
        "subject": "ann",
        "issuer": "us",
        "tenant": "acme",
        "endpoint": "Chat",
        "address": "192.0.2.1",
        "since": NOW,
        "expires_at": NOW + 600.5,
        "node": NODE,
        "pid": 4711,
    } == found[0]
    assert [None, None, None] == [found[-1][name] for name in ("subject", "issuer", "expires_at")]


def test_sessions_list_for_people(wssec: Terminal) -> None:
    """One line a connection; what came from elsewhere cannot act on the terminal."""
    enter(wssec, connection("s1", tenant="a\x1b[2Jb", since=NOW))
    titles, line = wssec.done("sessions", "list").splitlines()

    assert ["SESSION", "SUBJECT", "TENANT", "ENDPOINT", "ADDRESS", "SINCE", "EXPIRES", "NODE"] == titles.split()
    assert ["s1", "u42", "a\\x1b[2Jb", "Chat", "192.0.2.1", "2023-11-14T22:13:20Z", "-", NODE] == line.split()


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (["--subject", "ann"], ["tabs", "tabs", "phone"]),
        (["--tenant", "other"], ["bobs"]),
        (["--session", "tabs"], ["tabs", "tabs"]),
        (["--node", "other:7:beef"], ["phone"]),
        (["--subject", "ann", "--node", NODE], ["tabs", "tabs"]),
        (["--subject", "bob", "--tenant", "acme"], []),
        (["--issuer", "them"], []),
        (["--subject", "*"], []),
    ],
    ids=" ".join,
)
def test_sessions_list_of_some(wssec: Terminal, options: list[str], listed: list[str]) -> None:
    """Everything that is given must be true; nothing is a pattern."""
    crowd(wssec)

    assert listed == sessions_of(wssec.json("sessions", "list", *options))


def test_sessions_list_reads_every_page(wssec: Terminal) -> None:
    """More connections than one call gives."""
    enter(wssec, *(connection("s", number=number) for number in range(501)))

    assert 501 == len(wssec.json("sessions", "list"))


def test_sessions_list_before_any_server(wssec: Terminal) -> None:
    """Nobody has made the directory yet, and nobody is connected."""
    assert [] == wssec.json("sessions", "list")


def test_sessions_show_one(wssec: Terminal) -> None:
    """All connections of the session, and no others; exit 1 where there is none."""
    crowd(wssec)
    outcome = wssec("sessions", "show", "gone")

    assert ["tabs", "tabs"] == sessions_of(wssec.json("sessions", "show", "tabs"))
    assert (1, "") == (outcome.code, outcome.out)
    assert "no connection of session gone is live" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "connections", "meant"),
    [
        (["tabs"], 2, {"session": "tabs"}),
        (["tabs", "--subject", "ann"], 2, {"session": "tabs", "subject": "ann"}),
        (["--subject", "ann", "--yes"], 3, {"subject": "ann"}),
        (["--tenant", "acme", "--issuer", "them", "--yes"], 0, {"tenant": "acme", "issuer": "them"}),
        (["gone", "--reason", "please reload"], 0, {"session": "gone", "reason": "please reload"}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_sessions_kick_asks_every_server(
    wssec: Terminal, arguments: list[str], connections: int, meant: dict[str, str]
) -> None:
    """A notice stands in the log that says whom, and for how long; nothing is revoked."""
    crowd(wssec)
    made = wssec.json("sessions", "kick", *arguments)
    [notice] = notices(wssec)

    assert (ASKED, "kick", connections, True) == (list(made), made["kind"], made["connections"], made["acknowledged"])
    assert (made["id"], NoticeKind.KICK) == (notice.id, notice.kind)
    given = {name: getattr(notice, name) for name in ("session", "subject", "tenant", "issuer", "reason")}
    assert meant == {name: value for name, value in given.items() if value}
    assert notice.at + NOTICE_SECONDS == notice.expires_at
    assert abs(notice.at - time.time()) < 600
    assert [] == wssec.json("revocations", "list", "--all")


def test_sessions_kick_names_somebody(wssec: Terminal) -> None:
    """Nobody ends every connection by leaving something out."""
    for arguments in ([], ["--issuer", "us"], ["--yes"]):
        outcome = wssec("sessions", "kick", *arguments)
        assert (2, True) == (outcome.code, "nobody is named; give a session, --subject or --tenant" in outcome.err)
    assert [] == notices(wssec)


def test_sessions_kick_of_many_asks(wssec: Terminal) -> None:
    """It says how many there are, and without --yes and a terminal does nothing."""
    crowd(wssec)
    outcome = wssec("sessions", "kick", "--tenant", "acme")

    assert 1 == outcome.code
    assert "add --yes if it is meant: Close 3 connections of tenant acme?" in outcome.err
    assert [] == notices(wssec)


def test_sessions_kick_for_people(wssec: Terminal) -> None:
    """What was asked, and whether it holds."""
    crowd(wssec)
    lines = wssec.done("sessions", "kick", "phone").splitlines()

    assert ["id", "kind", "connections", "acknowledged"] == [line.split()[0] for line in lines]
    assert ["kick", "1", "yes"] == [line.split()[1] for line in lines[1:]]


def test_sessions_kick_that_may_be_lost_says_so(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported, and exit 1."""

    async def append(*_: object) -> None:
        raise NotAcknowledged("the disk is slow")

    monkeypatch.setattr(SqliteStore, "append", append)
    outcome = wssec("sessions", "kick", "tabs", "--json")

    assert (1, False) == (outcome.code, outcome.json["acknowledged"])
    assert "not acknowledged" in outcome.err


@pytest.mark.requirement("R040")
@pytest.mark.parametrize(
    ("arguments", "connections", "meant"),
    [
        (["tabs"], 2, {"session": "tabs"}),
        (["--subject", "ann"], 3, {"subject": "ann"}),
        (["--tenant", "acme"], 3, {"tenant": "acme"}),
        (["--issuer", "us"], 4, {"issuer": "us"}),
        (["--role", "editor"], None, {"role": "editor"}),
        (["--resource", "board:b7"], None, {"resource": "board:b7"}),
        (["--all"], 5, {}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_sessions_refresh_asks_every_server(
    wssec: Terminal, arguments: list[str], connections: int | None, meant: dict[str, str]
) -> None:
    """A notice about permissions, for those that are named; who has a role the directory does not know."""
    crowd(wssec)
    made = wssec.json("sessions", "refresh", *arguments)
    [notice] = notices(wssec)

    assert (ASKED, "permissions", connections) == (list(made), made["kind"], made["connections"])
    given = {name: getattr(notice, name) for name in ("session", "subject", "tenant", "issuer", "role", "resource")}
    assert (NoticeKind.PERMISSIONS, meant) == (notice.kind, {name: value for name, value in given.items() if value})


@pytest.mark.parametrize("arguments", [[], ["tabs", "--all"]], ids=len)
def test_sessions_refresh_says_whom(wssec: Terminal, arguments: list[str]) -> None:
    """Everybody is somebody who says so."""
    outcome = wssec("sessions", "refresh", *arguments)

    assert (2, []) == (outcome.code, notices(wssec))
    assert "or else --all" in outcome.err
