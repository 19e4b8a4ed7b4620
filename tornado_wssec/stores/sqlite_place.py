"""Where a database file may stand: how an empty one is made, and what is refused when it is found.

Rules of this file:
1. A new file is 0600 from its first moment, by O_EXCL, never by a chmod later.
2. A file that somebody else could have written or put there is not believed.
"""

import os
import stat
from pathlib import Path
from typing import Final

from ..errors import StoreCorrupt

OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def look_at(path: Path) -> tuple[int, int]:
    """Which file is there: its device and inode.

    Raises:
        FileNotFoundError: there is none.
        StoreCorrupt: somebody else could have written it, or it is no plain file.
    """
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise StoreCorrupt(f"{path} is a link or no plain file; name the file itself")
    if found.st_mode & OTHERS_MAY_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise StoreCorrupt(f"{path} may be written by others (mode {mode:o}); chmod 600 it if you trust what is in it")
    # Root may look after anybody's file, and anybody may read root's.
    if found.st_uid not in (0, os.geteuid()) and os.geteuid() != 0:
        raise StoreCorrupt(f"{path} belongs to user {found.st_uid}; run as that user, or chown it")
    return found.st_dev, found.st_ino


def ensure_private_directory(path: Path) -> None:
    """Refuse a directory in which everybody may replace files (a sticky one, as /tmp, is fine).

    A group's directory is allowed: container volumes are shared with the process's own group.

    Raises:
        FileNotFoundError: there is none.
        StoreCorrupt: it is one.
    """
    mode = os.stat(path).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise StoreCorrupt(f"everybody may replace files in {path}; chmod o-w it, or choose another directory")


def make_private(path: Path) -> None:
    """Make an empty file, 0600, its name safely on the disk, unless there is something already.

    Raises:
        OSError: it cannot be made.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
