"""The page on testing one's own handlers: its files are written, and its commands run them."""

from pathlib import Path

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk


def test_testing_examples_pass_as_they_stand(tmp_path: Path) -> None:
    """With pytest and with unittest, in a folder that has the chat of the tutorial."""
    with Desk(tmp_path) as desk:
        chat = next(block for block in blocks(README) if block.file_name == "schemas/chat.py")
        desk.write("schemas/chat.py", chat.text)
        desk.write("schemas/__init__.py", "")
        for block in blocks(DOCS / "testing.md"):
            if block.file_name:
                desk.write(block.file_name, block.text)
            else:
                assert block.language == "console", f"nothing reads the block at line {block.line}"
                desk.follow(block)
