"""What `wssec check` says of the certificate."""

from pathlib import Path

import pytest

from tests.certificates import Certified, certify
from tornado_wssec.certificates import DAY_SECONDS, expiry_of
from tornado_wssec.cli.certificate_lines import certificate_lines
from tornado_wssec.settings import Settings


@pytest.fixture
def files(tmp_path: Path) -> Certified:
    """A certificate and its key."""
    return certify(tmp_path)


def lines(files: Certified) -> list[tuple[str, str, str | None]]:
    """Level, what and remedy of each line."""
    settings = Settings.from_env({}, tls_cert=str(files.certificate), tls_key=str(files.key))
    return [(str(line.level), line.what, line.remedy) for line in certificate_lines(settings)]


@pytest.mark.parametrize(
    ("days", "level", "what"),
    [
        (100, "in force", "the certificate ends on "),
        (30, "declared", "the certificate ends in 30 days, on "),
        (2, "declared", "the certificate ends in 2 days, on "),
        (-1, "declared", "the certificate ended on "),
    ],
)
def test_check_says_when_the_certificate_ends(
    days: float, level: str, what: str, files: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a date; within thirty days as something to be done."""
    monkeypatch.setattr(
        "tornado_wssec.cli.certificate_lines.time.time", lambda: expiry_of(str(files.certificate)) - days * DAY_SECONDS
    )
    ((found, said, remedy),) = lines(files)

    assert (level, True) == (found, said.startswith(what))
    assert (level == "declared") == (remedy is not None)


def test_check_says_that_the_key_is_open(files: Certified) -> None:
    """As the server would, which does not start with it."""
    files.key.chmod(0o644)
    ((level, what, remedy),) = lines(files)

    assert ("problem", f"chmod 600 {files.key}") == (level, remedy)
    assert "has mode 0644" in what


def test_check_says_that_the_certificate_cannot_be_used(files: Certified) -> None:
    """Whatever is wrong with it."""
    files.certificate.write_text("no certificate")
    ((level, what, _),) = lines(files)

    assert "problem" == level
    assert what.startswith("the certificate and its key cannot be used: ")


def test_check_without_a_certificate() -> None:
    """There is nothing to say of it here."""
    assert [] == list(certificate_lines(Settings()))
