"""The folder of one run. It goes with the run; where that was killed, the next one finds it, and takes it away."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final

PREFIX: Final = "wssec-example-"
LOCK: Final = "in-use"
"""A file that is locked as long as the run lives: the system lets go of it however that ends."""


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """A new folder for this run, named after the system that it is for."""
    remove_left()
    folder = Path(mkdtemp(prefix=f"{PREFIX}{name}-"))
    try:
        with (folder / "new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "new").rename(folder / LOCK)  # so that nobody ever sees it unlocked
            yield folder
    finally:
        shutil.rmtree(folder)


def remove_left() -> None:
    """Take away the folders of runs that were killed; only our own, and none that somebody else may have put there."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another run that starts takes it away as well, or it is somebody else's
            if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
                _remove_unless_in_use(folder)


def _remove_unless_in_use(folder: Path) -> None:
    with (folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
