"""The README's code runs as it stands, and its schema is the one in `schemas/`."""

import ast
import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tornado_wssec.testing import Client, RawSocket
from tornado_wssec.testing.raw import handshake_headers

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = "https://app.example.com"
PORT_IN_README = "8888"
Deployment = tuple[Path, dict[str, str], int]


def blocks(path: Path = ROOT / "README.md") -> dict[str, str]:
    """The Python blocks of a page, by the file name in their first line."""
    found = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    return {block.partition("\n")[0].removeprefix("# "): block for block in found}


def wssec(*arguments: str, env: dict[str, str]) -> str:
    """Run a command as a person would; return what it printed."""
    command = [sys.executable, "-m", "tornado_wssec", *arguments]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A folder with the README's two files, the environment that `wssec init` makes, and a port."""
    code = blocks()
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").touch()
    (tmp_path / "schemas" / "chat.py").write_text(code["schemas/chat.py"])
    port = free_port()
    (tmp_path / "app.py").write_text(code["app.py"].replace(f"listen(app, {PORT_IN_README})", f"listen(app, {port})"))
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WSSEC_")}
    wssec("init", str(tmp_path / "demo"), env=bare)
    lines = (tmp_path / "demo" / "wssec.env").read_text().splitlines()
    pairs = [line.removeprefix("export ").partition("=") for line in lines if "=" in line and not line.startswith("#")]
    settings = {name: value.strip("'\"") for name, _, value in pairs}
    return tmp_path, {**bare, **settings, "PYTHONPATH": str(ROOT)}, port


def wait_until_listening(server: "subprocess.Popen[str]", port: int) -> None:
    """Return once the server takes connections; a server that ended, or takes half a minute, is a failure."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    server.kill()
    raise AssertionError(f"nobody listens: {server.communicate()[1]}")


def without_docstrings(source: str) -> str:
    """A program's tree, without what only explains it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


async def talk(port: int, token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Subscribe, post a line, and return the reply and what was heard."""
    raw = await RawSocket.open(port)
    answer = await raw.upgrade("/ws/chat", handshake_headers(f"127.0.0.1:{port}", origin=ORIGIN, token=token))
    assert answer.status == 101
    client = Client(raw, None)
    await client.request("wssec.subscribe", {"channel": "room:lobby"})
    reply = await client.request("chat.send", {"room": "lobby", "text": "hello"})
    heard = await client.assert_received("chat.posted")
    await client.close()
    return reply, heard


def test_readme_schema_is_the_one_in_schemas() -> None:
    """The README's first block and schemas/chat.py are the same program."""
    kept = (ROOT / "schemas" / "chat.py").read_text()

    assert without_docstrings(blocks()["schemas/chat.py"]) == without_docstrings(kept)


def test_readme_application_serves_chats_and_stops(deployment: Deployment) -> None:
    """The README's two files, with the environment of `wssec init`, serve a chat and leave at SIGTERM."""
    folder, env, port = deployment
    token = wssec("token", "issue", "--subject", "ann", "--permission", "chat:*:lobby", env=env)
    server = subprocess.Popen([sys.executable, "app.py"], cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_listening(server, port)
        reply, heard = asyncio.run(talk(port, token))
    finally:
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate()

    assert {"delivered": True} == reply
    assert {"room": "lobby", "text": "hello", "author": "ann"} == heard
    assert (0, False) == (server.returncode, "Traceback" in errors)


def test_readme_test_of_a_handler_passes() -> None:
    """The README's example of the testing kit runs, against the README's own handler."""
    handler, _, _ = blocks()["app.py"].partition("async def main()")
    example = blocks()["from tornado_wssec import Registry"]
    names: dict[str, object] = {"__name__": "readme"}
    exec(handler, names)  # noqa: S102  # the page is ours
    exec(example, names)  # noqa: S102

    assert asyncio.run(names["test_line_in_a_foreign_room_is_refused"]()) is None  # type: ignore[operator]


def test_readme_names_tests_that_exist() -> None:
    """Each attack of the README's tables names a test of this suite."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "README.md").read_text()))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {name for source in sources for name in re.findall(r"def (test_\w+)", source)}

    assert set() == named - defined
    assert len(named) > 15
