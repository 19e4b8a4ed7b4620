"""An environment with Jupyter Server, Bokeh and Panel, beside our own: they are heavy, and their users' choice.

It is made once, in `.venvs/` at the top of the tree, and kept. It counts once its marker stands, which is written last.
"""

import fcntl
import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from tests.left_out import leave_out
from tests.starter.running import ROOT

HOSTS: Final = ("jupyter-server>=2.14,<3", "bokeh>=3.6,<4", "panel>=1.5,<2")
PATIENCE_SECONDS: Final = 300.0
MARKER: Final = "complete"


def python_with_hosts() -> Path:
    """The Python of that environment, made if need be; the test is left out where no package can be had."""
    wanted = [*HOSTS, *tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]
    key = hashlib.sha256("\n".join([sys.version, sys.base_prefix, *wanted]).encode()).hexdigest()[:12]
    environments = ROOT / ".venvs"
    environments.mkdir(exist_ok=True)
    folder = environments / f"hosts-{key}"
    with (environments / "hosts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / MARKER).exists():
            _make(folder, wanted)
    return folder / "bin" / "python"


def _make(folder: Path, wanted: list[str]) -> None:
    python = str(folder / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = str(error.stderr or error).strip().splitlines()
            leave_out(
                "Jupyter Server, Bokeh and Panel", f"let pip reach a package index: {said[-1] if said else error}"
            )
    (folder / MARKER).touch()
