"""The container file of `examples/deploy/container/`, read as a builder reads it, and built where there is none."""

import json
import os
import shlex
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.starter.running import ROOT

FOLDER: Final = ROOT / "examples" / "deploy" / "container"
CONTAINERFILE: Final = FOLDER / "Containerfile"


@dataclass(frozen=True)
class Instruction:
    """One line of it.

    Args:
        stage: of the build, from 0 on.
    """

    stage: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its parts: of the exec form, or of the other."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


def instructions(text: str) -> Iterator[Instruction]:
    """All of them, in order."""
    stage = -1
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            stage += name == "FROM"
            yield Instruction(stage, name, rest)


STEPS: Final = tuple(instructions(CONTAINERFILE.read_text()))
LAST: Final = STEPS[-1].stage


def only(name: str) -> Instruction:
    """The one of this name in the image itself."""
    (found,) = [step for step in STEPS if (step.stage, step.name) == (LAST, name)]
    return found


def image_environment() -> dict[str, str]:
    """What `ENV` says."""
    return dict(word.split("=", 1) for word in only("ENV").words)


@dataclass(frozen=True)
class Image:
    """The file system of the image, as far as it is ours, below a folder.

    Args:
        root: that folder.
    """

    root: Path

    def at(self, path: str) -> Path:
        """A place of the image."""
        return self.root / path.lstrip("/")

    def command(self, words: list[str]) -> list[str]:
        """A command of the image, with its places below ours and its program by its whole path."""
        program, *rest = words
        found = shutil.which(program, path=self._path())
        assert found is not None, f"{program} is not on the path of the image"
        return [found, *(str(self.at(word)) if word.startswith("/srv") else word for word in rest)]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What a process in it is given."""
        return {**image_environment(), "PATH": self._path(), **more}

    def _path(self) -> str:
        return os.pathsep.join(
            str(self.at(place)) if place.startswith("/srv") else place
            for place in image_environment()["PATH"].split(":")
        )


def built(folder: Path) -> Image:
    """Do what each instruction says, below a folder.

    The libraries are not fetched: those that the tests run on are put beside, and pip is told to leave it at that.
    """
    image, context = Image(folder / "image"), folder / "context"
    for step in STEPS:
        if step.name == "COPY" and "--from=build" not in step.words:
            *sources, target = step.words
            for source in sources:
                place = image.at(target) if step.stage == LAST else context / target
                _copy(ROOT / source, place if Path(source).name == Path(target).name else place / Path(source).name)
        if step.name == "RUN":
            _run(step.text, image, context)
    return image


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _run(text: str, image: Image, context: Path) -> None:
    venv = image.at("/srv/venv")
    making, installing = [part.replace("/srv/venv", str(venv)) for part in text.split(" && ")]
    bare = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)), "HOME": str(context)}
    _do(making, context, bare)
    (packages,) = venv.glob("lib/python3*/site-packages")
    (packages / "beside.pth").write_text("\n".join(site.getsitepackages()))
    _do(installing, context, {**bare, "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "1", "PIP_QUIET": "1"})


def _do(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    ended = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == ended.returncode, ended.stdout + ended.stderr
