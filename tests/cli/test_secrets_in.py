"""Secrets are read from a file or standard input, no more of them than there may be."""

import io
import sys
from pathlib import Path

import pytest

from tornado_wssec.cli.commands import Refused, WrongUsage
from tornado_wssec.cli.secrets_in import read_bytes, read_line, read_passphrase


class Endless(io.RawIOBase):
    """A pipe that never ends, and counts what was taken."""

    taken = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most 100 bytes at a time, as pipes do."""
        assert size > 0
        self.taken += min(size, 100)
        return b"x" * min(size, 100)


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let standard input hold this."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_read_takes_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte more than allowed is enough to refuse."""
    pipe = Endless()
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": pipe, "isatty": lambda self: False})())

    with pytest.raises(WrongUsage, match="the key is longer than 1,000 bytes"):
        read_bytes("-", 1_000, "the key")

    assert 1_001 == pipe.taken


def test_read_of_exactly_what_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound itself passes."""
    piped(monkeypatch, b"x" * 1_000)

    assert b"x" * 1_000 == read_bytes("-", 1_000, "the key")


@pytest.mark.parametrize("path", ["/nowhere/secret", "/", "a\x00b"])
def test_read_of_what_is_no_file_is_refused(path: str) -> None:
    """With the remedy."""
    with pytest.raises(Refused, match="name a readable file"):
        read_bytes(path, 10, "the key")


@pytest.mark.parametrize("text", ["secret", "secret\n", "secret\r\n"])
def test_line_comes_without_its_end(tmp_path: Path, text: str) -> None:
    """What editors and echo put behind it does not count."""
    (tmp_path / "file").write_bytes(text.encode())

    assert "secret" == read_line(str(tmp_path / "file"), 6, "the token")


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb", b"\xff", "é".encode(), b"a\x00b", b"secrets", b"a\n\n"])
def test_line_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    """Empty, several, too long, or not printable ASCII; nothing of it is repeated."""
    (tmp_path / "file").write_bytes(data)

    with pytest.raises(WrongUsage) as refused:
        read_line(str(tmp_path / "file"), 6, "the token")

    assert "secrets" not in str(refused.value)


def test_line_is_asked_for_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not echoed."""
    asked: dict[str, object] = {}

    def prompt(text: str, **options: object) -> str:
        asked.update(options, text=text)
        return "secret"

    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("click.prompt", prompt)

    assert "secret" == read_line("-", 6, "the token")
    assert {"text": "the token", "hide_input": True, "err": True} == asked


def test_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may have none."""
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(Refused, match="standard input is closed"):
        read_line("-", 6, "the token")


def test_passphrase_keeps_its_blanks(tmp_path: Path) -> None:
    """Only the line end goes."""
    (tmp_path / "file").write_bytes(b" open sesame \r\n")

    assert b" open sesame " == read_passphrase(str(tmp_path / "file"))
