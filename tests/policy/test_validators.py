"""What can be seen of a validator without running it."""

import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError, validate

from tornado_wssec.policy.validators import flattened, is_known, runs, thrown_away


class Lenient(validate.Length):
    """A subclass that answers where it should raise."""

    def __call__(self, value: Any) -> Any:
        return len(value) < 3


class Renamed(validate.Length):
    """A subclass that validates as its base does."""


class Judge:
    """A callable object."""

    def __call__(self, value: Any) -> bool:
        return bool(value > 3)

    def method(self, value: Any) -> bool:
        return bool(value in (1, 2))


def refuses(value: Any) -> None:
    """Raise as one should."""
    if value:
        raise ValidationError("no")


def refuses_and_answers(value: Any) -> bool:
    """Raise, and return True for what is right."""
    if value:
        raise ValidationError("no")
    return True


def hands_on(value: Any) -> None:
    """Let another raise."""
    refuses(value)


def answers_false(value: Any) -> Any:
    """Return False somewhere."""
    if value:
        return False
    return None


def raises_or_answers_false(value: Any) -> Any:
    """Raise for one thing and return False for another."""
    if value == 1:
        raise ValidationError("no")
    return False


async def waits(value: Any) -> None:
    """Be a coroutine, which nobody awaits."""
    raise ValidationError("no")


def generates(value: Any) -> Iterator[int]:
    """Be a generator, which nobody runs."""
    yield value


@functools.wraps(refuses)
def wraps(value: Any) -> Any:
    """Stand before a validator that raises."""
    return refuses(value)


def refuses_or_compares(value: Any) -> bool:
    """Raise for one thing, and tell something of another."""
    if value == 1:
        raise ValidationError("no")
    return bool(value == 2)


def hands_false_on(value: Any) -> None:
    """Use False, which is not to return it."""
    dict.fromkeys((value,), False)


def hands_value_on(value: Any) -> Any:
    """Ask for something, and return the value."""
    if isinstance(value, str):
        refuses(value)
    return value


def endless(value: Any) -> Any:
    """Crash, which is another fault."""
    return endless(value)


@pytest.mark.parametrize(
    "validator",
    [
        refuses_or_compares,
        hands_false_on,
        hands_value_on,
        refuses,
        refuses_and_answers,
        hands_on,
        wraps,
        endless,
        int,
        validate.Length(max=3),
        Renamed(max=3),
        validate.And(validate.Length(max=3)),
        functools.partial(refuses),
        lambda value: {}[value],
        lambda value: None,
        lambda value: refuses(value),
        lambda value: 0,
        lambda value: len(value),
    ],
)
def test_validator_may_refuse(validator: object) -> None:
    """What raises, may raise or hands on is let pass: it is not for us to run it."""

    assert thrown_away(validator) is None


@pytest.mark.parametrize("validator", [answers_false, raises_or_answers_false, lambda value: False])
def test_validator_returns_false(validator: object) -> None:
    """A literal False is seen, also where the same function raises."""

    assert "returns False, which marshmallow throws away" == thrown_away(validator)


@pytest.mark.parametrize(
    "validator",
    [
        Judge(),
        Judge().method,
        functools.partial(Judge().method),
        Lenient(max=3),
        lambda value: value > 3,
        lambda value: 1 < value < 3,
        lambda value: value and value > 3,
        lambda value: not value,
        lambda value: value in "x",
        lambda value: value is None,
        lambda value: value.isalpha(),
        lambda value: isinstance(value, str),
        lambda value: value.startswith("x"),
        lambda value: all(char in "ab" for char in value),
        lambda value: bool(re.match("x", value)),
        lambda value: re.match("x", value) is not None,
    ],
)
def test_validator_returns_a_verdict(validator: object) -> None:
    """The outcome of a comparison or a test, from what raises nothing, is a verdict that nobody reads."""

    assert "returns a bool, which marshmallow throws away, and raises nothing" == thrown_away(validator)


@pytest.mark.parametrize("validator", [waits, generates])
def test_validator_is_never_run(validator: object) -> None:
    """A coroutine or a generator is made and dropped; its body never runs."""

    assert "is a coroutine or a generator, which nobody runs" == thrown_away(validator)


@pytest.mark.parametrize("validator", [str.isalpha, re.compile("x").match, len, "no callable"])
def test_validator_cannot_raise(validator: object) -> None:
    """What is written in C knows nothing of ValidationError."""

    assert "is not written in Python and cannot raise ValidationError" == thrown_away(validator)


def test_validator_is_known_by_what_it_runs() -> None:
    """A subclass counts as marshmallow's own as long as it leaves `__call__` alone."""

    assert [True, True, False] == [runs(one(max=3), validate.Length) for one in (validate.Length, Renamed, Lenient)]
    assert [True, False, False] == [is_known(one) for one in (validate.Equal(1), Lenient(max=3), refuses)]


def test_every_validator_of_marshmallow_is_known() -> None:
    """An upgrade that adds one says so here."""
    found: list[Any] = [one for one in vars(validate).values() if isinstance(one, type)]
    wanted = ("Equal", "Regexp", "Predicate", "NoneOf", "OneOf", "ContainsOnly", "ContainsNoneOf")
    kinds = [one for one in found if issubclass(one, validate.Validator) and one is not validate.Validator]
    made = [one("x") if one.__name__ in wanted else one() for one in kinds]

    assert [] == [one for one in made if not is_known(one)]
    assert len(made) > 10


def test_validators_are_flattened() -> None:
    """`And` stands for its parts, however deep; a subclass with a `__call__` of its own stands for itself."""

    class Either(validate.And):
        def __call__(self, value: Any) -> Any:
            return value

    one, two, three = validate.Length(max=3), refuses, Either(refuses)

    assert [one, two, three] == list(flattened([validate.And(one, validate.And(two)), three]))
