"""The page on hardening: it shows every step as the program of that step differs, and what its commands say."""

import re
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, blocks
from tests.docs.terminals import Desk
from tests.hardening.running import LAST

PAGE = DOCS / "hardening.md"
DIFF = re.compile(
    r"```\{literalinclude\} \.\./examples/hardening/step(\d)\.py\n:language: diff\n"
    r":diff: \.\./examples/hardening/step(\d)\.py\n:caption: step (\d) → step (\d)\n"
)


def test_hardening_shows_the_difference_that_each_step_makes() -> None:
    """Made from the programs when the page is built; none is left out."""
    shown = [[int(number) for number in match] for match in DIFF.findall(PAGE.read_text(encoding="utf-8"))]

    assert [[step, step - 1, step - 1, step] for step in range(1, LAST + 1)] == shown
    assert LAST + 2 == len(list((ROOT / "examples" / "hardening").glob("*.py")))


def test_hardening_commands_do_what_the_page_shows(tmp_path: Path) -> None:
    """Typed at a terminal, in the settings of `wssec init`."""
    with Desk(tmp_path) as desk:
        (desk.folder / "examples").symlink_to(ROOT / "examples")
        terminal = desk.terminal("")
        terminal.run("wssec init demo")
        terminal.run("set -a && . demo/wssec.env && COOKIE_SECRET=0123456789abcdef0123456789abcdef && set +a")
        for block in blocks(PAGE):
            if block.language == "console":
                terminal.follow(block.text.splitlines())
        terminal.settle()
