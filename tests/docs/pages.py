"""The pages, read as their tests need them: every block of code with its language and its caption."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"

_FENCE: Final = re.compile(
    r"""
    ^(?P<mark>`{3,})(?P<directive>\{[\w-]+\})?[ ]?(?P<language>[\w./-]*)\n
    (?P<options>(?::[\w-]+:[^\n]*\n)*)
    (?P<text>.*?)
    ^(?P=mark)$
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_CAPTION: Final = re.compile(r"^:caption: (.*)$", re.MULTILINE)
_FILE_NAME: Final = re.compile(r"# ([\w./-]+\.py)").fullmatch


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code.

    Args:
        language: what it is highlighted as.
        caption: above it; empty where there is none.
        text: with its line ends.
        line: where it begins on the page, for messages.
    """

    language: str
    caption: str
    text: str
    line: int

    @property
    def file_name(self) -> str | None:
        """The file that the first line names, `# app.py`; None where it names none."""
        match = _FILE_NAME(self.text.partition("\n")[0])
        return match[1] if match else None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of code of a page, in order; the blank line behind options is not part of one."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if match["directive"] not in (None, "{code-block}"):
            continue
        caption = _CAPTION.search(match["options"])
        body = match["text"].lstrip("\n") if match["options"] else match["text"]
        yield Block(match["language"], caption[1] if caption else "", body, text.count("\n", 0, match.start()) + 1)


def indented_blocks(page: Path) -> Iterator[list[str]]:
    """Yield the blocks that are set off by four spaces alone, outside of fences, as lines."""
    outside = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for paragraph in re.findall(r"(?:^(?: {4}.*)?\n)+", outside, re.MULTILINE):
        lines = [line[4:] for line in paragraph.splitlines() if line.strip()]
        if lines:
            yield lines
