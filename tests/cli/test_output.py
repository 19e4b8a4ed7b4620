"""Results reach people and programs, and nothing in them acts on a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.cli.output import error, note, print_facts, print_json, printable, show_time, warn


@given(st.text(st.characters(exclude_categories=[])))
def test_printable_text_stays_on_its_line(text: str) -> None:
    """Whatever it was, half surrogates too."""
    assert printable(text).isprintable()


def test_printable_text_is_not_changed() -> None:
    """Words of any language stay as they are."""
    assert "Ünïcode 文字" == printable("Ünïcode 文字")


def test_error_is_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, whatever it is made of."""
    error("one\r\ntwo\x1b[2J" + "x" * 10_000)

    out, err = capsys.readouterr()
    assert ("", 1, True) == (out, err.count("\n"), len(err) < 700)
    assert err.startswith("wssec: one two\\x1b[2Jxxx")


@pytest.mark.parametrize(
    "text",
    [
        "bad token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1NDIifQ.c2lnbmF0dXJl here",
        "half a token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1NDIifQ here",
        "a header eyJhbGciOiJFZERTQSJ9 here",
        "a store redis://app:eyJzdWIiOiJ1NDIifQ@db here",
        "a store redis://app:c2lnbmF0dXJl/@x@db here",
    ],
)
def test_lines_hold_no_token_and_no_password(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """What looks like one is left out of errors, warnings and notes."""
    for say in (error, warn, note):
        say(text)

    told = capsys.readouterr().err
    assert (3, 3) == (told.count("[redacted]"), told.count("here"))
    assert not [part for part in ("eyJ", "c2lnbmF0dXJl") if part in told]


def test_facts_stand_in_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """A name and its value on each line."""
    print_facts({"id": 1, "revoked": None})

    assert "id       1\nrevoked  -\n" == capsys.readouterr().out


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes for terminals are escaped."""
    print_json({"reason": "é\x1b[2J\x9b"})

    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert {"reason": "é\x1b[2J\x9b"} == json.loads(out)


@pytest.mark.parametrize(
    ("at", "told"), [(0.0, "1970-01-01T00:00:00Z"), (1_580_472_000.9, "2020-01-31T12:00:00Z"), (None, None)]
)
def test_time_is_told_in_utc(at: float | None, told: str | None) -> None:
    """To the second, since a token's times are that."""
    assert told == show_time(at)


@pytest.mark.parametrize("at", [1e18, -1e18])
def test_time_beyond_the_calendar_is_told_as_seconds(at: float) -> None:
    """An entry from elsewhere may hold any number."""
    assert f"{at:.0f}" == show_time(at)
