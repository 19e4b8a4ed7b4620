"""What can be told of a handler class without running it.

Rules of this file:
1. Nothing of the application is called or instantiated.
2. What a piece of code would decide is told only where the code is one constant; else who wrote it is told.
"""

import dis
import inspect
from collections.abc import Iterator
from typing import Any, Final

from tornado.web import RequestHandler, authenticated

METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
"""OPTIONS is left out: it says what else there is."""
UNSAFE: Final = frozenset({"post", "put", "patch", "delete"})
UNKNOWN: Final = object()
"""What is returned where nothing can be told."""

_BORING: Final = frozenset({"RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "RETURN_VALUE"})
_LOGIN: Final = authenticated(lambda handler: None).__code__
"""The closure of each decorated method has this one code object."""


def full_name(thing: Any) -> str:
    """Module and name of a class."""
    return f"{thing.__module__}.{thing.__qualname__}"


def definer(handler: type, name: str) -> type:
    """The class of the hierarchy whose attribute of this name counts."""
    return next((base for base in handler.__mro__ if name in vars(base)), object)


def is_tornados(handler: type, name: str) -> bool:
    """Whether Tornado's own attribute of this name counts, or nobody's."""
    return definer(handler, name).__module__.partition(".")[0] in ("tornado", "builtins")


def http_methods(handler: type) -> list[str]:
    """The methods that it answers to."""
    unanswered = vars(RequestHandler)
    return [name for name in METHODS if inspect.getattr_static(handler, name, None) is not unanswered[name]]


def asks_for_login(function: Any) -> bool:
    """Whether `tornado.web.authenticated` stands above a method, also below other decorators."""
    return any(getattr(layer, "__code__", None) is _LOGIN for layer in _layers(function))


def decorators(function: Any) -> list[str]:
    """Names of the decorators of a method, the outermost first, as far as they use `functools.wraps`."""
    *outer, _ = _layers(function)
    codes = [getattr(layer, "__code__", None) for layer in outer]
    return [code.co_qualname.partition(".<locals>")[0] if code else "a decorator" for code in codes]


def _layers(function: Any) -> Iterator[Any]:
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        yield function
        function = getattr(function, "__wrapped__", function)


def constant(function: Any) -> Any:
    """What a function always returns, where its body is one constant or `{}`; else UNKNOWN."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return UNKNOWN
    steps = [step for step in dis.get_instructions(function) if step.opname not in _BORING]
    if len(steps) != 1:
        return UNKNOWN
    if steps[0].opname == "BUILD_MAP" and not steps[0].arg:
        return {}  # as Tornado's documentation switches compression on
    return steps[0].argval if steps[0].opname in ("LOAD_CONST", "RETURN_CONST", "LOAD_SMALL_INT") else UNKNOWN
