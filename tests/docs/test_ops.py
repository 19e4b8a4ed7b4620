"""The page on operations: its commands answer as it says, and its tables are what the code does."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk
from tests.docs.test_operating import SERVER, SETTINGS
from tests.docs.test_operating import desk as desk
from tornado_wssec.cli.recording import RECORDED
from tornado_wssec.ops import most, observer, spread, terms, ways

PAGE: Path = DOCS / "ops.md"
TEXT: str = PAGE.read_text()


def test_ops_commands_do_what_the_page_shows(desk: Desk) -> None:
    """Against the README's server with the page's switch."""
    (switch,) = [block.text for block in blocks(PAGE) if block.language == "python"]
    (app,) = [block.text for block in blocks(README) if block.file_name == "app.py"]
    assert "*guard.routes(ops=True)" in switch
    desk.write("app.py", app.replace("*guard.routes()", "*guard.routes(ops=True)"))
    desk.terminal(SERVER).run("python app.py")
    terminal = desk.terminal("")
    terminal.run(SETTINGS)
    (console,) = [block for block in blocks(PAGE) if block.language == "console"]
    terminal.follow(desk.localised(console.text).splitlines())
    terminal.settle()


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (r"more than\s+([\d,]+) characters", ways.COOKIE_BYTES),
        (r"the first ([\d,]+) are looked through", spread.READ_MOST),
        (r"hold ([\d,]+) names", most.KEPT),
        (r"until\s+([\d,]+) newer ones", observer.LINES),
    ],
)
def test_ops_numbers_are_those_of_the_code(said: str, value: int) -> None:
    """A figure on the page is the constant that it speaks of."""
    found = re.search(said, TEXT)

    assert found is not None
    assert f"{value:,}" == found[1]


def test_ops_actions_have_the_commands_that_the_page_names() -> None:
    """Each action stands in the table, beside a command that is recorded, too."""
    rows = re.findall(r"^\| ([A-Z]\w+)[^|]*\|[^|]*\| `wssec ([\w ]+)` \|$", TEXT, re.MULTILINE)

    assert {action.capitalize() for action in terms.ACTIONS} == {action for action, _ in rows}
    assert {command for _, command in rows} <= set(RECORDED)
    assert {terms.READ, terms.ACT, ways.COOKIE} <= set(re.findall(r"`([\w:-]+)[`:]", TEXT))
