"""What in the fields of a declaration does not start, each with the remedy."""

import enum
from typing import Any

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, validate, validates, validates_schema

from tornado_wssec.errors import Problem
from tornado_wssec.policy import fields as ours

from .samples import channel, message, problems, said, schema, text

WHERE = "tests.policy.samples.Sample"
MOST = validate.Length(max=9)
Plain = enum.Enum("Plain", {"ONE": 1})
Words = enum.Enum("Words", {"ONE": "one"})


class Own(fields.Field[str]):
    """A field type of the application's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return "own"


def of_field(field: fields.Field[Any], *, strict: bool = True) -> list[Problem]:
    """What is said of a message with this one field."""
    return problems(message(x=field), strict=strict)


def faults(field: fields.Field[Any], *, strict: bool = True) -> list[str]:
    """The faults alone."""
    return [problem.fault for problem in of_field(field, strict=strict)]


def test_field_whose_default_all_messages_share_does_not_start() -> None:
    """A handler that adds to it would add to the messages of everybody who comes after; one made anew is another."""
    shared: list[Any] = [[], {}, {"a"}, bytearray()]
    said_of = [faults(fields.Raw(load_default=one))[-1] for one in shared]

    assert ["list", "dict", "set", "bytearray"] == [fault.split()[2] for fault in said_of]
    assert [] == faults(fields.List(text(), validate=MOST, load_default=list))
    assert [] == faults(fields.List(text(), validate=MOST, load_default=[]), strict=False)


@pytest.mark.parametrize(
    "field",
    [
        text(),
        text(validate=validate.Length(equal=3)),
        text(validate=validate.OneOf(["a"])),
        text(validate=validate.Equal("a")),
        text(validate=validate.Regexp(r"[a-z]{1,9}\Z")),
        text(validate=validate.And(validate.Regexp(r"[a-z]+\Z"), MOST)),
        text(validate=[validate.Regexp(r"[a-z]+\Z"), MOST]),
        fields.Url(validate=MOST),
        fields.Email(validate=MOST),
        fields.List(text(), validate=MOST),
        fields.List(text(), validate=validate.Length(equal=2)),
        fields.Tuple((text(), fields.UUID())),
        fields.Dict(keys=text(), values=text(), validate=MOST),
        fields.Nested(schema(x=text())),
        fields.Nested(schema(x=text()), many=True, validate=MOST),
        fields.Integer(strict=True),
        ours.StrictInteger(),
        ours.StrictInteger(as_string=True),
        ours.StrictFloat(),
        ours.StrictBoolean(),
        ours.StrictDecimal(places=2),
        ours.StrictDateTime(),
        ours.StrictTimeDelta(),
        fields.UUID(),
        fields.DateTime(),
        fields.DateTime(format="%Y-%m-%d"),
        fields.AwareDateTime(format="iso"),
        fields.Date(),
        fields.Time(),
        fields.IP(),
        fields.IPv4Interface(),
        fields.Enum(Plain),
        fields.Enum(Words, by_value=True),
        fields.Enum(Plain, by_value=ours.StrictInteger),
        fields.Constant(1, dump_only=True),
        fields.Pluck(schema(x=text()), "x"),
        Own(),
    ],
    ids=lambda field: type(field).__name__,
)
def test_strict_field_starts(field: fields.Field[Any]) -> None:
    """What takes only what is written, and has a bound, is fine in strict mode."""

    assert [] == faults(field)


@pytest.mark.parametrize(
    ("field", "remedy"),
    [
        (fields.Integer(), "StrictInteger"),
        (fields.Integer(strict=True, as_string=True), "as_string"),
        (fields.Float(), "StrictFloat"),
        (fields.Decimal(), "StrictDecimal"),
        (fields.Decimal(places=2, as_string=True), "StrictDecimal"),
        (fields.Boolean(), "StrictBoolean"),
        (fields.Boolean(truthy={True}, falsy={False}), "StrictBoolean"),
        (fields.TimeDelta(), "StrictTimeDelta"),
        (fields.DateTime(format="timestamp"), "StrictDateTime"),
        (fields.DateTime(format="timestamp_ms"), "StrictDateTime"),
        (fields.AwareDateTime(format="rfc"), "StrictDateTime"),
        (fields.NaiveDateTime(format="rfc822"), "StrictDateTime"),
        (fields.Enum(Plain, by_value=True), "by_value=StrictInteger"),
        (fields.Enum(Plain, by_value=fields.Integer), "StrictInteger"),
        (fields.Constant(1), "dump_only"),
        (fields.Raw(), "a field type that says what it takes"),
        (fields.Field(), "a field type that says what it takes"),
        (fields.Method(deserialize="load"), "a field type that says what it takes"),
        (fields.Function(deserialize=str), "a field type that says what it takes"),
        (type("Odd", (fields.Number,), {"num_type": complex})(), "StrictInteger, StrictFloat or StrictDecimal"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, fields.Field) else value,
)
def test_field_that_coerces_does_not_start(field: fields.Field[Any], remedy: str) -> None:
    """The remedy names what takes only what is written; outside of strict mode it is let pass."""
    (problem,) = of_field(field)

    assert (f"{WHERE}.x", True) == (problem.where, remedy in problem.remedy)
    assert [] == of_field(field, strict=False)


@pytest.mark.parametrize(
    "field",
    [
        fields.String(),
        fields.String(validate=validate.Length(min=1)),
        fields.String(validate=validate.NoneOf(["a"])),
        fields.String(validate=validate.ContainsOnly("abc")),
        fields.String(validate=validate.Regexp(r"[a-z]+\Z")),
        fields.String(validate=validate.Predicate("isalpha")),
        fields.Url(),
        fields.Email(),
        fields.List(text()),
        fields.List(text(), validate=validate.Length(min=1)),
        fields.List(text(), validate=validate.ContainsOnly("abc")),
        fields.Dict(keys=text(), values=text()),
        fields.Nested(schema(x=text()), many=True),
        fields.Nested(schema(x=text())(many=True)),
    ],
    ids=lambda field: f"{type(field).__name__} {field.validators}",
)
def test_field_without_a_maximum_does_not_start(field: fields.Field[Any]) -> None:
    """Neither a text nor a list, dict or list of schemas; outside of strict mode the cap of the message holds."""
    (problem,) = of_field(field)

    assert f"is a {type(field).__name__} without a maximum" == problem.fault
    assert "Length(max=…)" in problem.remedy
    assert [] == of_field(field, strict=False)


def test_field_bounded_by_an_endless_regexp_is_told_how_to_mend_it() -> None:
    """The pattern may be given a width instead."""
    (problem,) = of_field(fields.String(validate=validate.Regexp(r"[a-z]+\Z")))

    assert "add validate.Length(max=…), or give its Regexp a width, {1,64} in place of +" == problem.remedy


def test_field_bounded_by_a_regexp_without_an_end_has_no_bound() -> None:
    """What matches three letters of any text bounds none; one mended pattern is the remedy for both."""
    expected = ["has a Regexp that does not match to the end, '[a-z]{3}'", "is a String without a maximum"]

    assert expected == faults(fields.String(validate=validate.Regexp("[a-z]{3}")))


def test_field_bounded_by_a_subclass_is_not_believed() -> None:
    """What replaces `__call__` may do anything."""

    class Lax(validate.Length):
        def __call__(self, value: Any) -> Any:
            if not value:
                raise ValidationError("empty")
            return value

    assert ["is a String without a maximum"] == faults(fields.String(validate=Lax(max=3)))


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        (fields.Dict(validate=MOST), "does not say what its keys and values are"),
        (fields.Dict(keys=text(), validate=MOST), "does not say what its keys and values are"),
        (fields.Dict(values=text(), validate=MOST), "does not say what its keys and values are"),
        (
            fields.Dict(keys=ours.StrictInteger(), values=text(), validate=MOST),
            "has keys of StrictInteger, but those of a JSON object are text",
        ),
    ],
)
def test_dict_says_what_it_holds(field: fields.Field[Any], fault: str) -> None:
    """Keys and values are fields like any other."""

    assert [fault] == faults(field)
    assert [] == faults(field, strict=False)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (fields.List(fields.Integer(), validate=MOST), "x[]"),
        (fields.List(fields.List(fields.Integer(), validate=MOST), validate=MOST), "x[][]"),
        (fields.Tuple((text(), fields.Integer())), "x[1]"),
        (fields.Dict(keys=fields.String(), values=text(), validate=MOST), "x{key}"),
        (fields.Dict(keys=text(), values=fields.Integer(), validate=MOST), "x{}"),
        (fields.Nested(schema(y=fields.Integer())), "x.y"),
        (fields.List(fields.Nested(schema(y=fields.Integer(data_key="z"))), validate=MOST), "x[].z"),
        (fields.Nested(schema(y=fields.Nested(schema(z=fields.Integer())))), "x.y.z"),
    ],
)
def test_fields_are_read_at_every_depth(field: fields.Field[Any], path: str) -> None:
    """The problem says where, in lists, tuples, dicts and nested schemas."""

    assert [f"{WHERE}.{path}"] == [problem.where for problem in of_field(field)]


# --- refused always -----------------------------------------------------------------


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("unknown", [EXCLUDE, INCLUDE])
def test_unknown_fields_are_refused_everywhere(unknown: Any, strict: bool) -> None:
    """In the message, in a schema that it nests, by class, by instance or by option of the field."""
    lax = schema({"unknown": unknown}, y=text())
    fault = f"lets unknown fields pass (unknown={unknown!r})"
    nested: list[fields.Field[Any]] = [
        fields.Nested(lax),
        fields.Nested(schema(y=text())(unknown=unknown)),
        fields.Nested(schema(y=text()), unknown=unknown),
        fields.List(fields.Nested(lax), validate=MOST),
        fields.Dict(keys=text(), values=fields.Nested(lax), validate=MOST),
    ]

    assert [fault] == [problem.fault for problem in problems(message({"unknown": unknown}, x=text()), strict=strict)]
    assert [[fault]] * len(nested) == [faults(field, strict=strict) for field in nested]


@pytest.mark.parametrize("strict", [True, False])
def test_partial_schemas_are_refused(strict: bool) -> None:
    """What is required is required; a partial instance would let it be absent."""
    found = faults(fields.Nested(schema(y=text())(partial=True)), strict=strict)

    assert ["is partial, so that what is required may be absent"] == found
    assert ".x: is partial" in said(message(x=fields.Nested(schema(y=text())(partial=True))), strict=strict)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("pattern", "mended"),
    [
        ("^[a-z]{1,9}$", r"^[a-z]{1,9}\Z"),
        ("[a-z]{1,9}", r"[a-z]{1,9}\Z"),
        (r"a|b\Z", r"(?:a|b)\Z"),
    ],
)
def test_regexp_that_does_not_match_to_the_end_does_not_start(pattern: str, mended: str, strict: bool) -> None:
    """The mended pattern is in the remedy, ready to be copied."""
    field = text(validate=[validate.Regexp(pattern), MOST])
    (problem,) = of_field(field, strict=strict)

    assert f"has a Regexp that does not match to the end, {pattern!r}" == problem.fault
    assert f'write Regexp(r"{mended}")' in problem.remedy
    assert [] == of_field(text(validate=[validate.Regexp(mended), MOST]))


def test_regexp_over_bytes_does_not_start() -> None:
    """It would crash on every text, and bounds nothing."""
    expected = ["has a Regexp over bytes, which no text matches", "is a String without a maximum"]

    assert expected == faults(text(validate=validate.Regexp(rb"a\Z")))


def test_regexp_of_a_subclass_is_its_own_business() -> None:
    """One that matches fully needs no end."""

    class Full(validate.Regexp):
        def __call__(self, value: Any) -> Any:
            if not self.regex.fullmatch(value):
                raise ValidationError("no")
            return value

    assert [] == faults(text(validate=[Full("[a-z]+"), MOST]))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("validator", [lambda value: False, lambda value: value != "x", str.isalpha])
def test_validator_that_answers_does_not_start(validator: Any, strict: bool) -> None:
    """Its answer would be thrown away, alone, in a list or in `And`."""
    several = [[MOST, validator], [validate.And(MOST, validator)]]

    assert [1, 1] == [len(of_field(text(validate=given), strict=strict)) for given in several]
    assert "raise ValidationError" in of_field(text(validate=[MOST, validator]))[0].remedy


def test_validator_is_named() -> None:
    """By the name of the function, or the class of the object."""

    class Even:
        def __call__(self, value: int) -> bool:
            return bool(value % 2 == 0)

    assert "validator isalpha" in said(message(x=text(validate=[MOST, str.isalpha]))).replace("str.", "")
    assert "Even returns a bool" in said(message(x=ours.StrictInteger(validate=Even())))


@pytest.mark.parametrize("strict", [True, False])
def test_validating_method_that_answers_does_not_start(strict: bool) -> None:
    """Methods under `@validates` and `@validates_schema` are read as validators are."""

    def judge(self: Schema, value: Any, **kwargs: Any) -> bool:
        return bool(value == "right")

    members = {"x": text(), "by_field": validates("x")(judge)}
    other = {"x": text(), "by_schema": validates_schema(lambda self, data, **kwargs: False)}
    said_of = [said(message(**found), strict=strict) for found in (members, other)]

    assert ["method by_field returns a bool" in said_of[0], "method by_schema returns False" in said_of[1]] == [
        True,
        True,
    ]


def test_validating_method_that_raises_starts() -> None:
    """That is how it is done."""

    def judge(self: Schema, value: Any, **kwargs: Any) -> None:
        if value != "right":
            raise ValidationError("wrong")

    assert [] == problems(message(x=text(), by_field=validates("x")(judge), by_schema=validates_schema(judge)))


def test_channels_are_read_as_messages_are() -> None:
    """A field in the name of a channel has a bound and an end."""

    assert "SampleChannel.room: is a String without a maximum" in said(channel(room=fields.String()))
    assert "does not match to the end" in said(channel(room=text(validate=validate.Regexp("[a-z]{3}"))), strict=False)


def test_every_problem_is_listed() -> None:
    """A start lists everything, not the first."""
    found = problems(
        message({"permission": None, "unknown": EXCLUDE}, a=fields.Integer(), b=fields.String(), c=fields.Raw()),
        channel({"subscribe": "a:{board}"}),
    )

    assert 6 == len(found)
    assert [] == [problem for problem in found if not (problem.where and problem.fault and problem.remedy)]


def test_schema_that_nests_itself_is_read_once() -> None:
    """The reading ends, and each fault is told once."""

    class Tree(Schema):
        class Meta:
            register = False

        n = fields.Integer()
        leaves = fields.List(fields.Nested(lambda: Tree()), validate=MOST)

    assert [f"{WHERE}.x.n"] == [problem.where for problem in of_field(fields.Nested(Tree))]
