"""marshmallow's own tests hold where `Schema.load` goes our way: gates, and functions written for the schemas.

Strict mode is off: what it refuses does not start, so that nothing would be left to compare.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.marshmallow.source import marshmallow_source
from tests.marshmallow.through_ours import COUNTS
from tests.starter.running import ROOT

FIRST_REFUSAL: Final = "the first refusal ends a field, so that no expression runs over a text that is too long already"
EXCLUDED: Final = {
    f"tests/test_deserialization.py::TestSchemaDeserialization::test_multiple_errors_can_be_stored_for_{what}": reason
    for what, reason in {
        "a_field": FIRST_REFUSAL,
        "an_email_field": FIRST_REFUSAL,
        "a_url_field": FIRST_REFUSAL,
    }.items()
}
"""Tests that cannot hold, and why."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of theirs has told."""
    source, counts = marshmallow_source(), tmp_path_factory.mktemp("marshmallow") / "counts.json"
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "through_ours", "-p", "no:cacheprovider"]
    paths = os.pathsep.join([str(Path(__file__).parent), str(ROOT)])
    ended = subprocess.run(
        [*command, "--ignore", "tests/mypy_test_cases", "tests"],
        check=False,
        cwd=source,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, COUNTS: str(counts)},
    )
    assert counts.exists(), ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(counts.read_text())
    found["said"] = ended.stdout
    return found


@pytest.mark.requirement("R051")
def test_marshmallow_own_tests_hold(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """All but those that are named, and those fail indeed; how many there were is printed."""
    with capsys.disabled():
        print(_summary(told))  # noqa: T201  # the count and the exclusions are to be seen

    assert sorted(EXCLUDED) == sorted(told["failed"]), told["said"]


def test_marshmallow_own_tests_go_our_way(told: dict[str, Any]) -> None:
    """Enough of them load something, and enough of that is accepted by what was written for a schema."""

    assert told["run"] > 1_000
    assert told["tests"] > 150
    assert told["accepted"] > 50


def _summary(told: dict[str, Any]) -> str:
    lines = [
        f"\n{told['run']} tests of marshmallow's own, {told['tests']} of which load by a schema as a message does:",
        f"  {told['accepted']} loads were accepted by functions written for the schema, with an equal result",
        f"  {told['judged']} were judged by marshmallow behind our gates",
        f"  {told['left']} were left to it: many objects, partial data or another `unknown`, as no message is loaded",
        *(f"  excluded: {test}: {reason}" for test, reason in EXCLUDED.items()),
    ]
    return "\n".join(lines)
