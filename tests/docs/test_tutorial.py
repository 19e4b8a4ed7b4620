"""The tutorial, done from its first line to its last as its reader would do it."""

from pathlib import Path

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk

TUTORIAL = DOCS / "tutorial.md"


def test_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    """Every command runs in a shell, every file is written, and what the page shows is what appears."""
    with Desk(tmp_path) as desk:
        for block in blocks(TUTORIAL):
            if block.language == "python":
                assert block.file_name, f"the block at line {block.line} names no file"
                desk.write(block.file_name, block.text)
            else:
                assert block.language == "console", f"nothing reads the block at line {block.line}"
                desk.follow(block)


def test_tutorial_shows_nothing_that_is_not_done() -> None:
    """Each fence of the page is a block that the test above follows: none is of a kind that it passes over."""
    fences = [line for line in TUTORIAL.read_text(encoding="utf-8").splitlines() if line.startswith("```")]

    assert len(fences) == 2 * len(list(blocks(TUTORIAL)))


def test_tutorial_begins_with_the_files_of_the_readme() -> None:
    """The reader's two files are the same on both pages."""
    names = ("schemas/chat.py", "app.py")
    ours, theirs = (
        {block.file_name: block.text for block in blocks(page) if block.file_name in names}
        for page in (TUTORIAL, README)
    )

    assert theirs == ours
