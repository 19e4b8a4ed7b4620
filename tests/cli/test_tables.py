"""Tables fit a terminal where they are read, and stay a line a row where a program reads them."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.prepared import APPLICATION, declare
from tests.starter.running import ROOT
from tornado_wssec.cli import tables
from tornado_wssec.cli.tables import print_table

TITLES = ("where", "what")
ROWS = [("/a", "short"), ("Application(xsrf_cookies=…)", "pages of other sites may send requests"), ("/c", None)]


@pytest.fixture
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal of so many."""
    monkeypatch.setattr(tables, "terminal_columns", lambda: request.param)


def in_terminal(columns: int, *arguments: str, environment: dict[str, str]) -> list[str]:
    """What `wssec` prints to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "tornado_wssec", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    told = b""
    try:
        while part := os.read(ours, 65_536):
            told += part
    except OSError:  # as Linux says that nobody holds the other end any more
        pass
    process.wait()
    os.close(ours)
    return told.decode().splitlines()


def test_table_columns_stand_below_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    """Each column is as wide as its widest cell; what is absent is a dash."""
    print_table(("id", "name"), [("1", "Ada"), (None, "a\nb")])

    assert "ID  NAME\n1   Ada\n-   a\\nb\n" == capsys.readouterr().out


def test_table_in_a_pipe_is_a_line_a_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However narrow the terminal is from which it was started."""
    monkeypatch.setenv("COLUMNS", "40")
    print_table(TITLES, ROWS, wraps=True)

    assert 1 + len(ROWS) == len(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("columns", [40], indirect=True)
@pytest.mark.usefixtures("columns")
def test_table_in_a_terminal_is_wrapped_in_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    """Between words, and in a word that is too long behind what parts it; nothing is left out."""
    print_table(TITLES, ROWS, wraps=True)

    assert (
        """\
WHERE               WHAT
/a                  short
Application(        pages of other sites
xsrf_cookies=…)     may send requests
/c                  -
"""
        == capsys.readouterr().out
    )


@pytest.mark.parametrize("columns", [40], indirect=True)
@pytest.mark.usefixtures("columns")
def test_table_of_what_is_copied_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    """An id in two parts is none."""
    print_table(TITLES, ROWS)

    assert 1 + len(ROWS) == len(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("columns", [1, 7, 12, 33, 71, 300], indirect=True)
@pytest.mark.usefixtures("columns")
def test_table_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal of any width."""
    print_table(TITLES, ROWS, wraps=True)
    told = "".join(sorted(capsys.readouterr().out))
    everything = "WHEREWHAT" + "".join(cell or "-" for row in ROWS for cell in row)

    assert "".join(sorted(everything)).replace(" ", "") == told.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("arguments", [(), ("--report",)], ids=["check", "report"])
def test_check_fits_a_terminal(here: Path, wssec: Terminal, arguments: tuple[str, ...]) -> None:
    """Of eighty columns, and says there what it says to a pipe."""
    name = f"{declare(here, 'checked_in_a_terminal', APPLICATION)}:make_app"
    environment = {**os.environ, **wssec.environment, "PYTHONPATH": f"{ROOT}:{here}", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    told = in_terminal(80, "check", name, *arguments, environment=environment)
    piped = wssec("check", name, *arguments).out

    assert 80 >= max(map(len, told))
    assert 100 < max(map(len, piped.splitlines()))
    assert sorted("".join(piped.split())) == sorted("".join("".join(told).split()))
