"""What a peer is told about invalid data."""

import enum
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.reasons import DEPTH_MOST, FAULTS_MOST, INVALID, OTHER, TEXT_LENGTH, TEXTS_MOST, Reasons

from .samples import schema, text


class Color(enum.Enum):
    """Members that are told by name."""

    RED = 1
    BLUE = 2


def told(outer: type[Schema], data: object) -> dict[str, object]:
    """What a peer is told of data that a schema refuses."""
    made = outer()
    with pytest.raises(ValidationError) as caught:
        made.load(data)  # type: ignore[arg-type]  # what a peer sends may be anything
    return Reasons.of(levels_of(made)).told(caught.value.messages)


def field_told(field: fields.Field[Any], value: object) -> object:
    """What a peer is told of one value."""
    return told(schema(field=field), {"field": value})["field"]


def raising(error: ValidationError) -> Callable[[object], None]:
    """A validator of the application that refuses everything."""

    def validator(value: object) -> None:
        raise error

    return validator


def test_reasons_are_told_by_field() -> None:
    """Missing, unknown and wrong ones, nested as the fields are."""
    inner = schema(x=fields.Integer(strict=True, required=True))
    outer = schema(room=text(), points=fields.List(fields.Nested(inner)), n=fields.Integer(strict=True))

    assert {
        "n": ["Not a valid integer."],
        "other": ["Unknown field."],
        "points": {"1": {"x": ["Missing data for required field."]}, "2": {"_schema": ["Invalid input type."]}},
        "room": ["Missing data for required field."],
    } == told(outer, {"n": "1", "points": [{"x": 1}, {}, 7], "other": 1})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (text(), "x" * 33, "Longer than maximum length 32."),
        (fields.String(validate=validate.Length(1, 3)), "", "Length must be between 1 and 3."),
        (fields.String(validate=validate.Length(equal=3)), "", "Length must be 3."),
        (
            fields.Float(validate=validate.Range(0, 1)),
            2,
            "Must be greater than or equal to 0 and less than or equal to 1.",
        ),
        (fields.Float(validate=validate.Range(max=1, max_inclusive=False)), 1, "Must be less than 1."),
        (fields.String(validate=validate.OneOf(["a", "b"])), "c", "Must be one of: a, b."),
        (fields.String(validate=validate.OneOf(["a"], ["A"], error="Pick {labels}.")), "c", "Pick A."),
        (fields.String(validate=validate.NoneOf(["a"], error="Not {values}.")), "a", "Not a."),
        (fields.String(validate=validate.Equal("a")), "b", "Must be equal to a."),
        (fields.String(validate=validate.Regexp(r"[a-z]+\Z")), "1", "String does not match expected pattern."),
        (fields.String(validate=validate.Regexp(r"x\Z", error="Only {regex}.")), "1", r"Only x\Z."),
        (fields.String(validate=validate.Predicate("isalpha", error="{method}, please.")), "1", "isalpha, please."),
        (fields.String(validate=validate.And(validate.Regexp(r"x\Z", error="Lower case."))), "1", "Lower case."),
        (fields.Enum(Color), "GREEN", "Must be one of: RED, BLUE."),
        (fields.AwareDateTime(), "2026-01-31T12:00:00", "Not a valid aware datetime."),
        (fields.Date(), "x", "Not a valid date."),
        (fields.Tuple((fields.Integer(),)), [], "Length must be 1."),
        (fields.Email(), "x", "Not a valid email address."),
        (fields.Integer(error_messages={"invalid": "A number, please."}), "x", "A number, please."),
    ],
)
def test_reasons_known_at_the_start_are_told(field: fields.Field[Any], value: object, reason: str) -> None:
    """What marshmallow says, and what the application says in a text of its own, goes out as it is."""

    assert [reason] == field_told(field, value)


@pytest.mark.parametrize(
    "field",
    [
        fields.String(validate=validate.Length(max=3, error="{input} is too long")),
        fields.String(validate=validate.OneOf(["a"], error="not {choices} but {input!r}")),
        fields.String(validate=validate.Equal("a", error="{input}")),
        fields.String(validate=validate.ContainsOnly("abc", error="{input}")),
        fields.Integer(error_messages={"invalid": "{input} is no number"}),
        fields.String(validate=raising(ValidationError("secret"))),
        fields.String(validate=raising(ValidationError(["secret", {"secret": ["secret"]}]))),
        fields.String(validate=raising(ValidationError([b"secret"]))),
    ],
)
def test_reasons_never_hold_the_value(field: fields.Field[Any]) -> None:
    """A text that needs the value, or that is composed while a validator runs, is replaced."""

    assert [INVALID] == field_told(field, "secret")


@pytest.mark.parametrize("error", ["{}", "{min.nothing.at.all}", "{min:d}", "{min!z}", "{unheard}", "{"])
def test_reasons_survive_a_text_that_cannot_be_filled(error: str) -> None:
    """Such a text is never told; marshmallow itself crashes on it, which is another matter."""
    made = schema(field=fields.String(validate=validate.Length(max=3, error=error)))()

    assert INVALID in Reasons.of(levels_of(made)).texts


def test_reasons_of_a_whole_schema_are_told() -> None:
    """What is no object has no fields; the reason stands where marshmallow puts it."""

    assert {"_schema": ["Invalid input type."]} == told(schema(room=text()), [])
    assert {"_schema": [INVALID]} == Reasons.of(levels_of(schema()())).told("anything")


@pytest.mark.parametrize("name", ["evil\n", "<script>", "", "x" * 65, "é", "a b", "a:b", "\x00", "__proto__\x00", "а"])
def test_reasons_echo_no_names_but_plain_ones(name: str) -> None:
    """A name from the wire is told only if it can do no harm anywhere."""

    assert {OTHER: ["Unknown field."]} == told(schema(), {name: 1})


@pytest.mark.parametrize("name", ["__proto__", "constructor", "x" * 64, "a-b.c_D9", "_schema"])
def test_reasons_echo_plain_names(name: str) -> None:
    """A client's developer is told which field is unknown."""

    assert {name: ["Unknown field."]} == told(schema(), {name: 1})


def test_reasons_tell_declared_names_whatever_they_are() -> None:
    """The application chose it, so the peer knows it."""

    assert {"größe": ["Not a valid integer."]} == told(schema(n=fields.Integer(data_key="größe")), {"größe": "x"})


def test_reasons_are_bounded() -> None:
    """In count, in depth, in how many texts each, and in length."""
    reasons = Reasons.of(levels_of(schema(x=fields.String(validate=validate.OneOf(["y" * 200])))()))
    deep: Any = ["Unknown field."]
    for _ in range(20):
        deep = {"x": deep}

    assert FAULTS_MOST == len(reasons.told({f"x{number}": ["Unknown field."] for number in range(1_000)}))
    assert DEPTH_MOST == str(reasons.told(deep)).count("{")
    assert ["Unknown field."] == reasons.told({"x": ["Unknown field."] * 99})["x"]
    assert TEXTS_MOST >= len(
        str(reasons.told({"x": ["Unknown field.", INVALID, "Not a valid string.", "?"]})["x"]).split("', '")
    )
    assert TEXT_LENGTH == len(str(reasons.told({"x": ["Must be one of: " + "y" * 200 + "."]})["x"])) - len("['']")


@pytest.mark.parametrize(("length", "end"), [(TEXT_LENGTH, "y."), (TEXT_LENGTH + 1, "y…")])
def test_reasons_are_cut_where_they_are_too_long(length: int, end: str) -> None:
    """And left alone where they just fit."""
    text = "Must be one of: " + "y" * (length - 17) + "."
    reasons = Reasons.of(levels_of(schema(x=fields.String(validate=validate.OneOf(["y" * (length - 17)])))()))
    found = str(reasons.told({"x": [text]})["x"]).removeprefix("['").removesuffix("']")

    assert (TEXT_LENGTH, end) == (len(found), found[-2:])


def test_reasons_share_one_place_among_strange_names() -> None:
    """However many there are, they push no other out of the answer."""
    names = [*(f"é{number}" for number in range(100)), "zz"]

    assert {OTHER, "zz"} == set(told(schema(), dict.fromkeys(names, 1)))


def test_reasons_count_what_is_nested() -> None:
    """A list of lists of faults is no larger than a list of faults."""
    nested = {f"x{a}": {f"y{b}": ["Unknown field."] for b in range(9)} for a in range(9)}
    found = Reasons.of([]).told(nested)

    assert FAULTS_MOST == sum(1 + len(inner) for inner in found.values() if isinstance(inner, dict))


def test_reasons_survive_strange_names() -> None:
    """Whatever a validator takes for a name, nothing but the marker is made of it."""

    class Odd:
        def __str__(self) -> str:
            raise ValueError("odd")

    assert {OTHER: [INVALID]} == Reasons.of([]).told({Odd(): ["secret"], None: ["secret"], (): ["secret"]})


def test_reasons_do_not_depend_on_the_order_of_a_set() -> None:
    """The same faults give the same answer, whatever order marshmallow met them in."""
    names = [f"x{number}" for number in range(50)]
    one, other = ({name: ["Unknown field."] for name in order} for order in (names, reversed(names)))
    reasons = Reasons.of([])

    assert list(reasons.told(one).items()) == list(reasons.told(other).items())


messages = st.recursive(
    st.text() | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=4)
    ),
)


@given(messages)
def test_reasons_hold_nothing_unknown(found: Any) -> None:
    """Whatever a validator raises, each text that goes out is one of ours, and each name is plain."""
    reasons = Reasons.of(levels_of(schema(room=text())()))

    assert_closed(reasons.told(found), set(reasons.texts.values()))


def assert_closed(told: object, texts: set[str]) -> None:
    """Every text is one of these; every name is plain, or the marker."""
    if isinstance(told, dict):
        for name, inner in told.items():
            assert name == OTHER or name.replace("_", "a").replace("-", "a").replace(".", "a").isalnum()
            assert_closed(inner, texts)
    else:
        assert isinstance(told, list)
        assert set(told) <= texts
