"""Keep the chat up and say where to look: `python3 examples --serve`. Ctrl-C ends it and leaves nothing behind."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from .running.folder import own_folder
from .running.processes import Ended, end_on_signals

WANTED_PORT: Final = 8888
PATIENCE_SECONDS: Final = 40.0
"""A little more than a server may take to drain."""


def serve() -> int:
    """Make a deployment with `wssec init --starter`, run what it wrote, and wait; return the server's exit code."""
    end_on_signals()
    try:
        with own_folder("serve") as folder:
            return _serve_from(folder / "demo")
    except Ended:
        return 0


def _serve_from(folder: Path) -> int:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("WSSEC_", "CHAT_"))}
    wssec = [sys.executable, "-m", "tornado_wssec"]
    subprocess.run([*wssec, "init", str(folder), "--starter"], env=bare, check=True, capture_output=True)
    port = int(os.environ.get("PORT") or _free_port())
    pages = f"http://127.0.0.1:{port},http://localhost:{port}"
    server = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        env={**bare, "PORT": str(port), "WSSEC_ORIGINS": pages, "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; the server is told once, and drains
    )
    try:
        if "listening on" not in (server.stdout.readline() if server.stdout else ""):
            return server.wait()
        _say(folder, port, wssec)
        return server.wait()
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE_SECONDS)


def _say(folder: Path, port: int, wssec: list[str]) -> None:
    revoke = shlex.join([*wssec, "revoke", "subject", "ann"])
    print(f"The chat is at http://127.0.0.1:{port}")
    print("Open it in two windows, and sign in as two people, ann among them.")
    print("To end her access, and see her page say so within a second, run in another terminal:\n")
    print(f"  (set -a && . {shlex.quote(str(folder / 'wssec.env'))} && cd {shlex.quote(os.getcwd())} && {revoke})\n")
    print("Ctrl-C ends it.", flush=True)


def _free_port() -> int:
    """The usual port, or any other where something has it already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", WANTED_PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(serve())
