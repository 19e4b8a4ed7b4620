"""`wssec init --starter`: a chat application beside the key file, and the command that runs it.

Rules of this file:
1. What is copied is `tornado_wssec.starter`, byte for byte; nothing is filled in, so what is tested is what is written.
2. Development is switched on by name, in wssec.env, where one line takes it away.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .. import starter

NAMES: Final = tuple(sorted({path.parts[0] for path in starter.files()}))
"""What stands at the top of the application."""

PORT: Final = 8888

SETTINGS: Final = (
    f"WSSEC_ORIGINS=http://127.0.0.1:{PORT},http://localhost:{PORT}",
    "# Development only: anybody may sign in as anybody, and the page offers to attack itself.",
    "CHAT_DEVELOPMENT=1",
)


def copy_application(place: Path, write: Callable[[Path, str], None]) -> None:
    """Write the application's files into `place`, each with `write`, which makes a new file for its owner alone."""
    for path in starter.files():
        folder = place / path.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        write(place / path, (starter.FOLDER / path).read_text(encoding="utf-8"))


def next_steps(directory: Path) -> list[str]:
    """What to type next, where to look, and what to try."""
    python = "python" if _is_this_python("python") else shlex.quote(sys.executable)
    enter = "" if directory.resolve() == Path.cwd() else f"cd {shlex.quote(str(directory))} && "
    return [
        "The chat is yours. Run it:",
        f"  {enter}{python} app.py",
        f"Open http://127.0.0.1:{PORT} in two windows and sign in as two people.",
        "End somebody's access from another terminal:",
        f"  {enter}set -a && . ./wssec.env && set +a && wssec revoke subject ann",
    ]


def _is_this_python(name: str) -> bool:
    """Whether a shell finds this very interpreter by that name.

    A venv's own differs from the one it links to; within a venv, each name is the same interpreter.
    """
    found = shutil.which(name)
    if found is None or Path(found).absolute().parent != Path(sys.executable).absolute().parent:
        return False
    return sys.prefix != sys.base_prefix or os.path.samefile(found, sys.executable)
