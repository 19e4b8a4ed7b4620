"""`wssec connect` speaks to a real server from a terminal."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import PYTHONPATH
from tests.client.kit import RIGHTS, Chat, served
from tests.ports import free_port
from tornado_wssec import Close, CloseCode

HELLO = 'chat.send {"room": "lobby", "text": "hello"}\n'


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    """One server for all."""
    with served(Chat()) as kit:
        yield kit


@pytest.fixture
def token(chat: Chat, tmp_path: Path) -> str:
    """A file with the token of somebody who has said nothing yet."""
    path = tmp_path / "token"
    path.write_text(chat.token(f"ann-{tmp_path.name}", RIGHTS) + "\n")
    return str(path)


def test_connect_answers_each_line(bare: Terminal, chat: Chat, token: str) -> None:
    """Sends a file of lines, shows what comes, and exits 0 at its end."""
    outcome = bare("connect", chat.url, "--token", token, "--channel", "room:lobby", stdin=HELLO * 2)

    assert 0 == outcome.code, outcome
    assert "reply 1" == outcome.out.splitlines()[0]
    assert 2 == outcome.out.count('chat.posted room:lobby {"room": "lobby", "text": "hello", "author": "ann-')
    assert 'reply 3 {"delivered": true}\n' in outcome.out
    assert "wssec: open\n" in outcome.err


def test_connect_speaks_json(bare: Terminal, chat: Chat, token: str) -> None:
    """One object a line for programs; a whole message may be given as one, too."""
    line = '{"type": "chat.send", "data": {"room": "lobby", "text": "\\u001b[2J"}}\n'
    outcome = bare("connect", chat.url, "--token", token, "--json", stdin="/listen room:lobby\n" + line)

    said = [json.loads(one) for one in outcome.out.splitlines()]
    assert {"type": "reply", "id": "1", "data": {}} == said[0]
    assert [{"type": "reply", "id": "2", "data": {"delivered": True}}] == [one for one in said if one.get("id") == "2"]
    assert ["\x1b[2J"] == [one["data"]["text"] for one in said if one["type"] == "chat.posted"]
    assert "\x1b" not in outcome.out


def test_connect_to_nobody_ends(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script does not hang where no server is: exit 1, and the word that goes on trying."""
    monkeypatch.setattr(sys.modules["tornado_wssec.cli.connect"], "FIRST_SECONDS", 0.05)
    outcome = bare("connect", f"ws://127.0.0.1:{free_port()}/ws", stdin=HELLO)

    assert (1, True) == (outcome.code, "waiting: unreachable" in outcome.err), outcome
    assert "there was no connection in 0.05 s; --follow goes on trying" in outcome.err


def test_connect_speaks_flat(bare: Terminal, chat: Chat, token: str) -> None:
    """Where the endpoint does; what cannot be said so is told here, and a key that can be none is a usage error."""
    url = f"ws://{chat.host}/flat"
    lines = HELLO + 'chat.send {"room": "lobby", "text": "x", "action": 1}\n'
    outcome = bare("connect", url, "--token", token, "--flat", "action", "--channel", "room:lobby", stdin=lines)

    assert 1 == outcome.code
    assert 1 == outcome.out.count('chat.posted room:lobby {"room": "lobby", "text": "hello", "author": "ann-')
    assert "a flat envelope needs action for itself" in outcome.err
    assert 2 == bare("connect", url, "--token", token, "--flat", "id").code


def test_connect_says_what_was_refused(bare: Terminal, chat: Chat, token: str) -> None:
    """By the server or here; it goes on, and exits 1 at the end."""
    lines = ['chat.send {"room": "lobby"}', 'chat.send {"room": "board", "text": "x"}', "chat.send nonsense", "[1] {}"]
    outcome = bare("connect", chat.url, "--token", token, stdin="\n".join([*lines, "", "/help", HELLO]))

    assert 1 == outcome.code
    assert "error 1 invalid" in outcome.out
    assert '"text"' in outcome.out.splitlines()[0]
    assert "error 2 permission_denied" in outcome.out
    assert "error 3 unknown_type" in outcome.out
    assert 'reply 4 {"delivered": true}' in outcome.out
    assert "what stands behind the type is no JSON" in outcome.err
    assert outcome.err.endswith("wssec: 4 messages were refused\n")


def test_connect_leaves_and_quits(bare: Terminal, chat: Chat, token: str) -> None:
    """What stands behind /quit is not sent."""
    lines = "/listen room:lobby\n/leave room:lobby\n" + HELLO + "/quit\n" + HELLO
    outcome = bare("connect", chat.url, "--token", token, stdin=lines)

    assert (0, ["reply 1", "reply 2", 'reply 3 {"delivered": true}']) == (outcome.code, outcome.out.splitlines())


def test_connect_cannot_be_acted_on_by_what_is_said(bare: Terminal, chat: Chat, token: str) -> None:
    """No control character reaches the terminal."""
    line = 'chat.send {"room": "lobby", "text": "\\u001b[2J\\u202e"}\n'
    outcome = bare("connect", chat.url, "--token", token, "--channel", "room:lobby", stdin=line)

    assert "\\x1b[2J\\u202e" in outcome.out.replace("\\u001b", "\\x1b")
    assert not {"\x1b", "\u202e"} & set(outcome.everything)


def test_connect_refuses_what_would_be_seen(bare: Terminal, chat: Chat, token: str) -> None:
    """A credential in the URL, or in the clear; two of them; something that is no socket."""
    for url, told in [
        ("ws://app.example.com/ws", "not encrypted"),
        ("wss://app.example.com/ws?token=x", "ends up in logs"),
        ("wss://ann:secret@app.example.com/ws", "a user or a fragment"),
        ("https://app.example.com/ws", "no scheme of a socket"),
    ]:
        outcome = bare("connect", url, "--token", token)
        assert 2 == outcome.code
        assert told in outcome.err
        assert "secret" not in outcome.err
    assert 2 == bare("connect", chat.url, "--token", token, "--ticket", token).code
    assert 0 == bare("connect", "ws://app.example.com/ws", "--insecure", "--check", "--token", token).code


def test_connect_tells_why_it_stopped(bare: Terminal, chat: Chat, tmp_path: Path) -> None:
    """A wrong credential at once, and a close that is final later; neither shows the credential."""
    (tmp_path / "wrong").write_text("not-a-token")
    outcome = bare("connect", chat.url, "--token", str(tmp_path / "wrong"))

    assert 1 == outcome.code
    assert "the connection has stopped: unauthenticated: HTTP 401" in outcome.err
    assert "not-a-token" not in outcome.everything


def test_connect_takes_the_token_from_standard_input(bare: Terminal, chat: Chat) -> None:
    """Then nothing else comes by it."""
    outcome = bare("connect", chat.url, "--token", "-", stdin=chat.token("ann", RIGHTS))

    assert (0, "wssec: open\n") == (outcome.code, outcome.err.partition("wssec: stopped")[0])


def test_connect_follows_until_it_is_ended(chat: Chat, token: str) -> None:
    """With --follow it goes on behind the end of its input; the server's close is its end."""
    command = [sys.executable, "-P", "-m", "tornado_wssec", "connect", chat.url, "--token", token, "--follow", "--json"]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdin.write("/listen room:lobby\n")
        program.stdin.close()
        assert "reply" == json.loads(program.stdout.readline())["type"]
        chat.loop.call_soon_threadsafe(
            lambda: chat.guard.hub.end_where(lambda live: True, Close(CloseCode.REPLACED, "\x1b[2J"))
        )
        told = program.stderr.read()

    assert 1 == program.returncode
    assert "the connection has stopped: replaced (4409)" in told
    assert "\x1b" not in told


def test_connect_asks_at_a_terminal(chat: Chat, token: str) -> None:
    """With a prompt and colours; the arrow up brings the line before."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "tornado_wssec", "connect", chat.url, "--token", token]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        shown = read_until(ours, "> ")
        os.write(ours, HELLO.encode())
        shown += read_until(ours, "delivered")
        os.write(ours, b"\x1b[A\n")
        shown += read_until(ours, "reply 2")
        os.write(ours, b"/quit\n")
        program.wait(20)
    os.close(ours)

    assert 0 == program.returncode
    assert "\x1b[32mreply 1\x1b[0m" in shown


def read_until(terminal: int, wanted: str) -> str:
    """What a terminal shows, up to what is wanted."""
    shown = ""
    while wanted not in shown:
        shown += os.read(terminal, 4_096).decode()
    return shown
