"""The load client, in C and in Python: what it counts, and what it does not accept."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.arena import Arena
from bench.load import driver
from bench.load.driver import Load, LoadFailed, Plan, checked, request
from bench.messages import POST, SMALL, SUBSCRIBE
from bench.process import ServerProcess
from bench.roster import BARE, OURS_PYTHON
from bench.trading.suite import SUBSCRIBE as TRADED
from bench.visitors import ORIGIN, Visitors
from tests.certificates import certify

KINDS = ["python", *(["c"] if sys.platform == "linux" and shutil.which("cc") else [])]
"""Where there is no compiler, the one in Python is all there is."""

TOLD = {
    "messages": 2,
    "seconds": 0.5,
    "busy": 0.1,
    "p50_us": 1_500,
    "p99_us": 2_000,
    "lost": 0,
    "odd": 0,
    "skipped": 0,
    "unanswered": 0,
    "sample": b'{"data": {"delivered": true}}'.hex(),
}


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    """Servers that end with the tests."""
    with Arena() as found:
        yield found


@pytest.fixture(scope="module")
def ours(arena: Arena) -> ServerProcess:
    """Our server."""
    return arena.serve(OURS_PYTHON)


@pytest.fixture(params=KINDS, autouse=True)
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two clients."""
    if request.param == "python":
        monkeypatch.setattr(driver, "program", lambda: driver.IN_PYTHON)


@pytest.mark.parametrize(
    "options", [{"outstanding": 1}, {"outstanding": 16}, {"active": 3}, {"pace": 0.02, "outstanding": 2}]
)
def test_load_is_answered(arena: Arena, ours: ServerProcess, options: dict[str, Any]) -> None:
    """Every way to talk comes to an end with nothing unanswered, twice, and with more connections."""
    with Load(ours.port, arena.plan(OURS_PYTHON, ours.port, SMALL, **options)) as load:
        load.connect(5)
        first = load.run(0.1)
        load.connect(3)
        second = load.run(0.1)

    assert min(first.messages, second.messages) > 0
    assert 0 < first.p50 <= first.p99
    assert 8 == load.connections


def test_load_of_a_fan_counts_each_listener(arena: Arena, ours: ServerProcess) -> None:
    """One message to seven listeners is seven."""
    plan = Plan(arena.requests(OURS_PYTHON, ours.port, "/room", 7), POST, fan=7, hello=SUBSCRIBE, greeted=1)
    with Load(ours.port, plan) as load:
        load.connect(7)
        run = load.run(0.1)

    assert run.messages > 0
    assert 0 == run.messages % 7


def test_load_of_a_feed_tells_how_old_it_is(tmp_path: Path) -> None:
    """Who says nothing reads off each quote when it was made; of two symbols that each of three hears."""
    visitors = Visitors(tmp_path, ("market:read:*",))
    with ServerProcess("bench.trading.server", str(visitors.keys)) as server:
        requests = [request(server.port, "/ws/desk", token=token, origin=ORIGIN) for token in visitors.tokens(3)]
        plan = Plan(requests, "", hello="\n".join(TRADED[:2]), greeted=2, is_stamped=True)
        with Load(server.port, plan) as load:
            load.connect(3)
            server.ask("feed", "on")
            run = load.run(0.3)

    assert 6 <= run.messages <= 6 * 0.3 * 20 * 2
    assert 0 < run.p50 <= run.p99 < 60


def test_load_that_is_deaf_lets_others_talk(arena: Arena, ours: ServerProcess) -> None:
    """It stays connected and reads nothing, so that what is sent to it piles up."""
    requests = arena.requests(OURS_PYTHON, ours.port, "/room", 3)
    deaf = Plan(requests, POST, hello=SUBSCRIBE, greeted=1, is_deaf=True)
    with Load(ours.port, deaf) as one, Load(ours.port, Plan(requests, POST, fan=2, hello=SUBSCRIBE, greeted=1)) as rest:
        one.connect(1)
        rest.connect(2)

        assert rest.run(0.1).messages > 0


def test_load_over_tls_is_answered(arena: Arena) -> None:
    """It is the same, encrypted."""
    certified = certify(arena.folder)
    server = arena.serve(OURS_PYTHON, str(certified.certificate), str(certified.key))
    with Load(server.port, arena.plan(OURS_PYTHON, server.port, SMALL, is_tls=True)) as load:
        load.connect(3)

        assert load.run(0.1).messages > 0


def test_load_that_is_refused_fails(ours: ServerProcess) -> None:
    """A figure without connections would mean nothing."""
    with Load(ours.port, Plan([request(ours.port)], SMALL.text)) as load, pytest.raises(LoadFailed, match="refused"):
        load.connect(2)


def test_load_that_is_answered_otherwise_fails(arena: Arena) -> None:
    """A server that refuses quickly is not fast."""
    server = arena.serve(BARE)
    plan = Plan([request(server.port)], SMALL.text, expects='"stored":20')
    with Load(server.port, plan) as load:
        load.connect(2)
        with pytest.raises(LoadFailed, match="was expected in the answers"):
            load.run(0.05)


@pytest.mark.parametrize("fault", [{"lost": 1}, {"odd": 1}, {"unanswered": 1}, {"messages": 0}])
def test_run_with_a_fault_means_nothing(fault: dict[str, int]) -> None:
    """Whatever was lost, forgotten or answered otherwise than the first."""
    with pytest.raises(LoadFailed, match="means nothing"):
        checked(Plan([], ""), TOLD | fault)


def test_run_is_told_in_seconds() -> None:
    """And its answers may have spaces where they like."""
    run = checked(Plan([], "", expects='"delivered":true'), TOLD)

    assert (2, 0.0015, 0.002) == (run.messages, run.p50, run.p99)


def test_tokens_are_not_for_others_to_read(tmp_path: Path) -> None:
    """The file of the handshakes is the client's alone."""
    with Load(1, Plan([request(1, token="secret")], "")) as load:
        files = list(Path(load._folder.name).iterdir())

        assert {0o600} == {path.stat().st_mode & 0o777 for path in files}
