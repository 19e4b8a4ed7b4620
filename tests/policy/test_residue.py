"""What is left to do behind typed decoding, on every kind of field: a few mutants of each message.

`test_differential.py` looks at thousands; here each line is reached.
"""

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
