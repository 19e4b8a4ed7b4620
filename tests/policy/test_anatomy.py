"""The fields of a schema, also those inside lists, dicts, tuples and nested schemas."""

from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from tornado_wssec.policy.anatomy import key_of, levels_of
from tornado_wssec.policy.gates import guard_loading

from .samples import schema


class Comment(Schema):
    """A schema that nests itself."""

    class Meta:
        register = False

    text = fields.String(validate=validate.Length(max=3))
    replies = fields.List(fields.Nested(lambda: Comment()))
    best = fields.Nested(lambda: Comment(exclude=("replies", "best")))


def paths(outer: Schema) -> list[str]:
    """The path of every field."""
    return [part.path for level in levels_of(outer) for part in level.parts()]


def test_anatomy_names_every_field() -> None:
    """Items of lists, places of tuples, keys and values of dicts, and fields of nested schemas."""
    inner = schema(x=fields.Integer(), y=fields.Integer(data_key="why"))
    outer = schema(
        text=fields.String(data_key="line"),
        points=fields.List(fields.Nested(inner)),
        pair=fields.Tuple((fields.Integer(), fields.String())),
        table=fields.Dict(keys=fields.String(), values=fields.List(fields.Integer())),
        open=fields.Dict(),
        style=fields.Nested(inner, only=("x",)),
    )
    own = "line points points[] pair pair[0] pair[1] table table{key} table{} table{}[] open style"

    assert [*own.split(), "points[].x", "points[].why", "style.x"] == paths(outer())


def test_anatomy_calls_fields_as_the_wire_does() -> None:
    """By `data_key` where there is one, also when it is empty."""

    assert ["a", "b", ""] == [key_of("a", fields.Raw(data_key=key)) for key in (None, "b", "")]


def test_anatomy_ties_a_schema_that_nests_itself() -> None:
    """What is done to the outer schema holds at every depth; what has other fields is a level of its own."""
    outer = Comment()
    guard_loading(levels_of(outer))
    deep: dict[str, Any] = {"text": "a\0"}
    for _ in range(9):
        deep = {"replies": [deep]}

    assert ["text", "replies", "replies[]", "best", "best.text"] == paths(outer)
    with pytest.raises(ValidationError):
        outer.load(deep)


def test_anatomy_tells_one_from_many() -> None:
    """A list of the outer schema is not the outer schema."""

    class Tree(Schema):
        class Meta:
            register = False

        leaves = fields.Nested(lambda: Tree(many=True))  # before 4.2 `many=True` beside an instance says nothing

    outer = Tree()
    deep: dict[str, Any] = {"leaves": [{"leaves": [{}, {"leaves": []}]}]}

    assert ["leaves", "leaves.leaves"] == paths(outer)
    assert deep == outer.load(deep)


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"dump_only": ("text",)}, {"node": {"text": "a"}}),
        ({"only": ("text", "nodes", "node.text")}, {"node": {"node": {"node": {}}}}),
        ({"exclude": ("node.node",)}, {"node": {"node": {"node": {}}}}),
        ({"exclude": ("nodes.node",)}, {"node": {"nodes": [{"node": {}}]}}),
    ],
)
def test_anatomy_ties_nothing_that_takes_less(options: dict[str, Any], data: dict[str, Any]) -> None:
    """A schema that nests a narrower one of its own class takes no more than marshmallow would have."""

    class Node(Schema):
        class Meta:
            register = False

        text = fields.String()
        node = fields.Nested(lambda: Node(**options))
        nodes = fields.List(fields.Nested(lambda: Node()))

    outer = Node()
    guard_loading(levels_of(outer))

    assert {"node": {}} == outer.load({"node": {}})
    with pytest.raises(ValidationError):
        outer.load(data)


def test_anatomy_can_be_asked_twice() -> None:
    """A knot that is tied stays as it is."""
    outer = Comment()

    assert paths(outer) == paths(outer)


def test_anatomy_goes_as_deep_as_json_may() -> None:
    """32 schemas, one in the other, and no more."""
    deep = schema(n=fields.Integer())
    for _ in range(31):
        deep = schema(inner=fields.Nested(deep))

    assert 32 == len(levels_of(deep()))
    with pytest.raises(ValueError, match="schemas nest deeper than 32"):
        levels_of(schema(inner=fields.Nested(deep))())


def test_anatomy_ends() -> None:
    """A schema that makes a new one for each level is deeper than any value, and refused."""

    def deeper() -> type[Schema]:
        return schema(inner=fields.Nested(deeper))

    with pytest.raises(ValueError, match="schemas nest deeper than 32"):
        levels_of(deeper()())
