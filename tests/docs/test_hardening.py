"""The page on hardening: it shows every step as the program of that step differs, and what its commands say."""

import re
from collections import Counter
from pathlib import Path
from runpy import run_path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks
from tests.docs.terminals import Desk
from tests.hardening.running import LAST

PAGE = DOCS / "hardening.md"
STEPS = run_path(str(DOCS / "_ext" / "steps.py"))
SHOWN = re.compile(r"^```\{step\} (\d)\n```$", re.MULTILINE)


def test_hardening_shows_the_difference_that_each_step_makes() -> None:
    """Made from the programs when the page is built; none is left out."""
    text = PAGE.read_text(encoding="utf-8")

    assert list(range(1, LAST + 1)) == [int(number) for number in SHOWN.findall(text)]
    assert LAST + 2 == len(list((ROOT / "examples" / "hardening").glob("*.py")))


@pytest.mark.parametrize("step", range(1, LAST + 1))
def test_hardening_steps_are_small_and_lead_from_one_program_to_the_next(step: int) -> None:
    """What is shown, done to the program before, is the program; and but for the first it fits on a screen."""
    folder = ROOT / "examples" / "hardening"
    before, after = [(folder / f"step{one}.py").read_text(encoding="utf-8").splitlines() for one in (step - 1, step)]
    shown = STEPS["difference"](step).splitlines()[2:]
    removed = [line[1:] for line in shown if line.startswith("-")]
    added = [line[1:] for line in shown if line.startswith("+")]

    assert Counter(after) == Counter(before) - Counter(removed) + Counter(added)
    assert step == 1 or len(added) < 20


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
