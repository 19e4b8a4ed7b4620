"""An incident is told when it begins and when it is over."""

import logging

import pytest

from tests.kits import audited
from tornado_wssec.telemetry.audit import LOGGER, Audit
from tornado_wssec.telemetry.incidents import MANY_SECONDS, Incident, Incidents


class Hand:
    """A clock that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_incident_is_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is seen meanwhile; as an error, and its end as a warning."""
    clock = Hand()
    incident = Incident(logging.getLogger("tornado_wssec.test"), clock)
    incident.end("it is back")
    for _ in range(1_000):
        incident.begin("%s is gone; find it", "it")
    clock.now += 5
    incident.end("it is back")
    incident.end("it is back")

    assert [("ERROR", "it is gone; find it"), ("WARNING", "it is back, after 5.0 s")] == [
        (record.levelname, record.getMessage()) for record in caplog.records
    ]


def test_incident_that_lasts_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    """Once in ten minutes, and the next one at once."""
    clock = Hand()
    incident = Incident(logging.getLogger("tornado_wssec.test"), clock)
    for _ in range(21):
        incident.begin("gone")
        clock.now += MANY_SECONDS / 10
    assert 3 == len(caplog.records)
    incident.end("back")
    incident.begin("gone")

    assert 5 == len(caplog.records)


def test_incident_in_the_audit_and_the_metrics(caplog: pytest.LogCaptureFixture) -> None:
    """Begun and over are an event each, and a number in between, by its name."""
    caplog.set_level(logging.INFO, LOGGER)
    incidents = Incidents(Audit(), lambda: 0.0)
    logger = logging.getLogger("tornado_wssec.test")
    incident, other = Incident(logger, lambda: 7.0, "store_silent"), Incident(logger, lambda: 7.0, "clock")
    incidents.adopt(incident, other)
    incident.begin("it fails")
    incident.begin("it fails")

    assert {("store_silent",): 1.0, ("clock",): 0.0} == incidents.lasting
    incident.end("it works")
    assert {("store_silent",): 0.0, ("clock",): 0.0} == incidents.lasting
    assert ["store_silent"] == [line["what"] for line in audited(caplog.records, "fault.began")]
    assert [("store_silent", 0.0)] == [
        (line["what"], line["seconds"]) for line in audited(caplog.records, "fault.ended")
    ]
