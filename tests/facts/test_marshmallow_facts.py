"""What marshmallow does that the design leans on, or guards against.

An upgrade that changes one says so here.
"""

from typing import Any

import pytest
from marshmallow import Schema, SchemaOpts, ValidationError, fields, validate


def accepts(field: fields.Field[Any], value: object) -> bool:
    """Whether a schema of this one field loads the value."""
    try:
        Schema.from_dict({"field": field})().load({"field": value})
    except ValidationError:
        return False
    return True


def test_marshmallow_options_class_reads_meta() -> None:
    """An `OPTIONS_CLASS` adds options to `class Meta`, and subclasses inherit it."""

    class Options(SchemaOpts):
        def __init__(self, meta: type) -> None:
            super().__init__(meta)
            self.permission = getattr(meta, "permission", None)

    class Base(Schema):
        OPTIONS_CLASS = Options

    class Send(Base):
        class Meta:
            permission = "chat:write"

    assert getattr(Send.opts, "permission", None) == "chat:write"


def test_marshmallow_refuses_unknown_keys_by_default() -> None:
    """`unknown` is RAISE unless somebody changes it."""
    with pytest.raises(ValidationError) as caught:
        Schema.from_dict({"a": fields.String()})().load({"b": 1})

    assert caught.value.messages == {"b": ["Unknown field."]}


def test_marshmallow_unknown_of_load_does_not_reach_nested() -> None:
    """`load(unknown=EXCLUDE)` loosens the outer schema alone, so neither can it tighten an inner one."""
    inner = Schema.from_dict({"a": fields.String()})
    outer = Schema.from_dict({"inner": fields.Nested(inner)})

    with pytest.raises(ValidationError) as caught:
        outer().load({"inner": {"b": 1}, "c": 1}, unknown="exclude")

    assert caught.value.messages == {"inner": {"b": ["Unknown field."]}}


def test_marshmallow_validator_that_returns_false_passes() -> None:
    """Only an exception refuses; a validator that returns False is silence."""

    assert accepts(fields.String(validate=lambda value: False), "x")


def test_marshmallow_validator_exceptions_come_through() -> None:
    """A validator that crashes is no ValidationError: whoever calls `load` must catch it."""

    def crash(value: str) -> None:
        raise KeyError(value)

    with pytest.raises(KeyError):
        accepts(fields.String(validate=crash), "x")


@pytest.mark.parametrize("value", [" 1 ", "1_000", "１", 1.9])
def test_marshmallow_integer_coerces(value: object) -> None:
    """An Integer takes strings and fractions unless it is strict."""

    assert accepts(fields.Integer(), value)


@pytest.mark.parametrize("value", ["1_000", "１", 1.9, 1.0, True])
def test_marshmallow_strict_integer_refuses(value: object) -> None:
    """A strict Integer takes integers alone, not even 1.0 or True."""

    assert not accepts(fields.Integer(strict=True), value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.Boolean(), "yes"),
        (fields.Boolean(), "on"),
        (fields.Boolean(), 1),
        (fields.Float(), "1_0"),
        (fields.Decimal(), "1E+999999"),
        (fields.String(), b"bytes"),
        (fields.String(), "\x00"),
        (fields.String(), "\ud800"),
        (fields.String(), "x" * 1_000_000),
        (fields.List(fields.Integer()), [1] * 10_000),
        (fields.Dict(), {"anything": object()}),
    ],
)
def test_marshmallow_field_takes_what_it_should_not(field: fields.Field[Any], value: object) -> None:
    """Coercions and missing limits, for which a registry refuses the plain field in strict mode."""

    assert accepts(field, value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("^[a-z]+$", "abc\n"), ("[a-z]+", "abc;DROP TABLE")],
)
def test_marshmallow_regexp_matches_a_beginning(pattern: str, text: str) -> None:
    r"""`Regexp` matches from the start, so only `\Z` makes it match to the end."""

    assert accepts(fields.String(validate=validate.Regexp(pattern)), text)
    assert not accepts(fields.String(validate=validate.Regexp(pattern.strip("^$") + r"\Z")), text)


@pytest.mark.parametrize("value", [["list"], "scalar", 1, None])
def test_marshmallow_nested_refuses_what_is_no_object(value: object) -> None:
    """A Nested field given a list or a scalar is invalid, not a crash."""
    inner = Schema.from_dict({"a": fields.String()})

    assert not accepts(fields.Nested(inner), value)


def test_marshmallow_error_messages_grow_with_the_input() -> None:
    """Each unknown key brings a message of its own: keys are capped before `load`."""
    with pytest.raises(ValidationError) as caught:
        Schema().load({f"key{number}": 1 for number in range(5_000)})

    assert len(caught.value.messages) == 5_000
