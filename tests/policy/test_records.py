"""Records go to a store as JSON and come back checked."""

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.records import Record, dump_record, ensure_seconds, ensure_text


def record(text: str) -> Record:
    """A record of at most 1,000 bytes."""
    return Record.parse(text, 1_000)


def test_record_leaves_none_out() -> None:
    """What is None is absent; what is empty stays."""

    assert '{"a":1,"c":"","d":[]}' == dump_record({"a": 1, "b": None, "c": "", "d": []})


def test_record_is_ascii() -> None:
    """No store has to know an encoding, and half a surrogate pair cannot stop a write."""

    assert '{"a":"\\u00e9\\ud800"}' == dump_record({"a": "é\ud800"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, MappingProxyType({})])
def test_record_of_what_is_no_json_is_refused(value: object) -> None:
    """Only JSON is written."""
    with pytest.raises(ValueError, match="JSON"):
        dump_record({"a": value})


def test_record_nested_too_deeply_is_refused() -> None:
    """Writing and reading end in a ValueError, not in a RecursionError."""
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        dump_record({"a": nested})
    with pytest.raises(ValueError, match="nested too deeply"):
        Record.parse("[" * 100_000, 200_000)


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", "[]", '"text"', "1", "null", "{} {}", None, b"{}", "\ud800", " " * 1001]
)
def test_record_that_is_no_object_is_refused(text: object) -> None:
    """One JSON object as text, no longer than allowed, is a record."""
    with pytest.raises(ValueError, match="the record"):
        Record.parse(text, 1_000)


def test_record_gives_what_is_there() -> None:
    """Each getter gives its type."""
    found = record('{"t":"é","s":1,"f":2.5,"l":["a","b"],"m":{"x":null}}')

    assert ("é", "é") == (found.text("t"), found.optional_text("t"))
    assert (1.0, 2.5, 2.5) == (found.seconds("s"), found.seconds("f"), found.optional_seconds("f"))
    assert (["a", "b"], {"x": None}) == (found.texts("l"), found.mapping("m"))


def test_record_gives_nothing_for_what_is_absent() -> None:
    """The optional getters say None, the plural ones empty, the others refuse."""
    found = record("{}")

    assert (None, None, [], {}) == (
        found.optional_text("x"),
        found.optional_seconds("x"),
        found.texts("x"),
        found.mapping("x"),
    )
    with pytest.raises(ValueError, match="x is no text"):
        found.text("x")
    with pytest.raises(ValueError, match="x is no number"):
        found.seconds("x")


@pytest.mark.parametrize("value", ["null", "true", "1", "[]", "{}", '"\\ud800"'])
def test_record_text_is_text(value: str) -> None:
    """Nothing else is, and null is not absent."""
    found = record(f'{{"x":{value}}}')
    with pytest.raises(ValueError, match=r"^x (is no text|holds half a surrogate pair)"):
        found.text("x")
    with pytest.raises(ValueError, match=r"^x "):
        found.optional_text("x")
    with pytest.raises(ValueError, match=r"^x "):
        record(f'{{"x":[{value}, 1]}}').texts("x")


@pytest.mark.parametrize(
    "value", ["null", "true", '"1"', "[]", "NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400]
)
def test_record_seconds_are_finite(value: str) -> None:
    """A time that is no number would never end."""
    found = record(f'{{"x":{value}}}')
    with pytest.raises(ValueError, match=r"^x is (no number|not finite)"):
        found.seconds("x")
    with pytest.raises(ValueError, match=r"^x is (no number|not finite)"):
        found.optional_seconds("x")


@pytest.mark.parametrize("value", ["null", '"a"', "1", "true"])
def test_record_lists_and_objects_are_such(value: str) -> None:
    """A scalar is neither."""
    found = record(f'{{"x":{value}}}')
    with pytest.raises(ValueError, match="x is no list"):
        found.texts("x")
    with pytest.raises(ValueError, match="x is no object"):
        found.mapping("x")


def test_record_with_unknown_fields_can_be_refused() -> None:
    """What we do not know may be a condition that we would not check."""
    found = record('{"a":1,"secret":2}')
    found.ensure_known(frozenset({"a", "secret", "more"}))

    with pytest.raises(ValueError, match="fields that are not ours") as caught:
        found.ensure_known(frozenset({"a"}))
    assert "secret" not in str(caught.value)


def test_text_is_bounded_by_its_bytes() -> None:
    """Letters are not bytes."""

    assert "é" * 512 == ensure_text("it", "é" * 512)
    with pytest.raises(ValueError, match="it is 1026 bytes long; shorten it to 1024"):
        ensure_text("it", "é" * 513)


def test_seconds_are_floats() -> None:
    """Whole numbers become floats."""
    seconds = ensure_seconds("it", 5)

    assert (5.0, float) == (seconds, type(seconds))


@given(
    st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
def test_record_never_raises_anything_but_value_error(text: str) -> None:
    """Whatever the text, it is a record or a ValueError."""
    try:
        found = record(text)
    except ValueError:
        return

    assert isinstance(found, Record)
