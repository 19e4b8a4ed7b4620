"""A deployment to work on, and `wssec` run in this process."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tornado_wssec.cli import main

ROOT_WARNING = "wssec: warning: running as root"


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it printed, the warning for root aside."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output as JSON."""
        return json.loads(self.out)

    @property
    def everything(self) -> str:
        """All that was printed."""
        return self.out + self.err


@dataclass
class Terminal:
    """Runs `wssec` with an environment; its input is a pipe, as where nobody sits at a terminal."""

    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str | bytes = "", **variables: str | None) -> Outcome:
        """Run it; keyword arguments set further variables, None unsets one."""
        result = CliRunner().invoke(main, list(arguments), input=stdin, env={**self.environment, **variables})
        lines = [line for line in result.stderr.splitlines(keepends=True) if not line.startswith(ROOT_WARNING)]
        return Outcome(result.exit_code, result.stdout, "".join(lines))

    def done(self, *arguments: str, stdin: str | bytes = "", **variables: str | None) -> str:
        """Run it, see that it exits 0, and return its standard output."""
        outcome = self(*arguments, stdin=stdin, **variables)
        assert outcome.code == 0, outcome
        return outcome.out

    def json(self, *arguments: str, stdin: str | bytes = "", **variables: str | None) -> Any:
        """Run it with --json, see that it exits 0, and return what it printed."""
        at = arguments.index("--") if "--" in arguments else len(arguments)
        return json.loads(self.done(*arguments[:at], "--json", *arguments[at:], stdin=stdin, **variables))


def read_environment(path: Path) -> dict[str, str]:
    """The variables of an environment file, as a container runtime reads them."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests are not ours."""
    for name in list(os.environ):
        if name.startswith("WSSEC_"):
            monkeypatch.delenv(name)


@pytest.fixture
def bare() -> Terminal:
    """A terminal with no settings at all."""
    return Terminal()


@pytest.fixture
def place(tmp_path: Path, bare: Terminal) -> Path:
    """A directory in which `wssec init` has run."""
    bare.done("init", str(tmp_path / "deployment"), "--issuer", "https://auth.example.com", "--audience", "chat")
    return tmp_path / "deployment"


@pytest.fixture
def wssec(place: Path) -> Terminal:
    """A terminal with the settings of that directory."""
    return Terminal(read_environment(place / "wssec.env"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory that imports may see; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]
