"""The evidence: one JSON object a line."""

import json
import logging
from typing import Any

import pytest

from tornado_wssec.telemetry.audit import LOGGER, Audit


def recorded(caplog: pytest.LogCaptureFixture, **facts: Any) -> dict[str, Any]:
    """What one event looks like when it is read again."""
    caplog.set_level(logging.INFO, LOGGER)
    Audit().record("tests.event", 1_767_225_600.12345, **facts)
    (record,) = caplog.records
    assert (LOGGER, logging.INFO) == (record.name, record.levelno)
    line: dict[str, Any] = json.loads(record.getMessage())
    return line


def test_audit_event(caplog: pytest.LogCaptureFixture) -> None:
    """When, what, and the facts as they are; what is not known is left out."""

    assert {
        "v": 1,
        "at": 1_767_225_600.123,
        "event": "tests.event",
        "code": 4403,
        "ok": True,
        "who": "ann",
    } == recorded(caplog, code=4403, ok=True, who="ann", tenant=None)


@pytest.mark.parametrize(
    "value", ["a\nb", "\u0085", "\u202e", '"}', "\ud800", "x" * 5_000, ["list"], {"a": "\n"}], ids=ascii
)
def test_l01_audit_is_one_line(value: object, caplog: pytest.LogCaptureFixture) -> None:
    """A stranger's value stays within its string, on one printable line, cut."""
    line = recorded(caplog, value=value)

    assert {"v", "at", "event", "value"} == set(line)
    assert caplog.records[0].getMessage().isascii()
    assert caplog.records[0].getMessage().isprintable()
    assert len(line["value"]) <= 257


def test_audit_that_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    """Switched off it costs nothing: not even a string is made of a fact."""

    class Expensive:
        def __str__(self) -> str:
            raise AssertionError("was asked")

    caplog.set_level(logging.WARNING, LOGGER)
    Audit().record("tests.event", 0.0, fact=Expensive())

    assert [] == caplog.records
