"""What is known of a check before any value comes."""

import math
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import validate

from tornado_wssec.policy.checks import bounds_of, is_closed


@pytest.mark.parametrize(
    ("check", "bounds"),
    [
        (validate.Range(0, 9), (0, 9)),
        (validate.Range(0.5), (0.5, None)),
        (validate.Range(0, 9, max_inclusive=False), None),
        (validate.Range(0, 9, min_inclusive=False), None),
        (validate.Range(0, math.inf), None),
        (validate.Range(Decimal(0), 9), None),
        (validate.Range(False, 9), None),
    ],
    ids=repr,
)
def test_bounds_are_exact_finite_numbers(check: Any, bounds: object) -> None:
    """All others are compared by marshmallow's own rules."""
    assert bounds == bounds_of(check)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (validate.Range(0, 9), True),
        (validate.Range(0), False),
        (validate.Range(max=9), False),
        (validate.Range(0, math.inf), False),
        (validate.Length(0, 9), False),
    ],
    ids=repr,
)
def test_check_is_closed_by_two_bounds(check: Any, expected: bool) -> None:
    """Only then is neither infinity nor NaN in it, and neither looked for."""
    assert is_closed(check) is expected
