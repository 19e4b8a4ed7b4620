"""What has changed between two exports, and whether it breaks clients."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import Schema, fields, validate

from tornado_wssec import PUBLIC, Channel, Message, Registry, StrictFloat, StrictInteger
from tornado_wssec.exports.comparison import Change, compare
from tornado_wssec.exports.json_schema import json_schema_of

Text = fields.String(validate=validate.Length(1, 10))


def said(direction: str = "in", meta: dict[str, Any] | None = None, **declared: Any) -> Any:
    """The export of one type with these fields."""
    options = {"type": "a.b", "permission": PUBLIC, "direction": direction, **(meta or {})}
    body = {"Meta": type("Meta", (), options), **declared}
    return json_schema_of(Registry(type("A", (Message,), body)))


def nested(**declared: Any) -> Any:
    """A field that nests these."""
    return fields.Nested(type("Inner", (Schema,), declared))


def string(**kwargs: Any) -> Any:
    """A text of some length."""
    return fields.String(validate=validate.Length(**kwargs))


def choice(*choices: str) -> Any:
    """One of these texts."""
    return fields.String(validate=validate.OneOf(choices))


# What was, what is; whether that breaks who sends it, and who gets it.
FIELDS: list[tuple[str, dict[str, Any], dict[str, Any], bool, bool]] = [
    ("new field", {}, {"x": Text}, False, False),
    ("new required field", {}, {"x": fields.String(required=True, validate=validate.Length(max=9))}, True, False),
    ("field gone", {"x": Text}, {}, True, True),
    ("required now", {"x": fields.Boolean()}, {"x": fields.Boolean(required=True)}, True, False),
    ("may be absent", {"x": fields.Boolean(required=True)}, {"x": fields.Boolean()}, False, True),
    ("shorter", {"x": string(max=10)}, {"x": string(max=9)}, True, False),
    ("longer", {"x": string(max=9)}, {"x": string(max=10)}, False, True),
    ("bounded", {"x": fields.String()}, {"x": string(max=9)}, True, False),
    ("least", {"x": string(min=1, max=9)}, {"x": string(min=2, max=9)}, True, False),
    ("choice gone", {"x": choice("a", "b")}, {"x": choice("a")}, True, False),
    ("choice more", {"x": choice("a")}, {"x": choice("a", "b")}, False, True),
    ("choices at all", {"x": string(max=9)}, {"x": choice("a")}, True, True),
    ("null no more", {"x": fields.Boolean(allow_none=True)}, {"x": fields.Boolean()}, True, False),
    ("null, too", {"x": fields.Boolean()}, {"x": fields.Boolean(allow_none=True)}, False, True),
    ("integer to number", {"x": StrictInteger()}, {"x": StrictFloat()}, False, True),
    ("number to integer", {"x": StrictFloat()}, {"x": StrictInteger()}, True, False),
    ("another kind", {"x": StrictInteger()}, {"x": fields.Boolean()}, True, True),
    (
        "another pattern",
        {"x": fields.String(validate=validate.Regexp(r"a{1,3}\Z"))},
        {"x": fields.String(validate=validate.Regexp(r"b{1,3}\Z"))},
        True,
        True,
    ),
    ("items", {"x": fields.List(string(max=9))}, {"x": fields.List(string(max=8))}, True, False),
    ("values", {"x": fields.Dict(values=string(max=9))}, {"x": fields.Dict(values=string(max=10))}, False, True),
    ("keys", {"x": fields.Dict(keys=string(max=9))}, {"x": fields.Dict(keys=string(max=8))}, True, False),
    ("tuple", {"x": fields.Tuple((string(max=9),))}, {"x": fields.Tuple((string(max=8),))}, True, False),
    ("tuple size", {"x": fields.Tuple((Text,))}, {"x": fields.Tuple((Text, Text))}, True, True),
    ("inside", {"x": nested(y=string(max=9))}, {"x": nested(y=string(max=8))}, True, False),
    ("inside new", {"x": nested(y=Text)}, {"x": nested(y=Text, z=Text)}, False, False),
    ("what was anything", {"x": fields.Raw()}, {"x": fields.Boolean()}, True, False),
    ("default", {"x": fields.Boolean(load_default=True)}, {"x": fields.Boolean(load_default=False)}, False, False),
    ("words", {"x": fields.Boolean()}, {"x": fields.Boolean(metadata={"description": "d"})}, False, False),
]


@pytest.mark.parametrize(
    ("old", "new", "breaks_senders", "breaks_hearers"), [row[1:] for row in FIELDS], ids=[r[0] for r in FIELDS]
)
def test_comparison_of_fields(
    old: dict[str, Any], new: dict[str, Any], breaks_senders: bool, breaks_hearers: bool
) -> None:
    """Less may pass: that breaks who sends. More may come: that breaks who gets it."""
    found = [
        any([change.is_breaking for change in compare(said(direction, **old), said(direction, **new))])
        for direction in ("in", "out")
    ]

    assert [breaks_senders, breaks_hearers] == found


METAS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"permission": PUBLIC}, {"permission": "a:b"}, True),
    ({"permission": "a:b"}, {"permission": PUBLIC}, False),
    ({"max_bytes": 100}, {"max_bytes": 99}, True),
    ({"max_bytes": 100}, {"max_bytes": 101}, False),
    ({}, {"max_bytes": 101}, True),
    ({"max_bytes": 100}, {}, False),
    ({"rate": "5/second"}, {"rate": "4/second"}, True),
    ({"rate": "5/second"}, {"rate": "6/second"}, False),
    ({"rate": "5/second"}, {"rate": "5/second, 10/minute"}, True),
    ({"rate": "5/second, 10/minute"}, {"rate": "10/minute"}, False),
    ({"rate": "5/second"}, {}, False),
    ({}, {"rate": "5/second"}, True),
    ({"signed": False}, {"signed": True}, True),
    ({"signed": True}, {}, True),
    ({"cost": 1}, {"cost": 2}, True),
    ({"cost": 2}, {"cost": 1}, False),
    ({}, {"max_auth_age": 60}, True),
    ({"bind": {"x": "sub"}}, {}, False),
    ({}, {"bind": {"x": "sub"}}, True),
    ({}, {"binary": "png", "max_bytes": 100}, True),
]


@pytest.mark.parametrize(("old", "new", "is_breaking"), METAS, ids=str)
def test_comparison_of_options(old: dict[str, Any], new: dict[str, Any], is_breaking: bool) -> None:
    """What may be refused that was not, or asks for more, breaks."""
    changes = compare(said(meta=old, x=Text), said(meta=new, x=Text))

    assert changes
    assert is_breaking is any([change.is_breaking for change in changes])


def test_comparison_names_place_and_change() -> None:
    """The type with its side, the field, what it was and what it is."""
    old, new = said(x=nested(y=fields.List(string(max=9)))), said(x=nested(y=fields.List(string(max=8))))

    assert [Change("a.b (clients send) x.y[]", "maxLength: 9 → 8", True)] == compare(old, new)


def test_comparison_of_the_same_is_empty() -> None:
    """Also of what nests itself, and of all catalogues."""
    document = json_schema_of(Registry.scan("schemas"))

    assert [] == compare(document, copy.deepcopy(document))


def test_comparison_finds_types_that_come_and_go() -> None:
    """A type that is gone breaks; a new one does not."""
    inbound, outbound = said("in"), said("out")

    assert [
        Change("a.b (clients send)", "is gone", True),
        Change("a.b (clients get)", "is new", False),
    ] == compare(inbound, outbound)
    assert "is not sent any more" == compare(outbound, inbound)[0].what


def test_comparison_of_rules_that_no_schema_says() -> None:
    """A new rule of the application's own may refuse what passed; one that goes refuses nothing more."""

    def refuse(value: str) -> None:
        raise ValueError

    old = said(x=string(max=9))
    new = said(x=fields.String(validate=[validate.Length(max=9), refuse]))
    rule = "validator test_comparison_of_rules_that_no_schema_says.<locals>.refuse"

    assert [Change("a.b (clients send) x", f"new rule: {rule}", True)] == compare(old, new)
    assert [Change("a.b (clients send) x", f"rule gone: {rule}", False)] == compare(new, old)


def channel(pattern: str = "room:{room}", **options: Any) -> Any:
    """The export of one kind of channel."""
    meta = type("Meta", (), {"pattern": pattern, "subscribe": PUBLIC, **options})
    room = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))
    heard = type("A", (Message,), {"Meta": type("Meta", (), {"type": "a", "permission": PUBLIC, "direction": "out"})})
    return json_schema_of(Registry(heard, type("C", (Channel,), {"Meta": meta, "room": room})))


@pytest.mark.parametrize(
    ("old", "new", "is_breaking"),
    [
        (channel(), channel("hall:{room}"), True),
        (channel(), channel(subscribe="a:{room}"), True),
        (channel(subscribe="a:{room}"), channel(), False),
        (channel(), channel(publish="a:{room}"), True),
        (channel(history=10), channel(), True),
        (channel(), channel(history=10), False),
    ],
)
def test_comparison_of_channels(old: Any, new: Any, is_breaking: bool) -> None:
    """Who may listen and publish, and what is kept."""
    changes = compare(old, new)

    assert changes
    assert is_breaking is any([change.is_breaking for change in changes])


def without_target(document: Any) -> Any:
    """A document that refers to what is not in it."""
    return {**document, "$defs": {name: one for name, one in document["$defs"].items() if "Inner" not in name}}


@pytest.mark.parametrize(
    "spoil", [lambda _: [], lambda _: {}, lambda d: {**d, "$schema": "x"}, lambda d: {**d, "$defs": []}, without_target]
)
def test_comparison_refuses_what_is_no_export(spoil: Callable[[Any], Any]) -> None:
    """With the command that makes one."""
    document = said(x=nested(y=Text))

    with pytest.raises(ValueError, match="make"):
        compare(spoil(document), said(x=nested(y=Text, z=Text)))
