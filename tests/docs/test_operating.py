"""The pages for operators: their commands run against a server, as they stand."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, README, ROOT, blocks
from tests.docs.terminals import Desk
from tests.left_out import leave_out

SETTINGS = "set -a && . demo/wssec.env && set +a"
SERVER = "the server's terminal"
LEAKED = "wssec token issue --subject bob > leaked.token"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The README's chat, and a deployment made for it."""
    if shutil.which("curl") is None:
        leave_out("curl", "apt-get install curl")
    with Desk(tmp_path) as desk:
        desk.write("schemas/__init__.py", "")
        for page in (README, DOCS / "testing.md"):
            for block in blocks(page):
                if block.file_name in ("schemas/chat.py", "app.py", "sockets.py"):
                    desk.write(block.file_name, block.text)
        desk.terminal(SERVER).run("wssec init demo")
        desk.terminal(SERVER).run(SETTINGS)
        yield desk


@pytest.mark.parametrize("page", ["operating.md", "faults.md", "keys.md", "tickets.md", "sessions.md", "auditing.md"])
def test_operating_commands_do_what_the_page_shows(desk: Desk, page: str) -> None:
    """In the order of the page, each with the output that stands below it."""
    for command in (LEAKED, "python app.py"):
        desk.terminal(SERVER).run(command)
    terminal = desk.terminal("")
    terminal.run(SETTINGS)
    for block in blocks(DOCS / page):
        if block.file_name:
            desk.write(block.file_name, block.text)
        elif block.language == "console":
            terminal.follow(desk.localised(block.text).splitlines())
    terminal.settle()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("lock", "wssec: … is locked by another process; see who has it open"),
        ("remove", "wssec: … does not exist; run …"),
        ("damage", "wssec: … is damaged or no store of ours …"),
    ],
)
def test_operating_table_quotes_what_the_command_says(desk: Desk, fault: str, said: str) -> None:
    """Each row about the store begins with the words that an operator sees."""
    desk.terminal(SERVER).settle()
    path = desk.folder / "demo" / "wssec.db"
    holder = sqlite3.connect(path, isolation_level=None)
    if fault == "lock":
        holder.execute("BEGIN EXCLUSIVE")
    elif fault == "remove":
        path.unlink()
    else:
        path.write_bytes(b"junk" * 1_024)
    terminal = desk.terminal("")
    terminal.run(SETTINGS)
    terminal.follow(["$ wssec revoke subject ann", said, "$ echo $?", "1"])
    holder.close()

    assert f"| `{said.removeprefix('wssec: ')}` |" in (DOCS / "operating.md").read_text()


def test_operating_quotes_what_the_server_says_of_a_flood() -> None:
    """Each row of the table about floods is in the words of a line that some module writes."""
    _, _, rest = (DOCS / "operating.md").read_text().partition("## A flood, or descriptors run out")
    table, _, _ = rest.partition("\n## ")
    quoted = [row.split("`")[1].strip("… ") for row in table.splitlines() if row.startswith("| `")]
    written = "\n".join(path.read_text() for path in (ROOT / "tornado_wssec").rglob("*.py"))
    formats = {"more refusals with 403 at origin, not told one by one": "more %s, not told one by one"}

    assert 8 == len(quoted)
    assert [] == [line for line in quoted if formats.get(line, line) not in written]
