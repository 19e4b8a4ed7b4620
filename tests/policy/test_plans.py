"""What is read of a schema, and what is left to marshmallow, with the reason."""

import enum
from typing import Any

import pytest
from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    pre_dump,
    pre_load,
    validate,
    validates_schema,
)
from marshmallow import validates as validates_field

from tests.policy.samples import schema
from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.fields import StrictInteger
from tornado_wssec.policy.gates import guard_dumping, guard_loading
from tornado_wssec.policy.plans import NoPlan, dumping_plan, loading_plan, members_of, own_members


def guarded(found: Schema) -> Schema:
    """With the gates for both ways."""
    guard_loading(levels_of(found))
    guard_dumping(levels_of(found))
    return found


def kinds(**members: Any) -> dict[str, str]:
    """How each field would be read."""
    return {one.wire: one.value.kind for one in loading_plan(guarded(schema(**members)())).members}


def nothing(hook: Any) -> Any:
    """A hook that changes nothing; each is a function of its own, on which marshmallow makes its marks."""

    def unchanged(self: Any, data: Any, **kwargs: Any) -> Any:
        return data

    return hook(unchanged)


class Own(fields.String):
    """A field that reads in a way of its own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(value)


class Named(fields.String):
    """A field that only has a name of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=9), **kwargs)


class Odd(enum.EnumMeta):
    """Enumerations that are found in another way."""


class Picture(enum.Enum, metaclass=Odd):
    """One of them."""

    CAT = "cat"


class Level(enum.Enum):
    """One whose values are no text."""

    LOW = 1


def patched(field: fields.Field[Any], method: str) -> fields.Field[Any]:
    """A field of which a method was replaced, on the object."""
    vars(field)[method] = lambda value, *args, **kwargs: value
    return field


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("text", Named()),
        ("own", Own()),
        ("own", fields.String(validate=len)),
        ("own", fields.List(Own())),
        ("list", fields.List(Named())),
        ("own", fields.Dict()),
        ("own", fields.Dict(keys=fields.String())),
        ("dict", fields.Dict(keys=fields.String(), values=StrictInteger())),
        ("own", fields.Integer()),
        ("own", fields.Integer(strict=True, as_string=True)),
        ("integer", fields.Integer(strict=True)),
        ("own", fields.DateTime(format="timestamp")),
        ("written", fields.DateTime(format="iso")),
        ("own", fields.Enum(Picture)),
        ("own", fields.Enum(Level, by_value=True)),
        ("own", fields.Enum(Level, by_value=StrictInteger)),
        ("member", fields.Enum(Level)),
        ("own", fields.Nested(schema(inner=Own()))),
        ("own", fields.Nested(schema(inner=Named(), finish=nothing(post_load)))),
        ("own", fields.Nested(schema(inner=Named()), unknown=EXCLUDE)),
        ("object", fields.Nested(schema(inner=Named()))),
        ("list", fields.Nested(schema(inner=Named()), many=True)),
        ("own", patched(fields.String(), "deserialize")),
        ("own", patched(fields.List(fields.String()), "_deserialize")),
        ("own", patched(StrictInteger(), "_validated")),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_plan_knows_how_a_field_is_read(kind: str, field: fields.Field[Any]) -> None:
    """Only of what is known through and through; what is not is asked of the field."""

    assert {"one": kind} == kinds(one=field)


@pytest.mark.parametrize("when", ["pre_load", "post_load"])
def test_plan_leaves_a_field_that_processes_to_itself(when: str) -> None:
    """From marshmallow 4.3 on, fields have hooks, too."""
    field = fields.String()
    vars(field)[when] = [str.strip]

    assert {"one": "own"} == kinds(one=field)


def test_plan_knows_what_is_always_there() -> None:
    """What must be sent, and what something stands for."""
    members: dict[str, Any] = {
        "must": fields.String(required=True),
        "may": fields.String(),
        "else": fields.String(load_default="a"),
    }
    plan = loading_plan(guarded(schema(**members)()))

    assert {"must": True, "may": False, "else": True} == {one.key: one.is_always_there for one in plan.members}


class Colour(enum.Enum):
    """Members that are written as text."""

    RED = "red"


@pytest.mark.parametrize(
    ("by_value", "texts"), [(False, ["RED"]), (True, ["red"]), (fields.String, ["red"]), (fields.Raw, [])], ids=str
)
def test_plan_finds_members_by_their_texts(by_value: Any, texts: list[str]) -> None:
    """A field of the values that is no plain `String` may write them otherwise."""
    assert texts == list(members_of(fields.Enum(Colour, by_value=by_value)))


def test_plan_leaves_a_schema_that_nests_itself_to_its_field() -> None:
    """Each depth is then read by marshmallow, and the first by what was written."""
    knot: Any = schema(inner=fields.Nested(lambda: knot()))

    assert {"inner": "own"} == kinds(**knot._declared_fields)


def test_plan_needs_gates() -> None:
    """Without them a validator that answers False would let everything pass."""

    assert 1 == len(own_members(loading_plan(schema(one=fields.String())())))


class Ordered(dict[str, Any]):
    """Another kind of dict."""


def replaced(name: str) -> Any:
    """A schema class that replaces a method."""
    members: dict[str, Any] = {"one": fields.String(), name: lambda self, *args, **kwargs: {}}
    return schema(**members)


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("has pre_load", schema(look=nothing(pre_load))()),
        ("replaces load()", replaced("load")()),
        ("loads into Ordered", schema(dict_class=Ordered)()),
        ("takes more than its fields", schema({"unknown": EXCLUDE})()),
        ("takes more than its fields", schema()(partial=True)),
        ("takes more than its fields", schema()(many=True)),
        ("has a dotted attribute at one", schema(one=fields.String(attribute="a.b"))()),
    ],
)
def test_loading_has_no_plan(reason: str, found: Schema) -> None:
    """Where code of the application may change what the schema takes."""
    with pytest.raises(NoPlan) as caught:
        loading_plan(guarded(found))

    assert reason == str(caught.value)


def judge(self: Any, value: Any, **kwargs: Any) -> None:
    """A method that judges one field."""
    if value == "x":
        raise ValidationError("not x")


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("has pre_load", schema(look=nothing(pre_load))()),
        ("has pre_dump", schema(look=nothing(pre_dump))()),
        ("has post_dump", schema(look=nothing(post_dump))()),
        ("has validates", schema(one=fields.String(), look=validates_field("one")(judge))()),
        ("has validates_schema", schema(look=nothing(validates_schema))()),
        ("replaces dump()", replaced("dump")()),
        ("replaces get_attribute()", replaced("get_attribute")()),
    ],
)
def test_dumping_has_no_plan(reason: str, found: Schema) -> None:
    """Nor where it may change what is written, or judges what was read of that."""
    with pytest.raises(NoPlan) as caught:
        dumping_plan(guarded(found))

    assert reason == str(caught.value)


def test_dumping_does_not_mind_post_load() -> None:
    """What has been written is checked, and then not loaded."""

    assert [] == own_members(dumping_plan(guarded(schema(look=nothing(post_load))())))
