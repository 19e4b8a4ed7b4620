"""The units of `examples/deploy/systemd/`, read as systemd reads them, and made to fit a test's machine."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.left_out import leave_out
from tests.starter.running import ROOT

UNITS: Final = ROOT / "examples" / "deploy" / "systemd"
SERVICES: Final = ("wssec.service", "wssec@.service")
ANALYZE: Final = "systemd-analyze"


def analyze_program() -> str:
    """Where `systemd-analyze` is; it needs no systemd that runs."""
    return shutil.which(ANALYZE) or leave_out(ANALYZE, "apt-get install systemd")


def lines_of(name: str) -> list[str]:
    """What is no comment."""
    lines = (UNITS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def values(name: str, key: str) -> list[str]:
    """Of a setting, each time that it is made."""
    return [line.partition("=")[2] for line in lines_of(name) if line.startswith(f"{key}=")]


def value(name: str, key: str) -> str:
    """Of a setting that is made once."""
    (found,) = values(name, key)
    return found


def localised(name: str, folder: Path) -> Path:
    """A copy whose program and folder are there."""
    text = (UNITS / name).read_text()
    for before, after in {"/opt/chat/venv/bin/python": sys.executable, "/opt/chat\n": f"{folder}\n"}.items():
        assert before in text, f"{before!r} does not stand in {name}"
        text = text.replace(before, after)
    path = folder / name
    path.write_text(text)
    return path


@dataclass(frozen=True)
class Place:
    """The folders that the unit names, below one of a test's.

    Args:
        folder: that one.
    """

    folder: Path

    def of(self, text: str) -> str:
        """A text of the unit, or of `chat.env`, with our folders in the place of the system's."""
        names = {"%d": "credentials", "/var/lib/wssec": "state", "/var/log/wssec": "logs", "/opt/chat": "chat"}
        for before, name in names.items():
            text = text.replace(before, str(self.folder / name))
        return text

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """What the unit gives its program: `PATH`, what the unit says, what its file says."""
        assert "/etc/wssec/chat.env" == value(name, "EnvironmentFile")
        said = [*values(name, "Environment"), *lines_of("chat.env")]
        given = dict(self.of(line).split("=", 1) for line in said)
        return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **given, **more}
