"""What is made for a measurement, and how it is told that it cannot be."""

from pathlib import Path

import pytest

from bench import environments
from bench.environments import Missing, compiled, digest, node_with


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments are made in a folder of the test."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "environments")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    """Put a program on a path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


def test_digest_changes_with_each_part() -> None:
    """Another version, or another order, is another environment."""
    digests = {digest("a", "b"), digest("b", "a"), digest("a", "c"), digest("a")}

    assert 4 == len(digests)


def test_missing_program_is_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Node its peer takes no part, and the reason is told."""
    monkeypatch.setenv("PATH", str(elsewhere))
    with pytest.raises(Missing) as caught:
        node_with("node", ["ws@1"])

    assert "there is no `node` on the path" == str(caught.value)


def test_failure_tells_the_last_line_and_is_tried_again(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is not taken for made the next time."""
    source = elsewhere / "x.c"
    source.write_text("")
    monkeypatch.setenv("PATH", str(elsewhere), prepend=":")
    program(elsewhere, "cc", "echo one >&2; echo two >&2; exit 1")
    for _ in range(2):
        with pytest.raises(Missing, match="failed: two"):
            compiled(source)


def test_environment_is_made_once(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run finds it there."""
    source = elsewhere / "x.c"
    source.write_text("")
    monkeypatch.setenv("PATH", str(elsewhere), prepend=":")
    program(elsewhere, "cc", f"echo made >> {elsewhere}/log")
    programs = {compiled(source), compiled(source)}

    assert "made\n" == (elsewhere / "log").read_text()
    assert 1 == len(programs)
