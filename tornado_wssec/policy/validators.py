"""What can be seen of a validator without running it.

marshmallow throws away what a validator returns: only `ValidationError` refuses a value. One that
answers False therefore lets everything pass. Nothing here calls a validator of the application.

Rules of this file:
1. marshmallow's own validators are known by the `__call__` that they run, so a subclass that
   replaces it counts as the application's own.
2. What cannot be seen through is not refused here; `gates.py` refuses a False when it comes.
"""

import dis
import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

from marshmallow import validate

Validator = Callable[[Any], Any]

_OWN: Final[tuple[type[validate.Validator], ...]] = (
    validate.And,
    validate.ContainsNoneOf,
    validate.ContainsOnly,
    validate.Email,
    validate.Equal,
    validate.Length,
    validate.NoneOf,
    validate.OneOf,
    validate.Predicate,
    validate.Range,
    validate.Regexp,
    validate.URL,
)

_VERDICTS: Final = frozenset({"COMPARE_OP", "CONTAINS_OP", "IS_OP", "UNARY_NOT"})
_SHUFFLES: Final = frozenset({"JUMP_FORWARD", "POP_TOP", "SWAP"})  # between a chained comparison and its return
_PREDICATES: Final = re.compile(r"is[a-z_]+|startswith|endswith|bool|any|all|hasattr|callable").fullmatch


def runs(validator: object, kind: type[validate.Validator]) -> bool:
    """Whether this validates as marshmallow's `kind` does."""
    return isinstance(validator, kind) and type(validator).__call__ is kind.__call__


def is_known(validator: object) -> bool:
    """Whether this is one of marshmallow's own, which raise what they refuse."""
    return any([runs(validator, kind) for kind in _OWN])


def flattened(validators: Iterable[Validator]) -> Iterator[Validator]:
    """Yield the validators, each `And` by its parts."""
    for validator in validators:
        if runs(validator, validate.And):
            yield from flattened(validator.validators)  # type: ignore[attr-defined]  # runs() says what it is
        else:
            yield validator


def thrown_away(validator: object) -> str | None:
    """Why this cannot refuse a value, as far as its code shows; None where it may well."""
    if is_known(validator) or isinstance(validator, type):
        return None
    function = _function_of(validator)
    if function is None:
        return "is not written in Python and cannot raise ValidationError"
    code = function.__code__
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        return "is a coroutine or a generator, which nobody runs"
    answers = set(_answers(code))
    if False in answers:
        return "returns False, which marshmallow throws away"
    raises = any([step.opname == "RAISE_VARARGS" for step in dis.get_instructions(code)])
    return (
        "returns a bool, which marshmallow throws away, and raises nothing" if bool in answers and not raises else None
    )


def _function_of(validator: Any) -> FunctionType | None:
    """The Python function behind a callable; None where there is none."""
    while isinstance(validator, functools.partial):
        validator = validator.func
    validator = inspect.unwrap(validator)
    if isinstance(validator, MethodType):
        validator = validator.__func__
    if not isinstance(validator, FunctionType):
        validator = inspect.getattr_static(type(validator), "__call__", None)
    return validator if isinstance(validator, FunctionType) else None


def _answers(code: CodeType) -> Iterator[object]:
    """Yield what the returns give, where that shows: False, or `bool` for the outcome of a comparison or test."""
    asks = any([_PREDICATES(name) for name in code.co_names])
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SHUFFLES]
    for before, step in itertools.pairwise(steps):
        if not step.opname.startswith("RETURN_"):
            continue
        constant = step if step.opname == "RETURN_CONST" else before
        if constant.opname in ("LOAD_CONST", "RETURN_CONST"):
            yield from [False] if constant.argval is False else []
        elif before.opname in _VERDICTS or (asks and "CALL" in before.opname):
            yield bool
