"""Whole days: what is told how soon, and that quiet days are quiet. The page on alerts has the table."""

import sys
from functools import cache

import pytest

from tests.telemetry.days import LOOK, SCENARIOS, Day, Outcome, Scenario, play, table
from tornado_wssec.settings import MiB
from tornado_wssec.telemetry.anomaly_alerts import KINDS, AlertKind

SEED = 1
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
SLOW = {"slow exfiltration", "slow credential stuffing"}
"""What needs hours to be much: its thirty seconds count from when it is."""


@cache
def outcome(name: str) -> Outcome:
    """A day of this name, lived through once."""
    return play(BY_NAME[name], SEED)


@pytest.mark.requirement("R087")
@pytest.mark.parametrize("name", BY_NAME)
def test_day_tells_what_happens_and_nothing_else(name: str) -> None:
    """No false alarm all day, and nothing missed."""
    found = outcome(name)

    assert ([], False) == (found.false_alarms, found.is_missed)


@pytest.mark.requirement("R087")
@pytest.mark.parametrize("name", [name for name, one in BY_NAME.items() if not one.expected])
def test_quiet_day_is_quiet(name: str) -> None:
    """On a day like any other, with a network that comes and goes, or with a deploy: nobody is woken."""
    assert () == outcome(name).raised


@pytest.mark.requirement("R088")
@pytest.mark.parametrize(
    "name", [name for name, one in BY_NAME.items() if any(KINDS[k].is_abuse for k in one.expected) and name not in SLOW]
)
def test_abuse_is_told_within_half_a_minute(name: str) -> None:
    """Of simulated time, from its first step."""
    delay = outcome(name).delay

    assert delay is not None
    assert delay <= 30.0


def test_slow_exfiltration_is_told_as_soon_as_it_is_much() -> None:
    """When an hour's total leaves the band: at most thirty seconds' worth is above it."""
    (alert, *_) = outcome("slow exfiltration").raised
    rate = 100 * MiB / 7_200

    assert AlertKind.EGRESS_HOUR == alert.kind
    assert 0.0 < alert.value - alert.band <= 30 * rate + MiB


def test_slow_stuffing_is_told_as_soon_as_it_is_much() -> None:
    """When an hour's total leaves the band: with the next look."""
    (alert, *_) = outcome("slow credential stuffing").raised

    assert AlertKind.CREDENTIALS_ATTACK == alert.kind
    assert 3_600.0 == alert.evidence["seconds"]
    assert 0.0 < alert.value - alert.band <= 2.0


def test_days_notice_a_detector_that_is_blind() -> None:
    """A day on which nothing is looked at misses what happens: the claims above can fail."""
    scenario = Scenario("blind", lambda day, since: None, 600.0, frozenset({AlertKind.EGRESS_BURST}))

    assert play(scenario, SEED, hours=1.0).is_missed


def test_day_is_lively() -> None:
    """At its height more than half of the people are there, and most of them are sent something in a minute."""
    day, most = Day(SEED), 0
    while day.now < 12 * 3_600.0:
        day.step()
        most = max(most, sum(person.is_there for person in day.crowd))

    assert most > len(day.crowd) / 2
    assert LOOK == 5.0


def test_days_are_in_the_page() -> None:
    """The table that the page has is the one of today."""
    from tests.docs.pages import DOCS

    made = "\n".join(table([outcome(name) for name in BY_NAME]))
    sys.stdout.write(f"{made}\n")

    assert made in (DOCS / "alerts.md").read_text()
