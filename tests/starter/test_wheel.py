"""The first minutes of a stranger: install the wheel, write the starter, run the command that it prints, chat."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from bootstrap import NOT_COPIED
from tests.ports import free_port
from tests.starter.running import ROOT, Chat, bare_environment, port_said_by, run
from tests.starter.test_app import talk


@pytest.fixture
def stranger(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has installed the wheel into an empty venv, and has activated that."""
    tree = shutil.copytree(ROOT, tmp_path / "tree", ignore=NOT_COPIED)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(tree)]
    run(*build, env=dict(os.environ))
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    bare = {name: value for name, value in bare_environment().items() if not name.startswith("PYTHON")}
    env = {**bare, "PATH": f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{bare['PATH']}", "PYTHONUNBUFFERED": "1"}
    run("pip", "install", "--quiet", "--disable-pip-version-check", str(wheel), env=env)
    shutil.rmtree(tree)
    return env


def printed_command(said: str) -> str:
    """The command to run next: the first that is indented."""
    found = re.search(r"^ {2}(cd .*)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def test_wheel_starter_chats(tmp_path: Path, stranger: dict[str, str]) -> None:
    """Nothing but what is printed is typed; and two people talk."""
    said = run("wssec", "init", "demo", "--starter", env=stranger, cwd=tmp_path)
    command = printed_command(said)
    assert "cd demo && python app.py" == command

    port = free_port()  # the usual one may be taken where tests run
    env = {**stranger, "PORT": str(port), "WSSEC_ORIGINS": f"http://127.0.0.1:{port}"}
    (tmp_path / "demo" / "server.log").touch()
    server = subprocess.Popen(
        ["sh", "-c", command.replace("&& ", "&& exec ", 1)], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        chat = Chat(tmp_path / "demo", port_said_by(server), env)
        reply, heard, refused = asyncio.run(talk(chat))
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)

    assert ({"delivered": True}, "permission_denied") == (reply, refused["code"])
    assert {"room": "lobby", "text": "hello", "author": "ann"} == heard
    assert 0 == server.returncode
