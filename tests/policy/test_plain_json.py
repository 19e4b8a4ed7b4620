"""What msgspec writes of plain answers stands for what `encode_json` writes; the rest is left to that."""

import json
import runpy
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from tornado_wssec.policy import codec, plain_json, shapes
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.strict_json import encode_json

PLAIN_DATA: tuple[dict[str, Any], ...] = (
    {},
    {"delivered": True, "count": 0, "none": None},
    {"text": 'quotes " and \\ and \n, \x00, \x7f, é, 𝄞, </script>', "é": -1},
    {"large": 2**53, "larger": 2**100},
)


class Named(str):
    """No plain text: it may write itself otherwise."""


def written_by_msgspec(monkeypatch: pytest.MonkeyPatch, value: Any) -> bool:
    """Whether an answer with this data is written without `encode_json`."""
    asked: list[Any] = []
    monkeypatch.setattr(codec, "encode_json", asked.append)
    with suppress(AttributeError):  # of what was written in the place of JSON
        Envelope().answer("a", value)
    return not asked


@pytest.mark.parametrize("value", PLAIN_DATA)
def test_plain_json_stands_for_the_same(value: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by whoever reads JSON, both are equal; so is the text beside it."""
    expected = {"type": "reply", "id": 'a"é', "data": json.loads(encode_json(value))}

    assert expected == json.loads(Envelope().answer('a"é', value))
    assert written_by_msgspec(monkeypatch, value)


@pytest.mark.parametrize(
    "value",
    [
        *({"a": one} for one in tuple[Any, ...]((1.5, float("nan"), [1], {}, Decimal(1), b"", Named("x"), "\ud800"))),
        *({1: 2}, {"\ud800": 1}),
    ],
)
def test_plain_json_leaves_the_rest(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that may be none, what nests, what JSON has no form for, and what is no Unicode."""

    assert not written_by_msgspec(monkeypatch, value)


def test_plain_json_leaves_everything_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional."""
    monkeypatch.setattr(shapes, "IS_THERE", False)
    bare = runpy.run_path(str(plain_json.__file__), run_name="tornado_wssec.policy.bare")
    monkeypatch.setattr(codec, "PLAIN", bare["PLAIN"])
    monkeypatch.setattr(codec, "write_plain", bare["write_plain"])

    assert [b'{"type":"reply","id":"a","data":%b}' % data for data in (b'{"b":1}', b"{}")] == [
        Envelope().answer("a", data) for data in ({"b": 1}, {})
    ]


@pytest.mark.parametrize("envelope", [Envelope(), Envelope.flat(type="action")])
@pytest.mark.parametrize("data", [{}, {"delivered": True}, {"at": 1.5, "in": [1, {"a": "é"}]}])
def test_answers_are_replies(envelope: Envelope, data: dict[str, Any]) -> None:
    """In bytes what `reply` says in text."""

    assert json.loads(envelope.reply("a1", data)) == json.loads(envelope.answer("a1", data))


@pytest.mark.parametrize("envelope", [Envelope(), Envelope.flat(type="action")])
@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), ("\ud800", ValueError), (b"", TypeError)])
def test_answers_refuse_what_replies_refuse(envelope: Envelope, value: Any, error: type[Exception]) -> None:
    """The application learns of what has no form in JSON, whoever writes it."""

    with pytest.raises(error):
        envelope.answer("a1", {"value": value})


def test_plain_json_writes_nothing_without_msgspec() -> None:
    """What stands in its place refuses as it does, so that the answer is written otherwise."""
    with pytest.raises(ValueError, match="without msgspec"):
        plain_json._refuse({})
