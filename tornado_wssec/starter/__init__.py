"""The chat application that `wssec init --starter` writes: these very files, except this one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent


def files() -> Iterator[Path]:
    """The paths of the application's files, relative to `FOLDER`, in the order of their names."""
    for path in sorted(FOLDER.rglob("*")):
        relative = path.relative_to(FOLDER)
        if path.is_file() and relative != Path("__init__.py") and "__pycache__" not in relative.parts:
            yield relative
