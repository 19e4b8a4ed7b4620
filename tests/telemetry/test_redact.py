"""Strings of strangers, made fit for a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.telemetry.redact import SHOWN_CHARS, printable, redacted_uri, where_raised

SHOWN = [
    ("plain", "plain"),
    ("", ""),
    (None, "None"),
    (7, "7"),
    ("a\r\nb", "a\\x0d\\x0ab"),
    ("\x1b[2J", "\\x1b[2J"),
    ("\x7f", "\\x7f"),
    ("\u0085\u009b", "\\x85\\x9b"),
    ("é", "\\xe9"),
    ("\u202e\u200b", "\\u202e\\u200b"),
    ("\U0001f600", "\\U0001f600"),
    ("\ud800", "\\ud800"),
    ("\x00", "\\x00"),
]


@pytest.mark.parametrize(("value", "shown"), SHOWN, ids=ascii)
def test_printable(value: object, shown: str) -> None:
    """Controls, C1 controls, overrides and everything beyond ASCII are escaped."""

    assert shown == printable(value)


@given(st.text(st.characters(exclude_categories=()), max_size=600))
def test_printable_is_one_short_line(text: str) -> None:
    """Whatever comes, it is one printable line, and no longer than what is shown and the mark of a cut."""
    shown = printable(text)

    assert shown.removesuffix("…").isascii()
    assert shown.isprintable()
    assert len(shown) <= SHOWN_CHARS + 1


@pytest.mark.parametrize(("length", "is_cut"), [(255, False), (256, False), (257, True), (10_240, True)])
def test_printable_cut(length: int, is_cut: bool) -> None:
    """L08: a cut shows that it is one."""

    assert is_cut is printable("x" * length).endswith("…")


URIS = [
    ("/ws", "/ws"),
    ("/ws?token=abc", "/ws?[redacted]"),
    ("/ws?", "/ws?[redacted]"),
    ("/ws?a?b", "/ws?[redacted]"),
    ("?token=abc", "?[redacted]"),
    ("", ""),
    ("/a\u0085b?x", "/a\\x85b?[redacted]"),
    ("/" + "x" * 300, "/" + "x" * 255 + "…"),
]


@pytest.mark.parametrize(("uri", "shown"), URIS, ids=ascii)
def test_redacted_uri(uri: str, shown: str) -> None:
    """The path, and that there was a query."""

    assert shown == redacted_uri(uri)


@given(st.text(), st.text(min_size=1))
def test_redacted_uri_tells_nothing_of_the_query(path: str, query: str) -> None:
    """Two queries are shown as one."""

    assert redacted_uri(f"{path}?{query}") == redacted_uri(f"{path}?")


def test_where_raised() -> None:
    """The class and the places, without the message."""

    def inner() -> None:
        raise KeyError("s3cr3t")

    with pytest.raises(KeyError) as caught:
        inner()
    told = where_raised(caught.value)

    assert told.startswith("KeyError at test_redact.py:")
    assert told.endswith(" in inner")
    assert "s3cr3t" not in told


def test_where_raised_without_a_place() -> None:
    """An exception that was never raised has none."""

    assert "ValueError at an unknown place" == where_raised(ValueError("s3cr3t"))


def test_where_raised_from_the_depth() -> None:
    """Of a deep stack the innermost places are told."""

    def dive(depth: int) -> None:
        if depth == 0:
            raise RuntimeError
        dive(depth - 1)

    with pytest.raises(RuntimeError) as caught:
        dive(50)

    assert 6 == where_raised(caught.value).count(" in dive")
