"""The source package of the marshmallow that is installed, with its tests: fetched when it is first asked for.

It is kept in `.venvs/` at the top of the tree, by its version, and counts once its marker stands.
"""

import fcntl
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.left_out import leave_out
from tests.starter.running import ROOT

PATIENCE_SECONDS: Final = 120.0
MARKER: Final = "complete"


def marshmallow_source() -> Path:
    """The folder of the source package; the test is left out where it cannot be had."""
    kept, name = ROOT / ".venvs", f"marshmallow-{version('marshmallow')}"
    kept.mkdir(exist_ok=True)
    folder = kept / f"{name}-source"
    with (kept / "marshmallow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / MARKER).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _fetch(folder)
    return folder / name


def _fetch(folder: Path) -> None:
    wanted = f"marshmallow=={version('marshmallow')}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "marshmallow"]
    try:
        subprocess.run(
            [*command, "--dest", str(folder), wanted],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stderr or error).strip().splitlines()
        leave_out("source package of marshmallow", f"let pip reach a package index: {said[-1] if said else error}")
    (package,) = folder.glob("*.tar.gz")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    (folder / MARKER).touch()
