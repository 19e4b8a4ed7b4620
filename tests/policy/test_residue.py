"""What is left to do behind typed decoding, on every kind of field: a few mutants of each message.

`test_differential.py` looks at thousands; here each line is reached.
"""

import json
from enum import Enum
from random import Random
from typing import Any, Final

import pytest
from marshmallow import fields, validate

from tests.policy.differential import Pair
from tests.policy.made_schemas import SCALARS, Made
from tests.policy.samples import message, schema, text
from tests.schemas.samples import SAMPLES
from tornado_wssec.policy.codec import Envelope
from tornado_wssec.policy.registry import Registry

COUNT: Final = 40
INNER: Final = schema(a=text(required=False), b=text(required=False))
AT_MOST_ONE: Final = validate.Length(max=1)


class Colour(Enum):
    """Two to choose from, of which a message takes one."""

    RED = "r"
    BLUE = "b"


SPECS: Final = Registry.scan("schemas").messages


@pytest.mark.parametrize("type", SAMPLES)
def test_residue_agrees_on_reference_schema(type: str) -> None:
    """With the fields in `data`, and with the fields beside the type."""
    nested, flat = [Pair(SPECS[type].message, SAMPLES[type], one) for one in (Envelope(), Envelope.flat("of"))]

    assert COUNT == nested.compare(0, COUNT)["texts"] == flat.compare(0, COUNT)["texts"]


@pytest.mark.parametrize("made", SCALARS, ids=range(len(SCALARS)))
@pytest.mark.parametrize("options", [{"required": True}, {"allow_none": True}, {"load_default": None, "data_key": "A"}])
def test_residue_agrees_on_each_kind_of_field(made: Made, options: dict[str, Any]) -> None:
    """By itself, in a list, in a nested object, and as what a dict holds."""
    make, values = made
    inner = schema(a=make(**options), b=text(required=False))
    sample = {options.get("data_key", "a"): values[-1]}
    declared = message(
        a=make(**options),
        b=fields.List(make(), validate=[validate.Length(max=9), validate.ContainsNoneOf([])]),
        c=fields.Nested(inner, allow_none=True),
        d=fields.Dict(keys=text(), values=make(), validate=validate.Length(max=4)),
        e=fields.Tuple((make(), text(allow_none=True))),
        f=fields.Nested(inner, many=True, validate=validate.Length(max=3)),
        g=fields.Nested(inner, validate=validate.Length(max=3)),
        h=fields.List(make(), allow_none=True),
    )
    whole = {**sample, "b": list(values), "c": sample, "d": {"k": values[0]}, "e": [values[0], None], "f": [sample]}
    seen = Pair(declared, {**whole, "g": sample}).compare(0, COUNT)

    assert COUNT == seen["texts"]
    assert seen["accepted"]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (fields.Nested(INNER, validate=AT_MOST_ONE), {"a": "x"}, {"a": "x", "b": "y"}),
        (fields.Nested(INNER, many=True, validate=AT_MOST_ONE), [{"a": "x"}], [{}, {}]),
        (fields.List(fields.Nested(INNER, validate=AT_MOST_ONE)), [{"a": "x"}], [{}, {"a": "x", "b": "y"}]),
        (fields.List(fields.Nested(schema(a=text(), b=text()))), [{"a": "x", "b": "y"}], [{"a": "x", "b": "y" * 33}]),
        (fields.List(fields.Nested(schema(a=text(data_key="A")))), [{"A": "x"}], [{"a": "x"}]),
        (fields.Enum(Colour, validate=validate.OneOf([Colour.RED])), "RED", "BLUE"),
        (fields.List(text(), validate=AT_MOST_ONE), ["a"], ["a", "b"]),
        (fields.List(text(), validate=validate.ContainsOnly(["a"])), ["a", "a"], ["a", "b"]),
        (fields.Tuple((text(), text()), validate=validate.Equal(("a", "b"))), ["a", "b"], ["a", "c"]),
        (fields.Dict(keys=text(), values=text(), validate=AT_MOST_ONE), {"a": "b"}, {"a": "b", "c": "d"}),
        (fields.Dict(keys=text(), values=text(), validate=validate.ContainsOnly(["a"])), {"a": "b"}, {"c": "d"}),
        (fields.AwareDateTime(validate=validate.OneOf([])), None, "2026-01-31T12:00:00+00:00"),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("envelope", [Envelope(), Envelope.flat("of")], ids=repr)
def test_residue_asks_every_validator(field: fields.Field[Any], good: Any, bad: Any, envelope: Envelope) -> None:
    """Of each kind of field: what its validators refuse is not taken, whatever the type says."""
    pair = Pair(message(a=field), {}, envelope)
    assert pair.decoder is not None
    for data, is_good in (({"a": good}, good is not None), ({"a": bad}, False)):
        head = {envelope.type_key: pair.fast.type}
        frame = json.dumps({**head, **data} if envelope.is_flat else {**head, "data": data})

        assert is_good == (pair.decoder.decode(frame, len(frame)) is not None)
        assert is_good == bool(pair.compare_text(frame, Random(0))["accepted"])
