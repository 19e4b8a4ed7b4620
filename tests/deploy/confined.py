"""A program as little may be done by it as by a service or in a container: no root, nothing to write but its own."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

UID: Final = 65_532
_PRCTL: Final = "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""PR_SET_MDWE (Linux 6.3): no memory that is written is executed, also in the program that takes this one's place."""


def confined(command: Sequence[str], writable: Sequence[Path]) -> list[str]:
    """The command, in namespaces of its own: another user, no privilege, and every file system read-only.

    Where a machine allows no namespaces it is run without them, by whoever runs the tests.

    Args:
        command: with the whole path of its program.
        writable: folders that it may write.
    """
    inner = [sys.executable, "-c", _PRCTL, *command]
    if not may_unshare():
        return inner
    binds = [f"mount --bind {shlex.quote(str(path))} {shlex.quote(str(path))}" for path in writable]
    spared = "|".join(["/proc*", *(shlex.quote(str(path)) for path in writable)])  # the next namespace is made there
    readonly = (
        "findmnt -rno TARGET | while read -r place; do"
        f' case "$place" in {spared}) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null ;; esac; done'
    )
    other = ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}", "setpriv", "--no-new-privs", *inner]
    script = "; ".join([*binds, readonly, f"exec {shlex.join(other)}"])
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]


def may_unshare() -> bool:
    """Whether this machine allows it."""
    probe = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
