"""A directory in which every example of the help can be executed as it stands."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tornado_wssec.telemetry.audit_file import made_folder

ROOT: Final = Path(__file__).resolve().parents[2]

PYTHONPATH: Final = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
"""For programs of their own: this tree, and where its dependencies were found."""

CATALOGUE: Final = '''
from marshmallow import fields, validate
from tornado_wssec import Message

class Send(Message):
    """Post one line to a room."""
    class Meta:
        type = "chat.send"
        permission = "chat:write:{room}"
        rate = "5/second, 100/minute"
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\\\\Z"))
    text = fields.String(required=True, validate=validate.Length(1, 2_000))
'''.replace("\\\\", "\\")

ROOMS: Final = '''
from tornado_wssec import Channel

class Posted(Send):
    """A line has appeared in a room."""
    class Meta:
        type = "chat.posted"
        direction = "out"
        permission = "chat:read:{room}"
    author = fields.String(required=True, validate=validate.Length(max=128))

class RoomChannel(Channel):
    class Meta:
        pattern = "room:{room}"
        subscribe = "chat:read:{room}"
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,64}\\\\Z"))
'''.replace("\\\\", "\\")
"""What else stands in that module: a message that the server may send, and a channel."""

APPLICATION: Final = """
from tornado.web import Application
from tornado_wssec import Guard, Registry, SecureWebSocketHandler, on
from schemas import chat

class ChatSocket(SecureWebSocketHandler):
    @on(chat.Send)
    async def send_line(self, data):
        return {"delivered": True}

def make_app():
    guard = Guard.from_env(registry=Registry.scan("schemas.chat"), origins=["https://app.example.com"])
    return Application([(r"/ws/chat", ChatSocket), *guard.routes()], wssec=guard)
"""


def prepare(directory: Path) -> dict[str, str]:
    """Put an application, its catalogue, a key and the `wssec` command there; return the environment for a shell."""
    (directory / "schemas").mkdir()
    (directory / "schemas" / "__init__.py").touch()
    (directory / "schemas" / "chat.py").write_text(CATALOGUE + ROOMS)
    (directory / "app.py").write_text(APPLICATION)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "key.pem").write_bytes(pem)
    audit = made_folder(directory / "audit")
    return {
        **_plain_environment(),
        "WSSEC_AUDIT": str(audit),
        "PATH": f"{command(directory)}:{os.environ['PATH']}",
        "PYTHONPATH": PYTHONPATH,
    }


def _plain_environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith(("WSSEC_", "PYTHON", "COV_"))}


def command(directory: Path) -> Path:
    """A directory with `wssec` in it, which runs this tree's; for PATH."""
    place = directory / "bin"
    place.mkdir()
    script = place / "wssec"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m tornado_wssec "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return place


def shell(script: str, directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run lines in bash; any that fails ends it."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def declare(here: Path, name: str, text: str) -> str:
    """Write a module there; return its name."""
    (here / f"{name}.py").write_text(text)
    return name
