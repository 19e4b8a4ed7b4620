"""What a run leaves out is said aloud at its end, and with CI=true nothing may be left out.

A fixture that needs what not every machine has (a browser, a Redis server) calls `leave_out()`
where it is missing.
"""

import os
from typing import NoReturn

import pytest


def leave_out(what: str, remedy: str) -> NoReturn:
    """Leave the running test out for want of `what`; `remedy` is the command that brings it."""
    pytest.skip(f"no {what}; {remedy}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out and why."""
    reasons = _reasons(config)
    terminalreporter.section("left out")
    for reason in sorted(set(reasons)):
        terminalreporter.line(f"{reasons.count(reason)} left out: {reason}")
    if not reasons:
        terminalreporter.line("Nothing was left out.")
    elif _everything_must_run():
        terminalreporter.line("CI is set, so that is a failure.", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that left something out where everything must run."""
    if _reasons(session.config) and _everything_must_run():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reasons(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    return [report.longrepr[2].removeprefix("Skipped: ") for report in skipped]


def _everything_must_run() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}
