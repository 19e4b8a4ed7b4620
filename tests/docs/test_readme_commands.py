"""Every command of the README runs, in the order of the page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import README, ROOT, blocks, indented_blocks
from tests.docs.terminals import Desk, environment

ELSEWHERE = {
    "python3 examples": "test_readme_tour_runs, below",
    "python3 examples --serve": "tests/starter/test_serve.py, which stops it again",
    "python3 examples --help": "tests/examples/test_running.py",
    "python3 tests": "it is what runs this test",
    "wssec --help": "tests/cli/test_help.py, with every other help",
    "pip install tornado_wssec": "tests/starter/test_wheel.py, from the wheel",
    "wssec store migrate": "tests/cli/test_store.py",
    "wssec revocations undo": "tests/docs/test_operating.py, on the page for the night",
    "wssec init demo --starter": "tests/starter, which runs what it writes",
    "cd demo && python app.py": "tests/starter/test_wheel.py",
}
"""Commands that are run by another test, and by which."""

FACTORY = """
def make_app():
    guard = Guard.from_env(registry=Registry.scan("schemas.chat"), origins=["https://app.example.com"])
    return tornado.web.Application([(r"/ws/chat", ChatSocket), *guard.routes()], wssec=guard)
"""


def commands() -> Iterator[str]:
    """The shell lines of the README, without what stands behind `#`."""
    for lines in indented_blocks(README):
        for line in lines:
            yield re.sub(r"\s+# .*", "", line).strip()
    for block in blocks(README):
        if block.language == "console":
            yield from (line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ "))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A folder with the README's files."""
    with Desk(tmp_path) as desk:
        desk.write("schemas/__init__.py", "")
        for block in blocks(README):
            if block.file_name:
                desk.write(block.file_name, block.text)
        yield desk


def test_readme_commands_run(desk: Desk) -> None:
    """Each ends with exit code 0; the server goes on, in a terminal of its own, until the last has run."""
    terminal, server = desk.terminal("commands"), desk.terminal("the server")
    shown = {line[2:] for block in blocks(README) for line in block.text.splitlines() if line.startswith("$ ")}
    for command in commands():
        if command in ELSEWHERE:
            continue
        if command.startswith(("wssec init", "set -a")):
            terminal.run(command)
            terminal.settle()
            if command.startswith("set -a"):
                server.run(command)
        elif command == "python app.py":
            server.run(command)
        elif command.startswith("wssec check app:"):
            terminal.settle()
            for block in blocks(README):
                if block.language == "console":
                    terminal.follow(block.text.splitlines())
            checked(desk, command)
        elif command not in shown:
            terminal.run(command)
    terminal.settle()
    server.interrupt()


def checked(desk: Desk, command: str) -> None:
    """Check the README's handler; its module serves when it is imported, so a factory stands in for its `main`."""
    handler, _, _ = (desk.folder / "app.py").read_text().partition("async def main()")
    module, _, factory = command.removeprefix("wssec check ").partition(":")
    assert ("app", "make_app") == (module, factory)
    desk.write("app.py", handler + FACTORY)
    terminal = desk.terminal("commands")
    terminal.run(command)
    terminal.settle()


def test_readme_tour_runs(tmp_path: Path) -> None:
    """`python3 examples` comes, once it has set itself up, to this; it exits 0 when everything went as it must."""
    assert "python3 examples" in commands()

    tour = [sys.executable, "-m", "examples.tour"]
    ran = subprocess.run(tour, cwd=ROOT, env=plain(tmp_path), capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "0 not." in ran.stdout


def plain(folder: Path) -> dict[str, str]:
    """An environment without settings of ours."""
    return {name: text for name, text in environment(folder).items() if name != "PYTHONPATH"}


def test_readme_inline_commands_run_somewhere() -> None:
    """What the text names between backticks as a command begins one that is run, here or by another test."""
    named = set(re.findall(r"`((?:wssec|python3) [^`]*)`", README.read_text()))

    run = {*commands(), *ELSEWHERE}
    assert set() == {name for name in named if not any(command.startswith(name) for command in run)}


def test_readme_names_tests_that_exist() -> None:
    """Each test in the tables of what is refused is there, under that name."""
    named = set(re.findall(r"`(test_\w+)`", README.read_text()))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:    )?(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert set() == named - defined
