"""The hooks of a schema behind compiled fields: asked where marshmallow asks them, each once."""

from typing import Any

import pytest
from marshmallow import ValidationError, post_load, validates, validates_schema

from tests.policy.samples import TYPE, message, text
from tornado_wssec.errors import InvalidMessage
from tornado_wssec.policy.fields import StrictInteger
from tornado_wssec.policy.registry import MessageSpec, Registry


@validates("a")
def _no_bell(self: Any, value: str, **kwargs: Any) -> None:
    if value == "bell":
        raise ValidationError("no bell")


@validates_schema
def _rising(self: Any, data: dict[str, Any], **kwargs: Any) -> None:
    if data["least"] > data["most"]:
        raise ValidationError("falls")


@post_load
def _summed(self: Any, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    return {**data, "sum": data["least"] + data["most"]}


def spec(**hooks: Any) -> MessageSpec:
    """A message of a text and two numbers, with these hooks."""
    declared = message(a=text(), least=StrictInteger(required=True), most=StrictInteger(required=True), **hooks)
    return Registry(declared, strict=False).resolve(TYPE)


GOOD = {"a": "x", "least": 1, "most": 2}


def test_hooks_let_the_short_way_accept() -> None:
    """What they let pass is not read a second time."""
    load = spec(no_bell=_no_bell, rising=_rising, summed=_summed)._ways.load

    assert load is not None
    assert {**GOOD, "sum": 3} == load(dict(GOOD))


@pytest.mark.parametrize(("change", "place"), [({"a": "bell"}, "a"), ({"least": 3}, "_schema")])
def test_hooks_refuse_on_the_short_way(change: dict[str, Any], place: str) -> None:
    """Which then leaves it to marshmallow to say where."""
    declared = spec(no_bell=_no_bell, rising=_rising)
    load = declared._ways.load
    assert load is not None
    assert load({**GOOD, **change}) is None

    with pytest.raises(InvalidMessage) as refused:
        declared.load({**GOOD, **change})
    assert [place] == list(refused.value.fields or ())
