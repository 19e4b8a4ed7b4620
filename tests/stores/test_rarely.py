"""What the log is told once, however often it happens."""

import logging

import pytest

from tornado_wssec.stores import rarely
from tornado_wssec.stores.rarely import AGAIN_SECONDS, Rarely


def test_rarely_tells_once_in_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    """Then how often it was left out; another text is told all the same."""
    now = [5.0]
    log = Rarely(logging.getLogger("test"), lambda: now[0])
    for text in ("a", "a", "b", "a"):
        log.error(text)
    now[0] += AGAIN_SECONDS
    for _ in range(2):
        log.error("a")

    assert ["a", "b", "a (2 more times in between)"] == caplog.messages
    caplog.clear()


def test_rarely_remembers_so_many_texts(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more nothing is said, until one of them has been forgotten."""
    monkeypatch.setattr(rarely, "TEXTS_MOST", 2)
    now = [5.0]
    log = Rarely(logging.getLogger("test"), lambda: now[0])
    for text in "abc":
        log.error(text)
    now[0] += AGAIN_SECONDS
    log.error("c")

    assert ["a", "b", "c"] == caplog.messages
    caplog.clear()
