"""A run says what it left out, and with CI set it may leave nothing out."""

import pytest

LEAVES_OUT = """
from tests.left_out import leave_out

def test_with_a_browser():
    leave_out("browser", "apt-get install chromium")

def test_without():
    pass
"""


def run(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    """Run a file of tests with the plugin alone."""
    pytester.makepyfile(source)
    return pytester.runpytest("-p", "tests.left_out", "-p", "no:cacheprovider")


def test_left_out_is_named_with_its_remedy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing and the command that brings it stand at the end; the run passes."""
    monkeypatch.delenv("CI", raising=False)
    result = run(pytester, LEAVES_OUT)

    result.stdout.fnmatch_lines(["*left out*", "1 left out: no browser; apt-get install chromium"])
    assert pytest.ExitCode.OK == result.ret


@pytest.mark.parametrize("value", ["true", "1"])
def test_left_out_is_a_failure_under_ci(value: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI set a run that left something out fails, although every test that ran has passed."""
    monkeypatch.setenv("CI", value)
    result = run(pytester, LEAVES_OUT)

    result.stdout.fnmatch_lines(["1 left out: no browser; apt-get install chromium", "*that is a failure.*"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret


@pytest.mark.parametrize(
    "source",
    ["import pytest\npytest.importorskip('nowhere')", "import pytest\npytest.skip('x', allow_module_level=True)"],
)
def test_left_out_counts_whole_files(source: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that skips itself was left out too."""
    monkeypatch.setenv("CI", "true")
    result = run(pytester, f"{source}\ndef test_x(): pass")

    result.stdout.fnmatch_lines(["1 left out: *"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret


def test_left_out_nothing_is_said_too(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole run says so, and passes under CI."""
    monkeypatch.setenv("CI", "true")
    result = run(pytester, "def test_x(): pass")

    result.stdout.fnmatch_lines(["Nothing was left out."])
    assert pytest.ExitCode.OK == result.ret
