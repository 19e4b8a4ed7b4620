"""What is publicly known to be wrong with our libraries is compared with what we allow and what is installed."""

import ast
import datetime
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from redis.asyncio import ConnectionPool

from bootstrap import ROOT
from tests.advisories.__main__ import compare, renew
from tests.advisories.dependencies import declared, floors, installed, needed
from tests.advisories.judgement import OLD_DAYS, Versions, problems, warnings
from tests.advisories.known import Advisory, Known, Source
from tests.advisories.osv import look_up
from tornado_wssec.cli.report import WITHOUT_HOLES
from tornado_wssec.stores.redis_primary import Lane, Primary
from tornado_wssec.stores.redis_url import parse_redis_url

TODAY: Final = datetime.date(2026, 11, 20)
PLANTED: Final = Advisory(
    "GHSA-1",
    ("CVE-1",),
    "Everybody comes in",
    ({"introduced": "4.0", "fixed": "4.1.2"}, {"introduced": "5.0", "last_affected": "5.2"}),
)
ENDLESS: Final = Advisory("PYSEC-2", (), "", ({"introduced": "0"},))
LISTED: Final = Advisory("PYSEC-3", (), "", (), ("1.0", "1.0.1"))


def judged(
    *advisories: Advisory, floor: str | None = None, here: str | None = None, accepted: Mapping[str, str] | None = None
) -> list[str]:
    """What is wrong with a library `lib`, of which this floor is declared and this version installed."""
    versions = Versions(["lib"], {"lib": Version(floor)} if floor else {}, {"lib": Version(here)} if here else {})
    return list(problems(Known(TODAY, "a test", {"lib": advisories}), versions, accepted or {}))


# --- what is found ---


def test_advisories_catch_an_installed_version() -> None:
    """It is named, with the advisory, what that is called elsewhere, and the version that mends it."""
    assert [
        "lib 4.1.1, which is installed, has GHSA-1, CVE-1 (Everybody comes in); pip install 'lib>=4.1.2'"
    ] == judged(PLANTED, here="4.1.1")


def test_advisories_catch_a_floor() -> None:
    """What we allow is caught, though something newer is installed here."""
    assert [
        "lib 4.0, which pyproject.toml allows, has GHSA-1, CVE-1 (Everybody comes in);"
        " raise its floor in pyproject.toml to lib>=4.1.2"
    ] == judged(PLANTED, floor="4.0", here="6.0")


def test_advisories_that_nothing_mends() -> None:
    """The remedy does not name a version that there is not."""
    (told,) = judged(ENDLESS, here="9.9")

    assert told == (
        "lib 9.9, which is installed, has PYSEC-2; no version mends it: do without, or say in"
        " tests/advisories/accepted.json why it does not concern us"
    )


@pytest.mark.parametrize(
    ("advisory", "version", "concerns"),
    [
        (PLANTED, "3.9", False),
        (PLANTED, "4.0", True),
        (PLANTED, "4.1.2rc1", True),
        (PLANTED, "4.1.2", False),
        (PLANTED, "5.2", True),
        (PLANTED, "5.2.1", False),
        (ENDLESS, "0.0.1", True),
        (LISTED, "1.0", True),
        (LISTED, "1.0.0", True),
        (LISTED, "1.0.2", False),
    ],
)
def test_advisories_concern_a_version(advisory: Advisory, version: str, *, concerns: bool) -> None:
    """From `introduced` on, before `fixed` or up to `last_affected`, or exactly what is listed."""
    assert concerns == advisory.concerns(Version(version))


def test_advisories_that_were_never_looked_up() -> None:
    """A dependency that is new is unknown, and not well."""
    versions = Versions(["new"], {}, {})

    (told,) = problems(Known(TODAY, "a test", {}), versions, {})
    assert told == "new was never looked up; run `make audit` and commit tests/advisories/known.json"


# --- what is let pass ---


def test_advisories_accepted_with_a_reason() -> None:
    """By any of its names; one that concerns nothing any more has to go."""
    stale = "CVE-1 is accepted and concerns nothing any more; take it out of tests/advisories/accepted.json"

    assert [] == judged(PLANTED, here="4.1.1", accepted={"CVE-1": "not called"})
    assert [stale] == judged(PLANTED, here="4.1.2", accepted={"CVE-1": "not called"})


def test_advisories_accepted_for_a_reason_that_holds() -> None:
    """Nothing in the package calls click.edit()."""
    called = {
        f"{node.func.value.id}.{node.func.attr}"
        for path in (ROOT / "tornado_wssec").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }

    assert "click.echo" in called
    assert "click.edit" not in called


def test_advisories_accepted_for_pools_that_nobody_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to redis-py 7.3 a pool shows its password, as does a client; what holds ours shows neither."""
    monkeypatch.setattr(ConnectionPool, "__repr__", lambda _: "and its password")
    primary = Primary(parse_redis_url("redis://:secret@127.0.0.1/0"), ("127.0.0.1", 6379), 1.0)

    assert "and its password" in repr(primary.client(Lane.SHORT))
    assert "and its password" not in repr(primary)


def test_advisories_of_an_old_list_are_warned_about() -> None:
    """A list that nobody has renewed is told of and fails nothing, or a tag would turn red as the days go by."""
    known, versions = Known(TODAY, "a test", {"lib": [PLANTED]}), Versions(["lib"], {"lib": Version("6")}, {})
    late = TODAY + datetime.timedelta(days=OLD_DAYS + 1)

    assert [] == list(warnings(known, versions, {}, TODAY + datetime.timedelta(days=OLD_DAYS)))
    assert ["the list is 31 days old; run `make audit` and commit tests/advisories/known.json"] == list(
        warnings(known, versions, {}, late)
    )
    assert [] == list(problems(known, versions, {}))


def test_advisories_that_nobody_looked_up_are_named() -> None:
    """A list that was written by hand says of whom it knows nothing, and so does every run."""
    versions = Versions(["lib", "other"], {"lib": Version("9"), "other": Version("1")}, {})
    known = Known(TODAY, "a test", {"lib": ()}, ("other",))
    (told,) = warnings(known, versions, {}, TODAY)

    assert "nobody has looked up other: of these nothing is known" in told
    assert [] == list(problems(known, versions, {}))


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([Source("a database", TODAY - datetime.timedelta(days=OLD_DAYS), is_whole=True)], None),
        (
            [Source("a database", datetime.date(2024, 10, 10), is_whole=True), Source("pages", TODAY)],
            "of lib a database was read as of 2024-10-10, and what came later was only searched for",
        ),
        ([Source("pages", TODAY)], "of lib no database was read, and all else was only searched for"),
    ],
)
def test_advisories_that_were_only_searched_for_are_warned_about(sources: list[Source], told: str | None) -> None:
    """A list by hand says of each library where it was looked up, and every run says what may be missing."""
    versions = Versions(["lib", "other"], {"lib": Version("9"), "other": Version("9")}, {})
    known = Known(TODAY, "a test", {"lib": (), "other": ()}, (), {"lib": sources})

    assert ([] if told is None else [f"{told}, and may be missing; `make audit` asks OSV"]) == list(
        warnings(known, versions, {}, TODAY)
    )
    assert [] == list(problems(known, versions, {}))


def test_advisories_of_what_comes_with_others_are_warned_about() -> None:
    """It has no floor that could fail; the remedy is the first version that none of them is about."""
    worse = Advisory("GHSA-2", (), "", ({"introduced": "4.1", "fixed": "4.3"}, {"introduced": "5.1", "fixed": "6.0"}))
    known, versions = Known(TODAY, "a test", {"lib": [PLANTED, worse]}), Versions(["lib"], {}, {"lib": Version("6")})
    told = "lib comes with others and has no floor of ours; old versions of it have GHSA-1, GHSA-2"

    assert [f"{told}; where it is older, pip install 'lib>=4.3'"] == list(warnings(known, versions, {}, TODAY))
    assert [] == list(problems(known, versions, {}))
    endless = Known(TODAY, "a test", {"lib": [PLANTED, worse, ENDLESS]})
    assert [f"{told}, PYSEC-2"] == list(warnings(endless, versions, {}, TODAY))


@pytest.mark.requirement("R075")
def test_advisories_are_what_the_report_goes_by() -> None:
    """Of what comes with others `wssec check --report` names the version that the committed list does."""
    known, names = Known.load(), needed(declared())
    others = [name for name in names if name not in floors(declared()) and known.packages.get(name)]

    assert WITHOUT_HOLES == {name: str(known.without_holes(name)) for name in others}


def test_advisories_of_the_committed_list_say_where_they_were_read() -> None:
    """As long as it is written by hand: each of them, and for each library a database and its day."""
    known = Known.load()
    by_hand = known.looked_up_in.keys()

    assert by_hand in (set(), set(known.packages))
    assert [] == [one.id for name in by_hand for one in known.packages[name] if not one.source]
    assert [] == [name for name, sources in known.looked_up_in.items() if not any(one.is_whole for one in sources)]


# --- what is judged ---


def test_advisories_are_compared_with_what_is_declared() -> None:
    """Dependencies and extras with their floors, and what comes with them; the tools of the project do not count."""
    names = needed(declared())

    assert {"tornado", "pyjwt", "redis", "msgspec"} <= floors(declared()).keys()
    assert {"cryptography", "cffi", "prometheus-client"} <= set(names)
    assert "ruff" not in names
    assert {"tornado": Version("6.6.1")} == floors([Requirement("Tornado>=6.6.1,<7")])
    assert {"tornado", "cryptography"} <= installed(names).keys()


@pytest.mark.requirement("R075")
def test_advisories_step_fails_for_a_planted_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The committed list passes; with an advisory about the Tornado that is installed it exits 1."""
    list_, reasons = tmp_path / "known.json", tmp_path / "accepted.json"
    known = Known.load()
    planted = {**known.packages, "tornado": [PLANTED, ENDLESS]}
    Known(known.looked_up, "a test", planted, known.not_looked_up, known.looked_up_in).save(list_)
    reasons.write_text((ROOT / "tests/advisories/accepted.json").read_text())

    assert (0, 1) == (compare(), compare(list_, reasons))
    assert "tornado" in capsys.readouterr().out.rpartition("problem: ")[2]


def test_advisories_list_that_is_none(tmp_path: Path) -> None:
    """A bound that is no version is refused: nothing is compared with it in silence."""
    list_ = tmp_path / "known.json"
    list_.write_text(
        json.dumps({"looked_up": "2026-11-20", "source": "", "packages": {"lib": [{"id": "A", "versions": ["?"]}]}})
    )

    with pytest.raises(ValueError, match="is no list of advisories"):
        Known.load(list_)


# --- looking it up ---

RECORDS: Final[list[dict[str, Any]]] = [
    {
        "id": "GHSA-1",
        "aliases": ["CVE-1"],
        "summary": "Everybody\n comes in",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Lib"},
                "ranges": [
                    {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abcdef"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "4.0"}, {"fixed": "4.1.2"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "5.0"}, {"last_affected": "5.2"}]},
                ],
                "versions": ["4.0"],
            },
            {"package": {"ecosystem": "npm", "name": "lib"}, "versions": ["1.0"]},
        ],
    },
    {"id": "GHSA-0", "withdrawn": "2026-01-01T00:00:00Z", "affected": []},
    {
        "id": "PYSEC-2",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "lib"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
            }
        ],
    },
    {"id": "PYSEC-3", "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1.0", "1.0.1"]}]},
    {"id": "GHSA-9", "affected": [{"package": {"ecosystem": "PyPI", "name": "library"}, "versions": ["1.0"]}]},
]


class Osv(BaseHTTPRequestHandler):
    """Answers as OSV does, one record a page."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        page, answer = int(asked.get("page_token", 0)), dict[str, Any]()
        if asked["package"] == {"name": "lib", "ecosystem": "PyPI"}:
            answer = {"vulns": [RECORDS[page]]}
            if page + 1 < len(RECORDS):
                answer["next_page_token"] = str(page + 1)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:  # a test is no place for an access log
        pass


@contextmanager
def osv() -> Iterator[str]:
    """Its address while it is served."""
    server = HTTPServer(("127.0.0.1", 0), Osv)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_advisories_are_looked_up_page_by_page() -> None:
    """What OSV says of versions in PyPI, without what was withdrawn, is about commits, or about others."""
    with osv() as url:
        found = look_up(["lib", "other"], url)

    assert {"lib": [PLANTED, ENDLESS, LISTED], "other": []} == found


def test_advisories_list_is_written_and_read_again(tmp_path: Path) -> None:
    """Nothing is lost on the way, and what has no advisories is known to have none."""
    list_ = tmp_path / "known.json"
    read = Advisory("PYSEC-4", (), "", ENDLESS.ranges, (), "https://example.org/PYSEC-4")
    looked_up_in = {"other": (Source("a database", TODAY, is_whole=True), Source("pages", TODAY))}
    known = Known(TODAY, "a test", {"lib": (PLANTED, ENDLESS, LISTED, read), "other": ()}, ("third",), looked_up_in)
    known.save(list_)

    assert known == Known.load(list_)


def test_advisories_list_is_renewed(tmp_path: Path) -> None:
    """Everything that we need is asked for, and written with the day and the source."""
    list_ = tmp_path / "known.json"
    with osv() as url:
        assert 0 == renew(list_, url)

    assert set(needed(declared())) == Known.load(list_).packages.keys()
    assert url == Known.load(list_).source


def test_advisories_out_of_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old list stays, and the exit code says so."""
    with osv() as url:
        pass  # nobody listens there any more

    assert 1 == renew(tmp_path / "known.json", url)
    assert [] == list(tmp_path.iterdir())
    assert "cannot be asked" in capsys.readouterr().err
