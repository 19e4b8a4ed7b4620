"""What a run leaves behind: nothing, or what the next one takes away."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from examples.running import folder
from examples.running.folder import PREFIX, own_folder
from tests.starter.running import ROOT, bare_environment

HOLDS = """
import sys
from examples.running.folder import own_folder
with own_folder("held") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where folders are made."""
    monkeypatch.setattr(folder, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # it is asked for once
    return tmp_path


def held() -> "tuple[subprocess.Popen[str], Path]":
    """A run in a process of its own, and its folder."""
    pipe = subprocess.PIPE
    run = subprocess.Popen([sys.executable, "-c", HOLDS], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    assert run.stdout is not None
    return run, Path(run.stdout.readline().strip())


def test_folder_goes_with_its_run(temporary: Path) -> None:
    """It is for its owner alone, and bears the name of the system."""
    with own_folder("chat") as mine:
        assert (f"{PREFIX}chat-", 0o700) == (mine.name[: len(PREFIX) + 5], mine.stat().st_mode & 0o777)
        (mine / "demo").mkdir()

    assert [] == list(temporary.iterdir())


def test_folder_of_a_killed_run_goes_with_the_next(temporary: Path) -> None:
    """The folder of one that still runs does not."""
    killed, left = held()
    running, used = held()
    killed.kill()
    killed.communicate()
    (left / "demo").mkdir()
    (left / "demo" / "store.db").touch()
    with own_folder("chat") as mine:
        assert {used, mine} == set(temporary.iterdir())
    running.communicate("")

    assert [] == list(temporary.iterdir())


def test_folder_that_is_no_run_s_stays(temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One without a lock, and what a link of that name leads to."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / folder.LOCK).touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    (temporary / f"{PREFIX}other").mkdir()
    with own_folder("chat"):
        pass

    assert {f"{PREFIX}link", f"{PREFIX}other"} == {path.name for path in temporary.iterdir()}
    assert elsewhere.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tour_that_is_interrupted_leaves_nothing(number: signal.Signals, temporary: Path) -> None:
    """Its server ends, and its folder goes."""
    env = {**bare_environment(), "TMPDIR": str(temporary)}
    tour = subprocess.Popen(
        [sys.executable, "-m", "examples.tour"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert tour.stdout is not None
    first = tour.stdout.readline()
    tour.send_signal(number)
    _, said = tour.communicate(timeout=60)

    assert first.startswith("The chat serves ws://127.0.0.1:")
    assert (130, "The server is stopped and its folder removed.\n") == (tour.returncode, said)
    assert [] == list(temporary.iterdir())
