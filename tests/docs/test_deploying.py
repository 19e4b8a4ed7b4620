"""The page on deploying: what it shows, names and computes is what there is."""

import json
import re
from runpy import run_path

import pytest

from bench.results import RESULTS
from tests.deploy.units import UNITS
from tests.docs.pages import DOCS, ROOT, blocks
from tornado_wssec.closing import going_away
from tornado_wssec.draining import AGAIN_SECONDS, SPREAD_SHARE
from tornado_wssec.stop_signals import ECHO_SECONDS, ENDING_SECONDS
from tornado_wssec.telemetry.audit_events import EVENTS
from tornado_wssec.telemetry.measures import METRICS

PAGE = (DOCS / "deploying.md").read_text(encoding="utf-8")
MEASURED = run_path(str(DOCS / "_ext" / "measured.py"))


@pytest.mark.requirement("R089", "R090")
def test_deploying_shows_the_files_that_are_tested() -> None:
    """The very files, not copies of them."""
    shown = re.findall(r"\{literalinclude\} \.\./(\S+)", PAGE)

    assert 4 == len(shown)
    assert all((ROOT / path).is_file() for path in shown)


def test_deploying_restarts_as_the_unit_says() -> None:
    """The one command of the page is the one at the top of the unit."""
    (loop,) = [block.text for block in blocks(DOCS / "deploying.md") if block.language == "sh"]

    assert f"#   {loop}" in (UNITS / "wssec@.service").read_text()


def test_deploying_tells_of_the_drain_as_it_is() -> None:
    """Its words and its numbers."""
    names = {metric.name for metric in METRICS}

    assert f"`{going_away(AGAIN_SECONDS).reason}`" in PAGE
    assert (2 / 3, 0.5, 5) == (SPREAD_SHARE, ECHO_SECONDS, ENDING_SECONDS)
    assert {"drain.began", "drain.ended"} <= EVENTS.keys()
    assert {"wssec_draining", "wssec_closes"} <= names


def test_deploying_sizes_by_what_was_measured() -> None:
    """A row for each kind of work, each with its cost and what half a core does of it."""
    titles, *rows = MEASURED["TABLES"]["sizing"](json.loads(RESULTS.read_text(encoding="utf-8")))

    assert {len(titles)} == {len(row) for row in rows}
    assert "```{measured} sizing\n```" in PAGE
    for what, cost, carried in rows[1:]:
        at_once = float(carried.removesuffix(" a second").replace(",", ""))
        assert 0.94 < at_once * float(cost.removesuffix(" µs")) / 500_000 < 1.06, what
