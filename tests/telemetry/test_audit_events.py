"""The table of events is what the code records, and nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tornado_wssec
from tornado_wssec.telemetry.audit_events import EVENTS

PACKAGE = Path(tornado_wssec.__file__).parent
RECORDING = {"record", "_record", "record_of"}
MADE_UP = {f"channel.{measure}" for measure in ("mute", "unmute", "ban", "unban", "slow")}
"""Their names are put together from the measure."""


def recorded() -> Iterator[tuple[str, str, set[str]]]:
    """(place, event, facts named there) of every call that names an event."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node.func) in RECORDING and node.args:
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    facts = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                    yield f"{path.name}:{node.lineno}", name.value, facts


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


CALLS = list(recorded())


@pytest.mark.requirement("R083")
def test_events_are_all_recorded_and_all_declared() -> None:
    """A line that the reference does not explain, and a row for a line that never comes, are both faults."""
    named = {event for _, event, _ in CALLS}

    assert {event for event in named if "." in event} | MADE_UP | {"audit.recovered"} == set(EVENTS)


@pytest.mark.parametrize(("place", "event", "facts"), CALLS, ids=[place for place, _, _ in CALLS])
def test_events_hold_the_facts_that_the_table_names(place: str, event: str, facts: set[str]) -> None:
    """What is named where it is recorded stands in the table."""
    assert set() == facts - set(EVENTS[event].facts)
