"""Which way a type takes, in words; what hooks do behind what was written."""

from typing import Any

import pytest
from marshmallow import ValidationError, fields, post_load, pre_load, validates, validates_schema

from tests.policy.samples import message, text
from tornado_wssec.errors import InvalidMessage
from tornado_wssec.policy import ways
from tornado_wssec.policy.fields import StrictInteger
from tornado_wssec.policy.registry import MessageSpec, Registry


class Own(fields.String):
    """A field of an application's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(value)


def spec(meta: dict[str, Any] | None = None, *, compiled: bool = True, **members: Any) -> MessageSpec:
    """A message with these fields."""
    return next(iter(Registry(message(meta, **members), strict=False, compiled=compiled).messages.values()))


def nothing(hook: Any) -> Any:
    """A hook that changes nothing; each is a function of its own, on which marshmallow makes its marks."""

    def unchanged(self: Any, data: Any, **kwargs: Any) -> Any:
        return data

    return hook(unchanged)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("compiled, 1 field by marshmallow", spec(room=text(), own=Own())),
        ("compiled, 2 fields by marshmallow", spec(one=Own(), other=Own())),
        ("compiled, then validates_schema, post_load", spec(a=nothing(validates_schema), b=nothing(post_load))),
        ("compiled: bound to a claim", spec({"bind": {"room": "sub"}}, room=text())),
        ("compiled: signed", spec({"signed": True}, room=text())),
        ("compiled, 1 field by marshmallow", spec({"signed": True}, own=Own())),
        ("compiled", spec({"direction": "out"}, room=text())),
        ("marshmallow: has pre_load", spec(look=nothing(pre_load))),
        ("marshmallow: compiled=False", spec(compiled=False, room=text())),
        ("marshmallow: compiled=False", spec({"direction": "out"}, compiled=False, room=text())),
    ],
)
def test_path_tells_the_way_and_why(path: str, found: MessageSpec) -> None:
    """And counts what is left to marshmallow."""

    assert path == found.path


@pytest.mark.parametrize(("is_there", "path"), [(True, "typed"), (False, "compiled; typed where msgspec is installed")])
def test_path_tells_what_could_be(monkeypatch: pytest.MonkeyPatch, is_there: bool, path: str) -> None:
    """Where msgspec is missing, the way is a longer one, with the same outcome."""
    monkeypatch.setattr(ways, "IS_THERE", is_there)

    assert path == spec(room=text()).path


def _hooked(asked: list[str]) -> MessageSpec:
    def judge_room(self: Any, value: Any, **kwargs: Any) -> None:
        asked.append("validates")
        if value == "x":
            raise ValidationError("not x")

    def judge(self: Any, data: Any, original: Any, **kwargs: Any) -> None:
        asked.append(f"validates_schema {original}")
        if data["room"] == "y":
            raise ValidationError("not y", "room")

    def finish(self: Any, data: Any, **kwargs: Any) -> Any:
        asked.append("post_load")
        if data["room"] == "z":
            raise KeyError(data["room"])
        return data["room"] if data["room"] == "w" else {**data, "size": len(data)}

    return spec(
        room=text(),
        n=StrictInteger(),
        judge_room=validates("room")(judge_room),
        judge=validates_schema(pass_original=True)(judge),
        finish=post_load(finish),
    )


def test_hooks_run_once_in_their_order() -> None:
    """Behind the fields, on what they have read; the last may make another dict of it."""
    asked: list[str] = []

    assert {"room": "a", "size": 1} == _hooked(asked).load({"room": "a"})
    assert ["validates", "validates_schema {'room': 'a'}", "post_load"] == asked


def test_hooks_are_not_asked_about_what_the_fields_refuse() -> None:
    """The function written for the fields ends there, and marshmallow asks as it always does."""
    asked: list[str] = []
    found = _hooked(asked)

    assert found._ways.load is not None
    assert (None, []) == (found._ways.load({"room": 1}), asked)


@pytest.mark.parametrize(
    ("room", "faults"),
    [("x", {"room": ["Invalid value."]}), ("y", {"room": ["Invalid value."]}), ("z", None), ("w", None)],
)
def test_hooks_refuse(room: str, faults: dict[str, Any] | None) -> None:
    """In words of our own, as every refusal."""
    with pytest.raises(InvalidMessage) as caught:
        _hooked([]).load({"room": room})

    assert faults == caught.value.fields


def test_refusal_without_words_does_not_ask_marshmallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no code of the application has a say, what was written for the fields refuses no more than marshmallow."""
    found = spec(n=StrictInteger())
    monkeypatch.setattr(type(found._loader), "load", None)

    with pytest.raises(InvalidMessage) as caught:
        found.load({"n": "1"}, is_told=False)

    assert (None, "sample.message: refused without a second look") == (caught.value.fields, caught.value.evidence)


def test_refusal_without_words_asks_the_application() -> None:
    """Its own fields and hooks are asked by marshmallow, whose word it is."""
    with pytest.raises(InvalidMessage) as caught:
        spec(n=StrictInteger(), own=Own()).load({"n": "1"}, is_told=False)

    assert {"n": ["Not a valid integer."]} == caught.value.fields
