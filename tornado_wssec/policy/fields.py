"""Field types that take what is written and nothing like it.

They are constructed as marshmallow's are and can be used wherever those can. marshmallow's own
`Integer` takes "1_000" and 1.9, `Boolean` takes "yes" and 1, `Float` takes "1_0", `Decimal` takes
1E+999999 and rounds, `TimeDelta` takes true; a schema that uses them does not start in strict mode.

Rules of this file:
1. One meaning has one spelling: a value that is read is written again as it came.
2. What a field refuses when reading it also refuses when writing.
"""

import datetime as dt
import decimal
import math
import re
from typing import Any, Final

from marshmallow import fields

from ..settings import Limits

LARGEST: Final = Limits().json_integer
"""The largest integer that a browser can hold exactly."""

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?").fullmatch
RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch


def _is_number(value: object) -> bool:
    """Whether this is a finite number, and no boolean."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


class StrictInteger(fields.Integer):
    """An integer within ±(2^53-1). `1.0`, `"1"` and `true` are none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "strict": True})

    def _validated(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid")
        if not -LARGEST <= value <= LARGEST:
            raise self.make_error("too_large")
        return int(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else self._validated(value)


class StrictFloat(fields.Float):
    """A finite number, with or without a fraction; it is read as a float. `"1.5"` and `true` are none."""

    def _validated(self, value: Any) -> float:
        if not _is_number(value):
            raise self.make_error("invalid")
        try:
            return float(value)
        except OverflowError:
            pass
        raise self.make_error("too_large")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> float | None:
        return None if value is None else self._validated(value)


class StrictBoolean(fields.Boolean):
    """`true` or `false`. `1`, `"true"` and `"yes"` are neither."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise self.make_error("invalid")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> bool | None:
        return None if value is None else self._deserialize(value, attr, None)


class StrictDecimal(fields.Decimal):
    """An exact decimal number, on the wire a string of plain digits such as `"-12.50"`.

    A JSON number with a fraction is refused, since it has been a float on its way and may have been
    rounded; an integer passes. So are exponents, underscores, leading zeros and a lone point.

    Args:
        places: digits that may stand behind the point; more are refused, never rounded. None: any.
        digits: significant digits in all, those before the point and behind it.
    """

    def __init__(self, places: int | None = None, *, digits: int = 28, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "as_string": True, "allow_nan": False})
        self.most_places = digits if places is None else places
        self.most_digits = digits

    def _validated(self, value: Any) -> decimal.Decimal:
        text = self._written(value)
        match = _DECIMAL(text) if len(text) <= self.most_digits + len("-0.") else None
        if match is None:
            raise self.make_error("invalid")
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > self.most_places or len(whole.lstrip("0") + fraction) > self.most_digits:
            raise self.make_error("too_large")
        return decimal.Decimal(text)

    def _written(self, value: Any) -> str:
        """The value in plain digits; an empty string where it has none, or far too many."""
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 4 * self.most_digits:
            return str(int(value))
        if isinstance(value, decimal.Decimal) and value.is_finite() and abs(value.adjusted()) <= self.most_digits:
            return format(value, "f")
        return value if isinstance(value, str) else ""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else format(self._validated(value), "f")


class StrictDateTime(fields.AwareDateTime):
    """A moment as RFC 3339 writes it, `2026-01-31T12:00:00Z`; a time zone is required.

    Source: RFC 3339 §5.6, with upper-case `T` and `Z` and at most six digits of a second.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dt.datetime:
        if not isinstance(value, str) or not RFC3339(value):
            raise self.make_error("invalid", obj_type=self.OBJ_TYPE)
        return super()._deserialize(value, attr, data, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, dt.datetime) or not RFC3339(text := value.isoformat()):
            raise self.make_error("invalid_awareness", awareness=self.AWARENESS, obj_type=self.OBJ_TYPE)
        return text


class StrictTimeDelta(fields.TimeDelta):
    """A span of time as a finite number of `precision` units (seconds)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dt.timedelta:
        if not _is_number(value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)
