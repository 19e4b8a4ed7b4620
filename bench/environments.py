"""Environments of the peers: one for each, below `.venvs/`, made on first use and kept."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bootstrap import NOT_COPIED

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".venvs"
MARKER: Final = "complete"
PATIENCE_SECONDS: Final = 600.0
COMPILE: Final = {"TORNADO_WSSEC_COMPILE": "1"}


class Missing(Exception):
    """Something that a measurement needs is not to be had; the text says what and why."""


def python_with(name: str, requirements: Sequence[str]) -> Path:
    """The Python of an environment with these packages.

    Raises:
        Missing: they cannot be installed.
    """
    folder = FOLDER / f"bench-{name}-{sys.version_info[0]}.{sys.version_info[1]}-{digest(sys.version, *requirements)}"
    python = folder / "bin" / "python"

    def make() -> None:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
        _run(str(python), "-I", *install, *requirements)

    _once(folder, make)
    return python


def python_with_ours(*extras: str) -> Path:
    """The Python of an environment into which this project is installed, compiled, with these extras.

    It finds the benchmarks here, behind what is installed: `-P` keeps this folder from coming first.

    Raises:
        Missing: it cannot be compiled, or installed.
    """
    _found("cc")
    sources = [ROOT / "setup.py", ROOT / "pyproject.toml", *sorted((ROOT / "tornado_wssec").rglob("*.py"))]
    told = [source.read_text(encoding="utf-8") for source in sources]
    version = f"bench-ours-{sys.version_info[0]}.{sys.version_info[1]}"
    folder = FOLDER / f"{version}-{digest(sys.version, *extras, *told)}"
    python = folder / "bin" / "python"

    def make() -> None:
        for old in FOLDER.glob(f"{version}-*"):
            shutil.rmtree(old)
        _run(sys.executable, "-m", "venv", str(folder))
        with tempfile.TemporaryDirectory() as scratch:
            tree = Path(shutil.copytree(ROOT, Path(scratch) / "tree", ignore=NOT_COPIED))
            install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(str(python), "-I", *install, f"{tree}[{','.join(extras)}]", environment=COMPILE)
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "benchmarks.pth").write_text(f"{ROOT}\n", encoding="utf-8")

    _once(folder, make)
    return python


def node_with(name: str, packages: Sequence[str]) -> tuple[str, Path]:
    """Where Node is, and the folder of modules with these packages.

    Raises:
        Missing: there is no Node or no npm, or they cannot be installed.
    """
    node, npm = _found("node"), _found("npm")
    folder = FOLDER / f"bench-{name}-{digest(*packages)}"

    def make() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        options = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
        _run(npm, "install", *options, *packages)

    _once(folder, make)
    return node, folder / "node_modules"


def compiled(source: Path, *libraries: str) -> Path:
    """The program that a C file makes.

    Raises:
        Missing: there is no compiler, or it refuses.
    """
    compiler = _found("cc")
    folder = FOLDER / f"bench-{source.stem}-{digest(source.read_text(encoding='utf-8'), *libraries)}"
    program = folder / source.stem

    def make() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _run(compiler, "-O2", "-o", str(program), str(source), *(f"-l{library}" for library in libraries))

    _once(folder, make)
    return program


def digest(*parts: str) -> str:
    """A name that changes with whatever an environment is made of."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Missing(f"there is no `{program}` on the path")
    return found


def _once(folder: Path, make: Callable[[], None]) -> None:
    if (folder / MARKER).exists():
        return
    with _locked():
        if not (folder / MARKER).exists():  # another run may have made it while we waited
            print(f"Setting up {folder} (once)", file=sys.stderr, flush=True)
            make()
            (folder / MARKER).touch()


@contextmanager
def _locked() -> Iterator[None]:
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    surroundings = {**os.environ, **(environment or {})}
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "env": surroundings}
    try:
        subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise Missing(f"`{' '.join(command[:4])} …` took more than {PATIENCE_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "without a word").strip().splitlines()[-1]
        raise Missing(f"`{' '.join(command[:4])} …` failed: {last}") from None
