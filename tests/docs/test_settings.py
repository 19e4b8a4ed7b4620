"""The page on settings names those that nothing reads."""

import re
from pathlib import Path

from tests.docs.pages import DOCS, ROOT
from tornado_wssec.settings import Limits, Timeouts, TokenRules

PACKAGE = ROOT / "tornado_wssec"
GROUPS = (Limits, Timeouts, TokenRules)


def source(package: Path = PACKAGE) -> str:
    """All of the package's code, without that which declares the settings."""
    return "\n".join(path.read_text() for path in sorted(package.rglob("*.py")) if path.parent.name != "settings")


def test_settings_that_nothing_reads_are_named() -> None:
    """Each setting of a table is read by some module, or listed as not in force."""
    code = source()
    holders = r"(?:limits|timeouts|rules?|Limits\(\)|Timeouts\(\)|TokenRules\(\))"
    unread = {name for group in GROUPS for name, _, _ in group.table() if not re.search(rf"{holders}\.{name}\b", code)}
    _, _, listed = (DOCS / "settings.md").read_text().partition("## Not in force in this version")

    assert unread == set(re.findall(r"`([a-z_]+)`", listed))
