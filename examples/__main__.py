"""See the systems that this library is for at work. `python3 examples --help` lists them.

It sets itself up first.
"""

import argparse
import ast
import os
from collections.abc import Sequence
from pathlib import Path
from runpy import run_path

HERE = Path(__file__).resolve().parent
CHAT = "chat"
DESCRIPTION = """\
Each system runs by one command: a server of its own, with keys and a store made for this run, and people who use and
misuse it. What happened is printed as a table; exit code 1 where a row of it is wrong. Without a NAME it is the chat,
attacked and all. With --serve it stays up, for your browser."""


def systems() -> dict[str, str]:
    """The systems by name, with the first line of what each says of itself. Nothing of them is imported."""
    folders = [
        HERE / CHAT,
        *(app.parent for app in sorted(HERE.glob("*/app.py")) if (app.parent / "story.py").exists()),
    ]
    texts = {folder.name: ast.parse((folder / "__init__.py").read_text(encoding="utf-8")) for folder in folders}
    return {name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in texts.items()}


def parser(names: dict[str, str]) -> argparse.ArgumentParser:
    """What may be asked for."""
    listed = "\n".join(f"  {name:<12}{what}" for name, what in names.items())
    made = argparse.ArgumentParser(
        prog="python3 examples",
        description=DESCRIPTION,
        epilog=f"systems:\n{listed}\n\nexample:\n  python3 examples whiteboard --serve --nodes 3 --redis",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("name", metavar="NAME", nargs="?", choices=names, help="a system of the list below")
    made.add_argument("--serve", action="store_true", help="keep it up until Ctrl-C, and say what to try")
    made.add_argument("--port", type=_port, help="of the page; otherwise 8888, or a free one")
    made.add_argument("--nodes", type=_count, default=1, help="server processes behind a real nginx; needs --redis")
    made.add_argument("--redis", action="store_true", help="a real Redis or Valkey as the store, instead of SQLite")
    return made


def command(arguments: Sequence[str] | None = None) -> list[str]:
    """The module to run, and its arguments."""
    reader = parser(systems())
    asked = reader.parse_args(arguments)
    if asked.nodes > 1 and not asked.redis:
        reader.error("several nodes share their channels through Redis; add --redis")
    if asked.name in (None, CHAT):
        if asked.redis:
            reader.error("the chat is one server with SQLite; name another system for --nodes and --redis")
        if asked.port is not None:
            os.environ["PORT"] = str(asked.port)
        return ["-m", "examples.serve" if asked.serve else "examples.tour"]
    given = [*(["--serve"] if asked.serve else []), *(["--redis"] if asked.redis else [])]
    port = [] if asked.port is None else ["--port", str(asked.port)]
    return ["-m", "examples.running", asked.name, "--nodes", str(asked.nodes), *given, *port]


def _port(text: str) -> int:
    return _within(text, 1, 65_535)


def _count(text: str) -> int:
    return _within(text, 1, 9)


def _within(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{number} is not from {least} to {most}")
    return number


if __name__ == "__main__":
    wanted = command()
    bootstrap = run_path(str(HERE.parent / "bootstrap.py"))
    bootstrap["run_in_environment"](*wanted)
