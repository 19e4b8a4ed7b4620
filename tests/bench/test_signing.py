"""What signing costs is measured, and shown where it is decided about."""

import json

import pytest

from bench.results import RESULTS
from bench.suites import signing
from tests.docs.pages import DOCS

WAYS = {"bare", "signed with Ed25519", "signed with ES256"}


@pytest.mark.requirement("R064")
def test_signing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bare and with each kind of key, small and large; without a bar."""
    monkeypatch.setattr(signing, "MESSAGES", 2)
    outcome = signing.measure(1)

    assert [] == outcome.figures
    assert [(size, WAYS) for size in signing.NOTES] == [
        (size, set(row)) for size, row in outcome.tables["signing"].items()
    ]


def test_signing_costs_are_on_its_page() -> None:
    """As they were measured last; a signature costs more than it takes to admit the message."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))["tables"]["signing"]

    assert "```{measured} costs signing\n" in (DOCS / "signing.md").read_text(encoding="utf-8")
    for row in measured.values():
        assert "bare" == min(row, key=lambda way: row[way][0])
