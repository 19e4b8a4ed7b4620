"""The page on proxies: its numbers are those of the files and of the server."""

import re

import pytest

from tests.deploy.deployment import FILES, FROM, PAGE, PROXIES
from tests.docs.pages import DOCS, ROOT, blocks
from tornado_wssec import Timeouts

PROXIES_PAGE = DOCS / "proxies.md"


@pytest.mark.requirement("R015", "R089")
def test_proxies_timeouts_are_those_of_the_files() -> None:
    """Each row of the table of timeouts is what the server, or a file, says."""
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| (\d+) \|$", PROXIES_PAGE.read_text(), re.MULTILINE)
    files = {name: (ROOT / "examples" / "deploy" / FILES[name]).read_text() for name in PROXIES}
    found = {("server", f"Timeouts.{name}"): value for name, value, _ in Timeouts.table()}

    assert 5 == len(rows)
    for who, what, seconds in rows:
        if who == "server":
            assert float(seconds) == found[who, what]
        else:
            assert [seconds] == re.findall(rf"^ *{what} +(\d+)s;?$", files[who.lower()], re.MULTILINE)


def test_proxies_are_trusted_as_the_page_says() -> None:
    """The variables at its top are those that the tests give to the server behind the files."""
    (text,) = [block.text for block in blocks(PROXIES_PAGE) if block.language == "sh"]

    assert f"WSSEC_TRUSTED_PROXIES={FROM}\nWSSEC_ORIGINS={PAGE}\n" == text


def test_proxies_page_shows_the_files_that_are_tested() -> None:
    """The very files, not copies of them."""
    included = re.findall(r"\{literalinclude\} \.\./examples/deploy/(\S+)", PROXIES_PAGE.read_text())

    assert [FILES[name] for name in PROXIES] == included
