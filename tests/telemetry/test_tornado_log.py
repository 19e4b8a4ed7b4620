"""Tornado's own lines: masked, on one line, and not too many."""

import logging
from collections.abc import Iterator

import pytest

from tornado_wssec.telemetry.sampling import Sampler
from tornado_wssec.telemetry.tornado_log import LINE_CHARS, LOGGERS, TornadoLog

GENERAL = logging.getLogger("tornado.general")
APPLICATION = logging.getLogger("tornado.application")


@pytest.fixture
def sampler(caplog: pytest.LogCaptureFixture) -> Iterator[Sampler]:
    """The sampler behind an installed filter."""
    caplog.set_level(logging.DEBUG)
    sampler = Sampler(3, 10.0, lambda: 0.0)
    log = TornadoLog(sampler)
    log.install()
    log.install()
    yield sampler
    log.remove()


def test_l04_tornado_lines_lose_queries(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """In the text, in its arguments, and in what an argument prints of itself."""

    class Request:
        def __repr__(self) -> str:
            return "HTTPServerRequest(uri='/a?token=s3cr3t', remote_ip='::1')"

    APPLICATION.error("Uncaught exception %s\n%r", "GET /a?token=s3cr3t (::1)", Request())
    GENERAL.warning("403 GET /a?token=s3cr3t: why not")

    assert [
        "Uncaught exception GET /a?[redacted] (::1)\\x0aHTTPServerRequest(uri='/a?[redacted]', remote_ip='::1')",
        "403 GET /a?[redacted] why not",
    ] == caplog.messages


def test_l03_tornado_malformed_line_is_masked(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """What was malformed may be the header with the token."""
    GENERAL.info("Malformed HTTP message from %s: %s", "::1", "Authorization: Bearer s3cr3t")

    assert ["Malformed HTTP message from ::1: [redacted]"] == caplog.messages


def test_l08_tornado_lines_are_cut(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """10 KB of a stranger fill no line, and break none."""
    GENERAL.warning("SSL Error on %s: %s", 7, "x" * 10_000 + "\nINFO forged")

    assert LINE_CHARS + 1 >= len(caplog.messages[0])
    assert "\n" not in caplog.messages[0]


def test_tornado_lines_with_percent_signs_stay(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """What has been written out is not formatted once more."""
    GENERAL.warning("%s", "100 %s %d")

    assert ["100 %s %d"] == caplog.messages


def test_tornado_line_that_cannot_be_written(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """An object that fails to print itself does not fail the server, and leaves no traceback with what it holds."""

    class Broken:
        def __repr__(self) -> str:
            raise ValueError("s3cr3t")

    APPLICATION.error("Uncaught exception %r", Broken())

    assert ["a line of tornado.application that cannot be written"] == caplog.messages


def test_l02_tornado_lines_are_sampled(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    """The first of a kind, whatever strangers put into them; the rest is counted."""
    for number in range(100):
        GENERAL.warning("SSL Error on %s %s: %s", number, ("::1", number), "wrong version")

    assert 3 == len(caplog.messages)
    assert [("lines of tornado.general like 'SSL Error on %s %s: %s'", 97)] == sampler.ended(all_of_them=True)


def test_tornado_log_leaves_loggers_as_they_were() -> None:
    """After `remove`, also when it was installed twice."""
    before = [list(logging.getLogger(name).filters) for name in LOGGERS]
    log = TornadoLog(Sampler(1, 1.0, lambda: 0.0))
    log.install()
    log.install()
    log.remove()

    assert before == [logging.getLogger(name).filters for name in LOGGERS]
