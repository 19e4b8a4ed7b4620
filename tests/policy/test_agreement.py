"""Whether the options of a declaration and its fields agree."""

import enum
from typing import Any

import pytest
from marshmallow import fields, validate

from .samples import channel, message, problems, said, schema, text


def needs(field: fields.Field[Any], **meta: object) -> str:
    """What is said of a message whose permission names this field."""
    return said(message({"permission": "a:{x}", **meta}, x=field), strict=False)


Kind = enum.Enum("Kind", "A B")


@pytest.mark.parametrize(
    "field",
    [text(), fields.Integer(required=True), fields.UUID(required=True), fields.Enum(Kind, required=True)],
    ids=lambda field: type(field).__name__,
)
@pytest.mark.parametrize("direction", ["in", "out", "both"])
def test_permission_is_filled_from_required_fields(field: fields.Field[Any], direction: str) -> None:
    """Texts, integers, UUIDs and enumerations can be a segment."""

    assert "" == needs(field, direction=direction)


@pytest.mark.parametrize(
    "field", [fields.String(), text(allow_none=True), fields.String(load_default="x"), fields.UUID(load_default=None)]
)
def test_permission_names_an_optional_field(field: fields.Field[Any]) -> None:
    """What may be absent or null cannot be asked for; the remedy says what to do."""
    expected = (
        "tests.policy.samples.Sample: permission names {x}, which is not a required field of sample.message; "
        "mark it required=True or drop it"
    )

    assert expected == needs(field)


def test_permission_names_an_absent_field() -> None:
    """A misspelt name does not start."""
    found = said(message({"permission": "a:{room}"}, rom=text()))

    assert "permission names {room}, which is no field of sample.message" in found


@pytest.mark.parametrize(
    "field",
    [
        fields.List(fields.String(), required=True),
        fields.Tuple((fields.String(),), required=True),
        fields.Dict(required=True),
        fields.Nested(schema(), required=True),
        fields.Boolean(required=True),
        fields.Float(required=True),
        fields.Decimal(required=True),
        fields.DateTime(required=True),
        fields.TimeDelta(required=True),
        fields.IP(required=True),
    ],
    ids=lambda field: type(field).__name__,
)
def test_permission_names_what_is_no_segment(field: fields.Field[Any]) -> None:
    """It could never be filled in, so everything would be denied."""

    assert f"which is a {type(field).__name__} and no String, Integer, UUID or Enum" in needs(field)


@pytest.mark.parametrize(
    ("direction", "field", "is_there"),
    [
        ("in", text(dump_only=True), False),
        ("in", text(load_only=True), True),
        ("out", text(dump_only=True), True),
        ("out", text(load_only=True), False),
        ("both", text(dump_only=True), False),
        ("both", text(load_only=True), False),
    ],
)
def test_permission_names_a_field_that_is_there(direction: str, field: fields.Field[Any], is_there: bool) -> None:
    """It must be in every message that the permission is asked for, in each direction that there is."""

    assert is_there is ("no field" not in needs(field, direction=direction))


def test_permission_follows_renamed_fields() -> None:
    """A template names the field; what the wire or the handler call it does not matter, unless it is a path."""

    assert "" == needs(text(data_key="wire"))
    assert "" == needs(text(attribute="inner"))
    assert "which is no field" in needs(text(attribute="inner.x"))


def test_permission_counts_a_bound_field_as_there() -> None:
    """It is filled in from the claim where it is absent."""
    field = fields.String(validate=validate.Length(max=9))

    assert "" == needs(field, bind={"x": "sub"})
    assert "" == said(message({"permission": "a:{x}", "bind": {"x": "sub"}}, x=text(data_key="wire")))


@pytest.mark.parametrize("field", [None, text(dump_only=True)])
def test_bind_names_a_field(field: fields.Field[Any] | None) -> None:
    """A claim that is bound to nothing would protect nothing."""
    members = {} if field is None else {"userId": field}
    (found,) = problems(message({"bind": {"userId": "sub"}}, **members))

    assert "names userId, which is no field of it" == found.fault


def test_bind_may_name_a_field_as_the_wire_does() -> None:
    """Both names of a renamed field are understood."""

    assert ["", ""] == [said(message({"bind": {n: "sub"}}, user=text(data_key="userId"))) for n in ("user", "userId")]


def test_message_is_one_object() -> None:
    """`many` would make a list of the data."""

    assert "is set, but data is one object" in said(message({"many": True}, x=text()))


# --- channels -----------------------------------------------------------------------


@pytest.mark.parametrize("field", [text(), fields.UUID(), fields.Date(), fields.Enum(Kind)])
def test_channel_fields_are_read_from_text(field: fields.Field[Any]) -> None:
    """Segments are text, and so is what these are read from."""

    assert "" == said(channel(room=field))


@pytest.mark.parametrize(
    "field",
    [
        *(fields.Integer(strict=True), fields.Float(), fields.Decimal(), fields.Boolean(), fields.TimeDelta()),
        *(fields.List(fields.String()), fields.Tuple(()), fields.Dict(), fields.Nested(schema())),
    ],
    ids=lambda field: type(field).__name__,
)
def test_channel_fields_that_no_segment_can_be(field: fields.Field[Any]) -> None:
    """A number would have several spellings; a list has none."""
    found = said(channel(room=field), strict=False)

    assert f"SampleChannel.room: is a {type(field).__name__}, which no segment of a name can be" in found
    assert r"[0-9]{1,9}\Z" in found


@pytest.mark.parametrize(
    ("meta", "members", "fault"),
    [
        ({}, {"board": text()}, "room: is in the pattern but is no field"),
        ({}, {"room": text(load_only=True)}, "room: is in the pattern but is no field"),
        ({}, {"room": text(), "board": text()}, "board: is not in the pattern"),
        ({}, {"room": text(data_key="r")}, "room: is renamed by attribute or data_key"),
        ({}, {"room": text(attribute="r")}, "room: is renamed by attribute or data_key"),
        ({"subscribe": "a:{board}"}, {"room": text()}, "Meta.subscribe: names {board}, which the pattern does not"),
        ({"publish": "a:{board}"}, {"room": text()}, "Meta.publish: names {board}, which the pattern does not"),
    ],
)
def test_channel_fields_are_those_of_the_pattern(meta: dict[str, Any], members: dict[str, Any], fault: str) -> None:
    """Neither more nor less, and called alike; the permissions name no others."""

    assert fault in said(channel(meta, **members))


def test_channel_without_a_pattern_says_so_once() -> None:
    """What cannot be compared is not complained about."""
    (found,) = problems(channel({"pattern": "room:*"}, room=text()))

    assert "SampleChannel.Meta.pattern" in found.where


def test_channel_permissions_name_fields_of_the_pattern() -> None:
    """That is what they are for."""

    assert "" == said(channel({"subscribe": "a:{room}", "publish": "b:{room}"}, room=text()))


def test_message_without_a_permission_is_complained_about_once() -> None:
    """What is absent is not compared with the fields."""
    (found,) = problems(message({"permission": None}, room=text()))

    assert "declares no permission" == found.fault


# --- what only the newest of matters ---


@pytest.mark.parametrize("direction", ["out", "both"])
def test_coalesce_names_required_fields(direction: str) -> None:
    """Any field that is always there can be part of the key."""
    declared = message({"direction": direction, "coalesce": "{x}"}, x=fields.Integer(required=True, strict=True))

    assert "" == said(declared, strict=False)


def test_coalesce_names_an_optional_field() -> None:
    """What may be absent is no key; the remedy says what to do."""
    found = said(message({"direction": "out", "coalesce": "{x}"}, x=fields.String()), strict=False)

    assert "coalesce: names {x}, which is not a required field of sample.message; mark it required=True" in found


def test_coalesce_names_an_absent_field() -> None:
    """A misspelt name does not start."""
    found = said(message({"direction": "out", "coalesce": "{symbl}"}, symbol=text()))

    assert "coalesce: names {symbl}, which is no field of sample.message; name another or drop it" in found
