"""What the standard library's JSON lets through, and why the codec sets hooks and looks again."""

import json
import math

import pytest


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_json_takes_numbers_that_are_none(text: str) -> None:
    """RFC 8259 §6 knows neither NaN nor infinities; `json.loads` does."""

    assert not math.isfinite(json.loads(text))


def test_json_parse_constant_does_not_see_overflow() -> None:
    """`parse_constant` catches the words, and 1e400 slips past it."""
    seen: list[str] = []
    json.loads("[NaN, 1e400]", parse_constant=seen.append)

    assert seen == ["NaN"]


@pytest.mark.parametrize("text", ['{"type":"a","type":"b"}', '{"type":"a","typ\\u0065":"b"}'])
def test_json_last_duplicate_wins(text: str) -> None:
    """Duplicate names pass in silence, also when one is spelt with an escape."""

    assert json.loads(text) == {"type": "b"}
    assert [name for name, _ in json.loads(text, object_pairs_hook=list)] == ["type", "type"]


def test_json_takes_lone_surrogates() -> None:
    """A lone surrogate passes and only fails later, when somebody encodes it."""
    text = json.loads('"\\ud800"')

    with pytest.raises(UnicodeEncodeError):
        text.encode()


def test_json_deep_nesting_is_a_recursion_error() -> None:
    """Too deep is no JSONDecodeError: whoever parses must catch RecursionError as well."""
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)


def test_json_long_integer_is_a_plain_value_error() -> None:
    """4,301 digits are a ValueError that is no JSONDecodeError."""
    with pytest.raises(ValueError, match="4300 digits") as caught:
        json.loads("1" * 4_301)

    assert not isinstance(caught.value, json.JSONDecodeError)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_json_guesses_the_encoding_of_bytes(encoding: str) -> None:
    """Bytes may be UTF-16 or UTF-32, which RFC 8259 §8.1 forbids: decode before parsing."""

    assert json.loads('{"a":1}'.encode(encoding)) == {"a": 1}
