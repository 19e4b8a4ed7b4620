"""Run a program of this project in an environment made for it, from nothing but Python.

`python3 tests` and `python3 examples` come through here; so does `python3 bootstrap.py ruff check`.

Rules of this file:
1. Standard library only, and nothing an older Python cannot read: it must live to say that 3.11 is wanted.
2. An environment counts once its marker stands, and the marker is written last: what was interrupted is made anew.
3. Nothing outside the project's folder is touched, unless that folder cannot be written to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
MARKER = "complete"
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venvs", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "build", "dist"
)


def run_in_environment(*arguments: str) -> NoReturn:
    """Become the environment's Python with these arguments, in the project's folder.

    The environment is made first where it is missing. Exit codes and signals are the program's own.
    """
    with _telling_failures():
        _refuse_lacking_python()
        tree, environments = _places()
        python = _environment(tree, environments)
    os.chdir(tree)
    os.environ["PATH"] = os.pathsep.join((str(python.parent), os.environ.get("PATH", os.defpath)))
    sys.stdout.flush()
    os.execv(python, [str(python), *arguments])


@contextlib.contextmanager
def _telling_failures() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Nothing is broken: the next run sets up anew.")
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        sys.exit(f"The set-up failed; the reason stands above. It ran:\n  {command}\nThe next run starts anew.")
    except OSError as error:
        sys.exit(f"The set-up failed: {error}. The next run starts anew.")


def _refuse_lacking_python() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        sys.exit(f"Python 3.11 or later is needed; {sys.executable} is {version}. Try: python3.11 {sys.argv[0]}")
    missing = [name for name in ("venv", "ensurepip", "tomllib") if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        sys.exit(f"{sys.executable} ({version}) comes without {names}. This brings what is missing:\n  {_remedy()}")


def _remedy() -> str:
    """The one command that completes this Python, as far as the machine can be told."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.platform == "darwin":
        return "brew install python"
    if shutil.which("apt-get"):
        is_default = Path("/usr/bin/python3").resolve().name == name
        return f"apt-get install {'python3' if is_default else name}-venv"
    if shutil.which("dnf"):
        return f"dnf install {name}"
    if shutil.which("apk"):
        return "apk add python3"
    return f"install {name} whole, with venv and ensurepip, by this system's package manager"


def _places() -> tuple[Path, Path]:
    """The tree to work in and the folder for environments: here, or a copy where we may not write here."""
    environments = ROOT / ".venvs"
    if all(os.access(folder, os.W_OK) for folder in (ROOT, environments) if folder.exists()):
        return ROOT, environments
    private = _private_folder()
    tree = private / "tree"
    print(f"{ROOT} cannot be written to; working in a copy of it, {tree}", flush=True)
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    return tree, private / "venvs"


def _private_folder() -> Path:
    """A folder of this user alone: the cache in the home, or else one in the folder for temporary files."""
    home = Path(os.path.expanduser("~"))  # stays "~" where there is no home, which nobody can write to
    temporary = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108  # whose it is, is looked at below
    folder = home / ".cache" / "tornado_wssec" if os.access(home, os.W_OK) else temporary / f"wssec-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        sys.exit(f"{folder} belongs to somebody else or others may write to it; remove it, or set TMPDIR")
    return folder


def _environment(tree: Path, environments: Path) -> Path:
    """The Python of the environment that fits this interpreter and these dependencies, made if need be."""
    folder = environments / _key(tree)
    python = folder / "bin" / "python"
    if not (folder / MARKER).exists():
        with _locked(environments) as lock:
            if not (folder / MARKER).exists():  # another process may have made it while we waited
                print(f"Setting up {folder} (once; a minute or two)", flush=True)
                _make(folder, python, tree, lock)
    return python


def _key(tree: Path) -> str:
    """A name that changes with whatever the environment is made of."""
    import hashlib
    import json
    import tomllib

    with (tree / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    metadata = {name: value for name, value in project["project"].items() if "depend" in name or name == "scripts"}
    made_of = [sys.version, sys.base_prefix, str(tree), project["build-system"], metadata]
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{sys.version_info[0]}.{sys.version_info[1]}-{digest[:12]}"


@contextlib.contextmanager
def _locked(environments: Path) -> Iterator[int]:
    environments.mkdir(exist_ok=True)
    with (environments / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _make(folder: Path, python: Path, tree: Path, lock: int) -> None:
    surroundings = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-I", "-m", "pip", "install", "--quiet", "--editable", f"{tree}[dev]"],
    ):
        # The child holds the lock too: should we be killed, nobody starts before it has ended.
        subprocess.run(command, check=True, env=surroundings, stdin=subprocess.DEVNULL, pass_fds=[lock])
    (folder / MARKER).touch()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Usage: python3 bootstrap.py MODULE [ARGUMENTS], e.g. python3 bootstrap.py ruff check")
    run_in_environment("-m", *sys.argv[1:])
