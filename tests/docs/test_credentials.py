"""The page that helps to choose a credential: its code runs, and nothing that there is to choose is missing."""

from typing import Any

from tests.docs.pages import DOCS, blocks
from tornado_wssec import SecureWebSocketHandler, auth

PAGE = DOCS / "credentials.md"
WAYS = {name for name in auth.__all__ if name not in {"Authenticator", "Credential", "Desk", "RequestView"}}


def test_credentials_code_runs() -> None:
    """Its handlers can be declared as they stand."""
    names: dict[str, Any] = {}
    for block in blocks(PAGE):
        if block.language == "python":
            exec(block.text, names)  # noqa: S102  # the page is ours

    assert issubclass(names["PageSocket"], SecureWebSocketHandler)
    assert ["bearer", "api_key"] == [way.name for way in names["DeviceSocket"].authenticators]


def test_credentials_leaves_none_out() -> None:
    """Every authenticator of the package stands in the table of choices, and counts in the first sentence."""
    text = PAGE.read_text()
    choices = text.partition("## Which one")[2].partition("\n## ")[0]

    assert [] == [name for name in sorted(WAYS) if f"`{name}`" not in choices]
    assert 7 == len(WAYS)
    assert "Seven ways" in text
