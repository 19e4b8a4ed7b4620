"""The page on OpenTelemetry: its code runs, and it names every span and attribute that there is."""

import re
from typing import Any

from tests.docs.pages import DOCS, blocks
from tests.kits import chat_kit
from tornado_wssec.telemetry import otel
from tornado_wssec.telemetry.otel_meters import PATIENCE_SECONDS

PAGE = DOCS / "tracing.md"
TEXT = PAGE.read_text()


def test_tracing_page_makes_a_guard() -> None:
    """With providers that do nothing as long as no SDK is set up."""
    (block,) = (block for block in blocks(PAGE) if block.file_name == "traced.py")
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 - it is our own page
    kit = chat_kit()
    parts = {"registry": kit.guard.registry, "store": kit.store, "keys": kit.keys, "issuer": "i", "audience": "a"}
    guard = names["make_guard"](**parts)

    assert not guard.trusts_traceparent


def test_tracing_page_names_each_attribute() -> None:
    """Those that a span can have."""
    source = (DOCS.parent / "tornado_wssec" / "telemetry" / "otel.py").read_text()
    named = set(re.findall(r'"((?:wssec|http|enduser|error)\.[a-z_.]+)"', source))

    assert {"wssec.endpoint", "wssec.code", otel.REFUSED} <= named
    assert [] == [name for name in sorted(named) if f"`{name}`" not in TEXT]


def test_tracing_page_says_how_long_a_reader_waits() -> None:
    """For the event loop."""
    assert PATIENCE_SECONDS == 1.0
    assert "within a second" in TEXT
