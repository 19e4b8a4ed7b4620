"""The pages on exports and on fuzzing: their files are written, and their commands run."""

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, README, blocks
from tests.docs.terminals import Desk


@pytest.mark.parametrize("page", ["exports.md", "fuzzing.md"])
def test_exports_page_works_as_it_stands(tmp_path: Path, page: str) -> None:
    """In a folder that has the chat of the tutorial; what is neither a file nor a command is for readers."""
    with Desk(tmp_path) as desk:
        chat = next(block for block in blocks(README) if block.file_name == "schemas/chat.py")
        desk.write("schemas/chat.py", chat.text)
        desk.write("schemas/__init__.py", "")
        for block in blocks(DOCS / page):
            if block.file_name:
                desk.write(block.file_name, block.text)
            elif block.language == "console":
                desk.follow(block)


def test_exports_page_uses_what_is_exported() -> None:
    """The names in its TypeScript and its Python are those of the committed exports."""
    shown = {block.language: block.text for block in blocks(DOCS / "exports.md") if not block.file_name}
    exports = DOCS.parent / "schemas" / "exports"
    typescript, python = (exports / name for name in ("messages.ts", "messages.py"))

    assert [] == [name for name in ("Inbound", "Outbound") if f"type {name} =" not in typescript.read_text()]
    assert "import type { Inbound, Outbound }" in shown["ts"]
    assert "import ChatPostedData, ChatSendData" in shown["python"]
    assert "class ChatSendData(TypedDict)" in python.read_text()
