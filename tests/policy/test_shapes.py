"""Plans as types, and life without msgspec."""

import importlib.util
import sys
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.policy.samples import schema
from tornado_wssec.policy import shapes
from tornado_wssec.policy.anatomy import levels_of
from tornado_wssec.policy.fields import StrictFloat, StrictInteger
from tornado_wssec.policy.gates import guard_loading
from tornado_wssec.policy.plans import Value, loading_plan


def value(field: fields.Field[Any]) -> Value:
    """The plan of one field."""
    found = schema(one=field)()
    guard_loading(levels_of(found))
    return loading_plan(found).members[0].value


def test_shape_of_an_own_field_is_none() -> None:
    """What only a field knows, no type says."""
    with pytest.raises(shapes.NoShape, match="own"):
        shapes.shape_of(value(fields.Raw()), 2**53)


@pytest.mark.parametrize(
    ("left", "field"),
    [
        (0, fields.String(validate=validate.Length(1, 5))),
        (0, fields.String(validate=validate.OneOf(["a"]))),
        (1, fields.String(validate=[validate.OneOf(["a"]), validate.Length(1)])),
        (1, fields.String(validate=[validate.OneOf(["a"]), validate.OneOf(["a", "b"])])),
        (1, fields.String(validate=validate.OneOf("abc"))),
        (1, fields.String(validate=validate.OneOf([]))),
        (1, fields.String(validate=validate.OneOf(["a", 1]))),
        (0, StrictInteger(validate=validate.Range(1, 5))),
        (0, StrictFloat(validate=[validate.Range(1), validate.Range(max=5.5)])),
        (1, StrictInteger(validate=validate.Range(1, 5, max_inclusive=False))),
        (0, StrictInteger(validate=validate.Range(1 - 2**53, 2**53 - 1))),
        (1, StrictInteger(validate=validate.Range(1, 2**53))),
        (1, StrictInteger(validate=validate.Range(1, 2**60))),
        (1, StrictFloat(validate=validate.Range(float("-inf")))),
        (1, StrictInteger(validate=validate.Equal(1))),
        (0, fields.List(StrictInteger(), validate=validate.Length(1, 5))),
        (1, fields.Dict(keys=fields.String(), values=StrictInteger(), validate=validate.Length(1, 5))),
    ],
)
def test_shape_leaves_what_it_does_not_check(left: int, field: fields.Field[Any]) -> None:
    """The checks that stay are made behind it."""

    assert left == len(shapes.left_of(value(field)))


@pytest.mark.parametrize("check", [validate.OneOf([1, 2]), validate.Equal(1), validate.Range(1, 2**60)])
def test_shape_of_a_number_takes_bounds_from_ranges_alone(check: validate.Validator) -> None:
    """Another check says nothing of them, and a bound that does not fit is no bound of the type."""
    plain = shapes.shape_of(value(StrictInteger()), 2**53)

    assert plain == shapes.shape_of(value(StrictInteger(validate=check)), 2**53)


def test_shapes_do_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: where it is missing the module says so, and nothing else happens."""
    monkeypatch.setitem(sys.modules, "msgspec", None)
    spec = importlib.util.spec_from_file_location("tornado_wssec.policy.shapes", shapes.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)

    spec.loader.exec_module(again)

    assert (None, False) == (again.MSGSPEC, again.IS_THERE)
