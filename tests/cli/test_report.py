"""`wssec check --report` answers what a reviewer asks: the standards, the store, the keys, the libraries."""

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Terminal
from tests.cli.test_check import Checked, app
from tornado_wssec.cli.audit_lines import Level, Line
from tornado_wssec.cli.standards import ITEMS, State, answers

__all__ = ["app"]


def states(outcome: Any) -> dict[str, str]:
    """How the application stands to each item."""
    return {item["item"]: item["state"] for item in outcome.json["standards"]}


@pytest.fixture
def report(app: Checked, wssec: Terminal) -> Any:
    """Runs the report on the application with these replacements."""
    wssec.done("keys", "generate")

    def run(*changes: tuple[str, str], **variables: str) -> Any:
        module = app.write(*changes)
        return wssec("check", f"{module}:make_app", "--report", "--json", **variables)

    return run


def test_report_of_a_closed_application(report: Any) -> None:
    """Exit 0; every item is answered, and what no program can see is left to the reader."""
    outcome = report()

    assert (0, {"ok", "lines", "standards", "deployment"}) == (outcome.code, set(outcome.json))
    assert len(ITEMS) == len(outcome.json["standards"])
    assert {"weakened"} == {state for item, state in states(outcome).items() if item == "4.4.1"}
    assert {"9.2.4", "output"} == {item for item, state in states(outcome).items() if state == "for you"}
    assert "open" not in states(outcome).values()
    checks = {one["check"]: one for one in outcome.json["deployment"]}
    assert {"store", "key file", "key age", "library tornado"} <= set(checks)
    assert metadata.version("tornado") == checks["library tornado"]["found"]


def test_report_of_an_open_application(report: Any) -> None:
    """A switch that opens a door makes its items open, and the check fail."""
    outcome = report(WSSEC_INSECURE="1")

    assert 1 == outcome.code
    assert ("open", "open") == (states(outcome)["4.4.1"], states(outcome)["4.4.4"])


@pytest.mark.parametrize("item", [item for item in ITEMS if item.lines], ids=lambda item: item.number)
def test_report_items_follow_their_lines(item: Any) -> None:
    """Whichever line weakens an item does so, by each of its places."""
    for part in item.lines:
        for level, state in (
            (Level.OPEN, State.OPEN),
            (Level.DECLARED, State.WEAKENED),
            (Level.CHANGED, State.WEAKENED),
        ):
            (found,) = [one for one in answers([Line(level, part, "less")]) if one.item is item]
            assert state is found.state
        (found,) = [one for one in answers([Line(Level.ROUTE, part, "there")]) if one.item is item]
        assert State.MET is found.state


def test_report_for_people(app: Checked, wssec: Terminal, here: Path) -> None:
    """As tables, and as markdown in which a name is text and no markup."""
    wssec.done("keys", "generate")
    module = app.write()
    table = wssec.done("check", f"{module}:make_app", "--report")
    told = wssec.done("check", f"{module}:make_app", "--format", "markdown")

    assert "ASVS 5.0 4.4.2" in table
    assert "| ASVS 5.0 | 4.4.2 |" in told
    assert "# Security report of checked\\_application" in told
    assert "## Deployment" in told


def test_report_of_old_keys_and_an_absent_store(report: Any, wssec: Terminal, tmp_path: Path) -> None:
    """What is missing fails, with the remedy of the doctor."""
    outcome = report(WSSEC_STORE=f"sqlite:///{tmp_path}/absent.db")

    (store,) = [one for one in outcome.json["deployment"] if one["check"] == "store"]
    assert (1, False) == (outcome.code, store["ok"])
    assert "wssec" in store["remedy"]


@pytest.mark.requirement("R075")
def test_report_of_an_old_library(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the floor it is not well."""
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "6.4.2" if name == "tornado" else version(name))

    (library,) = [one for one in report().json["deployment"] if one["check"] == "library tornado"]
    assert (False, True) == (library["ok"], library["remedy"].startswith("pip install 'tornado>="))


@pytest.mark.requirement("R075")
@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("50.0.1", "pip install 'cryptography>=50.0.2'; older ones have known faults"),
        ("50.0.2", None),
    ],
)
def test_report_of_a_library_that_comes_with_others(
    report: Any, monkeypatch: pytest.MonkeyPatch, version: str, remedy: str | None
) -> None:
    """We declare no floor of it: below the first without known holes it is advised, and nothing fails for it."""
    installed = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == "cryptography" else installed(name))
    outcome = report()

    (library,) = [one for one in outcome.json["deployment"] if one["check"] == "library cryptography"]
    assert (0, True, version, remedy) == (outcome.code, library["ok"], library["found"], library["remedy"])
