"""The page about many processes: its program runs as it stands, and is several."""

from contextlib import suppress
from pathlib import Path

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk

PAGE = DOCS / "many.md"


def test_many_page_program_serves_by_several_processes(tmp_path: Path) -> None:
    """As many as it says; the commands of the page do what it shows."""
    with Desk(tmp_path) as desk:
        desk.write("schemas/__init__.py", "")
        for page in (README, DOCS / "testing.md", PAGE):
            for block in blocks(page):
                if block.file_name in ("schemas/chat.py", "sockets.py", "app.py"):
                    desk.write(block.file_name, block.text)  # the page's own app.py comes last
        server, terminal = desk.terminal("the server's"), desk.terminal("")
        server.run("wssec init demo")
        server.run("set -a && . demo/wssec.env && set +a")
        server.run("python app.py")
        for block in blocks(PAGE):
            if block.language == "console":
                terminal.follow(desk.localised(block.text).splitlines())
        terminal.settle()

        assert 4 == len(running_in(desk.folder))


def running_in(folder: Path) -> list[str]:
    """The processes there that run the program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            if (process / "cwd").readlink() == folder and b"app.py" in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found
