"""`wssec top` shows who is connected, on terminals of every kind and to programs."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.live import NODE, connection, enter
from tests.cli.prepared import PYTHONPATH

PATIENCE_SECONDS = 30.0


def crowd(wssec: Terminal) -> None:
    """Three of ann's and one of bob's, on two nodes, and a stranger."""
    enter(wssec, *(connection("a", subject="ann", tenant="acme", number=number) for number in range(2)))
    enter(wssec, connection("b", subject="ann", tenant="acme", node="other:7:beef"))
    enter(wssec, connection("c", subject="bob", tenant="globex"), connection("d", anonymous=True, endpoint="News"))


def test_top_for_programs(wssec: Terminal) -> None:
    """The documented names, once, the most first."""
    crowd(wssec)
    found = wssec.json("top")
    at = found.pop("at")

    assert abs(at - time.time()) < 600
    assert {
        "connections": 5,
        "anonymous": 1,
        "identities": 2,
        "complete": True,
        "nodes": [{"node": NODE, "connections": 4}, {"node": "other:7:beef", "connections": 1}],
        "subjects": [
            {"subject": "ann", "issuer": None, "connections": 3},
            {"subject": "bob", "issuer": None, "connections": 1},
        ],
        "tenants": [{"tenant": "acme", "connections": 3}, {"tenant": "globex", "connections": 1}],
        "endpoints": [{"endpoint": "Chat", "connections": 4}, {"endpoint": "News", "connections": 1}],
    } == found
    assert ["connections", "anonymous", "identities", "complete", "nodes", "subjects", "tenants", "endpoints"] == list(
        found
    )


def test_top_where_there_is_no_terminal(wssec: Terminal) -> None:
    """One picture, without escape codes, and it ends."""
    crowd(wssec)
    shown = wssec.done("top", TERM="xterm")

    assert "  5 connections  2 identities  2 nodes\n" in shown
    assert [[NODE, "4"], ["ann", "3"], ["acme", "3"]] == [
        line.split() for line in shown.splitlines() if line.startswith((NODE, "ann", "acme"))
    ]
    assert "\x1b" not in shown


def test_top_without_anybody(wssec: Terminal) -> None:
    """Before any server has started."""
    assert "  0 connections  0 identities  0 nodes\n" in wssec.done("top")


def test_top_of_many_says_what_it_has_not_counted(wssec: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes are counted whole; by identity only so many are."""
    monkeypatch.setattr(import_module("tornado_wssec.cli.top"), "MOST_READ", 3)
    crowd(wssec)
    found = wssec.json("top")

    assert (5, False, 3) == (found["connections"], found["complete"], sum(e["connections"] for e in found["endpoints"]))
    assert "(the first 3 counted)" in wssec.done("top")


def test_top_shows_the_most_of_many(wssec: Terminal) -> None:
    """And how many more there are."""
    enter(wssec, *(connection("s", subject=f"u{number:02}", number=number) for number in range(13)))

    assert "… and 3 more" in wssec.done("top")


def test_top_of_no_time_is_refused(wssec: Terminal) -> None:
    """It would ask the store all the time."""
    outcome = wssec("top", "--interval", "0s")

    assert (2, True) == (outcome.code, "--interval is 0" in outcome.err)


def watched(wssec: Terminal, place: Path, term: str, pictures: int) -> tuple[str, int]:
    """What a terminal of this kind shows until it is interrupted after so many pictures, and the exit code."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tornado_wssec", "top", "--interval", "1s"],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        cwd=place,
        env={**os.environ, **wssec.environment, "TERM": term, "PYTHONPATH": PYTHONPATH},
        start_new_session=True,
    )
    os.close(follower)
    shown, until = b"", time.monotonic() + PATIENCE_SECONDS
    while shown.count(b" connections ") < pictures and time.monotonic() < until:
        if select.select([leader], [], [], 0.1)[0]:
            shown += os.read(leader, 1)  # and nothing of the next picture
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE_SECONDS)
    os.close(leader)
    return shown.decode(), code


@pytest.mark.parametrize(("term", "clears"), [("xterm-256color", 2), ("dumb", 0), ("", 0)])
def test_top_on_a_terminal(wssec: Terminal, place: Path, term: str, clears: int) -> None:
    """It draws again and again, with escape codes only where they are known, and Ctrl-C ends it with 0."""
    crowd(wssec)
    shown, code = watched(wssec, place, term, 2)

    assert (2, 0) == (shown.count("5 connections"), code)
    assert clears == shown.count("\x1b[H\x1b[2J")
