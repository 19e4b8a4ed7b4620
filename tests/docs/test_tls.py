"""The page on TLS: its commands run against a server, which renews its certificate as the page says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk
from tests.left_out import leave_out

SERVER = "the server's terminal"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The README's chat and what `wssec check` is shown, in a deployment of their own."""
    for program in ("curl", "openssl"):
        if shutil.which(program) is None:
            leave_out(program, f"apt-get install {program}")
    with Desk(tmp_path) as desk:
        desk.write("schemas/__init__.py", "")
        for page in (README, DOCS / "testing.md", DOCS / "operating.md"):
            for block in blocks(page):
                if block.file_name in ("schemas/chat.py", "app.py", "sockets.py", "checked.py"):
                    desk.write(block.file_name, block.text)
        yield desk


def test_tls_commands_do_what_the_page_shows(desk: Desk) -> None:
    """A certificate is made, shown, renewed under way, and told of."""
    desk.terminal(SERVER).run("wssec init demo")
    for name in (SERVER, "another terminal"):
        desk.terminal(name).settle()
        desk.terminal(name).run("set -a && . demo/wssec.env && set +a")
    for block in blocks(DOCS / "tls.md"):
        desk.follow(block)
