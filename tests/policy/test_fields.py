"""Field types that take what is written and nothing like it."""

import datetime as dt
import decimal
import enum
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, validate

from tests.naming import stable
from tornado_wssec.policy.fields import (
    LARGEST,
    StrictBoolean,
    StrictDateTime,
    StrictDecimal,
    StrictFloat,
    StrictInteger,
    StrictTimeDelta,
)

from .samples import schema

UTC = dt.UTC


def loads(field: fields.Field[Any], value: object) -> Any:
    """What a field makes of a value."""
    return schema(field=field)().load({"field": value})["field"]


def dumps(field: fields.Field[Any], value: object) -> Any:
    """What a field writes for a value."""
    return schema(field=field)().dump({"field": value})["field"]


def is_refused(field: fields.Field[Any], value: object) -> bool:
    """Whether a field refuses to read a value."""
    try:
        loads(field, value)
    except ValidationError:
        return True
    return False


def is_unwritable(field: fields.Field[Any], value: object) -> bool:
    """Whether a field refuses to write a value."""
    try:
        dumps(field, value)
    except ValidationError:
        return True
    return False


EVERY = [StrictBoolean, StrictDateTime, StrictDecimal, StrictFloat, StrictInteger, StrictTimeDelta]
NEVER = ["", " ", "yes", "on", "1_0", "１", "NaN", [], {}, [1], b"1", object()]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("value", NEVER, ids=stable)
def test_fields_refuse_what_is_only_alike(kind: type[fields.Field[Any]], value: object) -> None:
    """No strict type takes a spelling that some parser would take."""

    assert is_refused(kind(), value)


@pytest.mark.parametrize("kind", EVERY)
def test_fields_are_constructed_like_marshmallows(kind: type[fields.Field[Any]]) -> None:
    """Options of every field are options of these, and None is read and written where it is allowed."""
    field = kind(required=True, allow_none=True, metadata={"title": "x"}, data_key="field")

    assert (True, "x") == (field.required, field.metadata["title"])
    assert (None, None) == (loads(field, None), dumps(field, None))
    assert is_refused(kind(), None)


@pytest.mark.parametrize("value", [0, 1, -1, LARGEST, -LARGEST])
def test_fields_integer(value: int) -> None:
    """Integers that a browser can hold."""

    assert (value, value) == (loads(StrictInteger(), value), dumps(StrictInteger(), value))


@pytest.mark.parametrize("value", [True, False, 1.0, 1.9, "1", LARGEST + 1, -LARGEST - 1, 10**400, math.nan])
def test_fields_integer_refuses(value: object) -> None:
    """No boolean, no float even if whole, no string, and none beyond ±(2^53-1); in neither direction."""

    assert is_refused(StrictInteger(), value)
    assert is_unwritable(StrictInteger(), value)


def test_fields_integer_cannot_be_made_lenient() -> None:
    """`strict=False` changes nothing, and validators run as ever."""

    assert is_refused(StrictInteger(strict=False), 1.9)
    assert is_refused(StrictInteger(validate=validate.Range(max=5)), 6)


def test_fields_integer_writes_the_number_of_an_enumeration() -> None:
    """An IntEnum is an integer, and leaves as one."""
    member = enum.IntEnum("Level", {"LOW": 1}).LOW  # type: ignore[attr-defined]  # made on the spot

    assert (1, int) == (dumps(StrictInteger(), member), type(dumps(StrictInteger(), member)))


@pytest.mark.parametrize(
    ("value", "read"), [(1, 1.0), (1.5, 1.5), (-0.0, -0.0), (1e308, 1e308), (LARGEST, float(LARGEST))]
)
def test_fields_float(value: float, read: float) -> None:
    """JSON has one kind of number; here it is read as a float."""
    found = loads(StrictFloat(), value)

    assert (read, float, read) == (found, type(found), dumps(StrictFloat(), value))


@pytest.mark.parametrize("value", [True, "1.5", math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize("field", [StrictFloat(), StrictFloat(allow_nan=True)])
def test_fields_float_refuses(field: StrictFloat, value: object) -> None:
    """No boolean, no string, and nothing that is not finite, whatever `allow_nan` says."""

    assert is_refused(field, value)
    assert is_unwritable(field, value)


def test_fields_boolean() -> None:
    """`true` and `false`, and nothing that equals them."""

    assert [True, False] == [loads(StrictBoolean(), True), dumps(StrictBoolean(), False)]
    assert all(is_refused(StrictBoolean(), value) for value in (1, 0, 1.0, "true", "false", "yes", "on", "1"))
    assert is_unwritable(StrictBoolean(), 1)


@pytest.mark.parametrize("value", ["0", "12.50", "-0.01", "-12", "9" * 28, "-0." + "9" * 28, "100000000000000000000"])
def test_fields_decimal(value: str) -> None:
    """Plain digits, which are written again as they came."""
    found = loads(StrictDecimal(), value)

    assert (decimal.Decimal(value), value) == (found, dumps(StrictDecimal(), found))


@pytest.mark.parametrize(
    "value",
    [
        *("1e5", "1E+999999", "+1", "1_000", " 1", "1 ", "1\n", "01", "00", ".5", "5.", "-", "--1", "Infinity", "sNaN"),
        *("٣", "1,5", "9" * 29, "0." + "9" * 29, "9" * 60_000, True, 1.5, 10**400, None),
    ],
    ids=lambda value: ascii(value)[:16],
)
def test_fields_decimal_refuses(value: object) -> None:
    """No exponent, no sign but minus, no leading zero, nothing rounded, nothing long."""

    assert is_refused(StrictDecimal(), value)


def test_fields_decimal_refuses_what_int_would_not_write() -> None:
    """Python itself writes no integer of more than 4,300 digits."""

    assert is_refused(StrictDecimal(), 10**5_000)


def test_fields_decimal_places() -> None:
    """More digits behind the point than allowed are refused, never rounded."""
    field = StrictDecimal(places=2, digits=4)

    assert [decimal.Decimal("12.34"), decimal.Decimal(7)] == [loads(field, "12.34"), loads(field, 7)]
    assert [True, True, True] == [is_refused(field, value) for value in ("1.234", "123.45", "12345")]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (decimal.Decimal("12.50"), "12.50"),
        (7, "7"),
        (decimal.Decimal("1E+2"), "100"),
        (decimal.Decimal("1E-28"), "0." + "0" * 27 + "1"),
        (decimal.Decimal("1E+27"), "1" + "0" * 27),
    ],
)
def test_fields_decimal_writes(value: object, written: str) -> None:
    """Always a string, and never an exponent, which it would not read."""

    assert written == dumps(StrictDecimal(), value)


def test_fields_decimal_of_one_digit_writes_each() -> None:
    """Also 8 and 9, which take as many bits as are looked at."""

    assert [*"0123456789"] == [dumps(StrictDecimal(places=0, digits=1), value) for value in range(10)]


@pytest.mark.parametrize(
    "value", [1.5, True, decimal.Decimal("NaN"), decimal.Decimal("1E+999999"), decimal.Decimal("1E-99"), 10**99]
)
def test_fields_decimal_does_not_write(value: object) -> None:
    """Neither what is no exact number nor what would be very long."""

    assert is_unwritable(StrictDecimal(), value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_fields_decimal_survives_a_round_trip(value: decimal.Decimal) -> None:
    """What is written is read as the same number."""

    assert value == loads(StrictDecimal(), dumps(StrictDecimal(), value))


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-31T12:00:00Z", dt.datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+00:00", dt.datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5-05:30", dt.datetime(2026, 1, 31, 17, 30, 0, 500_000, tzinfo=UTC)),
        ("2024-02-29T23:59:59.123456+23:59", dt.datetime(2024, 2, 29, 0, 0, 59, 123_456, tzinfo=UTC)),
    ],
)
def test_fields_datetime(value: str, moment: dt.datetime) -> None:
    """RFC 3339 with a time zone."""
    found = loads(StrictDateTime(), value)

    assert moment == found
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    "value",
    [
        *("2026-01-31", "2026-01-31T12:00:00", "20260131T120000Z", "2026-01-31 12:00:00Z", "2026-01-31t12:00:00z"),
        *("2026-W01-1T12:00:00Z", "2026-01-31T12:00Z", "2026-02-30T12:00:00Z", "2026-01-31T24:00:01Z"),
        *("2026-01-31T12:00:60Z", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+00:60", "2026-01-31T12:00:00Z\n"),
        *("2026-01-31T12:00:00.1234567Z", "２026-01-31T12:00:00Z", "0000-01-01T00:00:00Z", 1769860800, True),
    ],
    ids=ascii,
)
def test_fields_datetime_refuses(value: object) -> None:
    """No other form of ISO 8601, no missing time zone, no moment that does not exist."""

    assert is_refused(StrictDateTime(), value)


@given(st.datetimes(timezones=st.sampled_from([UTC, dt.timezone(dt.timedelta(hours=-9, minutes=-30))])))
def test_fields_datetime_survives_a_round_trip(moment: dt.datetime) -> None:
    """What is written is read as the same moment."""

    assert moment == loads(StrictDateTime(), dumps(StrictDateTime(), moment))


@pytest.mark.parametrize(
    "value",
    [
        dt.datetime(2026, 1, 31),  # noqa: DTZ001  # the naive one is the point
        dt.datetime(2026, 1, 31, tzinfo=dt.timezone(dt.timedelta(seconds=1))),
        dt.date(2026, 1, 31),
        "2026-01-31T12:00:00Z",
    ],
)
def test_fields_datetime_does_not_write(value: object) -> None:
    """Neither a moment of no time zone nor what it would not read."""

    assert is_unwritable(StrictDateTime(), value)


@pytest.mark.parametrize(("value", "seconds"), [(90, 90.0), (0.5, 0.5), (-1, -1.0)])
def test_fields_timedelta(value: float, seconds: float) -> None:
    """A number of seconds, or of what `precision` says."""

    assert dt.timedelta(seconds=seconds) == loads(StrictTimeDelta(), value)
    assert dt.timedelta(minutes=seconds) == loads(StrictTimeDelta("minutes"), value)


@pytest.mark.parametrize("value", [True, "1", math.nan, math.inf, 1e300])
def test_fields_timedelta_refuses(value: object) -> None:
    """No boolean, no string, nothing endless."""

    assert is_refused(StrictTimeDelta(), value)
